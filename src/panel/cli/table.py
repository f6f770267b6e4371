"""Plain tables, safe whatever their cells hold."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from panel.cli.emit import emit_blocks
from panel.untrusted import printable


def show(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table to standard output; None is an empty cell."""
    emit_blocks([drawn(columns, rows)], None)


def drawn(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table to draw; None is an empty cell."""
    table = Table(*columns, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
    return table
