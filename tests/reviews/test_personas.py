"""Persona files: what is shipped is sound, and what breaks the contract is named."""

from pathlib import Path

import pytest

from panel.foundation.errors import PersonaError
from panel.foundation.paths import data_folder
from panel.reviews.personas import ORDER, applicable, check, load_personas, read_persona

SHIPPED = data_folder("personas")

GOOD = """---
name: archivist
title: The Archivist
lens: You ask whether it can be read in fifty years.
criteria:
  - id: open_format
    question: Is the file format documented in the open?
    kind: fact
    weight: 2
    dealbreaker: true
beats:
  - id: shelf_life
    ask: how long it keeps, in at most ten words.
forecast:
  ask: one sentence on who will still read it.
  horizon_months: 24
---
You have kept tapes dry for thirty years.
"""


def written(folder: Path, text: str = GOOD, name: str = "archivist") -> Path:
    path = folder / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_four_are_shipped_and_speak_in_order():
    assert tuple(p.name for p in load_personas(folders=[SHIPPED])) == ORDER


@pytest.mark.parametrize("persona", load_personas(folders=[SHIPPED]), ids=lambda p: p.name)
def test_a_shipped_persona_asks_eight_to_twelve_questions_and_five_beats(persona):
    assert 8 <= len(applicable(persona, "library").criteria) <= 12
    assert len(persona.beats) == 5
    assert sum(c.dealbreaker for c in persona.criteria) <= 2
    assert {c.kind for c in persona.criteria} == {"fact", "judgement"}
    assert persona.forecast.ask.endswith("?")
    assert persona.voice.startswith("You ")
    assert len(persona.voice.split()) <= 90


@pytest.mark.parametrize("persona", load_personas(folders=[SHIPPED]), ids=lambda p: p.name)
def test_an_archived_repository_answers_whatever_carries_a_notice(persona):
    noticed = [c for c in persona.criteria if c.notice]
    assert noticed
    assert all("not archived" in criterion.decided_by for criterion in noticed)


def test_no_question_is_asked_by_two_shipped_personas():
    questions = [c.question for p in load_personas(folders=[SHIPPED]) for c in p.criteria]
    assert len(questions) == len(set(questions))
    assert all(q.endswith("?") for q in questions)


def test_a_dropped_in_file_is_a_reviewer_and_follows_the_four(tmp_path):
    written(tmp_path)
    found = load_personas(folders=[SHIPPED, tmp_path])
    assert [p.name for p in found] == [*ORDER, "archivist"]
    assert found[-1].criteria[0].weight == 2.0
    assert found[-1].criteria[0].dealbreaker is True
    assert found[-1].voice == "You have kept tapes dry for thirty years."


def test_a_later_folder_replaces_a_persona_of_the_same_name(tmp_path):
    written(tmp_path, GOOD.replace("archivist", "builder"), name="builder")
    (found,) = load_personas(names=["builder"], folders=[SHIPPED, tmp_path])
    assert found.title == "The Archivist"


def test_names_choose_and_order_the_panel():
    found = load_personas(names=["futurist", "builder"], folders=[SHIPPED])
    assert [p.name for p in found] == ["futurist", "builder"]


@pytest.mark.parametrize(
    ("names", "told"), [(["nobody"], "no persona 'nobody'"), (["builder"] * 2, "named twice")]
)
def test_a_name_that_is_unknown_or_doubled_is_refused(names, told):
    with pytest.raises(PersonaError, match=told):
        load_personas(names=names, folders=[SHIPPED])


def test_an_empty_folder_is_said_to_hold_no_personas(tmp_path):
    with pytest.raises(PersonaError, match="no persona files"):
        load_personas(folders=[tmp_path])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title:", "titel:", "unknown key 'titel'|the key 'title' is missing"),
        ("weight: 2", "weihgt: 2", r"unknown key 'criteria\.open_format\.weihgt'"),
        ("weight: 2", "weight: heavy", r"criteria\.open_format\.weight"),
        ("weight: 2", "weight: 11", r"criteria\.open_format\.weight"),
        ("weight: 2", "weight: nan", r"criteria\.open_format\.weight"),
        ("kind: fact", "kind: guess", r"criteria\.open_format\.kind"),
        ("id: open_format", "id: Open Format", "criteria"),
        ("horizon_months: 24", "horizon_months: 0", r"forecast\.horizon_months"),
        ("id: shelf_life", "id: summary", "cannot use the id summary"),
        ("name: archivist", "name: librarian", "the file says 'archivist'"),
        ("lens: ", "voice: ", "unknown key 'voice'"),
        ("weight: 2", "applies_to: [model]", "criteria: none applies to a library"),
        ("weight: 2", "applies_to: [modle]", r"criteria\.open_format\.applies_to"),
        ("weight: 2", "says: {yes: It is}", r"'criteria\.open_format\.says\.no' is missing"),
        ("You have kept tapes dry for thirty years.", "", "voice"),
    ],
)
def test_a_broken_file_is_named_with_its_key(tmp_path, old, new, told):
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(PersonaError, match=told) as fault:
        read_persona(path)
    assert str(path) in fault.value.message
    assert "\n" not in fault.value.message


def test_two_criteria_of_one_id_are_refused(tmp_path):
    entry = GOOD[GOOD.index("  - id: open") : GOOD.index("beats:")]
    path = written(tmp_path, GOOD.replace(entry, entry * 2))
    with pytest.raises(PersonaError, match="criteria has the id open_format twice"):
        read_persona(path)


def test_check_prints_every_question_of_every_file():
    lines = check([SHIPPED])
    text = "\n".join(lines)
    for persona in load_personas(folders=[SHIPPED]):
        assert all(c.question in text for c in persona.criteria)
        assert all(f.ask in text for f in persona.beats)
    assert "dealbreaker" in text


def test_check_names_every_broken_file_at_once(tmp_path):
    written(tmp_path, GOOD.replace("kind: fact", "kind: guess"))
    written(tmp_path, "no front matter", name="other")
    with pytest.raises(PersonaError) as fault:
        check([tmp_path])
    assert "archivist.md" in fault.value.message
    assert "other.md" in fault.value.message


@pytest.mark.parametrize("ident", ["nothing", "open_format"])
def test_a_beat_quotes_a_fact_of_its_own_persona(tmp_path, ident):
    beat = f"  - {{id: told, ask: what is told, quotes: [{ident}]}}"
    text = GOOD.replace("beats:", f"beats:\n{beat}")
    if ident == "open_format":
        text = text.replace("kind: fact", "kind: judgement")
    with pytest.raises(PersonaError, match=f"the beat told quotes {ident}, which is no fact here"):
        read_persona(written(tmp_path, text))


def test_a_shipped_persona_has_five_steps_a_biography_and_two_examples():
    shipped = load_personas(folders=[SHIPPED])
    assert all(len(p.beats) == 5 and len(p.examples) == 2 for p in shipped)
    assert all(0 < len(p.biography.split()) <= 25 for p in shipped)
    assert sum(bool(beat.quotes) for p in shipped for beat in p.beats) == 5
    idents = [beat.id for p in shipped for beat in p.beats]
    assert len(idents) == len(set(idents))


def test_a_file_with_fields_is_told_their_new_name(tmp_path):
    with pytest.raises(PersonaError, match=r"archivist\.md: unknown key 'fields'") as caught:
        read_persona(written(tmp_path, GOOD.replace("beats:", "fields:")))
    assert "rename it to beats" in caught.value.hint
