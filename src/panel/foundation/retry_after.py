"""The wait that a server asks for, from headers and messages; unusable values are ignored."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

_MAX_WAIT: Final = 86_400.0
"""Seconds; a longer wait from a model server is taken for an error of the server."""

_MAX_PAGE_WAIT: Final = 172_800.0
"""The same for a page: a host's daily limit may reset only after the next midnight."""

Headers = Iterable[tuple[str, str]]

_NUMBER: Final = re.compile(r"\d{1,15}(?:\.\d{1,9})?")
_SPANS: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhd]))+")
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_UNIT: Final = (
    r"(ms|milliseconds?|毫秒|s|secs?|seconds?|秒|m|mins?|minutes?|分钟?|h|hrs?|hours?|小时"
    r"|d|days?|天)"
)
_WAIT_TEXT: Final = re.compile(
    r"(?:(?:try|retry|available|wait|resets?|reset|again|back|ready|continue|later|재시도|sleep)"
    r"\b[^.;\d]{0,40}?|请(?:在|等待)?\s{0,3}|^)(?:in|after|for|within|wait|:|在|约|~|about"
    r"|等待)?\s{0,3}"
    rf"((?:\d+(?:\.\d+)?\s?{_UNIT}(?![a-z])[\s,]{{0,2}}(?:and )?){{1,4}})",
    re.IGNORECASE,
)
_WAIT_SPAN: Final = re.compile(rf"(\d+(?:\.\d+)?)\s?{_UNIT}(?![a-z])", re.IGNORECASE)
_WINDOW: Final = re.compile(r"(?:^|;)\s*t=(\d+(?:\.\d+)?)\s*(?=;|$)")


def retry_after(headers: Headers, *, now: datetime) -> float | None:
    """Return the seconds a server asks to wait, or None without a usable hint.

    Dates are measured against the server's own `Date`, `now` standing in where it sends none.
    Zero, negative, past and unreadable hints count as none, and so do two that disagree.
    """
    values = _by_name(headers)
    server_now = _date(_single(values, "date")) or now
    readers: list[Callable[[], float | None]] = [
        lambda: _milliseconds(_single(values, "retry-after-ms")),
        lambda: _seconds_or_date(_single(values, "retry-after"), server_now),
        lambda: _window(values.get("ratelimit", set())),
        lambda: _reset(values, server_now),
    ]
    return _first(read() for read in readers)


def retry_at(headers: Headers, *, now: datetime) -> datetime | None:
    """Return the time a page may be had again: `Retry-After`, or the reset of a limit used up.

    `X-RateLimit-Reset` is a moment, and counts where nothing of the limit remains. A time that has
    passed, or lies more than two days ahead, is none.
    """
    values, now = _by_name(headers), now.replace(microsecond=0)
    seconds = _seconds_or_date(_single(values, "retry-after"), now)
    if seconds is None and _single(values, "x-ratelimit-remaining") == "0":
        reset = _single(values, "x-ratelimit-reset")
        seconds = float(reset) - now.timestamp() if _NUMBER.fullmatch(reset) else None
    seconds = _first([seconds], longest=_MAX_PAGE_WAIT)
    return now + timedelta(seconds=seconds) if seconds else None


def wait_in_body(
    fields: Iterable[tuple[str, Any]], sentences: Iterable[str], *, now: datetime
) -> float | None:
    """Return the seconds that an error's body asks to wait: a field of it by name, or its words."""
    in_fields = (_field(name, value, now) for name, value in fields)
    return _first(in_fields) or _first(map(_wait_in_text, sentences))


def _first(candidates: Iterable[float | None], *, longest: float = _MAX_WAIT) -> float | None:
    return next((seconds for seconds in candidates if seconds and 0 < seconds <= longest), None)


def _by_name(headers: Headers) -> dict[str, set[str]]:
    values: dict[str, set[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), set()).add(value.strip())
    return values


def _field(name: str, value: Any, now: datetime) -> float | None:
    if isinstance(value, dict):  # google.protobuf.Duration, written out
        value = value.get("seconds")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    seconds = _span(str(value).strip(), now)
    return seconds / 1000 if seconds and name.endswith("ms") else seconds


def _wait_in_text(text: str) -> float | None:
    """`try again in 20s`, `Please retry after 7 seconds`, `Resets in 6hr 29min`."""
    if (match := _WAIT_TEXT.search(text[:2_000])) is None:
        return None
    return sum(float(n) * _seconds_of(unit) for n, unit in _WAIT_SPAN.findall(match.group(1)))


def _seconds_of(unit: str) -> float:
    unit = unit.lower()
    if unit.startswith(("ms", "milli", "毫")):
        return 0.001
    return {"s": 1.0, "秒": 1.0, "m": 60.0, "分": 60.0, "h": 3600.0, "小": 3600.0}.get(
        unit[0], 86_400.0
    )


def _single(values: dict[str, set[str]], name: str) -> str:
    texts = values.get(name, set())
    return next(iter(texts)) if len(texts) == 1 else ""


def _milliseconds(text: str) -> float | None:
    return float(text) / 1000 if _NUMBER.fullmatch(text) else None


def _seconds_or_date(text: str, at: datetime) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    until = _date(text)
    return (until - at).total_seconds() if until else None


def _date(text: str) -> datetime | None:
    if not text.endswith("GMT"):
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _window(texts: set[str]) -> float | None:
    """The draft standard's `"policy";r=0;t=55`: seconds until the window starts again."""
    seconds = [float(match.group(1)) for text in texts for match in _WINDOW.finditer(text)]
    return max(seconds, default=None)


def _reset(values: dict[str, set[str]], at: datetime) -> float | None:
    """`x-ratelimit-reset-*`: those whose `remaining` is 0, or all where nothing says so."""
    resets = {
        name.partition("reset")[2]: next(iter(texts))
        for name, texts in values.items()
        if re.fullmatch(r"(?:x-)?ratelimit-reset(?:-[a-z-]+)?", name) and len(texts) == 1
    }
    spent = [kind for kind in resets if "0" in _remaining(values, kind)]
    spans = [_span(resets[kind], at) for kind in spent or resets]
    return max((seconds for seconds in spans if seconds is not None), default=None)


def _remaining(values: dict[str, set[str]], kind: str) -> set[str]:
    return values.get(f"x-ratelimit-remaining{kind}", set()) | values.get(
        f"ratelimit-remaining{kind}", set()
    )


def _span(text: str, at: datetime) -> float | None:
    """`1m30s`, `250ms`, `12.5`, or the moment itself as seconds or milliseconds since 1970."""
    if _SPANS.fullmatch(text):
        return sum(float(n) * _UNITS[unit] for n, unit in _SPAN.findall(text))
    if not _NUMBER.fullmatch(text):
        return _seconds_or_date(text, at)
    number = float(text)
    if number > 1e11:
        number /= 1000
    return number - at.timestamp() if number > 1e9 else number
