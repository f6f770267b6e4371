"""Lists in columns: CSV and TSV as spreadsheets and data frames write them.

The separator is that of the suffix, of a first line `sep=;`, or the one that makes known names of
the first line. Columns without a name and without a cell are left out.
"""

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from panel.evidence.tools.list_row import Row
from panel.foundation.errors import ToolError
from panel.foundation.text import printable

KEYS: Final = ("name", "url", "category", "tagline", "price", "description", "evidence")
"""What an entry of a list may hold."""

MAX_CELL: Final = 64_000_000
"""Characters; more than a list may have."""

_SEPARATORS: Final = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_SAID: Final = re.compile(r'\s*"?sep=([^\w"\r\n])"?[^\S\r\n]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_NAMELESS: Final = re.compile(r"Unnamed: \d+(_level_\d+)?")
"""What pandas calls a column without a name."""


def column_rows(text: str, where: str, separator: str) -> tuple[list[Row], list[str]]:
    """Return the entries of a list in columns, and notes; raise ToolError with file and line.

    Args:
        text: The list.
        where: Its name for messages.
        separator: What the file's suffix says stands between cells.
    """
    csv.field_size_limit(MAX_CELL)
    notes: list[str] = []
    skipped = 0
    if said := _SAID.match(text):
        separator, skipped = said[1], 1
        text = text[said.end() :]
    elif (found := _separator(text, separator)) != separator:
        notes.append(f"{where}: its columns are separated by {_SEPARATORS[found]}")
        separator = found
    return list(_rows(text, where, separator, skipped)), notes


def _rows(text: str, where: str, separator: str, skipped: int) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    header: list[str] = []
    header_line = 0
    try:
        for cells in reader:
            line = skipped + reader.line_num - sum(cell.count("\n") for cell in cells)
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header, header_line = _header(cells, f"{where} line {line}", separator), line
                continue
            _check_cells(cells, header, f"{where} line {line}", separator)
            values = {key: cell or None for key, cell in zip(header, cells, strict=False) if key}
            yield Row(where, line, values, header=header_line)
    except csv.Error as fault:
        line = skipped + reader.line_num
        raise ToolError(f"{where} line {line}: not valid CSV: {fault}") from None


def _header(cells: list[str], place: str, separator: str) -> list[str]:
    header = ["" if _NAMELESS.fullmatch(cell.strip()) else cell.strip() for cell in cells]
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise ToolError(f"{place}: column {printable(twice)!r} stands twice")
    other = next((mark for mark in _SEPARATORS if mark != separator and mark in header[0]), None)
    if len(header) == 1 and other:
        raise ToolError(
            f"{place}: columns are separated by {_SEPARATORS[separator]}, not by"
            f" {_SEPARATORS[other]}",
            hint=f"columns are {', '.join(KEYS)}",
        )
    return header


def _check_cells(cells: list[str], header: list[str], place: str, separator: str) -> None:
    full = [number for number, cell in enumerate(cells) if cell.strip()]
    last = full[-1] + 1
    if last > len(header):
        mark = _SEPARATORS.get(separator, "separators").removesuffix("s")
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
    for mark in (usual, *_SEPARATORS):
        names = [name.strip().strip('"').strip() for name in first.split(mark)]
        if "name" in names and all(name in KEYS or not name for name in names):
            return mark if len(names) > 1 else usual
    return usual
