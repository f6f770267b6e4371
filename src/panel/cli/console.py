"""What goes to standard error: lines for people. Data goes to standard output."""

import click

from panel.foundation.text import one_line


def say(text: str) -> None:
    """Print one line to standard error, safe whatever it holds."""
    click.echo(one_line(text), err=True)


def warn(text: str) -> None:
    """Print a warning line to standard error."""
    say(f"warning: {text}")
