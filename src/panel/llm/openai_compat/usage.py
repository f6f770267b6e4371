"""How many tokens a reply took and what it cost, under the names that servers use."""

from typing import Any, Final

from panel.llm.types import Usage

_INPUT: Final = ("prompt_tokens", "input_tokens", "prompt_eval_count", "promptTokenCount")
_OUTPUT: Final = ("completion_tokens", "output_tokens", "eval_count", "candidatesTokenCount")
_CACHED: Final = ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")
_BESIDE: Final = ("cache_read_input_tokens", "cache_creation_input_tokens")
"""Where these stand, `input_tokens` does not hold them."""


def usage_of(body: dict[str, Any], price: tuple[float, float] | None) -> Usage:
    """Return what a completion body tells of tokens and cost; what it does not tell is None.

    `price` is USD per million input and output tokens.
    """
    given = body.get("usage")
    usage: dict[str, Any] = given if isinstance(given, dict) else {}
    read, written = _told(usage, _INPUT), _told(usage, _OUTPUT)
    if read is not None and "prompt_tokens" not in usage:
        read += sum(_count(usage.get(name)) or 0 for name in _BESIDE)
    cost = usage.get("cost")
    if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < 1e6:
        known: float | None = float(cost)
    elif price and read is not None and written is not None:
        known = (read * price[0] + written * price[1]) / 1e6
    else:
        known = None
    return Usage(
        input_tokens=read, cached_tokens=_cached(body, usage, read), output_tokens=written,
        cost_usd=known,
    )  # fmt: skip


def _cached(body: dict[str, Any], usage: dict[str, Any], read: int | None) -> int | None:
    """Return the cached ones of the tokens read; a server that has a cache tells of it."""
    if read is None:
        return None
    timings = body.get("timings")
    places = [usage, usage.get("prompt_tokens_details"), usage.get("input_tokens_details")]
    found = [_told(place, _CACHED) or 0 for place in places if isinstance(place, dict)]
    if isinstance(timings, dict):
        found.append(_count(timings.get("cache_n")) or 0)
    return min(read, max(found, default=0))


def _told(usage: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((n for name in names if (n := _count(usage.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    """Return a count of tokens: a whole number, also written as 120.0 or "120"; else None."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    right = isinstance(value, int) and not isinstance(value, bool)
    return value if right and 0 <= value <= 10**9 else None
