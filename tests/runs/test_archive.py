"""The archive: histories of tools over runs."""

from datetime import timedelta

import pytest

from panel.foundation.errors import RunError
from panel.reviews.verdict.scorecard import Verdict, VoteTotals
from panel.runs.folders import JOURNAL
from panel.runs.history.archive import Archive
from panel.runs.history.entry import newest
from tests.support.cards import NOW, batch, card, named
from tests.support.shelf import shelve

LATER = NOW + timedelta(days=7)
SKIPPED = Verdict(outcome="skip", ship_percent=0, score=30, votes=VoteTotals(skip=4))


def test_a_tool_in_two_runs_has_one_history_oldest_first(tmp_path):
    new = shelve(tmp_path, [card(verdict=SKIPPED)], created=LATER)
    old = shelve(tmp_path, [card()], created=NOW)
    (history,) = Archive.open(tmp_path).histories()
    assert [entry.run for entry in history.entries] == [old, new]
    assert history.latest.verdict == SKIPPED
    assert history.before.verdict.outcome == "ship"


def test_of_verdicts_of_one_second_that_of_the_later_run_is_the_newer(tmp_path):
    """A card says the second, and the name of its run ends at random."""
    moments = [NOW + timedelta(microseconds=n) for n in range(6)]
    runs = [shelve(tmp_path, [card()], created=moment, decided=NOW) for moment in moments]
    (history,) = Archive.open(tmp_path).histories()
    assert [entry.run for entry in history.entries] == runs


def test_names_differing_in_case_and_blanks_are_one_tool(tmp_path):
    shelve(tmp_path, [named("Ostrich DB")])
    shelve(tmp_path, [named("ostrich  db")], created=LATER)
    (history,) = Archive.open(tmp_path).histories()
    assert (history.key, len(history.entries)) == ("ostrich-db", 2)


def test_different_names_with_one_slug_never_share_a_key(tmp_path):
    shelve(tmp_path, [named("C")])
    shelve(tmp_path, [named("C++")], created=LATER)
    keys = {history.latest.tool.name: history.key for history in Archive.open(tmp_path).histories()}
    assert keys["C"] == "c"
    assert keys["C++"].startswith("c-")


def test_an_entry_leads_to_its_whole_card(tmp_path):
    shelve(tmp_path, batch())
    archive = Archive.open(tmp_path)
    history = archive.history("parley")
    whole = archive.card(history.latest)
    assert whole.tool.name == "Parley"
    assert whole.evidence == batch()[1].evidence
    assert archive.history("nothing") is None


def test_several_cards_of_a_run_come_from_one_opening(tmp_path):
    run = shelve(tmp_path, batch())
    names = [c.tool.name for c in Archive.open(tmp_path).cards(run, ["parley", "gone", "gullible"])]
    assert names == ["Parley", "Gullible"]


def test_runs_that_measure_a_judge_are_left_out(tmp_path):
    shelve(tmp_path, [card()], calibrates=True)
    assert Archive.open(tmp_path).histories() == ()


def test_a_run_that_cannot_be_read_becomes_a_note(tmp_path):
    run = shelve(tmp_path, [card()])
    shelve(tmp_path, [named("Parley")])
    (tmp_path / run / JOURNAL).write_bytes(b"no database")
    archive = Archive.open(tmp_path)
    assert [history.key for history in archive.histories()] == ["parley"]
    assert len(archive.notes) == 1
    assert run in archive.notes[0] or JOURNAL in archive.notes[0]


def test_refresh_takes_in_only_what_is_new(tmp_path):
    shelve(tmp_path, [card()])
    archive = Archive.open(tmp_path)
    assert not archive.refresh()
    shelve(tmp_path, [named("Parley")], created=LATER)
    assert archive.refresh()
    assert [history.key for history in newest(archive.histories())] == ["parley", "quillstore"]


def test_a_card_that_is_gone_is_an_error_that_names_its_run(tmp_path):
    run = shelve(tmp_path, [card()])
    archive = Archive.open(tmp_path)
    entry = archive.history("quillstore").latest
    (tmp_path / run).rename(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=run):
        archive.card(entry)


def test_an_empty_or_missing_folder_is_an_empty_archive(tmp_path):
    assert Archive.open(tmp_path / "none").histories() == ()
