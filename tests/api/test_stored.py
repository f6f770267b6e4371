"""Stored runs and scorecards from Python: opened, verified, compared, rendered."""

import asyncio
import gc
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

import panel
from panel.report import formats
from panel.reviews.personas import load_personas
from panel.runs.journal.schema import with_checksum
from tests.support.command import ROOT

SAMPLE = ROOT / "runs" / "sample"
RUNS = ROOT / "examples" / "comparison" / "runs"


def test_a_run_gives_its_scorecards_tools_and_manifest():
    run = panel.open_run(SAMPLE)
    cards = run.scorecards()
    for card in cards:
        assert run.scorecard(card.tool.name) == run.scorecard(card.tool.slug) == card
    assert [tool.slug for tool in run.tools()] == [card.tool.slug for card in cards]
    assert run.manifest.model == cards[0].model
    assert repr(run) == "StoredRun('sample')"


def test_a_run_is_found_by_name_prefix_and_place_among_the_runs(monkeypatch, tmp_path):
    for name in ("20260101T000000Z-a-0000", "20260102T000000Z-b-0000"):
        shutil.copytree(SAMPLE, tmp_path / name)
    assert panel.open_run("latest", runs=tmp_path).name.endswith("-b-0000")
    assert panel.open_run("latest~1", runs=str(tmp_path)).name.endswith("-a-0000")
    assert panel.open_run("20260101", runs=tmp_path).name.endswith("-a-0000")
    monkeypatch.setenv("PANEL_RUNS", str(tmp_path))
    assert panel.open_run().name.endswith("-b-0000")


def test_a_run_or_tool_that_is_not_there_is_one_clear_error():
    with pytest.raises(panel.RunError, match="no runs"):
        panel.open_run()
    with pytest.raises(panel.InputError, match="runs must be a path"):
        panel.open_run(runs=5)
    with pytest.raises(panel.ToolError, match="no verdict on 'nothing'"):
        panel.open_run(SAMPLE).scorecard("nothing")


def test_verify_says_what_holds_and_works_in_a_running_loop(tmp_path):
    assert panel.verify(panel.open_run(SAMPLE)).holds
    assert panel.verify("sample", runs=SAMPLE.parent).holds

    async def notebook():
        return panel.verify(SAMPLE)

    assert asyncio.run(notebook()).holds
    shutil.copytree(SAMPLE, tmp_path / "changed")
    with sqlite3.connect(tmp_path / "changed" / "journal.db") as journal:
        journal.execute("UPDATE verdicts SET body = replace(body, 'ship', 'skip')")
    report = panel.verify(tmp_path / "changed")
    assert not report.holds
    assert report.faults


def two_cards():
    a, b = panel.open_run("pair", runs=RUNS).scorecards()
    return a, b


def test_two_cards_are_compared_with_the_weights_of_the_reviewers():
    a, b = two_cards()
    comparison = panel.compare(a, b)
    assert (comparison.a.tool.name, comparison.b.tool.name) == (a.tool.name, b.tool.name)
    assert all(difference.weight for difference in comparison.differences)
    assert all(d.weight is None for d in panel.compare(a, b, personas=[]).differences)


def test_two_cards_are_compared_with_the_weights_of_their_own_run(tmp_path):
    a, b = two_cards()
    shutil.copytree(RUNS / "pair", tmp_path / a.run)
    personas = load_personas(folders=[ROOT / "personas"])
    heavy = [p.model_copy(update={"weight": 9.0, "origin": ""}) for p in personas]
    bodies = json.dumps([persona.model_dump(mode="json", exclude={"origin"}) for persona in heavy])
    with sqlite3.connect(tmp_path / a.run / "journal.db") as journal:
        row = with_checksum("personas", bodies)
        journal.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", row)
    own = panel.compare(a, b, runs=tmp_path)
    assert own == panel.compare(a, b, personas=heavy)
    elsewhere = panel.compare(a, b, runs=tmp_path / a.run)
    assert elsewhere == panel.compare(a, b, personas=personas)
    weights = [{d.weight for d in comparison.differences} for comparison in (own, elsewhere)]
    assert weights[0] != weights[1]


@pytest.mark.parametrize("form", ["markdown", "html", "json", "csv", "terminal", "svg"])
def test_a_card_is_rendered_as_the_command_renders_it(form):
    card = panel.open_run(SAMPLE).scorecards()[0]
    assert panel.render(card, form) == formats.load(form).render([card])
    assert panel.render([card], form) == panel.render(card, form)


def test_a_comparison_is_rendered_too():
    comparison = panel.compare(*two_cards())
    assert json.loads(panel.render(comparison, "json"))
    assert panel.render(comparison, "html").startswith("<!doctype html>")
    with pytest.raises(panel.InputError, match="no output format 'csv'"):
        panel.render(comparison, "csv")


def test_what_cannot_be_rendered_is_an_input_error():
    card = panel.open_run(SAMPLE).scorecards()[0]
    with pytest.raises(panel.InputError, match="no output format 'pdf'"):
        panel.render(card, "pdf")
    for wrong in ("card", 5, [card, 5], None):
        with pytest.raises(panel.InputError, match="scorecards and comparisons"):
            panel.render(wrong, "html")


def test_opening_a_run_holds_no_file_open():
    gc.collect()  # what an earlier test left open is none of this run's
    run = panel.open_run(SAMPLE)
    assert Path(run.path) == SAMPLE
    run.scorecards()
    open_files = [str(path.resolve()) for path in Path("/proc/self/fd").iterdir() if path.exists()]
    assert not any("journal.db" in path for path in open_files)
