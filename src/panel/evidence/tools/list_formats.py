"""List files: YAML, JSON, JSON Lines, CSV and TSV read into rows that know their lines.

Knows formats; what a tool's fields mean is `fields`' work.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from panel.evidence.tools.column_formats import column_rows
from panel.evidence.tools.list_row import Row
from panel.foundation.errors import ToolError
from panel.foundation.strict_yaml import MAX_BYTES as MAX_YAML_BYTES
from panel.foundation.strict_yaml import read_text, read_yaml_lines
from panel.foundation.text import printable

MAX_LIST_BYTES: Final = 64_000_000


def read_rows(path: Path) -> tuple[list[Row], list[str]]:
    """Return the entries of a tool list in their order, and notes on how it was read.

    Raises:
        ToolError: naming file and line.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise _no_list(path)
    limit = MAX_YAML_BYTES if suffix in _YAML else MAX_LIST_BYTES
    text, where = read_text(path, limit=limit), str(path)
    notes: list[str] = []
    if suffix in _SEPARATORS:
        rows, notes = column_rows(text, where, _SEPARATORS[suffix])
    else:
        rows = list(_READERS[suffix](text, where))
    if not rows:
        raise ToolError(f"{path}: no tools in it", hint=_ENTRY[suffix])
    return rows, notes


def _no_list(path: Path) -> ToolError:
    shown = printable(str(path))
    if path.is_dir():
        return ToolError(
            f"{shown} is a folder, not a tool list", hint=f"one of {', '.join(SUFFIXES)}"
        )
    stem = printable(path.stem) or "tools"
    if path.suffix.lower() in _SHEETS:
        hint = f"save it from there as {stem}.csv, in UTF-8"
    else:
        hint = f"as {stem}.csv it begins with name,description; as {stem}.yaml with - name: NAME"
    return ToolError(f"{shown}: a tool list ends in {', '.join(SUFFIXES)}", hint=hint)


def _yaml_rows(text: str, where: str) -> Iterator[Row]:
    found, lines = read_yaml_lines(text, where=where)
    single = isinstance(found, dict)
    if found is not None and not isinstance(found, dict | list):
        raise ToolError(f"{where} line {lines[()]}: expected a list of tools, each with a name")
    for index, item in enumerate([found] if single else found or []):
        path: tuple[str | int, ...] = () if single else (index,)
        values = _mapping(item, f"{where} line {lines[path]}")
        yield Row(where, lines[path], values, {key: lines[(*path, key)] for key in values})


def _json_rows(text: str, where: str) -> Iterator[Row]:
    start = _skip_blank(text, 0)
    if text[start : start + 1] != "[":
        value, end = _json_value(text, start, where)
        _end_of_json(text, end, where)
        yield Row(
            where, _line_at(text, start), _mapping(value, f"{where} line {_line_at(text, start)}")
        )
        return
    place, line, counted = _skip_blank(text, start + 1), 1, 0
    closing = "]" if text[place : place + 1] == "]" else ""
    while not closing:
        line, counted = line + text.count("\n", counted, place), place
        value, end = _json_value(text, place, where)
        yield Row(where, line, _mapping(value, f"{where} line {line}"))
        place = _skip_blank(text, end)
        if text[place : place + 1] not in {",", "]"}:
            raise ToolError(f"{where} line {_line_at(text, place)}: expected , or ] after an entry")
        closing = "]" if text[place] == "]" else ""
        place = place if closing else _skip_blank(text, place + 1)
    _end_of_json(text, place + 1, where)


def _jsonl_rows(text: str, where: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            value, end = _json_value(line, _skip_blank(line, 0), where, first_line=number)
            _end_of_json(line, end, where, first_line=number)
            yield Row(where, number, _mapping(value, f"{where} line {number}"))


def _json_value(text: str, place: int, where: str, *, first_line: int = 1) -> tuple[Any, int]:
    try:
        return _JSON.raw_decode(text, place)
    except json.JSONDecodeError as fault:
        line, what = fault.lineno + first_line - 1, fault.msg
    except (ValueError, RecursionError) as fault:
        deep = isinstance(fault, RecursionError)
        line = _line_at(text, place) + first_line - 1
        what = "nested too deep" if deep else printable(str(fault)).partition(";")[0]
    raise ToolError(f"{where} line {line}: not valid JSON: {what}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"key {twice[:80]!r} stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


_JSON: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)


def _skip_blank(text: str, place: int) -> int:
    while text[place : place + 1] in {" ", "\t", "\n", "\r"}:
        place += 1
    return place


def _end_of_json(text: str, place: int, where: str, *, first_line: int = 1) -> None:
    if (rest := _skip_blank(text, place)) < len(text):
        line = _line_at(text, rest) + first_line - 1
        several = text[rest] == "{"
        raise ToolError(
            f"{where} line {line}: something stands after the end of the JSON",
            hint="one object a line is JSON Lines: name it .jsonl" if several else None,
        )


def _line_at(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ToolError(f"{place}: expected a tool as keys and values", hint="- name: NAME")
    return value


_READERS: Final[dict[str, Callable[[str, str], Iterator[Row]]]] = {
    ".yaml": _yaml_rows,
    ".yml": _yaml_rows,
    ".json": _json_rows,
    ".jsonl": _jsonl_rows,
    ".ndjson": _jsonl_rows,
}
_SEPARATORS: Final = {".csv": ",", ".tsv": "\t"}
_YAML: Final = (".yaml", ".yml")
_SHEETS: Final = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers", ".parquet")
SUFFIXES: Final = tuple(sorted([*_READERS, *_SEPARATORS]))

_ENTRY: Final = {
    **dict.fromkeys(_READERS, 'add an entry: {"name": "NAME", "description": "TEXT"}'),
    **dict.fromkeys(_YAML, "add an entry: - name: NAME"),
    **dict.fromkeys(_SEPARATORS, "add an entry under the names of the columns"),
}
"""What to type where there is no tool yet."""
