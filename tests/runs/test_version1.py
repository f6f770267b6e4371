"""Runs stored by 0.1, whose reviewers wrote fields instead of beats, can be checked and read."""

import json

import pytest

import panel
from panel.report import formats
from panel.reviews.personas import Persona
from panel.runs.metadata import stored_personas
from panel.runs.run import Run
from tests.support.command import ROOT

RUNS = ROOT / "tests" / "data" / "version1"


def test_it_is_one_of_0_1():
    with Run.open(RUNS / "pair") as run:
        personas: tuple[Persona, ...] = stored_personas(run) or ()
    assert len(personas) == 4
    assert all(persona.fields and not persona.beats for persona in personas)
    card = RUNS / "pair" / "scorecards" / "mistral-3b.json"
    assert json.loads(card.read_text())["schema"] == "panel.scorecard/1"


def test_it_verifies():
    report = panel.verify("pair", runs=RUNS)
    assert report.holds, report.faults


@pytest.mark.parametrize("form", formats.names("scorecard"))
def test_its_cards_are_shown_with_what_their_reviewers_wrote(form):
    for card in panel.open_run("pair", runs=RUNS).scorecards():
        text = panel.render(card, form)
        assert card.tool.name.split()[0] in text


def test_its_cards_are_compared():
    a, b = panel.open_run("pair", runs=RUNS).scorecards()
    assert "Mistral 3B" in panel.render(panel.compare(a, b, runs=RUNS), "markdown")
