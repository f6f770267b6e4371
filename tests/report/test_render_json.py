"""The JSON contract of the design, key by key."""

import json
import unicodedata

import pytest

from panel.report.scorecard import json as form
from panel.reviews.verdict.scorecard import RunUsage, Scorecard
from tests.support.cards import PAYLOADS, batch, card, hostile

CONTRACT = {
    "": "schema run created provider model asked tool verdict reviews missing evidence facts "
    "usage warnings",
    "facts": "entry_price licence last_release released open_issues stars archived",
    "facts.licence": "value passage source retrieved",
    "tool": "name slug url category tagline price description",
    "verdict": "outcome ship_percent score interval votes effective_votes notes",
    "verdict.votes": "ship skip abstain missing",
    "reviews.0": "persona title vote score coverage stance summary findings fields forecast "
    "provider model usage",
    "reviews.0.findings.0": "criterion question kind answer p cites because",
    "reviews.0.forecast": "claim probability resolve_by",
    "reviews.0.usage": "input_tokens cached_tokens output_tokens cost_usd",
    "missing.0": "persona reason detail",
    "evidence.0": "id source retrieved sha256 passages removed_hidden flags",
    "evidence.0.passages.0": "id text",
    "usage": "input_tokens cached_tokens output_tokens cost_usd calls unpriced_calls",
}


def at(value, path):
    for step in filter(None, path.split(".")):
        value = value[int(step)] if step.isdigit() else value[step]
    return value


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def read(text):
    return [json.loads(row, parse_constant=refuse) for row in text.splitlines()]


@pytest.mark.parametrize(("path", "keys"), CONTRACT.items())
def test_the_contract_has_its_keys_in_the_order_of_the_model(path, keys):
    (value,) = read(form.render(batch()[4:]))
    ordered = [key for key in at(value, path) if key in keys.split()]
    assert ordered == keys.split()


def test_the_top_of_the_contract_has_no_other_keys():
    (value,) = read(form.render([card()]))
    assert list(value) == CONTRACT[""].split()
    assert value["schema"] == "panel.scorecard/2"
    assert value["created"] == "2026-11-22T10:00:00Z"


def test_one_card_is_one_object_and_several_are_json_lines():
    assert form.render([card()]).count("\n") == 1
    assert [v["tool"]["name"] for v in read(form.render(batch()))][:2] == ["Quillstore", "Parley"]


def test_what_is_written_reads_back_as_the_same_card():
    assert Scorecard.model_validate_json(form.render([card()])) == card()


def test_unknown_cost_is_null():
    assert read(form.render([card()]))[0]["usage"]["cost_usd"] is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_no_nan_or_infinity_is_written(value):
    verdict = card().verdict.model_copy(update={"effective_votes": value})
    (data,) = read(form.render([card(verdict=verdict, usage=RunUsage(cost_usd=value))]))
    assert data["verdict"]["effective_votes"] is None
    assert data["usage"]["cost_usd"] is None


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o3_json_on_a_terminal_steers_nothing_and_loses_nothing(payload):
    text = form.render([hostile(payload)])
    kinds = {c: unicodedata.category(c) for c in text}
    assert {c for c, k in kinds.items() if k in ("Cc", "Cf", "Cs", "Zl", "Zp")} == {"\n"}
    assert read(text)[0]["tool"]["name"] == payload


def test_text_stays_readable_utf8():
    assert "€4,800" in form.render([card()])
