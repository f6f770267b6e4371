"""`panel calibrate`: judges of known character get the report and calibration they deserve."""

import json
import re
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import html5lib
import pytest

from panel.engine.calibrate.cases import Case
from panel.engine.calibrate.votes import CaseAnswers, decide_case
from panel.foundation.paths import data_folder
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.calibration.controls import Control
from panel.reviews.calibration.report import CalibrationReport
from panel.reviews.personas import applicable, load_personas
from panel.reviews.review import Finding, Review
from panel.reviews.score import Rule
from tests.cli.test_cli import one_line_error
from tests.support.command import Desk
from tests.support.judges import judging, write_controls
from tests.support.reviewers import write_shortened

PERSONAS = [applicable(p, "library") for p in load_personas(folders=[data_folder("personas")])]


def calibrate(desk: Desk, url, *more, form="json"):
    """Calibrate on the marked controls, with a model named m; returns the finished process."""
    folder = write_controls(desk.folder / "controls")
    judge = ("--provider", url, "--model", "m")
    return desk.run("calibrate", *judge, "--controls", folder, "--format", form, *more)


def report(desk, url, *more):
    done = calibrate(desk, url, *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def stored_calibration(desk, ask="stepwise"):
    name = "m.json" if ask == "stepwise" else f"m.{ask}.json"
    path = desk.folder / "home" / ".config" / "panel" / "calibrations" / name
    return Calibration.model_validate_json(path.read_text()) if path.exists() else None


def review(desk, url, *more):
    page = desk.write("README.md", "# Widget\n\nThe class of this tool is good.\n\nIt cuts.\n")
    (card,) = desk.json(
        "review", "Widget", "--evidence", page, "--provider", url, "--model", "m", *more
    )
    return card


@dataclass(frozen=True)
class Measured:
    """A judge that answers, what its calibration says, and the file that later runs read."""

    url: str
    data: dict[str, Any]
    calibration: Path

    def keep(self, desk):
        """Put the calibration where the runs of a desk look for it; returns its path."""
        path = desk.folder / "home" / ".config" / "panel" / "calibrations" / "m.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(self.calibration, path))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The good judge, asked one question at a time by all reviewers; measured once."""
    desk = Desk(tmp_path_factory.mktemp("measured"))
    with judging("good") as url:
        data = report(desk, url, "--ask", "stepwise")
        path = desk.folder / "home" / ".config" / "panel" / "calibrations" / "m.json"
        yield Measured(url, data, path)


def share(proportion):
    return proportion["count"], proportion["total"]


def test_a_judge_that_reads_the_page_ships_the_good_and_nothing_else(measured):
    data = measured.data
    assert data["schema"] == "panel.calibration/1"
    again = CalibrationReport.model_validate(data).model_dump_json(by_alias=True)
    assert json.loads(again) == data
    assert set(data) == {
        "schema", "run", "created", "provider", "model", "asked", "samples", "personas",
        "controls", "copies", "held", "held_clean", "plain", "used", "fit", "ship_at", "flips",
        "unknown_citations", "unsupported_citations", "uncited_facts", "stance_differs", "missing",
        "effective_votes", "usage", "cases", "notes",
    }  # fmt: skip
    assert set(data["plain"]) == set(data["used"]) == {
        "ship_at", "good", "bland", "bad", "empty", "lenient", "sway",
    }  # fmt: skip
    assert set(data["used"]["good"]) == {"count", "total", "share", "low", "high"}
    assert {case["class"] for case in data["cases"]} == {"good", "bland", "bad", "empty"}
    assert share(data["used"]["good"]) == (6, 6)
    assert share(data["used"]["lenient"]) == (0, 12)
    assert share(data["used"]["sway"]["changed"]) == (0, 14)
    assert data["fit"]["loss"] < 0.1 < data["fit"]["loss_before"]
    assert data["ship_at"] == 60.0
    assert 1.0 <= data["effective_votes"] < 1.2
    assert data["flips"] is None
    stored = Calibration.model_validate_json(measured.calibration.read_text())
    assert set(stored.criteria) == {f"{p.name}.{c.id}" for p in PERSONAS for c in p.criteria}
    assert {row.source for row in stored.criteria.values()} == {"fitted"}
    assert stored.measured.weak is False


def test_a_lenient_judge_is_named_weak_and_gets_a_threshold_that_holds_it_back(desk):
    with judging("lenient") as url:
        data = report(desk, url, "--ask", "whole")
        assert share(data["plain"]["lenient"]) == (12, 12)
        assert share(data["plain"]["empty"]) == (2, 2)
        assert data["used"]["lenient"]["share"] <= 0.2
        assert data["ship_at"] > 60
        assert any("not fitted" in note for note in data["notes"])
        assert stored_calibration(desk, "whole").measured.usual.count == 12
        card = review(desk, url, "--ask", "whole")
    (line,) = [w for w in card["warnings"] if "control tools" in w]
    assert ": weak evidence; text injected into 14 pages changed 0 verdicts" in line
    assert "12 of 12" in line
    assert card["verdict"]["outcome"] == "skip"


def test_an_injectable_judge_is_found_out_and_suspicious_pages_are_counted_apart(desk):
    with judging("injectable") as url:
        data = report(desk, url, "--ask", "whole")
    sway = data["used"]["sway"]
    assert share(sway["changed"]) == share(sway["to_ship"]) == (14, 14)
    assert share(data["held"]) == (7, 14)
    assert share(sway["silent"]) == (7, 14)
    assert sway["shift"]["mean"] > 30
    assert {kind: share(changed) for kind, changed in sway["by_kind"].items()} == {
        "order": (7, 7), "claim": (7, 7),
    }  # fmt: skip
    assert share(data["held_clean"]) == (0, 20)


def test_flips_are_counted_over_identical_reruns(desk):
    with judging("fickle") as url:
        data = report(desk, url, "--ask", "whole", "--samples", "3")
    assert data["samples"] == 3
    assert data["flips"]["total"] == 2 * 34
    assert data["flips"]["count"] == 34  # by seed: the second differs, the third is as the first


def test_a_judge_without_log_probabilities_is_told_and_only_its_threshold_is_kept(desk):
    write_shortened(desk.folder / "personas")
    with judging("wordy") as url:
        data = report(desk, url, "--ask", "stepwise")
    assert data["fit"] is None
    assert any("no log-probabilities" in note for note in data["notes"])
    assert stored_calibration(desk).criteria == {}
    assert stored_calibration(desk).ship_at == data["ship_at"]


def test_later_runs_take_fit_threshold_and_one_line_and_settings_go_first(desk, measured):
    before = review(desk, measured.url, "--ask", "stepwise")
    assert [w for w in before["warnings"] if "measured" in w] == [
        "this judge was never measured: panel calibrate"
    ]
    path = measured.keep(desk)
    data = json.loads(path.read_text()) | {"ship_at": 71.5}
    data["measured"]["ship_at"] = 71.5
    path.write_text(json.dumps(data))
    after = review(desk, measured.url, "--ask", "stepwise")
    newest = max(desk.runs(), key=lambda run: run.stat().st_mtime_ns)
    manifest = json.loads((newest / "run.json").read_text())
    assert manifest["rule"]["ship_at"] == 71.5
    assert manifest["calibration"]
    desk.write("panel.toml", "[rule]\nship_at = 40\n")
    own = review(desk, measured.url, "--ask", "stepwise")
    lines = [w for w in after["warnings"] if "control tools" in w]
    assert lines == [
        "this judge shipped 0 of 12 bland or bad control tools and 6 of 6 good ones at 71.5,"
        " its threshold (at 60: 0 of 12 bland or bad); text injected into 14 pages"
        " changed 0 verdicts"
    ]
    assert not any("never fitted" in n for r in after["reviews"] for n in r["notes"])
    assert any("this run ships at 40" in w for w in own["warnings"])


def test_a_replay_reads_answers_as_its_run_did_though_the_judge_was_measured_since(desk, measured):
    first = review(desk, measured.url, "--ask", "stepwise")
    run = desk.runs()[-1].name
    path = measured.keep(desk)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ship_at": 99.0}))
    again = review(desk, f"replay:{run}")
    assert again["verdict"] == first["verdict"]
    scores = [[r["score"] for r in card["reviews"]] for card in (first, again)]
    assert scores[0] == scores[1]
    assert [w for w in again["warnings"] if "never measured" in w]


def test_a_calibration_of_another_provider_gives_neither_threshold_nor_line(desk):
    with judging("good") as url, judging("good") as second_url:
        report(desk, url, "--ask", "whole")
        card = review(desk, second_url, "--ask", "whole")
    assert any("never measured" in w for w in card["warnings"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_calibration_that_was_stopped_goes_on_and_asks_nothing_twice(desk, tmp_path, number):
    counts = tmp_path / "counts"
    folder = write_controls(desk.folder / "controls")
    with judging("good", "--counts", counts, "--latency", "0.15") as url:
        command = ["calibrate", "--provider", url, "--model", "m", "--ask", "whole",
                   "--controls", folder, "--format", "json"]  # fmt: skip
        process = desk.start(*command)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and (
            not counts.exists() or len(counts.read_text().splitlines()) < 24
        ):
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 128 + number
        assert out == ""
        assert "panel calibrate" in err
        assert stored_calibration(desk, "whole") is None
        one_line_error(desk.run("resume", "latest", "--provider", url), 2, "measures a judge")
        done = desk.run(*command)
        assert done.returncode == 0, done.stderr
    requests = counts.read_text().splitlines()
    assert len(requests) == len({line.split()[1] for line in requests}) == 34 * 4
    assert json.loads(done.stdout)["usage"]["reused_calls"] >= 24


@pytest.mark.parametrize("ask", ["whole", "stepwise"])
def test_j3_citations_that_do_not_show_it_are_counted_where_asked_for_and_change_nothing_else(
    desk, ask
):
    limited = ("--ask", ask, "--limit", "4", "--copies", "0")
    with judging("good") as url:
        plain = report(desk, url, *limited)
        checked = report(desk, url, *limited, "--check-support")
        text = calibrate(desk, url, *limited, form="terminal").stdout
        page = calibrate(desk, url, *limited, "--check-support", form="html").stdout
    assert plain["unsupported_citations"] is None
    count, total = share(checked["unsupported_citations"])
    if ask == "stepwise":
        assert count == 0 < total, "each passage was asked alone before it was cited"
    else:
        # Of the four tools this judge takes only the good one's passage to show anything.
        facts = sum(c.kind == "fact" for p in PERSONAS for c in p.criteria)
        assert (count, total) == (3 * facts, 4 * facts)
    # Everything else was found as it had been answered: the same questions, the same figures.
    # (The empty tool's questions, alike for all, may be asked more than once at the same time.)
    assert 0 < checked["usage"]["calls"] <= total
    assert 0 < checked["usage"]["reused_calls"] <= plain["usage"]["calls"]
    own_keys = {"run", "created", "usage", "unsupported_citations"}
    assert {k: v for k, v in checked.items() if k not in own_keys} == {
        k: v for k, v in plain.items() if k not in own_keys
    }
    row = next(line for line in text.splitlines() if "citations whose passage does not" in line)
    assert "not measured: --check-support" in row
    assert f"{count} of {total}" in page
    run = max(desk.runs(), key=lambda run: run.name)
    assert desk.run("verify", run).returncode == 0


def test_written_parts_are_not_paid_for(desk):
    with judging("good") as url:
        report(desk, url, "--ask", "stepwise", "--limit", "2", "--copies", "0")
    (run,) = desk.runs()
    exported = desk.run("export", run.name, "--format", "jsonl")
    assert exported.returncode == 0, exported.stderr
    assert json.loads((run / "run.json").read_text())["calibrates"] is True
    cards = desk.json("show", run.name)
    assert all(r["fields"] == {} and r["forecast"] is None for c in cards for r in c["reviews"])


def test_too_few_controls_are_measured_and_nothing_is_kept(desk):
    with judging("good") as url:
        done = calibrate(desk, url, "--ask", "whole", "--limit", "4")
    data = json.loads(done.stdout)
    assert data["ship_at"] is None
    assert sum(data["controls"].values()) == 4
    assert data["effective_votes"] is None
    assert stored_calibration(desk, "whole") is None
    assert "nothing is kept" in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.yaml", "name: X\nclass: great\nevidence: y", "x.yaml: not a control: class"),
        ("X y.yaml", "name: X\nclass: bad\nevidence: y", "X y.yaml: a control's file is named"),
        ("x.yaml", "- a", "x.yaml: not a control: no mapping"),
        ("x.yaml", "name: [", "x.yaml line"),
        ("injections.yaml", "id: x", "injections.yaml: expected a list"),
        ("injections.yaml", "- id: x\n  kind: magic\n  text: y", "injections.yaml entry 1: kind"),
        ("injections.yaml", "- id: X Y\n  kind: order\n  text: y", "injections.yaml entry 1: id"),
        ("injections.yaml", "- id: x\n  kind: order", "entry 1: the key 'text' is missing"),
        ("injections.yaml", "- id: x\n  kind: order\n  text: y\n" * 2, "id x stands twice"),
    ],
)  # fmt: skip
def test_a_wrong_control_file_is_one_line_and_asks_nobody(desk, name, text, message):
    folder = write_controls(desk.folder / "controls")
    (folder / name).write_text(text)
    done = desk.run("calibrate", "--provider", "http://127.0.0.1:9/v1", "--controls", folder)
    one_line_error(done, 2, message)
    assert desk.runs() == []


def test_an_empty_folder_of_controls_is_named(desk):
    (desk.folder / "none").mkdir()
    done = desk.run("calibrate", "--provider", "http://127.0.0.1:9/v1", "--controls", "none")
    one_line_error(done, 2, "none: no control tools there")


def test_the_page_is_valid_html_without_anything_active(desk):
    name = "<script>alert(1)</script>"
    write_shortened(desk.folder / "personas")
    with judging("injectable") as url:
        folder = write_controls(desk.folder / "controls")
        done = desk.run(
            "calibrate", "--provider", url, "--model", name, "--ask", "stepwise", "--controls",
            folder, "--limit", "18", "--format", "html", "--output", "judge.html",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (desk.folder / "judge.html").read_text()
    page = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    tags = {el.tag for el in page.iter() if isinstance(el.tag, str)}
    assert not tags & {"script", "iframe", "object", "embed", "form", "link", "img", "a", "base"}
    for element in page.iter():
        if isinstance(element.tag, str):
            assert not [a for a in element.attrib if a.lower().startswith("on") or a == "style"]
            assert not {"src", "href", "srcset"} & set(element.attrib)
    assert "default-src 'none'" in text
    plots = [el for el in page.iter("{http://www.w3.org/2000/svg}svg") if el.get("class") == "plot"]
    assert len(plots) == 3
    assert all(el.get("role") == "img" and el.get("aria-label") for el in plots)
    assert text.count("The numbers") == 3
    assert name not in text


def test_the_terminal_says_counts_and_intervals_and_nothing_a_screen_obeys(desk):
    with judging("injectable") as url:
        done = calibrate(desk, url, "--ask", "whole", form="terminal")
    assert "6 of 6 (61–100%)" in done.stdout
    assert "changed 14 of 14 verdicts, 14 of them to ship" in done.stdout
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout)


@pytest.mark.model
@pytest.mark.timeout(300)
def test_smollm2_is_measured_here_and_now(desk):
    write_shortened(desk.folder / "personas", questions=1)
    folder = write_controls(desk.folder / "controls", {})
    # One passage: each is a question more for every question of the reviewers.
    (folder / "good.yaml").write_text("name: G\nclass: good\nevidence: It sorts tables.\n")
    process = desk.start(
        "calibrate", "--provider", "local", "--model", "smollm2-135m", "--controls", folder,
        "--copies", 0, "--format", "json",
    )  # fmt: skip
    out, err = process.communicate(timeout=290)
    assert process.returncode in (0, 1), err
    found = json.loads(out)
    assert (found["model"], found["asked"]) == ("smollm2-135m", "stepwise")
    assert sum(found["controls"].values()) == len(found["cases"]) == 1
    assert found["uncited_facts"]["total"] > 0


def test_a_finding_that_a_notice_answers_is_not_read_by_the_fit():
    skeptic = next(p for p in PERSONAS if p.name == "skeptic")
    findings = tuple(
        Finding(
            criterion=c.id, question=c.question, kind=c.kind, cites=("E1.1",),
            answer="no" if c.id == "maintained" else "yes",
            p=None if c.id == "maintained" else 0.9,
        )
        for c in skeptic.criteria
    )  # fmt: skip
    review = Review(
        persona="skeptic", title="The Skeptic", vote="skip", score=50, coverage=1, stance=None,
        summary="", findings=findings, forecast=None, provider="p", model="m",
    )  # fmt: skip
    control = Control.model_validate(
        {"slug": "gone", "name": "Gone", "class": "bad", "evidence": "It is over."}
    )
    answers = CaseAnswers(Case(control), held=False, reviews=((review,),), missing=((),))
    decided = decide_case(answers, [skeptic], Rule(), read=lambda key: 0.95)
    assert decided.reviews[0].findings[0].answer == "no"
    assert decided.outcome != "ship"
