"""`panel backtest`: what it asks and never tells, what it counts, and what it keeps."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import html5lib
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from panel.cli.main import panel
from panel.engine.backtest.baselines import baseline, chosen_baseline
from panel.engine.backtest.masking import Mask
from panel.engine.backtest.outcomes import BacktestCase, first_cases, read_outcomes
from panel.engine.backtest.shown import Showing, cautions
from panel.evidence.tools.tool import Tool
from panel.evidence.tools.tool_list import read_tools
from panel.foundation.errors import PanelError
from panel.foundation.proportion import Share
from panel.report.backtest import terminal
from panel.reviews.backtest import record
from panel.reviews.backtest.report import BacktestReport
from panel.runs.history.archive import Archive
from panel.testing import ScriptedProvider, ship, skip
from tests.support.browser import Chromium, axe, overflow
from tests.support.fates import names, write_fates


def judge(request):
    """Ship what its page calls fine."""
    if request.is_notice:
        return 0.05
    return ship(request) if "This page is fine" in request.prompt else skip(request)


class Place:
    """A folder with a list and runs, and the command in this process."""

    def __init__(self, folder, **more):
        self.folder = folder
        self.fates = write_fates(folder / "fates", **more)
        self.runs = folder / "runs"

    def call(self, *args):
        return CliRunner().invoke(panel, [*map(str, args), "--runs", str(self.runs)])

    def backtest(self, provider, *more, ask="whole"):
        done = self.call(
            "backtest", self.fates, "--provider", provider, "--ask", ask, "--format", "json", *more
        )
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)

    def refused(self, *more):
        done = self.call("backtest", self.fates, "--provider", "http://127.0.0.1:9/v1", *more)
        assert isinstance(done.exception, PanelError), done.output
        assert done.exception.exit_code == 2
        assert not self.runs.exists()
        return f"{done.exception.message} | {done.exception.hint}"

    def rewrite(self, old, new):
        path = self.fates / "outcomes.csv"
        path.write_text(path.read_text().replace(old, new, 1))


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """A place with a finished backtest of three pairs, its report and all questions."""
    place = Place(tmp_path_factory.mktemp("tested"))
    with ScriptedProvider(judge) as provider:
        report = place.backtest(provider.url, "--known-after", "2025-01-31")
        yield place, report, tuple(provider.requests)


def share(proportion):
    return proportion["count"], proportion["total"]


def test_it_counts_what_the_panel_ranked_and_shipped(tested):
    _, report, _ = tested
    assert BacktestReport.model_validate(report).model_dump(mode="json", by_alias=True) == report
    assert report["schema"] == "panel.backtest/1"
    first = report["strata"][0]
    assert (first["name"], first["lived"], first["died"]) == ("all", 3, 3)
    criteria = {row["name"]: row for row in first["criteria"]}
    by_fact = criteria.pop("skeptic.maintained")
    assert share(by_fact["pairs"]) == (1.5, 3), "both of a pair had their last commit on one day"
    for row in (first["score"], first["ship_percent"], *first["personas"], *criteria.values()):
        assert share(row["pairs"]) == (2, 3), row["name"]
        assert row["area"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert {row["name"] for row in first["personas"]} == set(report["personas"])
    assert share(first["shipped_lived"]) == (2, 3)
    assert share(first["shipped_died"]) == (1, 3)
    assert first["brier"] == pytest.approx(2 / 6, abs=1e-4)
    assert first["brier_base"] == 0.25
    assert (report["roc"][0], report["roc"][-1]) == ([0.0, 0.0], [1.0, 1.0])
    assert sum(b["answers"] for b in report["reliability"]) == 6
    assert [tool["pair"] for tool in report["tools"]] == ["P0", "P0", "P1", "P1", "P2", "P2"]


def test_numbers_of_the_file_are_baselines_and_say_whence_their_direction_is(tested):
    _, report, _ = tested
    rows = {row["name"]: row for row in report["strata"][0]["baselines"]}
    assert set(rows) == {"stars", "days_since_commit", "luck"}
    assert all(share(row["pairs"]) == (3, 3) for row in rows.values())
    assert (rows["stars"]["better"], rows["stars"]["by_outcome"]) == ("more", False)
    assert (rows["days_since_commit"]["better"], rows["luck"]["better"]) == ("fewer", "fewer")
    assert rows["luck"]["by_outcome"] is True
    assert any("commits_year_after" in note for note in report["notes"])
    assert share(report["strata"][0]["chosen_baseline"]["pairs"]) == (3, 3)


def test_strata_leave_out_whole_pairs(tested):
    _, report, _ = tested
    strata = {s["name"]: s for s in report["strata"]}
    assert list(strata) == ["all", "without a label note", "known after 2025-01-31"]
    assert share(strata["without a label note"]["score"]["pairs"]) == (1, 2)
    assert share(strata["known after 2025-01-31"]["score"]["pairs"]) == (2, 2)


def test_no_outcome_pair_or_later_day_reaches_a_prompt(tested):
    _, _, requests = tested
    assert len(requests) == 6 * 4
    for request in requests:
        text = json.dumps(request.body)
        assert not re.search(r"lived|died|outcome|zzwhy|fork goes on|\bP\d\b", text)
        assert not re.search(r"\b202[5-9]\b", text)
        assert "1 August 2024" in text
        assert request.passages


def test_the_same_again_asks_nothing(tested):
    place, report, _ = tested
    again = place.backtest(report["provider"])
    assert again["usage"]["calls"] == 0
    assert again["strata"][0] == report["strata"][0]


def test_its_verdicts_and_evidence_of_the_past_are_no_history(tested):
    place, report, _ = tested
    assert Archive.open(place.runs).histories() == ()
    done = place.call("review", "https://github.com/Warbler0l/Kestrelbox0l", "--offline")
    assert isinstance(done.exception, PanelError)
    assert "no earlier run holds evidence" in done.exception.message
    manifest = json.loads((place.runs / report["run"] / "run.json").read_text())
    assert (manifest["backtest"], manifest["write"]) == ("as listed", False)
    assert place.call("verify", report["run"]).exit_code == 0


def test_a_batch_of_the_same_evidence_is_scored_without_asking(place):
    with ScriptedProvider(judge) as provider:
        done = place.call(
            "batch", place.fates / "tools.yaml", "--provider", provider.url, "--no-write"
        )
        assert done.exit_code == 0, done.output
        asked = len(provider.requests)
        (run,) = place.runs.iterdir()
        report = place.backtest(f"replay:{run.name}")
        assert len(provider.requests) == asked
        assert report["provider"] == provider.url
    assert share(report["strata"][0]["score"]["pairs"]) == (2, 3)
    assert any("which is after as_of" in note for note in report["notes"])


def test_a_backtest_that_was_stopped_goes_on(place):
    with ScriptedProvider(judge) as provider:
        done = place.call(
            "backtest", place.fates, "--provider", provider.url, "--ask", "whole", "--max-calls", 9
        )
        assert done.exception.exit_code == 3
        assert "the same `panel backtest` again" in done.exception.hint
        (run,) = place.runs.iterdir()
        assert place.call("resume", run.name, "--max-calls", 12).exception.exit_code == 3
        first = len(provider.requests)
        report = place.backtest(provider.url)
        assert first + report["usage"]["calls"] == 6 * 4
        assert len(provider.requests) <= 6 * 4 + 1
    assert share(report["missing"]) == (0, 24)


def test_a_limit_takes_whole_pairs_and_asks_no_more_than_theirs(tested):
    place, whole, _ = tested
    report = place.backtest(whole["provider"], "--limit", 3)
    assert [tool["pair"] for tool in report["tools"]] == ["P0", "P0", "P1", "P1"]
    assert (report["listed"], report["usage"]["calls"]) == (6, 0)


@pytest.mark.parametrize("ask", ["whole", "stepwise"])
def test_masked_names_and_addresses_are_in_no_prompt(place, ask):
    with ScriptedProvider(judge) as provider:
        report = place.backtest(
            provider.url, "--mask-names", "--without", "activity.md", "--limit", 2, ask=ask
        )
    assert report["shown"] == "names masked, without activity.md"
    text = "\n".join(json.dumps(request.body) for request in provider.requests).casefold()
    for name in names():
        assert name.casefold() not in text
    assert not re.search(r"warbler|github|\.example|last commit", text)
    assert not re.search(r"lived|died|zzwhy|fork goes on|\bp\d\b|\b202[5-9]\b", text)
    assert "the tool sorts log files" in text
    assert report["tools"][0]["name"] in names()


MASKED = {
    "Kestrelbox is fast. KESTRELBOX! kestrelbox's": "the tool is fast. the tool! the tool's",
    "get acme/kestrel-box:latest or ghcr.io/x/kestrelbox.": "get [masked] or [masked].",
    "See https://docs.kestrelbox.io/a?b=c, mail me@kestrelbox.io": "See [masked], mail [masked]",
    "KestrelboxServer, KESTREL_BOX_PORT": "the toolServer, the tool_PORT",
    "-DKESTRELBOX_X=1 kestrelbox2 kestrelboxes": "-Dthe tool_X=1 the tool2 kestrelboxes",
    "[logo](img/kestrelbox.png) by Acme": "[logo]([masked]) by the owner",
    "boxes of kestrels, https://example.org/": "boxes of kestrels, https://example.org/",
}


@pytest.mark.parametrize(("text", "masked"), MASKED.items())
def test_a_mask_knows_a_name_in_its_spellings(text, masked):
    tool = Tool(name="Kestrel Box", url="https://github.com/Acme/kestrel-box", slug="kestrel-box")
    assert Mask.of(tool).text(text) == masked


def test_a_repository_called_by_a_common_word_is_masked_beside_its_owner_only():
    tool = Tool(name="Etebase (EteSync)", url="https://github.com/etesync/server", slug="etebase")
    text = Mask.of(tool).text(
        "EteSync's server: git clone github.com/etesync/server. Etebase runs."
    )
    assert text == "the tool's server: git clone [masked]. the tool runs."
    own = Tool(name="Etebase", url="https://www.ete.example/x", slug="etebase")
    assert Mask.of(own).text("at ete.example and docs.ete.example") == "at [masked] and [masked]"


WRONG = [
    ("kestrelbox0l,", "kestrelboxer,", "outcomes.csv line 2: no tool of tools.yaml has the slug"),
    (",P0,lived,", ",P0,,", "outcomes.csv line 2: no outcome of 'kestrelbox0l' | lived or died"),
    (",P0,lived,", ",P0,alive,", "outcomes.csv line 2: 'alive' is no outcome"),
    (",P0,lived,", ",P0,died,", "line 3: pair 'P0' is not one that lived and one that died"),
    (",P0,died,", ",P1,died,", "pair 'P0' is not one that lived and one that died"),
    ("2025-01-03", "2025-13-03", "line 2: known_at '2025-13-03' is no day"),
    ("2025-01-03", "2024-08-01", "line 2: the fate of 'kestrelbox0l' was known at 2024-08-01"),
    ("kestrelbox0d,", "kestrelbox0l,", "line 3: 'kestrelbox0l' stands twice"),
    ("slug,pair,", "name,pair,", "line 2: no slug"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_a_wrong_row_is_one_line_that_names_it_and_asks_nobody(place, old, new, message):
    place.rewrite(old, new)
    assert message in place.refused()


def test_a_tool_without_a_row_and_a_list_of_one_fate_are_refused(place):
    path = place.fates / "outcomes.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]).replace(",P2,", ",,") + "\n")
    assert "no outcome of 'pipitkeeper2d', a tool of tools.yaml" in place.refused()
    path.write_text("\n".join(re.sub(r",P\d,died", ",,lived", line) for line in lines) + "\n")
    path.write_text(re.sub(r",P\d,", ",,", path.read_text()))
    assert "every tool lived" in place.refused()


def test_files_that_are_not_there_are_named(place, tmp_path):
    assert "no tool has an evidence file of that name" in place.refused("--without", "x.md")
    (place.fates / "outcomes.csv").unlink()
    assert "outcomes.csv: no such file" in place.refused()
    done = place.call("backtest", tmp_path / "nowhere")
    assert "nowhere is no folder" in done.exception.message


def test_evidence_that_names_a_day_after_its_own_is_pointed_out(place):
    page = place.fates / "evidence" / "kestrelbox0l" / "README.md"
    page.write_text(f"{page.read_text()}\nVersion 3 of 2025-02-01, after 2.9 of 2024-07-31.\n")
    cases = read_outcomes(
        place.fates / "outcomes.csv", read_tools(place.fates / "tools.yaml").tools
    )
    gathered = Showing().gathered(cases)
    assert {evidence.day for _, evidence in gathered} == {date(2024, 8, 1)}
    assert cautions(cases, gathered) == ("kestrelbox0l: the evidence names a day after as_of",)
    assert cautions(cases[1:], gathered[1:]) == ()


@given(
    st.text(alphabet="aBk 1_-/.:\n", max_size=12), st.sampled_from(["Kestrel Box", "kestrel_box"])
)
def test_no_text_around_a_name_hides_it_from_the_mask(around, name):
    tool = Tool(name="Kestrel Box", url="https://github.com/Acme/kestrel-box", slug="kestrel-box")
    masked = Mask.of(tool).text(f"{around} {name} {around}").casefold()
    assert "kestrel" not in masked


def test_a_dry_run_asks_and_writes_nothing(place):
    with ScriptedProvider(judge) as provider:
        done = place.call("backtest", place.fates, "--provider", provider.url, "--dry-run")
        assert "addresses to fetch: none" in done.stdout
        assert provider.requests == []
    assert not place.runs.exists()


def test_tools_without_a_pair_are_counted_apart(place, tested):
    path = place.fates / "outcomes.csv"
    path.write_text(path.read_text().replace(",P0,", ",,"))
    cases = read_outcomes(path, read_tools(place.fates / "tools.yaml").tools)
    assert [c.tool.slug for c in first_cases(cases, 1)] == ["kestrelbox0l"]
    assert cases[0].known_at == date(2025, 1, 3)
    place.runs = tested[0].runs  # equal questions, which are answered there
    report = place.backtest(tested[1]["provider"])
    assert report["usage"]["calls"] == 0
    score = report["strata"][0]["score"]
    assert share(score["pairs"]) == (2, 2)
    assert (score["tools"], score["area"]["value"]) == (6, pytest.approx(2 / 3, abs=1e-4))
    text = terminal.render(BacktestReport.model_validate(report))
    assert "Kestrelbox0l: skip, and it lived" in text
    assert "Kestrelbox0d: ship, and it died" in text


def test_a_review_that_is_missing_leaves_its_tool_out_of_that_figure(place):
    def failing(request):
        praised = "This page is fine" in request.prompt
        return "no" if request.persona == "skeptic" and praised else judge(request)

    with ScriptedProvider(failing) as provider:
        done = place.call(
            "backtest", place.fates, "--provider", provider.url, "--ask", "whole",
            "--limit", 2, "--format", "json",
        )  # fmt: skip
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    rows = {row["name"]: row for row in report["strata"][0]["personas"]}
    assert (rows["skeptic"]["tools"], rows["builder"]["tools"]) == (1, 2)
    assert (rows["skeptic"]["pairs"]["total"], rows["skeptic"]["area"]) == (0, None)
    assert share(report["missing"]) == (1, 8)


def test_later_cards_say_how_the_judge_ranked_and_what_a_number_alone_ranks(
    tested, tmp_path, monkeypatch
):
    place, report, _ = tested
    page = tmp_path / "README.md"
    page.write_text("# Wryneck\n\nThis page is fine.\n")

    judged = (report["provider"], "scripted", "whole")
    place.backtest(report["provider"])
    assert record.load(*judged) is None, "three pairs are too few"
    monkeypatch.setattr(record, "FEWEST", 2)
    place.backtest(report["provider"], "--limit", 4)
    assert record.load(*judged) is None, "not the whole list"
    place.backtest(report["provider"])
    assert record.load(report["provider"], "scripted", "stepwise") is None
    assert record.load("http://127.0.0.1:9/v1", "scripted", "whole") is None
    done = place.call(
        "review", "Wryneck", "--evidence", page, "--no-write", "--personas", "builder",
        "--format", "json", "--provider", report["provider"], "--ask", "whole",
    )  # fmt: skip
    assert [w for w in json.loads(done.stdout)["warnings"] if "backtest" in w] == [
        "this judge was never measured on control tools (panel calibrate); in a backtest this"
        " judge ranked 2 of 3 pairs right; the number of stars alone ranks 3"
    ]


def test_the_default_judges_record_is_shipped_and_an_own_one_goes_before_it():
    judge = ("local", "qwen2.5-coder-1.5b", "stepwise")
    shipped = record.load(*judge)
    assert shipped == record.load(*judge, own=False)
    assert shipped.line("this judge") == (
        "in a backtest this judge ranked 19 of 30 pairs right; the age of the last commit alone"
        " ranks 27"
    )
    assert record.load("local", "qwen2.5-coder-1.5b", "whole") is None
    assert record.load("acme", *judge[1:]) is None, "another provider's model of that name"
    own = shipped.model_copy(update={"folder": "mine"})
    record.keep(own)
    assert record.load(*judge) == own
    assert record.load(*judge, own=False) == shipped


def test_the_terminal_says_it_within_its_width(tested, monkeypatch):
    place, report, _ = tested
    monkeypatch.setenv("COLUMNS", "80")
    shown = place.call(
        "backtest", place.fates, "--provider", report["provider"], "--ask", "whole"
    ).stdout  # fmt: skip
    assert "P0: Kestrelbox0d stands above Kestrelbox0l" in shown
    assert "luck (fewer; direction by outcome)" in shown
    data = BacktestReport.model_validate(report)
    for width, text in ((80, shown), *((w, terminal.render(data, w)) for w in (60, 120))):
        assert "The panel's score ranks 2 of 3 pairs right (21–94%)." in text
        assert "zzwhy kestrelbox0d" in " ".join(text.split())
        assert max(map(len, text.splitlines())) <= width


@pytest.fixture(scope="module")
def page(tested):
    """The page of the finished backtest, whose texts hold markup."""
    place, report, _ = tested
    shown = place.folder / "page.html"
    place.rewrite("zzwhy kestrelbox0d", "<script>alert(1)</script>")
    done = place.call(
        "backtest", place.fates, "--provider", report["provider"], "--ask", "whole",
        "--known-after", "2025-01-31", "--output", shown,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return shown


def test_the_page_is_valid_and_holds_nothing_active(page: Path):
    text = page.read_text()
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    tags = {el.tag for el in tree.iter() if isinstance(el.tag, str)}
    assert not tags & {"script", "iframe", "object", "embed", "form", "link", "img", "a", "base"}
    assert "&lt;script&gt;alert(1)" in text
    plots = [el for el in tree.iter("{http://www.w3.org/2000/svg}svg") if el.get("class") == "plot"]
    assert len(plots) == text.count("The numbers") == 2
    assert all(el.get("role") == "img" and el.get("aria-label") for el in plots)


def test_people_can_read_the_page_on_a_phone_and_a_screen(page, chromium: Chromium):
    def look(tab):
        found = []
        for width, scheme in ((390, "light"), (1280, "dark")):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.emulate_media(color_scheme=scheme)
            found += [*axe(tab), *([f"too wide for {width}"] if overflow(tab) else [])]
        return found

    assert chromium.visit(page.as_uri(), look) == []


# --- the best number alone ----------------------------------------------------------------------


def numbered(rows):
    """Return pairs of cases: in each row, for a column, the numbers of who lived and who died."""
    return [
        BacktestCase(
            Tool(name=f"t{n}{fate}", slug=f"t{n}{fate}"),
            fate,
            pair=f"P{n}",
            cells={name: str(two[place]) for name, two in row.items()},
        )
        for n, row in enumerate(rows)
        for place, fate in enumerate(("lived", "died"))
    ]


def test_the_best_number_is_chosen_on_other_pairs_than_it_is_counted_on():
    # The direction of `luck` is that of most pairs. Of five and five, the pair that is left out is
    # always among the fewer of the others.
    chance = numbered([{"luck": (1, 0) if n < 5 else (0, 1)} for n in range(10)])
    assert baseline("luck", chance).pairs.count == 5
    assert chosen_baseline(chance).pairs == Share.of(0, 10)
    better = numbered(
        [{"stars": (int(n != 3), 0), "forks": (int(n > 3), 1 - (n > 3))} for n in range(10)]
    )
    row = chosen_baseline(better)
    assert row.pairs == Share.of(9.5, 10), "stars leave one pair level"
    assert row.area is None


def test_without_pairs_or_numbers_no_best_number_is_chosen():
    single = [replace(case, pair=None) for case in numbered([{"stars": (2, 1)}] * 4)]
    assert chosen_baseline(single) is None
    assert chosen_baseline(numbered([{}] * 4)) is None
    assert chosen_baseline(numbered([{"stars": (2, 1)}])) is None, (
        "one pair leaves none to choose on"
    )
