"""Writing a command's data: to standard output, or whole or not at all to a file."""

import contextlib
import errno
import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from panel.cli.console import say
from panel.cli.destination import Destination, check, is_device
from panel.cli.streams import Stream
from panel.foundation.atomic_files import write_atomic, write_error
from panel.foundation.errors import PanelError
from panel.foundation.text import printable
from panel.report import formats
from panel.report.changes import terminal as changes_terminal
from panel.report.scorecard import terminal
from panel.report.scorecard.terminal_blocks import to_text
from panel.runs.diff import RunDiff
from panel.runs.run import Run

UNBROKEN: Final = 44
"""Letters of the longest name that is never broken: those of a run of several tools."""
_GAP: Final = 3
"""Columns between two cells, and at the edges."""
_PIECE: Final = 65_536
"""Characters that are written at once."""
WIDE: Final = 80
"""Columns of a screen on which such a name leaves room for the other cells."""


def emit_run(
    run: Run, destination: Destination, *, slug: str | None = None, called: str | None = None
) -> None:
    """Write the scorecards of an open run in a format, reading one at a time.

    On a screen several tools are a table, and in HTML they are the run's page. `slug` narrows it to
    one tool; `called` is what the run is called where that is not its own name.
    """
    cards = run.stored_cards(slug)
    form, path = destination.form, destination.path
    with naming_runs(called or run.name):
        is_one = len(cards) == 1
        if form == "terminal" and path is None:
            out = terminal.console(sys.stdout)
            terminal.show(cards, out) if is_one else terminal.show_summary(cards.short(), out)
        elif form == "html" and not is_one:
            emit_text(formats.render(run, form, "run"), path)
        else:
            emit_pieces(formats.pieces(cards, form), path)


@contextlib.contextmanager
def naming_runs(*runs: str, command: str = "show") -> Iterator[None]:
    """Name, where data cannot be written, the command that shows it again from its runs."""
    try:
        yield
    except PanelError as error:
        if runs and len(runs) <= 2:
            folder = click.get_current_context().params.get("runs")
            place = f" --runs {shlex.quote(str(folder))}" if folder else ""
            error.hint = f"the answers are kept: panel {command} {' '.join(runs)}{place}"
        raise


def emit_diff(diff: RunDiff, destination: Destination) -> None:
    """Write what changed between two runs."""
    if destination.form == "terminal" and destination.path is None:
        changes_terminal.show(diff, terminal.console(sys.stdout))
    else:
        emit_text(formats.render(diff, destination.form, "changes"), destination.path)


def emit_json(data: object, path: Path | None) -> None:
    """Write data as indented JSON."""
    emit_text(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", path)


def emit_blocks(blocks: Iterable[RenderableType], output: Path | None) -> None:
    """Write what is drawn: to the width of the terminal, or as plain text to a file or pipe.

    Where neither a screen nor `COLUMNS` sets a limit a table is as wide as its cells.
    """
    drawn = list(blocks)
    natural = max((block.width for block in drawn if isinstance(block, _Table)), default=0)
    if output is not None:
        emit_text(to_text(drawn, max(terminal.WIDTH, natural), color=False), output)
        return
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isascii() and columns.isdigit() else None
    out = terminal.console(sys.stdout, width=width, widest=max(terminal.WIDEST, natural))
    if width is None and not out.is_terminal:
        out.width = max(out.width, natural)
    out.print(*drawn, sep="\n")


def emit_text(text: str, output: Path | None) -> None:
    """Write text to standard output, or atomically to a file."""
    emit_pieces([text], output)


def emit_pieces(pieces: Iterable[str], output: Path | None) -> None:
    """Write text that comes in pieces to standard output, or atomically to a file."""
    if output is None:
        for text in _gathered(pieces):
            write_data(text)
        return
    if is_device(output):
        _into_device(_gathered(pieces), output)
        return
    check(output)
    write_atomic(output.parent, output.name, pieces)
    say(f"written: {output}")


def _gathered(pieces: Iterable[str]) -> Iterator[str]:
    """Join small pieces: each one written is a call to the system."""
    held: list[str] = []
    size = 0
    for text in pieces:
        held.append(text)
        size += len(text)
        if size >= _PIECE:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def write_data(text: str) -> None:
    """Write data to standard output as UTF-8, whatever the locale's encoding is."""
    if isinstance(sys.stdout, Stream):
        sys.stdout.write_utf8(text)
    else:
        sys.stdout.write(text)


def _into_device(pieces: Iterable[str], output: Path) -> None:
    try:
        with output.open("wb") as file:
            for text in pieces:
                file.write(text.encode("utf-8", "replace"))
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise write_error(error, output) from error


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, runs: bool = False
) -> RenderableType:
    """Return a table to draw; None is an empty cell.

    No cell is cut: where there is no room, it continues on the next line. Names of `runs`, in the
    first column, stay on one line on screens of `WIDE` columns and more.
    """
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    return _Table(columns, cells, runs)


class _Table:
    """A table that is laid out for the width there is."""

    def __init__(self, columns: Sequence[str], cells: Sequence[Sequence[str]], runs: bool) -> None:
        self.columns = columns
        self.cells = cells
        self.runs = runs

    @property
    def width(self) -> int:
        """Columns that the table takes where nothing is wrapped or cut."""
        rows = [self.columns, *self.cells]
        widths = [max(cell_len(row[n]) for row in rows) for n in range(len(self.columns))]
        return sum(widths) + _GAP * len(widths)

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Table]:
        longest = max((len(row[0]) for row in self.cells), default=0)
        unbroken = self.runs and longest <= UNBROKEN and options.max_width >= WIDE
        grid = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
        for number, column in enumerate(self.columns):
            grid.add_column(column, overflow="fold", no_wrap=unbroken and not number)
        for row in self.cells:
            grid.add_row(*map(Text, row))
        yield grid
