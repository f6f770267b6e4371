"""Plain tables, safe whatever their cells hold."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, OverflowMethod, RenderableType
from rich.table import Table
from rich.text import Text

from panel.cli.output import emit_blocks
from panel.foundation.text import printable

WHOLE: Final = 44
"""Letters of the longest name that is never broken: those of a run of several tools."""
WIDE: Final = 80
"""Columns of a screen on which such a name leaves room for the other cells."""


def show(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table to standard output; None is an empty cell."""
    emit_blocks([drawn(columns, rows)], None)


def drawn(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, runs: bool = False
) -> RenderableType:
    """Return a table to draw; None is an empty cell.

    Names in the first column are never cut, and those of `runs` stay on one line where there is
    room; long words in the others are cut.
    """
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    return _Drawn(columns, cells, runs)


class _Drawn:
    """A table that is laid out for the width there is."""

    def __init__(self, columns: Sequence[str], cells: Sequence[Sequence[str]], runs: bool) -> None:
        self.columns = columns
        self.cells = cells
        self.runs = runs

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Table]:
        longest = max((len(row[0]) for row in self.cells), default=0)
        whole = self.runs and longest <= WHOLE and options.max_width >= WIDE
        table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
        for number, column in enumerate(self.columns):
            overflow: OverflowMethod = "ellipsis" if number else "fold"
            table.add_column(column, overflow=overflow, no_wrap=whole and not number)
        for row in self.cells:
            table.add_row(*map(Text, row))
        yield table
