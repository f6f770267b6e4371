"""List files: YAML, JSON, JSON Lines and CSV read into rows that know their lines.

Knows formats; what a tool's fields mean is `fields`' work.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from panel.documents import MAX_BYTES as MAX_YAML_BYTES
from panel.documents import read_text, read_yaml_lines
from panel.errors import ToolError
from panel.untrusted import printable

MAX_LIST_BYTES: Final = 64_000_000


@dataclass(frozen=True)
class Row:
    """One entry of a list as it was typed."""

    where: str
    """The list's name for messages."""
    line: int
    """1-based; 0 when the entry comes from no file."""
    values: dict[str, Any]
    key_lines: dict[str, int] = field(default_factory=dict)
    """The lines of single keys, where the format tells."""
    header: int = 0
    """The line of the column names, where there are columns."""

    def place(self, key: str | None = None) -> str:
        """Name the file and the line of a key, or of the whole entry."""
        line = self.key_lines.get(key, self.line) if key else self.line
        return f"{self.where} line {line}" if line else self.where


def read_rows(path: Path) -> list[Row]:
    """Return the entries of a tool list in their order; raise ToolError with file and line."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ToolError(
            f"{path}: a tool list ends in {', '.join(sorted(_READERS))}",
            hint=f"mv {path.name} {path.stem or 'tools'}.yaml",
        )
    limit = MAX_YAML_BYTES if reader is _yaml_rows else MAX_LIST_BYTES
    rows = list(reader(read_text(path, limit=limit), str(path)))
    if not rows:
        raise ToolError(f"{path}: no tools in it", hint="add an entry: - name: NAME")
    return rows


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


def _csv_rows(text: str, where: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    header_line = 0
    try:
        for cells in reader:
            line = reader.line_num - sum(cell.count("\n") for cell in cells)
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header, header_line = _csv_header(cells, f"{where} line {line}"), line
                continue
            if len(cells) > len(header):
                raise ToolError(
                    f"{where} line {line}: {len(cells)} cells under {len(header)} column names",
                    hint='put text that holds a comma in quotes: "a, b"',
                )
            values = {key: cell or None for key, cell in zip(header, cells, strict=False)}
            yield Row(where, line, values, header=header_line)
    except csv.Error as fault:
        raise ToolError(f"{where} line {reader.line_num}: not valid CSV: {fault}") from None


def _csv_header(cells: list[str], place: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise ToolError(f"{place}: column {printable(twice)!r} stands twice")
    if len(header) == 1 and ";" in header[0]:
        raise ToolError(f"{place}: columns are separated by commas, not by semicolons")
    return header


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
        raise ToolError(f"{where} line {line}: something stands after the end of the JSON")


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
    ".csv": _csv_rows,
}
