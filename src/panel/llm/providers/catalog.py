"""What a provider says about its models: fills in what the user left open.

Asks the router which providers serve a model and whether they keep to a schema, and a server
with no model named which ones it has. One GET each; no retries.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import SecretStr

from panel.foundation.errors import CallError, KeyRejected, ModelNotFound, ProviderError, QuotaSpent
from panel.foundation.text import one_line
from panel.foundation.urls import host_of
from panel.llm.config import ProviderConfig
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.providers.keys import fresh_token
from panel.llm.providers.table import ProviderRow, provider_table
from panel.llm.thinking import thinks

_LISTED: Final = 8
_PROMPT_SHARE: Final = 0.5
"""Evidence takes at most this share of a model's context."""
_ASKED: Final = 4_500
"""Tokens kept for rules, questions and a whole reply."""


async def complete_target(config: ProviderConfig, *, router: str | None = None) -> ProviderConfig:
    """Return the configuration with model, format, prices and room as the server says.

    `router` is the router's address where it is not the table's own.

    Raises:
        ProviderError: the model is not there, the pinned provider does not serve it, or a server
            has several models and none was named.
        CallError: the key is rejected or spent; for a server without a named model any error.
    """
    if config.kind != "wire":
        return config
    routed = config.base_url == (router or provider_table().router.base_url)
    if routed and config.key_from not in provider_table().router.key_env:
        config = await _renewed(config)
    wire = OpenAICompatClient(config)
    try:
        if routed:
            return await _routed(config, wire)
        return _with_room(config if config.model else await _only_model(config, wire))
    finally:
        await wire.close()


def _with_room(config: ProviderConfig) -> ProviderConfig:
    """Give a model that thinks its room on servers whose row has none: most serve others."""
    if config.thinking or not thinks(config.model):
        return config
    return config.model_copy(update={"thinking": ProviderRow().thinking})


async def _renewed(config: ProviderConfig) -> ProviderConfig:
    """Take a token that lies in a file from huggingface_hub, which renews it in time."""
    token = await asyncio.to_thread(fresh_token, config.key_from) if config.key_from else None
    return config.model_copy(update={"key": SecretStr(token)}) if token else config


async def _only_model(config: ProviderConfig, wire: OpenAICompatClient) -> ProviderConfig:
    host = host_of(config.base_url or "")
    try:
        listing = await wire.get("models")
    except ModelNotFound:
        listing = None
    names = [_line(row.get("id")) for row in _rows(listing, "data") if row.get("id")]
    if len(names) == 1:
        return config.model_copy(update={"model": names[0], "wire_model": names[0]})
    if not names:
        raise ProviderError(f"{host} lists no model", hint="--model NAME")
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    raise ProviderError(
        f"{host} serves {len(names)} models: {', '.join(names[:_LISTED])}{more}",
        hint=f"--model {names[0]}",
    )


async def _routed(config: ProviderConfig, wire: OpenAICompatClient) -> ProviderConfig:
    """Look the model up; a look-up that fails costs only the strictest response format."""
    try:
        entry = await wire.get(f"models/{config.model}")
    except (KeyRejected, QuotaSpent):
        raise
    except ModelNotFound:
        raise ProviderError(
            f"the router does not list the model {_line(config.model)}",
            hint="--model ORGANISATION/NAME as on huggingface.co, with a chat template",
        ) from None
    except CallError:
        return config.model_copy(update={"format": "json_object"})
    serving = [row for row in _rows(_entry(entry), "providers") if row.get("provider")]
    pinned = config.wire_model.removeprefix(config.model).removeprefix(":")
    if pinned in provider_table().router.policies:
        pinned = ""
    if pinned:
        chosen = [row for row in serving if row["provider"] == pinned]
        if serving and not chosen:
            raise _not_serving(config, pinned, serving)
    else:
        chosen = [row for row in serving if row.get("status", "live") == "live"]
    return config.model_copy(update=_facts(config, chosen))


def _facts(config: ProviderConfig, chosen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    strict = bool(chosen) and all(row.get("supports_structured_output") is True for row in chosen)
    facts: dict[str, Any] = {"format": config.format if strict else "json_object"}
    rooms = [n for row in chosen if isinstance(n := row.get("context_length"), int) and n > 0]
    if rooms:
        shown = min(config.evidence_tokens, int(min(rooms) * _PROMPT_SHARE))
        left = max(0, min(rooms) - shown - _ASKED)
        facts |= {"evidence_tokens": shown, "thinking": min(config.thinking, left)}
    prices = {str(row["provider"]): price for row in chosen if (price := _price(row))}
    if prices and not config.prices:
        facts["prices"] = prices | ({"": next(iter(prices.values()))} if len(chosen) == 1 else {})
    return facts


def _price(row: Mapping[str, Any]) -> tuple[float, float] | None:
    pricing = row.get("pricing")
    values = [pricing.get(k) for k in ("input", "output")] if isinstance(pricing, dict) else []
    numbers = [float(v) for v in values if isinstance(v, int | float) and 0 <= v < 1e6]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _not_serving(
    config: ProviderConfig, pinned: str, serving: Sequence[Mapping[str, Any]]
) -> ProviderError:
    names = sorted({_line(row["provider"]) for row in serving})
    return ProviderError(
        f"{pinned} does not serve {_line(config.model)}; {', '.join(names[:_LISTED])}"
        f" {'do' if len(names) > 1 else 'does'}",
        hint=f"--provider {names[0]}",
    )


def _entry(listing: Any) -> Any:
    """Some routes wrap their one model in `data`."""
    data = listing.get("data") if isinstance(listing, dict) else None
    return data if isinstance(data, dict) else listing


def _rows(listing: Any, key: str) -> list[dict[str, Any]]:
    rows = listing.get(key) if isinstance(listing, dict) else listing
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _line(text: object) -> str:
    return one_line(str(text))[:120]
