"""Strict YAML: text, lists and mappings, nothing that runs, repeats or guesses.

Every scalar stays the text that was typed (`no`, `1e3`, `2026-01-01`) or is None. Knows nothing
of tools or personas: the caller says which error to raise.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from panel.foundation.errors import InputError, ToolError
from panel.foundation.text import printable

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 20
MAX_NODES: Final = 120_000
"""Together with the size this bounds reading to well under half a second."""

Lines = dict[tuple[str | int, ...], int]
"""Where each value stands: its path of keys and 0-based indices, to its 1-based line."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str, *, where: str, error: type[InputError] = ToolError) -> Any:
    """Return the one document in `text` as dict, list, str or None; raise `error` otherwise."""
    return read_yaml_lines(text, where=where, error=error)[0]


def read_yaml_lines(
    text: str, *, where: str, error: type[InputError] = ToolError, first_line: int = 1
) -> tuple[Any, Lines]:
    """Like `read_yaml`, with the line of every value; `first_line` is the line `text` starts at."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise error(f"{where}: more than 1 MB of YAML")
    reader = _Reader(text, where=where, error=error, first_line=first_line)
    try:
        return reader.document(), reader.lines
    except yaml.YAMLError as cause:
        broken = reader.wrong(_line(cause, text), f"not valid YAML: {_problem(cause)}")
        broken.hint = "indent with blanks, and put text that holds ': ' or ' #' in quotes"
        raise broken from None
    except UnicodeEncodeError:
        raise error(f"{where}: holds characters that are not text") from None


def read_text(path: Path, *, limit: int, error: type[InputError] = ToolError) -> str:
    """Return the UTF-8 text of a file of at most `limit` bytes, without its byte order mark."""
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as cause:
        raise error(f"{path}: {(cause.strerror or 'cannot be read').lower()}") from None
    if len(raw) > limit:
        raise error(f"{path}: larger than {limit // 1_000_000} MB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = raw[: cause.start].count(b"\n") + 1
        raise error(f"{path} line {line}: not UTF-8 text", hint="save the file as UTF-8") from None


def read_front_matter(
    path: Path, *, error: type[InputError] = ToolError
) -> tuple[dict[str, Any], str]:
    """Return the mapping between the `---` lines at the top of a file, and the text below them."""
    lines = read_text(path, limit=MAX_BYTES, error=error).replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != "---":
        raise error(f"{path} line 1: must start with a line `---` that opens the front matter")
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), 0)
    if not end:
        raise error(f"{path}: the front matter is not closed by a line `---`")
    metadata, _ = read_yaml_lines(
        "\n".join(lines[1:end]), where=str(path), error=error, first_line=2
    )
    if not isinstance(metadata, dict):
        raise error(f"{path} line 2: the front matter must be `key: value` lines")
    return metadata, "\n".join(lines[end + 1 :]).strip()


def first_fault(error: "ValidationError", data: object) -> str:
    """Return the first fault of a document in the words of its file: which key, what is wrong.

    `data` is what was validated. An entry of a list is named by its `id`, else by its index.
    """
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    names: list[str] = []
    value: Any = data
    for step in first["loc"]:
        value = _inside(value, step)
        ident = value.get("id") if isinstance(value, dict) else None
        names.append(str(ident or step) if isinstance(step, int) else str(step))
    where = ".".join(names)
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}"
    if first["type"] == "missing":
        return f"the key {where!r} is missing"
    what = first["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def _inside(value: Any, step: int | str) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


class _Reader:
    """Turns parser events into values; rejects tags, anchors, merge keys and deep nesting."""

    def __init__(self, text: str, *, where: str, error: type[InputError], first_line: int) -> None:
        self.events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=_Loader))
        self.where = where
        self.error = error
        self.first_line = first_line
        self.lines: Lines = {}
        self.nodes = 0

    def wrong(self, line: int | None, what: str) -> InputError:
        place = self.where if line is None else f"{self.where} line {line + self.first_line}"
        return self.error(f"{place}: {what}")

    def document(self) -> Any:
        next(self.events)
        opening = next(self.events)
        if isinstance(opening, yaml.StreamEndEvent):
            return None
        if getattr(opening, "tags", None):
            raise self.wrong(_at(opening), "tags are not allowed")
        value = self.value(next(self.events), ())
        next(self.events)
        following = next(self.events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise self.wrong(_at(following), "a second document is not allowed")
        return value

    def value(self, event: yaml.Event, path: tuple[str | int, ...]) -> Any:
        self.check(event, depth=len(path))
        self.lines[path] = _at(event) + self.first_line
        if isinstance(event, yaml.ScalarEvent):
            return None if _plain(event) and event.value in _NULLS else str(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        return self.mapping(path)

    def sequence(self, path: tuple[str | int, ...]) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, (*path, len(items))))
        return items

    def mapping(self, path: tuple[str | int, ...]) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event)
            if key in items:
                raise self.wrong(_at(event), f"key {printable(key)[:80]!r} stands twice")
            items[key] = self.value(next(self.events), (*path, key))
            self.lines[(*path, key)] = _at(event) + self.first_line
        return items

    def key(self, event: yaml.Event) -> str:
        self.check(event, depth=0)
        if not isinstance(event, yaml.ScalarEvent) or (_plain(event) and event.value in _NULLS):
            raise self.wrong(_at(event), "a key must be text")
        if _plain(event) and event.value == "<<":
            raise self.wrong(_at(event), "merge keys are not allowed")
        return str(event.value)

    def check(self, event: yaml.Event, *, depth: int) -> None:
        self.nodes += 1
        line = _at(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self.wrong(line, "anchors and aliases are not allowed")
        if getattr(event, "tag", None) is not None:
            raise self.wrong(line, "tags are not allowed: put text that starts with ! in quotes")
        if depth > MAX_DEPTH:
            raise self.wrong(line, f"nested more than {MAX_DEPTH} deep")
        if self.nodes > MAX_NODES:
            raise self.wrong(line, f"more than {MAX_NODES} values: use JSON Lines or CSV")


def _at(event: yaml.Event) -> int:
    return event.start_mark.line if event.start_mark else 0


def _plain(event: yaml.ScalarEvent) -> bool:
    return not event.style  # the C parser says "", the Python one None


def _line(cause: yaml.YAMLError, text: str) -> int | None:
    mark = getattr(cause, "problem_mark", None)
    if mark is not None:
        return min(int(mark.line), text.count("\n"))
    if isinstance(cause, yaml.reader.ReaderError):
        return text.encode()[: cause.position].count(b"\n")
    return None


def _problem(cause: yaml.YAMLError) -> str:
    problem = getattr(cause, "problem", None) or getattr(cause, "reason", None) or "unreadable"
    return printable(str(problem)).replace("\n", " ")
