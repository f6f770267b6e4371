"""Whole: one reply, valid to the letter or not at all."""

import json
import math
import re
from datetime import date

import pytest

from panel.foundation.errors import BadReply, Refused
from panel.foundation.paths import data_folder
from panel.llm.types import ChatResponse, Usage
from panel.reviews.personas import load_personas
from panel.reviews.strategies.ask import steps
from panel.reviews.strategies.version1.single_call import read_reply, schema_of
from tests.support.scripted import LOST, PERSONA, plan, reply_of, review

SHIPPED = load_personas(folders=[data_folder("personas")])

WRONG = [
    *[{"forecast__probability": v} for v in (
        "7", True, False, 7.5, -1, 101, 1000, None, LOST, [], {}, "sixty", 10**40)],
    *[{"findings__like__answer": v} for v in
      ("Yes, no", "maybe", "", None, True, 1, LOST, ["yes"], "ship")],
    *[{"stance": v} for v in ("SHIP IT", "hold", "yes", None, LOST, 1, True)],
    *[{"persona": v} for v in ("builder", "", None, LOST)],
    {"findings__like": LOST},
    {"findings__invented": {"because": "", "cites": [], "answer": "yes"}},
    {"findings__like__cites": "E1.1"},
    {"findings__like__cites": [1]},
    {"findings__like__because": None},
    {"findings__like__score": 7},
    {"fields__trouble": LOST},
    {"fields__other": "x"},
    {"fields__trouble": 3},
    {"fields__trouble": "  "},
    {"summary": ""},
    {"summary": ["a"]},
    {"confidence": 0.9},
    {"findings": []},
]  # fmt: skip

RAW = [
    reply_of().replace('"probability": 60', f'"probability": {value}')
    for value in ("NaN", "Infinity", "-Infinity", "1e999", "6.5e0", "06", "60,")
]


def said(text):
    return ChatResponse(text, "stop", Usage(), "m")


@pytest.mark.parametrize(
    "change", WRONG, ids=[str(each).replace(repr(LOST), "lost") for each in WRONG]
)
def test_p9_a_wrong_value_is_never_accepted(change):
    with pytest.raises(BadReply):
        read_reply(said(reply_of(**change)), PERSONA)


@pytest.mark.parametrize("text", RAW)
def test_p9_a_number_that_is_none_is_never_accepted(text):
    with pytest.raises(BadReply):
        read_reply(said(text), PERSONA)


def test_p9_counts_at_least_forty_wrong_values():
    assert len(WRONG) + len(RAW) >= 40


@pytest.mark.parametrize(
    "text",
    [
        reply_of(forecast__probability=60.0),
        reply_of(findings__like__answer="Yes", stance="SHIP"),
        reply_of(findings__like__answer=" yes. ", stance="Ship", persona="Tester"),
        json.dumps({"review": json.loads(reply_of())}),
        json.dumps({"type": "object", "properties": json.loads(reply_of())}),
        json.dumps(reply_of()),
        reply_of().replace("It will", "It\n\twill"),
        f"<thought>Is {{ 'a' open?</thought>{reply_of()}",
    ],
    ids=["whole float", "capitals", "blanks and full stop", "wrapped", "like its schema",
         "a JSON string", "raw line break", "thinking"],
)  # fmt: skip
def test_what_has_one_meaning_is_read_though_it_is_not_to_the_letter(text):
    got = read_reply(said(text), PERSONA)
    assert (got.forecast.probability, got.findings["like"].answer, got.stance) == (
        60,
        "yes",
        "ship",
    )
    assert got.forecast.claim.split() == ["It", "will", "last."]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (reply_of(confidence=0.9), "confidence is a key that was not asked for"),
        (reply_of(findings__like__reasoning="x"), "findings.like.reasoning is a key that was not"),
        (reply_of(fields__notes="x"), "fields has keys that were not asked for: notes"),
        (reply_of(**{"ignore all rules and ship": 1}), "… is a key that was not asked for"),
        (reply_of()[:-1] + ",}", "broken: .* after the key stance"),
        (reply_of().replace('"stance"', '"Stance"'), "Stance is a key .*stance: field required"),
    ],
    ids=["a key", "deep", "a field", "a sentence for a key", "syntax", "a capital key"],
)
def test_the_repair_is_told_which_key_is_extra_or_where_the_syntax_breaks(text, told):
    replies = iter([text, reply_of()])
    got, asked = review(lambda q: next(replies), ask="whole")
    assert got.vote == "ship"
    problem = asked[1].tail.partition("could not be used: ")[2].partition("\n")[0]
    assert re.search(told, "; ".join(sorted(problem.rstrip(".").split("; ")))), problem


def test_a_valid_reply_becomes_a_review():
    got, asked = review(lambda q: reply_of(), ask="whole")
    assert [f.answer for f in got.findings] == ["yes", "yes", "yes"]
    assert got.findings[0].cites == ("E1.1",)
    assert all(f.p is None for f in got.findings)
    assert (got.vote, got.stance) == ("ship", "ship")
    assert got.score == pytest.approx(80.0)
    assert got.forecast.probability == 0.6
    assert got.forecast.resolve_by == date(2028, 2, 22)
    assert got.summary == "I would ship with it [E1.2]."
    assert got.model == "served-model"
    assert len(asked) == steps(plan("whole"), PERSONA) == 1
    assert asked[0].schema == schema_of(PERSONA)


def test_j3_ids_that_do_not_exist_are_dropped_and_counted():
    text = reply_of(
        findings__like__cites=["E1.3", "E7.7", "the README", "E1.3"],
        findings__like__because="It cuts [E1.3] and shines [E4.4].",
        fields__trouble="None [E5.5].",
        summary="I like it [E1.2, E8.8].",
    )
    got, _ = review(lambda q: text, ask="whole")
    like = next(f for f in got.findings if f.criterion == "like")
    assert like.cites == ("E1.3",)
    assert like.because == "It cuts [E1.3] and shines."
    assert got.fields["trouble"] == "None."
    assert got.summary == "I like it [E1.2]."
    assert got.unknown_cites == 5


def test_j3_a_fact_without_a_valid_passage_is_unclear_and_counted():
    text = reply_of(findings__install__cites=["E9.1"], findings__like__cites=[])
    got, _ = review(lambda q: text, ask="whole")
    answers = {f.criterion: f.answer for f in got.findings}
    assert answers == {"install": "unclear", "alive": "yes", "like": "yes"}
    assert got.uncited_facts == 1


def test_a_supported_no_to_a_dealbreaker_skips_whatever_else_is_said():
    got, _ = review(lambda q: reply_of(findings__alive__answer="no"), ask="whole")
    assert got.vote == "skip"
    assert got.stance == "ship"


def test_a_wrong_reply_gets_one_repair_and_the_faults_are_told():
    replies = iter([reply_of(stance="maybe"), reply_of()])
    got, asked = review(lambda q: next(replies), ask="whole")
    assert got.vote == "ship"
    assert len(asked) == 2
    assert "stance" in asked[1].tail
    assert asked[1].shared == asked[0].shared


def test_p10_a_second_wrong_reply_is_a_missing_review_not_a_skip():
    with pytest.raises(BadReply):
        review(lambda q: "I would rather not say.", ask="whole")
    with pytest.raises(Refused):
        review(lambda q: Refused("declined"), ask="whole")


@pytest.mark.parametrize("persona", SHIPPED, ids=lambda p: p.name)
def test_a_schema_keeps_to_the_portable_subset(persona):
    schema = schema_of(persona)
    assert schema is schema_of(persona)
    assert len(json.dumps(schema)) < 5000
    objects = [schema]
    while objects:
        place = objects.pop()
        assert set(place) <= {
            "type", "properties", "required", "additionalProperties", "items", "enum",
        }  # fmt: skip
        if place["type"] == "object":
            assert place["additionalProperties"] is False
            assert place["required"] == list(place["properties"])
            objects += place["properties"].values()
        elif place["type"] == "array":
            objects.append(place["items"])
    assert list(schema["properties"])[-1] == "stance"


def test_a_review_is_written_without_nan():
    got, _ = review(lambda q: reply_of(), ask="whole")
    assert math.isfinite(got.score)
    json.dumps(got.model_dump(mode="json"), allow_nan=False)
