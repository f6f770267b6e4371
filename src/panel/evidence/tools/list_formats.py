"""List files: YAML, JSON, JSON Lines, CSV and TSV read into rows that know their lines.

`fields` knows what a tool's fields mean. The delimiter of a list in columns is that of the suffix,
of a first line `sep=;`, or the one that makes known names of the first line. Columns without a
name and without a cell are left out.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from panel.foundation.errors import ToolError
from panel.foundation.strict_yaml import MAX_BYTES as MAX_YAML_BYTES
from panel.foundation.strict_yaml import read_text, read_yaml_lines
from panel.foundation.text import printable


@dataclass(slots=True)
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


KEYS: Final = ("name", "url", "category", "kind", "tagline", "price", "description", "evidence")
"""What an entry of a list may hold."""

MAX_CELL: Final = 64_000_000
"""Characters; more than a list may have."""

_MARKS: Final = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_DECLARED: Final = re.compile(r'\s*"?sep=([^\w"\r\n])"?[^\S\r\n]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_NAMELESS: Final = re.compile(r"Unnamed: \d+(_level_\d+)?")
"""What pandas calls a column without a name."""


def column_rows(text: str, where: str, separator: str) -> tuple[Iterator[Row], list[str]]:
    """Return the entries of a list in columns, and notes; raise ToolError with file and line.

    The entries are read one at a time, and what is wrong with one is raised there.

    Args:
        text: The list.
        where: Its name for messages.
        separator: What the file's suffix says stands between cells.
    """
    csv.field_size_limit(MAX_CELL)
    notes: list[str] = []
    skipped = 0
    if declared := _DECLARED.match(text):
        separator, skipped = declared[1], 1
        text = text[declared.end() :]
    elif (likely := _separator(text, separator)) != separator:
        notes.append(f"{where}: its columns are separated by {_MARKS[likely]}")
        separator = likely
    return _rows(text, where, separator, skipped), notes


def _rows(text: str, where: str, separator: str, skipped: int) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    header: list[str] = []
    header_line = before = 0
    all_named = False
    try:
        for cells in reader:
            line = skipped + reader.line_num
            if reader.line_num - before > 1:
                line -= sum(cell.count("\n") for cell in cells)
            before = reader.line_num
            if not any(map(str.strip, cells)):
                continue
            if not header:
                header, header_line = _header(cells, f"{where} line {line}", separator), line
                all_named = all(header)
                continue
            if not all_named or len(cells) > len(header):
                _check_cells(cells, header, f"{where} line {line}", separator)
            values = {key: cell or None for key, cell in zip(header, cells, strict=False) if key}
            yield Row(where, line, values, header=header_line)
    except csv.Error as error:
        line = skipped + reader.line_num
        raise ToolError(f"{where} line {line}: not valid CSV: {error}") from None


def _header(cells: list[str], place: str, separator: str) -> list[str]:
    header = ["" if _NAMELESS.fullmatch(cell.strip()) else cell.strip() for cell in cells]
    duplicate = next((name for name in header if name and header.count(name) > 1), None)
    if duplicate is not None:
        raise ToolError(f"{place}: column {printable(duplicate)!r} stands twice")
    likely = next((mark for mark in _MARKS if mark != separator and mark in header[0]), None)
    if len(header) == 1 and likely:
        raise ToolError(
            f"{place}: columns are separated by {_MARKS[separator]}, not by {_MARKS[likely]}",
            hint=f"columns are {', '.join(KEYS)}",
        )
    return header


def _check_cells(cells: list[str], header: list[str], place: str, separator: str) -> None:
    full = [number for number, cell in enumerate(cells) if cell.strip()]
    last = full[-1] + 1
    if last > len(header):
        mark = _MARKS.get(separator, "separators").removesuffix("s")
        raise ToolError(
            f"{place}: {last} cells under {len(header)} column names",
            hint=f'put text that holds a {mark} in quotes: "a{separator} b"',
        )
    for number in full:
        if not header[number]:
            cell = cells[number].strip()
            index = number == 0 and cell.isdecimal()
            raise ToolError(
                f"{place}: {printable(cell)[:40]!r} stands in a column without a name",
                hint="a data frame's index is left out by to_csv(index=False)"
                if index
                else f"name column {number + 1}, or empty it",
            )


def _separator(text: str, usual: str) -> str:
    """Return what separates the names of the first line: another than usual where that is sure."""
    first = next((line for line in re.split(r"\r\n|\r|\n", text) if line.strip()), "")
    for mark in (usual, *_MARKS):
        names = [name.strip().strip('"').strip() for name in first.split(mark)]
        if "name" in names and all(name in KEYS or not name for name in names):
            return mark if len(names) > 1 else usual
    return usual


MAX_LIST_BYTES: Final = 64_000_000


def read_rows(path: Path) -> tuple[Iterator[Row], list[str]]:
    """Return the entries of a tool list in their order, and notes on how it was read.

    Entries in columns are read one at a time: what is wrong with one is raised when it is taken.

    Raises:
        ToolError: naming file and line.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise _no_list(path)
    limit = MAX_YAML_BYTES if suffix in _YAML else MAX_LIST_BYTES
    text, where = read_text(path, limit=limit), str(path)
    notes: list[str] = []
    if suffix in _DELIMITERS:
        rows, notes = column_rows(text, where, _DELIMITERS[suffix])
    else:
        # Read to its end first: an entry's fault may come of what is wrong with the text behind it.
        rows = iter(list(_READERS[suffix](text, where)))
    return _some(rows, path), notes


def _some(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    """Yield the entries; raise `ToolError` where there are none."""
    first = next(rows, None)
    if first is None:
        raise ToolError(f"{path}: no tools in it", hint=_ENTRY[path.suffix.lower()])
    yield first
    yield from rows


def _no_list(path: Path) -> ToolError:
    name = printable(str(path))
    if path.is_dir():
        return ToolError(
            f"{name} is a folder, not a tool list", hint=f"one of {', '.join(SUFFIXES)}"
        )
    stem = printable(path.stem) or "tools"
    if path.suffix.lower() in _SHEETS:
        hint = f"save it from there as {stem}.csv, in UTF-8"
    else:
        hint = f"as {stem}.csv it begins with name,description; as {stem}.yaml with - name: NAME"
    return ToolError(f"{name}: a tool list ends in {', '.join(SUFFIXES)}", hint=hint)


def _yaml_rows(text: str, where: str) -> Iterator[Row]:
    value, lines = read_yaml_lines(text, where=where)
    single = isinstance(value, dict)
    if value is not None and not isinstance(value, dict | list):
        raise ToolError(f"{where} line {lines[()]}: expected a list of tools, each with a name")
    for index, item in enumerate([value] if single else value or []):
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
    except json.JSONDecodeError as error:
        line, reason = error.lineno + first_line - 1, error.msg
    except (ValueError, RecursionError) as error:
        nested = isinstance(error, RecursionError)
        line = _line_at(text, place) + first_line - 1
        reason = "nested too deep" if nested else printable(str(error)).partition(";")[0]
    raise ToolError(f"{where} line {line}: not valid JSON: {reason}")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        duplicate, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"key {duplicate[:80]!r} stands twice")
    return mapping


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


_JSON: Final = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_no_constant)


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
_DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}
_YAML: Final = (".yaml", ".yml")
_SHEETS: Final = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers", ".parquet")
SUFFIXES: Final = tuple(sorted([*_READERS, *_DELIMITERS]))

_ENTRY: Final = {
    **dict.fromkeys(_READERS, 'add an entry: {"name": "NAME", "description": "TEXT"}'),
    **dict.fromkeys(_YAML, "add an entry: - name: NAME"),
    **dict.fromkeys(_DELIMITERS, "add an entry under the names of the columns"),
}
"""What to type where there is no tool yet."""
