"""`panel digest`: the weekly edition, written to standard output or to files."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from panel.cli import destination, digest_options, digest_send
from panel.cli.console import say
from panel.cli.output import emit_text
from panel.foundation.atomic_files import write_atomic
from panel.foundation.errors import InputError
from panel.publish.newsletter import render

WRITERS: Final[dict[str, tuple[str, Callable[..., str]]]] = {
    "text": (".txt", render.text),
    "html": (".html", render.html),
    "markdown": (".md", render.markdown),
    "json": (".json", render.as_json),
}
"""Format: the end of its file's name, and who writes it."""


@click.group("digest", invoke_without_command=True)
@digest_options.of_a_week
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write files there: every format, or only --format.",
)
@destination.written(
    {name: ending for name, (ending, _) in WRITERS.items()},
    default="",
    what="Output format; else by the suffix of --output, else text.",
)
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Write the weekly edition, or mail it to its subscribers."""
    if ctx.invoked_subcommand is not None:
        if given["form"] or any(
            given[name] is not None for name in ("week", "out", "output", "runs")
        ):
            raise click.UsageError(f"options go behind it: panel digest {ctx.invoked_subcommand} …")
        return
    if given["out"] is not None and given["output"] is not None:
        raise InputError("--out and --output were both given", hint="leave one of them out")
    week = digest_options.week_of(given["week"])
    if week.end > datetime.now(UTC):
        say(f"note: {week} is not over; this is what it has so far")
    places = digest_options.places_of(given["base_url"])
    found = digest_options.read(given["runs"], week)
    if given["out"] is None:
        write = WRITERS[given["form"] or "text"][1]
        emit_text(write(found, places=places), given["output"])
        return
    for form in [given["form"]] if given["form"] else WRITERS:
        ending, write = WRITERS[form]
        path = write_atomic(given["out"], f"{week}{ending}", [write(found, places=places)])
        say(f"written: {path}")


command.add_command(digest_send.send)
command.add_command(digest_send.subscribers)
