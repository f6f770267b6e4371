"""Finds the JSON object in a model's reply, within fixed bounds. Knows no schema.

The last object counts: an earlier one may have been put there by the text under review. Work is
linear in the length, whatever the text.
"""

import json
import math
import re
from collections import Counter, deque
from collections.abc import Collection
from typing import Any, Final

from panel.foundation.errors import BadReply
from panel.foundation.quick_json import plain_json
from panel.llm.thinking import Mark, marks

MAX_BYTES: Final = 256_000
MAX_DEPTH: Final = 64
MAX_OBJECTS: Final = 1000
MAX_DIGITS: Final = 300
"""Longer integers are refused: no answer of ours needs them, and conversion is quadratic."""

_OPENING: Final = re.compile(r'\{(?=\s*+["}])')
_MARK: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]"]', re.DOTALL)
_NAMED: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"(\s*:)?')
_DOUBT: Final = -1_000_000_000
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_KEY: Final = re.compile(r'"([A-Za-z]\w{0,23})"\s*:', re.ASCII)
_PLAIN: Final = re.compile(r"[A-Za-z][\w-]{0,23}", re.ASCII)
_FENCE: Final = re.compile(r"\A\s*```\w*\s*|\s*```\s*\Z")
_CLOSERS: Final = 8
"""Marks that close thinking at which a broken object is given up, each a pass over the rest."""


def last_json_object(text: str, keys: Collection[str] = ()) -> dict[str, Any]:
    """Return the last JSON object in a reply: prose, fences and thinking around it are skipped.

    Line breaks and tabs in strings are read as they stand. An object that a server or a model has
    put into a JSON string is read out of it.

    Args:
        text: The reply.
        keys: What the object must hold. A later one that names less than half of them is a remark
            on the form, as `{}`, and is passed over. The object is taken out of what wraps it.

    Raises:
        BadReply: no object, a cut or broken one, duplicate keys, NaN or infinite numbers, integers
            over 300 digits, nesting over 64, more than 256 kB.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise BadReply("the reply is larger than 256 kB")
    text = text.lstrip("\ufeff \t\r\n")
    if text[:1] == "{" and (value := _flawless(text)) is not None:
        return _unwrapped(value, keys) if keys else value
    text = _decoded(text)
    spans = [text[slice(*span)] for span in _object_spans(text)]
    if not keys:
        return _parsed(spans[-1])
    # Never past a candidate answer: an earlier object may come from the text under review.
    tries = (span for span in reversed(spans) if 2 * _keys_in(span, keys) >= len(keys))
    return _unwrapped(_parsed(next(tries, spans[-1])), keys)


def _flawless(text: str) -> dict[str, Any] | None:
    """Return a reply that is one JSON object and nothing else; None where that is not sure.

    The common case, read in one pass: what has a fault or a doubt is walked through mark by mark.
    """
    try:
        value = plain_json(text)
    except ValueError:
        return None
    counts = _counts(value, 1)
    # As many names as entries: no name stands twice in an object.
    return value if counts == sum(map(bool, _NAMED.findall(text))) else None


def _counts(value: Any, depth: int) -> int:
    """Return how many entries its objects have; less than 0 for what is to be looked at closely."""
    if not isinstance(value, dict | list):
        return _DOUBT if isinstance(value, float) else 0  # it may be a whole number of 300 digits
    if depth > MAX_DEPTH:
        return _DOUBT
    total, items = (len(value), value.values()) if isinstance(value, dict) else (0, value)
    for item in items:
        if type(item) is not str:
            total += _counts(item, depth + 1)
    return total


def _keys_in(text: str, keys: Collection[str]) -> int:
    """Return how many of the keys stand in the text of an object, also in a string within it."""
    return sum(f'"{key}"' in text or f'"{key}\\"' in text for key in keys)


def _unwrapped(outer: dict[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """Return the object with these keys out of the one it was wrapped into, `{"answer": {…}}`.

    An object that holds one of them itself, or no single other that holds them all, stays.
    """
    inner = outer
    for _ in range(3):
        if any(key in inner for key in keys):
            return inner
        objects = [_object_in(value) for value in inner.values()]
        complete = [value for value in objects if value and all(key in value for key in keys)]
        candidates = complete or [value for value in objects if value]
        if len(candidates) != 1:
            return outer
        inner = candidates[0]
    return outer


def plain_key(key: object) -> str:
    """Return a key of a model's as it may be shown outside the fence: a short word, or `…`."""
    return key if isinstance(key, str) and _PLAIN.fullmatch(key) else "…"


def _object_in(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            return last_json_object(value)
        except BadReply:
            return None
    return value if isinstance(value, dict) else None


def _decoded(text: str) -> str:
    """Return what a reply that is one JSON string, fenced or not, holds."""
    for _ in range(2):
        bare = _FENCE.sub("", text).strip()
        if not (bare[:1] == '"' and bare[-1:] == '"' and "{" in bare):
            return text
        try:
            inner = json.loads(bare, strict=False)
        except ValueError:
            return text
        text = inner.strip()
    return text


def _object_spans(text: str) -> list[tuple[int, int]]:
    """Return where the objects stand that are no part of thinking, one at least."""
    spans = _Spans(text)
    spans.scan()
    if spans.opened is not None and not spans.ends_with_one():
        raise BadReply("the reply is all thinking: it stops before the answer")
    positions = spans.answers or spans.dropped
    if not positions:
        raise BadReply("the reply holds no JSON object")
    return positions


class _Spans:
    """Walks through a reply once, from object to object and from mark to mark."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.marks = list(marks(text))
        self.answers: list[tuple[int, int]] = []
        self.dropped: list[tuple[int, int]] = []
        """Objects before a closing mark: part of the thinking, unless nothing follows."""
        self.opened: int | None = None
        """Where thinking began that has not ended."""
        self._objects = self._broken = 0

    def scan(self) -> None:
        place, coming = 0, deque(self.marks)
        opening = _OPENING.search(self.text)
        while True:
            if opening is not None and opening.start() < place:
                opening = _OPENING.search(self.text, place)
            while coming and coming[0].start < place:
                coming.popleft()
            if coming and (opening is None or coming[0].start < opening.start()):
                place = self._pass(coming.popleft(), coming)
            elif opening is not None:
                place = self._object(opening.start(), coming)
            else:
                return

    def ends_with_one(self) -> bool:
        return bool(self.answers) and not self.text[self.answers[-1][1] :].strip(" \t\r\n`")

    def _pass(self, mark: Mark, coming: deque[Mark]) -> int:
        """Go past a mark, and past the thinking it opens where that has an end."""
        if mark.kind == "open":
            while coming and coming[0].kind == "open":
                coming.popleft()
            if not coming:
                self.opened = mark.start
                return mark.end
            mark = coming.popleft()
        self._drop()
        return mark.end

    def _drop(self) -> None:
        self.dropped, self.answers = self.answers or self.dropped, []

    def _object(self, start: int, coming: deque[Mark]) -> int:
        """Go past an object; one that breaks inside of thinking is left where the thinking ends."""
        if (objects := self._objects + 1) > MAX_OBJECTS:
            raise BadReply(f"the reply holds more than {MAX_OBJECTS} JSON objects")
        self._objects = objects
        closing = next((mark for mark in coming if mark.kind == "close"), None)
        try:
            end = _end(self.text, start)
            if closing and closing.start < end:
                _parsed(self.text[start:end])  # raises unless the mark is inside a string
        except BadReply:
            if closing is None or self._broken == _CLOSERS:
                raise
            self._broken += 1
            self._drop()
            if self._broken == _CLOSERS:
                closing = next(mark for mark in reversed(coming) if mark.kind == "close")
            return closing.end
        self.answers.append((start, end))
        return end


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
        value = json.loads(
            text, strict=False, object_pairs_hook=_unique, parse_constant=_constant,
            parse_float=_finite, parse_int=_short,
        )  # fmt: skip
    except (ValueError, RecursionError) as error:
        problem = _where(error) if isinstance(error, json.JSONDecodeError) else "unreadable"
        raise BadReply(f"the JSON in the reply is broken: {problem}") from None
    if not isinstance(value, dict):
        raise BadReply("the reply holds no JSON object")
    return value


def _where(error: json.JSONDecodeError) -> str:
    """Say what breaks the syntax and where: by place, and by the last key before it."""
    problem = f"{error.msg.lower()} (line {error.lineno}, column {error.colno}"
    keys = _KEY.findall(error.doc, 0, error.pos)
    return problem + (f", after the key {keys[-1]})" if keys else ")")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = {_text(key): _text(value) for key, value in pairs}
    if len(mapping) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        duplicate = plain_key(counts.most_common(1)[0][0])
        raise BadReply(f"the JSON in the reply names a key twice: {duplicate}")
    return mapping


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
