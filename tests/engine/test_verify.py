"""`panel verify`: a run as it was written holds; whatever is changed afterwards is named."""

import asyncio
import json
import shutil
import sqlite3

import pytest

from panel.engine.verify.facts import check_facts
from panel.engine.verify.report import VerifyReport
from panel.engine.verify.run import verify
from panel.evidence.facts import Facts, read_facts
from panel.runs.journal.schema import with_checksum
from panel.runs.run import Run
from tests.evidence.test_facts import PRICING, RECORD
from tests.evidence.test_facts import evidence as stated
from tests.support.cards import card
from tests.support.command import Desk, answering

PAGES = {
    "widget": "# Widget\n\nWidget sorts. Run `get widget`.\n\n## Status\n\nTwo maintainers.\n",
    "gadget": "# Gadget\n\nGadget mixes sorted lines again. It costs $5 a month.\n"
    "\n## License\n\nMIT\n\n## Pricing\n\n$5 a month for one, $9 a month for two.\n",
}


@pytest.fixture(scope="module")
def checked_run(tmp_path_factory):
    """Finished runs by way of asking: two tools in `whole`, one with two samples in `stepwise`."""
    folder = tmp_path_factory.mktemp("verify")
    (folder / "home").mkdir()
    desk = Desk(folder)
    for name, text in PAGES.items():
        desk.write(f"{name}.md", text)
    tools = [{"name": n.title(), "evidence": [f"{n}.md"]} for n in PAGES]
    desk.write("tools.json", json.dumps(tools))
    with answering() as url:
        options = ["--provider", url, "--check-support"]
        assert desk.run("batch", "tools.json", *options).returncode in (0, 1)
        assert desk.run("review", "Widget", "--evidence", "widget.md", *options, "--samples", 2,
                        "--ask", "stepwise").returncode in (0, 1)  # fmt: skip
    return dict(zip(("whole", "stepwise"), desk.runs(), strict=True)), desk


@pytest.fixture
def copy(checked_run, tmp_path):
    runs, _ = checked_run

    def made(ask="whole"):
        return Copy(shutil.copytree(runs[ask], tmp_path / runs[ask].name), checked_run[1])

    return made


class Copy:
    """A run that may be tampered with."""

    def __init__(self, path, desk):
        self.path = path
        self.desk = desk

    def verify(self):
        done = self.desk.run("verify", self.path, "--format", "json")
        assert done.returncode in (0, 1), done.stderr
        report = json.loads(done.stdout)
        assert report["holds"] == (done.returncode == 0)
        return report

    def row(self, table, change, where="1", seal=True):
        """Change the JSON body of every matching row; with `seal` its checksum is made good."""
        with sqlite3.connect(self.path / "journal.db") as db:
            names = [r[1] for r in db.execute(f"PRAGMA table_info({table})")]
            for rowid, *row in db.execute(f"SELECT rowid, * FROM {table} WHERE {where}").fetchall():
                values = dict(zip(names, row, strict=True))
                column = "body" if "body" in values else "reply"
                body = json.loads(values[column])
                changed = change(body)
                values[column] = json.dumps(body if changed is None else changed)
                shown_names = [n for n in names if n not in ("id", "sum")]
                total = (
                    with_checksum(*(values[n] for n in shown_names))[-1] if seal else values["sum"]
                )
                db.execute(f"UPDATE {table} SET {column} = ?, sum = ? WHERE rowid = ?",
                           (values[column], total, rowid))  # fmt: skip
        db.close()

    def file(self, name, change):
        path = self.path / name
        text = path.read_text(encoding="utf-8")
        assert change(text) != text, "nothing was changed"
        path.write_text(change(text), encoding="utf-8")


def faults(report, kind=None):
    return [f for f in report["faults"] if kind in (None, f["kind"])]


def checked(report):
    return {row["kind"]: row["checked"] for row in report["checked"]}


def test_a_verification_reads_what_is_stored_about_a_tool_once(copy):
    statements = []
    with Run.open(copy().path) as run:
        run.stored._connection.set_trace_callback(statements.append)
        assert asyncio.run(verify(run)).holds
    for table in ("evidence", "reviews", "missing", "calls"):
        about = [s for s in statements if f"FROM {table} " in s and "'widget'" in s]
        assert len(about) == 1, (table, about)


@pytest.mark.parametrize("ask", ["whole", "stepwise"])
def test_i4_a_run_as_it_was_written_holds_and_everything_was_looked_at(copy, ask):
    report = copy(ask).verify()
    assert report["faults"] == []
    assert report["notes"] == []
    count = checked(report)
    assert count["findings"] >= 36
    assert count["words"] > 30
    assert count["verdicts"] == (2 if ask == "whole" else 1)
    pages = 1 if ask == "whole" else 0  # that of a run of several tools
    assert count["files"] == 4 * count["verdicts"] + 1 + pages
    assert count["scores"] >= 8
    assert count["facts"] == len(Facts.model_fields) * count["verdicts"]
    if ask == "whole":
        assert count["citations"] > 20
        assert count["quotes"] > 10


def test_the_terminal_says_it_in_a_table_and_one_line_a_fault(copy):
    run = copy()
    done = run.desk.run("verify", run.path)
    assert done.returncode == 0
    assert "everything holds" in done.stderr
    assert "citations" in done.stdout
    run.file("scorecards/widget.json", lambda t: t.replace('"vote": "', '"vote": "x'))
    done = run.desk.run("verify", run.path)
    assert done.returncode == 1
    assert "not backed: widget: scorecards/widget.json differs" in done.stdout


def test_a_kind_is_that_of_the_run(copy):
    run = copy()
    run.row("verdicts", lambda card: card["tool"].update(kind="model"), where="tool = 'widget'")
    assert "widget: kind is model, the run holds unknown" in told(run)


def test_what_a_kind_leaves_out_follows_from_it(copy):
    run = copy()
    run.row("reviews", lambda review: review["not_applicable"].remove("memory"),
            where="persona = 'builder' AND tool = 'widget'")  # fmt: skip
    assert "widget / builder / memory: is not what the tool's kind leaves out" in told(run)


def told(run):
    fields = ("tool", "persona", "criterion")
    faults = run.verify()["faults"]
    return [
        " / ".join(fault[name] for name in fields if fault[name]) + f": {fault['what']}"
        for fault in faults
    ]


def flipped(review):
    for finding in review["findings"]:
        if finding["answer"] != "unclear":
            finding["answer"] = "no" if finding["answer"] == "yes" else "yes"
            return finding["criterion"]
    raise AssertionError("nothing was answered")


def test_an_answer_changed_in_a_stored_review_is_named_by_tool_persona_and_criterion(copy):
    run, places = copy(), []
    run.row("reviews", lambda r: places.append(flipped(r)), "tool='widget' AND persona='business'")
    findings = faults(run.verify(), "findings")
    assert [(f["tool"], f["persona"], f["criterion"]) for f in findings] == [
        ("widget", "business", places[0])
    ]


def test_an_answer_changed_in_a_stored_reply_is_found(copy):
    run, places = copy(), []
    card = json.loads((run.path / "scorecards" / "gadget.json").read_text())
    [builder] = [r for r in card["reviews"] if r["persona"] == "builder"]

    def lie(reply):
        data = json.loads(reply["text"])
        ident = next(f["criterion"] for f in builder["findings"] if f["answer"] != "unclear")
        places.append(ident)
        data["findings"][ident]["answer"] = "unclear"
        reply["text"] = json.dumps(data)

    run.row("calls", lie, "tool='gadget' AND persona='builder' AND step='judge'")
    findings = faults(run.verify(), "findings")
    assert places[0] in [f["criterion"] for f in findings]
    assert {(f["tool"], f["persona"]) for f in findings} == {("gadget", "builder")}


def test_log_probabilities_changed_in_a_stored_reply_are_found(copy):
    run = copy("stepwise")

    def lie(reply):
        reply["top_logprobs"] = [{"yes": -0.001, "no": -9.0}]

    run.row("calls", lie, "persona='builder' AND step='answer:purpose' AND sample=1")
    findings = faults(run.verify(), "findings")
    assert {(f["persona"], f["criterion"]) for f in findings} >= {("builder sample 2", "purpose")}


def test_a_score_changed_in_a_stored_review_is_found(copy):
    run = copy()
    run.row("reviews", lambda r: r.update(score=99.0, vote="ship"),
            "tool='widget' AND persona='builder'")  # fmt: skip
    scores = faults(run.verify(), "scores")
    assert any("score 99.0" in f["what"] and f["persona"] == "builder" for f in scores)


def test_a_verdict_changed_everywhere_but_in_the_reviews_is_found(copy):
    run = copy()

    def lie(card):
        card["verdict"].update(outcome="ship", score=88.0, ship_percent=100.0)

    run.row("verdicts", lie, "tool='widget'")
    verdicts = faults(run.verify(), "verdicts")
    assert [f["tool"] for f in verdicts] == ["widget"]
    assert "the verdict is ship, score 88.0" in verdicts[0]["what"]


def test_a_review_on_the_card_that_was_never_kept_is_found(copy):
    run = copy()

    def lie(card):
        card["reviews"][0]["summary"] = "Everybody should use this."

    run.row("verdicts", lie, "tool='gadget'")
    assert [f["tool"] for f in faults(run.verify(), "scores")] == ["gadget"]


def test_a_citation_of_no_passage_is_found(copy):
    run = copy()

    def lie(review):
        review["findings"][0].update(cites=["E7.1"])
        review["summary"] = "I read it [E8.8]."

    run.row("reviews", lie, "tool='widget' AND persona='builder'")
    tools = {f["what"].partition(",")[0] for f in faults(run.verify(), "citations")}
    assert {"cites E7.1", "cites E8.8"} <= tools


def test_evidence_changed_after_the_fact_is_found(copy):
    run = copy()

    def lie(evidence):
        evidence["sources"][0]["passages"][0]["text"] = "Widget is perfect."

    run.row("evidence", lie, "slug='widget'")
    report = run.verify()
    assert [f["tool"] for f in faults(report, "evidence")] == ["widget"]
    # The replies were given to other words: what was asked can no longer be found by them.
    assert any("worded otherwise" in note for note in report["notes"])


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("licence", {"value": "Apache-2.0"}, "licence is said to be Apache-2.0: E1"),
        ("licence", {"passage": "E1.1"}, "E1.1 does not say so"),
        ("licence", {"passage": "E9.9"}, "E9.9 does not say so"),
        ("licence", {"passage": None}, "no passage is named for it"),
        ("licence", {"source": "https://gadget.example/"}, "does not say"),
        ("licence", {"retrieved": "2031-01-01T00:00:00Z"}, "does not say"),
        ("licence", {"value": None, "passage": None, "source": None, "retrieved": None},
         "licence is unknown, the evidence gives MIT"),
        ("entry_price", {"value": "$1 a month"}, "entry_price is said to be $1 a month"),
        ("entry_price", {"value": "$9 a month"}, "the evidence gives $5 a month"),
        ("last_release", {"value": "v9", "passage": "E1.1", "source": "gadget.md"},
         "last_release is said to be v9"),
        ("released", {"value": "2026-11-01", "passage": "E1.1"}, "released is said to be"),
        ("archived", {"value": False}, "archived is said to be False: no passage"),
    ],
)  # fmt: skip
def test_j3_a_fact_that_its_passage_does_not_state_is_found(copy, name, change, expected):
    run = copy()
    run.row("verdicts", lambda card: card["facts"][name].update(change), "tool='gadget'")
    [fault] = faults(run.verify(), "facts")
    assert fault["tool"] == "gadget"
    assert expected in fault["what"]


def test_a_fact_of_another_version_may_be_unknown_but_not_invented():
    evidence = stated(RECORD, PRICING)
    facts = read_facts(evidence)
    held = VerifyReport("r")
    check_facts(card(facts=facts), evidence, held, as_today=True)
    older = facts.model_copy(update={"stars": Facts().stars})
    check_facts(card(facts=older), evidence, held, as_today=False)
    assert held.holds
    assert held.checked["facts"] == 2 * len(Facts.model_fields)
    check_facts(card(facts=older), evidence, held, as_today=True)
    invented = facts.model_copy(update={"stars": facts.stars.model_copy(update={"value": 9})})
    check_facts(card(facts=invented), evidence, held, as_today=False)
    assert [fault.what for fault in held.faults] == [
        "stars is unknown, the evidence gives 3400",
        "stars is said to be 9: E1.1 does not say so",
    ]


def test_a_row_whose_checksum_fails_is_found(copy):
    run = copy()
    run.row("reviews", lambda r: r.update(score=1.0), "tool='widget' AND persona='builder'",
            seal=False)  # fmt: skip
    assert any("changed since" in f["what"] for f in faults(run.verify(), "journal"))


def test_a_call_is_read_whatever_tool_it_is_said_to_be_about(copy):
    run = copy()
    with Run.open(run.path) as opened:
        total = opened.stored.count_calls()
    with sqlite3.connect(run.path / "journal.db") as db:
        db.execute("UPDATE calls SET tool = 'nobody', persona = 'who' WHERE id = 3")
    db.close()
    with Run.open(run.path) as opened:
        assert opened.stored.count_calls({1, 2, 4}) == total - 1
        assert opened.damaged == ("call 3: changed since it was written",)
    found = [fault["what"] for fault in faults(run.verify(), "journal")]
    assert "call 3: changed since it was written" in found


def test_a_card_is_the_same_whether_its_reviews_are_read_with_it_or_apart(copy):
    run = copy()

    def read():
        with Run.open(run.path) as opened:
            stored = opened.stored
            card, reviews = stored.verdict_and_reviews("widget")
            assert card == stored.verdict("widget")
            assert reviews == stored.reviews("widget")
            return sum(any(r is kept for kept in reviews.values()) for r in card.reviews)

    assert read() == 4
    # Another score, under a checksum that holds, in one of the two places.
    run.row("reviews", lambda r: r.update(score=1.0), "tool='widget' AND persona='builder'")
    assert read() == 0
    assert any("otherwise than it was kept" in f["what"] for f in faults(run.verify(), "scores"))


def test_a_missing_reason_that_no_call_gave_is_found(copy):
    run = copy()
    with sqlite3.connect(run.path / "journal.db") as db:
        db.execute("DELETE FROM reviews WHERE tool='widget' AND persona='builder'")
        body = '{"persona":"builder","reason":"timeout","detail":""}'
        db.execute("INSERT INTO missing VALUES (?, ?, ?, ?, ?)",
                   with_checksum("widget", "builder", 0, body))  # fmt: skip
    db.close()
    assert any("no call of it failed so" in f["what"] for f in faults(run.verify(), "findings"))


@pytest.mark.parametrize(
    ("name", "old", "new", "kind"),
    [
        ("scorecards/widget.json", '"outcome": "', '"outcome": "not', "files"),
        ("scorecards/widget.json", "Two maintainers.", "Ten maintainers.", "files"),
        ("scorecards/widget.md", " of 100", " of 99", "files"),
        ("scorecards/widget.html", "<blockquote>“", "<blockquote>“Brilliant: ", "quotes"),
        ("scorecards/widget.md", "  - “", "  - “Brilliant: ", "quotes"),
        ("verdicts.jsonl", '"score":', '"score":1', "files"),
    ],
)
def test_a_change_in_a_file_is_found(copy, name, old, new, kind):
    run = copy()
    run.file(name, lambda text: text.replace(old, new, 1))
    assert any(name.split("/")[-1] in f["what"] for f in faults(run.verify(), kind))


def test_a_json_fault_names_the_reviewer_and_the_criterion(copy):
    run = copy()

    def lie(text):
        card = json.loads(text)
        card["reviews"][1]["findings"][2]["cites"] = ["E5.5"]
        return json.dumps(card) + "\n"

    run.file("scorecards/gadget.json", lie)
    [fault] = faults(run.verify())
    assert "reviews.skeptic.findings." in fault["what"]


def test_a_line_left_out_and_a_file_put_in_are_found(copy):
    run = copy()
    run.file("verdicts.jsonl", lambda text: text.splitlines(keepends=True)[0])
    (run.path / "scorecards" / "extra.html").write_text("<p>ship</p>")
    messages = " ".join(f["what"] for f in faults(run.verify(), "files"))
    assert "verdicts.jsonl has 1 lines for 2 tools" in messages
    assert "scorecards/extra.html is no file of this run" in messages


def test_a_file_that_is_gone_is_a_note_and_no_fault(copy):
    run = copy()
    (run.path / "scorecards" / "widget.md").unlink()
    report = run.verify()
    assert report["faults"] == []
    assert report["notes"] == ["scorecards/widget.md is not there"]


def test_another_reviewer_in_the_place_of_the_one_asked_is_found(copy):
    run = copy()
    with sqlite3.connect(run.path / "journal.db") as db:
        [(text,)] = db.execute("SELECT value FROM meta WHERE name='personas'").fetchall()
        personas = json.loads(text)
        personas[0]["criteria"][0]["weight"] = 9.0
        row = with_checksum("personas", json.dumps(personas))
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", row)
    db.close()
    assert [f["persona"] for f in faults(run.verify(), "reviewers")] == ["builder"]


def test_a_manifest_that_was_changed_is_found(copy):
    run = copy()
    run.file("run.json", lambda text: text.replace('"samples": 1', '"samples": 3'))
    assert any("run.json" in f["what"] for f in faults(run.verify(), "journal"))


def test_verify_writes_nothing(copy):
    run = copy()
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in run.path.rglob("*")}
    run.verify()
    assert {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in run.path.rglob("*")} == before


def test_a_card_from_before_upkeep_was_read_still_holds():
    evidence = stated(RECORD, PRICING)
    written = read_facts(evidence).model_dump(exclude={"latest_tag_age"})
    held, lied = VerifyReport("r"), VerifyReport("r")
    check_facts(card(facts=Facts.model_validate(written)), evidence, held, as_today=True)
    assert held.holds
    written["latest_tag_age"] = read_facts(evidence).latest_tag_age.model_dump() | {"value": 5}
    check_facts(card(facts=Facts.model_validate(written)), evidence, lied, as_today=True)
    assert [fault.what for fault in lied.faults] == [
        "latest_tag_age is said to be 5: E1.2 does not say so"
    ]
