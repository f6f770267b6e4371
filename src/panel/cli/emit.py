"""Writing a command's data: to standard output, or whole or not at all to a file."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from panel.cli.talk import say
from panel.errors import InputError
from panel.render import formats, terminal
from panel.runs.files import write_atomic
from panel.verdict.scorecard import Scorecard


def emit_cards(cards: Sequence[Scorecard], form: str, output: Path | None) -> None:
    """Write scorecards in a format; the terminal format is drawn for the place it goes to."""
    if form == "terminal" and output is None:
        show = terminal.show if len(cards) == 1 else terminal.show_summary
        show(cards, terminal.console(sys.stdout))
    else:
        emit_text(formats.load(form).render(cards), output)


def emit_text(text: str, output: Path | None) -> None:
    """Write text to standard output, or atomically to a file."""
    if output is None:
        _to_stdout(text)
        return
    if output.is_dir():
        raise InputError(f"{output} is a folder", hint=f"--output {output / 'scorecard'}")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent} is no folder", hint=f"mkdir -p {output.parent}")
    write_atomic(output.parent, output.name, [text])
    say(f"written: {output}")


def _to_stdout(text: str) -> None:
    # Bytes, because the encoding of a redirected stdout is the locale's, and data is UTF-8.
    sys.stdout.flush()
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as raw:
        raw.write(text.encode("utf-8", "replace"))
