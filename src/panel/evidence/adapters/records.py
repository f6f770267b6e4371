"""Records: JSON of an API, checked and written as plain sentences.

Values are untrusted: one short line each, so that none can imitate another sentence.
"""

import json
import re
from datetime import date
from typing import Any, Final

from panel.evidence.fetch.page import FetchedPage
from panel.foundation.errors import Unparseable
from panel.foundation.text import clean, one_line

JSON: Final = "application/json"

_WRONG_SHAPE: Final = "answered with JSON of another shape"
_LONGEST: Final = 200
_DAY: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?", re.DOTALL)


def fields(page: FetchedPage) -> dict[str, Any]:
    """Return the JSON object a page holds.

    Raises:
        Unparseable: it is cut, a web page, no JSON, or JSON but no object.
    """
    value = _value(page)
    if not isinstance(value, dict):
        raise Unparseable(_WRONG_SHAPE)
    return value


def rows(page: FetchedPage) -> list[dict[str, Any]]:
    """Return the JSON objects of the array a page holds; what else is in it is left out.

    Raises:
        Unparseable: it is cut, a web page, no JSON, or JSON but no array.
    """
    value = _value(page)
    if not isinstance(value, list):
        raise Unparseable(_WRONG_SHAPE)
    return [row for row in value if isinstance(row, dict)]


def _value(page: FetchedPage) -> object:
    if "html" in page.media_type:
        raise Unparseable("answered with a web page instead of JSON")
    try:
        return json.loads(page.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unparseable("answered with broken JSON") from None


def words(value: object) -> str:
    """Return a text on one line and at most 200 characters; empty where it is no text."""
    if not isinstance(value, str):
        return ""
    line = one_line(clean(value[: 4 * _LONGEST])[0])
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rstrip()}…"


def count(value: object) -> str:
    """Return a whole number as text; empty where it is none."""
    valid = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12
    return str(value) if valid else ""


def day(value: object) -> str:
    """Return the day of an ISO time; empty where it is none."""
    match = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(match[1]).isoformat() if match else ""
    except ValueError:
        return ""


def sentences_of(**values: str) -> tuple[str, ...]:
    """Return `Label: value.` for each value there is; `_` in a label's name is a blank."""
    return tuple(f"{name.replace('_', ' ')}: {value}." for name, value in values.items() if value)
