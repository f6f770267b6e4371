"""The review plan: its way into the manifest and back, and one opener for each kind of provider."""

import asyncio
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import get_args

import pytest

from panel.engine.open_provider import OPENERS, open_provider, provider_config
from panel.engine.options import Options
from panel.foundation.errors import NotStored, RateLimited
from panel.foundation.settings import Settings
from panel.llm.calls import request_key
from panel.llm.config import Kind
from panel.reviews.choices import ReviewChoices, choices, inherited_choices
from panel.reviews.plan import ReviewPlan
from panel.reviews.propositions import ASKED
from panel.reviews.score import Rule
from panel.runs.compatibility import check_same, meaning
from panel.runs.manifest import Manifest, new_manifest, plan_of
from panel.runs.run import Run
from tests.support.runs_samples import call, manifest, persona, target

NAMES = [field.name for field in fields(ReviewChoices)]


def test_every_choice_is_a_field_of_options_plan_manifest_and_meaning():
    for holder in (Options, ReviewPlan):
        assert set(NAMES) <= {field.name for field in fields(holder)}
    assert set(NAMES) <= set(Manifest.model_fields)
    assert set(NAMES) <= set(meaning(manifest()))


def test_a_plan_comes_back_from_its_manifest_without_address_and_key():
    personas = (persona("builder"), persona("skeptic"))
    more = {"samples": 3, "context": "two people", "rule": Rule(ship_at=50), "calibrates": True}
    more |= {
        "write": False,
        "second_look": True,
        "backtest": "names masked",
        "propositions": ("price",),
    }
    stored = manifest(personas=personas, support=target(model="big", wire_model="big"), **more)
    plan = plan_of(stored, personas=personas, calibration=None)
    assert choices(plan) == {
        "samples": 3, "context": "two people", "write": False, "second_look": True,
        "backtest": "names masked", "propositions": ("price",),
    }  # fmt: skip
    assert (plan.rule.ship_at, plan.calibrates, plan.personas) == (50, True, personas)
    assert (plan.judge.provider, plan.judge.wire_model) == ("groq", "org/tiny:groq")
    assert plan.support is not None
    assert plan.support.wire_model == "big"
    for config in (plan.judge, plan.support):
        assert (config.kind, config.base_url, config.key) == ("replay", None, None)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, {}),
        ({"samples": 2}, {"samples": 2}),
        ({"context": "many"}, {"context": "many"}),
        ({"write": False}, {"write": False}),
        ({"second_look": True}, {"second_look": True}),
        ({"backtest": "as listed"}, {"backtest": "as listed"}),
    ],
)
def test_a_rerun_takes_the_stored_choice_where_the_user_made_none(own, expected):
    options = replace(Options(settings=Settings(), environ={}), **own)
    stored = {"samples": 3, "context": "a small team", "write": True, "second_look": False}
    stored |= {"backtest": None, "propositions": ASKED}  # those of today, whatever it asked about
    assert inherited_choices(options, manifest(samples=3)) == stored | expected


@pytest.mark.parametrize(("samples", "temperature"), [(1, 0.0), (3, 0.7)])
def test_the_manifest_says_the_temperature_that_is_sent(samples, temperature):
    plan = ReviewPlan(personas=(), judge=target(), rule=Rule(), samples=samples)
    made = new_manifest(plan, created=datetime.now(UTC), command=(), prompts={}, schemas={})
    assert made.temperature == plan.temperature == temperature
    check_same(made.model_copy(update={"temperature": 0.0}), made)  # as panel 0.1.0 stored it


def test_every_kind_of_provider_has_an_opener():
    assert set(OPENERS) == set(get_args(Kind))


@pytest.mark.parametrize("failed", [True, False])
def test_a_replay_repeats_what_went_wrong_at_whoever_was_asked(tmp_path, failed):
    checker = target(provider="other", model="big", wire_model="org/big")
    request = call("any").question

    async def main():
        run = await Run.create(tmp_path, "one", manifest(support=checker))
        key = request_key(request, checker)
        if failed:
            await run.journal.record(call(key, reply=None, reason="rate_limited"))
        run.close()
        options = Options(
            settings=Settings(runs=tmp_path), environ={}, provider=f"replay:{run.name}"
        )
        judge = await open_provider(provider_config(options), options)
        assert (judge.config.kind, judge.config.run) == ("replay", run.name)
        assert judge.replayed is not None
        stored = judge.replayed.support
        assert stored is not None
        config = stored.model_copy(update={"run": run.name})
        opened = await open_provider(config, options)
        with pytest.raises(RateLimited if failed else NotStored, match=f"replay:{run.name}"):
            await opened.endpoint.ask(request, "prompt", deadline=1.0)

    asyncio.run(main())
