"""`panel export`: a run as rows for other programs."""

from pathlib import Path

import click

from panel.cli import options
from panel.cli.console import say
from panel.cli.destination import Destination, written
from panel.foundation.errors import InputError
from panel.report import formats
from panel.runs.folders import find_folder


@click.command("export")
@click.argument("run")
@written(
    "jsonl",
    "csv",
    "parquet",
    "markdown",
    default="jsonl",
    help="By default that of the suffix of --output, else jsonl.",
)
@options.runs
def command(run: str, runs: Path | None, destination: Destination) -> None:
    """Write a run's reviews as rows: JSON Lines, CSV, Parquet.

    All three hold one row a review and the same columns; docs/exports.md describes them. markdown
    writes scorecards instead, and panel show RUN --format json writes them as JSON Lines.

    RUN is a name, the start of one, a path, latest or latest~1.
    """
    from panel.cli.output import emit_text
    from panel.runs.export import jsonl, write_parquet
    from panel.runs.run import Run

    form, path = destination.form, destination.path
    with Run.open(find_folder(options.settings(runs).runs, run)) as opened:
        cards = opened.cards()
    if form == "parquet":
        if path is None:
            raise InputError("Parquet is binary", hint="--output reviews.parquet")
        write_parquet(cards, path)
        say(f"written: {path}")
    elif form == "jsonl":
        emit_text(jsonl(cards), path)
    else:
        emit_text(formats.load(form).render(cards), path)
