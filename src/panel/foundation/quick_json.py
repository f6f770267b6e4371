"""JSON by orjson, and by the standard library where orjson refuses: half characters, huge numbers.

Both read and write the same texts; orjson takes a tenth of the time.
"""

import json
from functools import lru_cache
from typing import Any

import orjson


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON in UTF-8, without blanks between its parts.

    A number that is none becomes null. Raises ValueError for half characters.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()


def sorted_json(value: dict[str, Any], *, compact: bool) -> str:
    """Return a mapping as ASCII JSON with sorted keys; remembered for as long as it is in use.

    For schemas and the like, which are few, are asked for again and again, and never change.
    """
    return _sorted_json(_Same(value), compact)


@lru_cache(maxsize=128)
def _sorted_json(same: "_Same", compact: bool) -> str:
    separators = (",", ":") if compact else None
    return json.dumps(same.value, sort_keys=True, separators=separators, allow_nan=False)


class _Same:
    """A mapping as a key: equal to itself alone. The cache keeps it, so its id stays its own."""

    __slots__ = ("value",)

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


def any_json(text: str | bytes) -> Any:
    """Return JSON data, read as `plain_json` where that is possible and leniently elsewhere."""
    try:
        return plain_json(text)
    except ValueError:
        return json.loads(text)


def plain_json(text: str | bytes) -> Any:
    """Return JSON data that needs no leniency at all.

    Raises ValueError for anything else: a mark of byte order, half characters, NaN or a number that
    would be infinite, line breaks in strings, a depth over 1,024. A key that stands twice keeps its
    last value; an integer over 64 bits becomes a float.
    """
    return orjson.loads(text)
