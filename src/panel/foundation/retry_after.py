"""When a server whose limit is used up will answer again, as its headers say. Waits for nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

_FARTHEST: Final = timedelta(days=2)


def retry_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return the time by `Retry-After`, or `X-RateLimit-Reset` where nothing remains; else None.

    A time that has passed, or lies more than two days ahead, is no answer.
    """
    found = _after(headers.get("Retry-After", "").strip(), now)
    if found is None and headers.get("X-RateLimit-Remaining", "").strip() == "0":
        found = _epoch(headers.get("X-RateLimit-Reset", "").strip())
    return found if found is not None and now < found <= now + _FARTHEST else None


def _after(text: str, now: datetime) -> datetime | None:
    if text.isascii() and text.isdigit() and len(text) < 7:
        return now + timedelta(seconds=int(text))
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _epoch(text: str) -> datetime | None:
    if text.isascii() and text.isdigit() and len(text) < 12:
        return datetime.fromtimestamp(int(text), UTC)
    return None
