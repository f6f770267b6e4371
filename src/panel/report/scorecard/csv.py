"""CSV: one row a review, for spreadsheets; text that would be read as a formula is defused."""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from panel.report.citations import line
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.export import COLUMNS, Cell, rows

SUFFIX = ".csv"

_FORMULA: Final = tuple("=+-@|%\t\r＝＋－＠")


def render(cards: Sequence[Scorecard]) -> str:
    """Return a header and one row a review; a missing review has a row that says why."""
    return "".join(stream(cards))


def stream(cards: Iterable[Scorecard]) -> Iterator[str]:
    """Yield the text of `render`, a row at a time."""
    return csv_rows(rows(cards), COLUMNS)


def csv_rows(
    rows: Iterable[Mapping[str, Cell]], columns: Collection[str] | None = None
) -> Iterator[str]:
    """Yield rows as CSV, below their header; `columns` are those of the first row if not given."""
    left = iter(rows)
    first = next(left, None)
    names = list(columns if columns is not None else first or ())
    out = io.StringIO()
    writer = csv.DictWriter(out, names, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    for row in chain([first] if first is not None else [], left):
        writer.writerow({column: _safe(cell) for column, cell in row.items()})
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def defuse(text: str) -> str:
    """Return text on one line that no spreadsheet reads as a formula."""
    flat = line(text)
    return f"'{flat}" if flat.lstrip("\"' ").startswith(_FORMULA) else flat


def _safe(cell: Cell) -> Cell:
    return defuse(cell) if isinstance(cell, str) else cell
