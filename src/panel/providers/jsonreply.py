"""Finds the JSON object in a model's reply, within fixed bounds. Knows no schema.

The last object counts: an earlier one may have been put there by the text under review. Work is
linear in the length, whatever the text.
"""

import json
import math
import re
from typing import Any, Final

from panel.errors import BadReply

MAX_BYTES: Final = 256_000
MAX_DEPTH: Final = 64
MAX_OBJECTS: Final = 1000
MAX_DIGITS: Final = 300
"""Longer integers are refused: no answer of ours needs them, and conversion is quadratic."""

_OPENING: Final = re.compile(r'\{(?=\s*+["}])')
_MARK: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]"]', re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_THINKING: Final = re.compile(r"<(think|thinking|reasoning)>", re.IGNORECASE)
_THOUGHT: Final = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)


def last_object(text: str) -> dict[str, Any]:
    """Return the last JSON object in a reply: prose, fences and thinking around it are skipped.

    Raises:
        BadReply: no object, a cut or broken one, duplicate keys, NaN or infinite numbers, integers
            over 300 digits, nesting over 64, more than 256 kB.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise BadReply("the reply is larger than 256 kB")
    text = _without_thinking(text.lstrip("\ufeff \t\r\n"))
    span: tuple[int, int] | None = None
    place = seen = 0
    while opening := _OPENING.search(text, place):
        place = _end(text, opening.start())
        span = opening.start(), place
        if (seen := seen + 1) > MAX_OBJECTS:
            raise BadReply(f"the reply holds more than {MAX_OBJECTS} JSON objects")
    if span is None:
        raise BadReply("the reply holds no JSON object")
    return _parsed(text[slice(*span)])


def _without_thinking(text: str) -> str:
    if text[:1] in ("{", "[", "`"):
        return text
    ends = list(_THOUGHT.finditer(text))
    if ends and "{" in text[ends[-1].end() :]:
        return text[ends[-1].end() :]
    if not ends and _THINKING.match(text):
        raise BadReply("the reply is all thinking: it stops before the answer")
    return text


def _end(text: str, start: int) -> int:
    """Return the place after the object that opens at `start`; nothing inside it is a candidate."""
    closing: list[str] = []
    for mark in _MARK.finditer(text, start):
        sign = mark.group()
        if sign in "{[":
            closing.append("}" if sign == "{" else "]")
            if len(closing) > MAX_DEPTH:
                raise BadReply(f"the JSON in the reply is nested deeper than {MAX_DEPTH}")
        elif sign == '"':
            break
        elif sign in "}]":
            if closing.pop() != sign:
                raise BadReply("the JSON in the reply is broken: its brackets do not match")
            if not closing:
                return mark.end()
    raise BadReply("the JSON in the reply is cut off")


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite,
            parse_int=_short,
        )  # fmt: skip
    except (ValueError, RecursionError) as fault:
        what = fault.msg if isinstance(fault, json.JSONDecodeError) else "unreadable"
        raise BadReply(f"the JSON in the reply is broken: {what.lower()}") from None
    if not isinstance(found, dict):
        raise BadReply("the reply holds no JSON object")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = {_text(key): _text(value) for key, value in pairs}
    if len(found) < len(pairs):
        raise BadReply("the JSON in the reply names a key twice")
    return found


def _text(value: Any) -> Any:
    """Replace half characters (lone surrogates): no file could hold them."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    return [_text(item) for item in value] if isinstance(value, list) else value


def _constant(name: str) -> float:
    raise BadReply(f"the JSON in the reply holds {name}, which is not a number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadReply("the JSON in the reply holds a number too large")
    return number


def _short(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise BadReply(f"the JSON in the reply holds an integer of over {MAX_DIGITS} digits")
    return int(digits)
