"""Prices: panel.toml first, then the provider's listing, then a list that needs no network."""

import pytest

from panel.engine.caps import Caps
from panel.foundation.errors import InputError
from panel.llm.config import ProviderConfig
from panel.llm.providers.prices import with_list_prices

OPENAI = "https://api.openai.com/v1"
ROUTER = "https://router.huggingface.co/v1"


def config(base_url=OPENAI, model="gpt-4o-mini", **more):
    fields = {"provider": "p", "kind": "wire", "model": model, "wire_model": model}
    return ProviderConfig.model_validate({**fields, "base_url": base_url, **more})


def test_a_listed_model_has_its_price_and_names_the_list():
    priced = with_list_prices(config())
    assert priced.prices[""] == pytest.approx((0.15, 0.6))
    assert priced.prices_from.startswith("genai-prices ")


def test_a_pinned_provider_of_the_router_has_the_price_of_that_provider():
    pinned = config(ROUTER, "openai/gpt-oss-120b", wire_model="openai/gpt-oss-120b:groq")
    assert with_list_prices(pinned).prices


@pytest.mark.parametrize(
    "unlisted",
    [
        config(model="no-such-model"),
        config("https://unknown.example/v1"),
        config("http://127.0.0.1:4000/v1"),
        config(ROUTER, "openai/gpt-oss-120b"),
        config(None, kind="local"),
    ],
    ids=lambda c: f"{c.base_url} {c.model}",
)
def test_a_price_that_no_list_knows_is_unknown(unlisted):
    assert with_list_prices(unlisted) == unlisted


def test_a_price_that_is_known_stays():
    known = config(prices={"": (1.0, 2.0)})
    assert with_list_prices(known) == known


@pytest.mark.parametrize("kind", ["local", "replay"])
def test_a_cap_on_cost_is_held_where_calls_cost_nothing(kind):
    Caps(max_cost=1.0).check_prices([config(None, kind=kind)])


def test_a_cap_on_cost_is_refused_where_one_price_of_several_is_unknown():
    priced = config(prices={"": (1.0, 2.0)})
    with pytest.raises(InputError, match="price of unlisted through p is not known"):
        Caps(max_cost=1.0).check_prices([priced, config(model="unlisted")])
    Caps(max_cost=1.0, allow_unpriced=True).check_prices([config(model="unlisted")])
