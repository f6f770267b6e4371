"""The review plan: its way into the manifest and back, and one opener for each kind of provider."""

from dataclasses import fields, replace
from typing import get_args

import pytest

from panel.engine.open_provider import OPENERS
from panel.engine.options import Options
from panel.foundation.settings import Settings
from panel.llm.config import Kind
from panel.review.choices import ReviewChoices, choices, inherited_choices
from panel.review.plan import ReviewPlan
from panel.review.score import Rule
from panel.runs.compatibility import meaning
from panel.runs.manifest import Manifest, plan_of
from tests.support.runs_samples import manifest, persona, target

NAMES = [field.name for field in fields(ReviewChoices)]


def test_every_choice_is_a_field_of_options_plan_manifest_and_meaning():
    for holder in (Options, ReviewPlan):
        assert set(NAMES) <= {field.name for field in fields(holder)}
    assert set(NAMES) <= set(Manifest.model_fields)
    assert set(NAMES) <= set(meaning(manifest()))


def test_a_plan_comes_back_from_its_manifest_without_address_and_key():
    personas = (persona("builder"), persona("skeptic"))
    more = {"samples": 3, "context": "two people", "rule": Rule(ship_at=50), "calibrates": True}
    stored = manifest(personas=personas, support=target(model="big", wire_model="big"), **more)
    plan = plan_of(stored, personas=personas, calibration=None)
    assert choices(plan) == {"samples": 3, "context": "two people"}
    assert (plan.rule.ship_at, plan.calibrates, plan.personas) == (50, True, personas)
    assert (plan.judge.provider, plan.judge.wire_model) == ("groq", "org/tiny:groq")
    assert plan.support is not None
    assert plan.support.wire_model == "big"
    for config in (plan.judge, plan.support):
        assert (config.kind, config.base_url, config.key) == ("replay", None, None)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, {"samples": 3, "context": "a small team"}),
        ({"samples": 2}, {"samples": 2, "context": "a small team"}),
        ({"context": "many"}, {"samples": 3, "context": "many"}),
    ],
)
def test_a_rerun_takes_the_stored_choice_where_the_user_made_none(own, expected):
    options = replace(Options(settings=Settings(), environ={}), **own)
    assert inherited_choices(options, manifest(samples=3)) == expected


def test_every_kind_of_provider_has_an_opener():
    assert set(OPENERS) == set(get_args(Kind))
