"""Writing a command's data: to standard output, or whole or not at all to a file."""

import contextlib
import errno
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
from rich.console import RenderableType

from panel.cli.console import say
from panel.cli.destination import check, is_device
from panel.cli.streams import Stream
from panel.foundation.atomic_files import write_atomic, write_error
from panel.foundation.errors import PanelError
from panel.report import formats
from panel.report.scorecard import terminal
from panel.report.scorecard.terminal_blocks import to_text
from panel.review.verdict.scorecard import Scorecard


def emit_cards(
    cards: Sequence[Scorecard], form: str, output: Path | None, *, run: str | None = None
) -> None:
    """Write scorecards in a format; the terminal format is drawn for the place it goes to.

    `run` is what their run is called where that is not its own name.
    """
    with kept(*([run] if run else {card.run: None for card in cards})):
        if form == "terminal" and output is None:
            show = terminal.show if len(cards) == 1 else terminal.show_summary
            show(cards, terminal.console(sys.stdout))
        else:
            emit_text(formats.load(form).render(cards), output)


@contextlib.contextmanager
def kept(*runs: str, command: str = "show") -> Iterator[None]:
    """Name, where data cannot be written, the command that shows it again from its runs."""
    try:
        yield
    except PanelError as error:
        if runs and len(runs) <= 2:
            folder = click.get_current_context().params.get("runs")
            place = f" --runs {shlex.quote(str(folder))}" if folder else ""
            error.hint = f"the answers are kept: panel {command} {' '.join(runs)}{place}"
        raise


def emit_blocks(blocks: Iterable[RenderableType], output: Path | None) -> None:
    """Write what is drawn: to the width of the terminal, or as plain text to a file."""
    if output is None:
        terminal.console(sys.stdout).print(*blocks, sep="\n")
    else:
        emit_text(to_text(blocks, terminal.WIDTH, color=False), output)


def emit_text(text: str, output: Path | None) -> None:
    """Write text to standard output, or atomically to a file."""
    if output is None:
        write_data(text)
        return
    if is_device(output):
        _into_device(text, output)
        return
    check(output)
    write_atomic(output.parent, output.name, [text])
    say(f"written: {output}")


def write_data(text: str) -> None:
    """Write data to standard output as UTF-8, whatever the locale's encoding is."""
    if isinstance(sys.stdout, Stream):
        sys.stdout.write_utf8(text)
    else:
        sys.stdout.write(text)


def _into_device(text: str, output: Path) -> None:
    try:
        with output.open("wb") as file:
            file.write(text.encode("utf-8", "replace"))
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise write_error(error, output) from error
