"""`panel export`: a run as rows for other programs, or as pages for people."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.cli.console import say, warn
from panel.cli.destination import Destination, written
from panel.foundation.errors import InputError
from panel.runs.folders import REPORT, find_folder

if TYPE_CHECKING:
    from panel.runs.run import Run


@click.command("export")
@click.argument("run")
@written(
    "jsonl",
    "csv",
    "parquet",
    "markdown",
    "html",
    default="jsonl",
    help="By default that of the suffix of --output, else jsonl; html writes to a folder.",
    pages="html",
)
@options.runs
def command(run: str, runs: Path | None, destination: Destination) -> None:
    """Write a run's reviews as rows: JSON Lines, CSV, Parquet.

    All three hold one row a review and the same columns; docs/exports.md describes them. markdown
    writes scorecards instead, and panel show RUN --format json writes them as JSON Lines. html
    writes a page a tool and the run's report to the folder that --output names.

    RUN is a name, the start of one, a path, latest or latest~1.
    """
    from panel.runs.run import Run

    with Run.open(find_folder(options.settings(runs).runs, run)) as opened:
        _write(opened, destination)
        for line in opened.damaged:
            warn(line)


def _write(run: "Run", destination: Destination) -> None:
    from panel.cli.output import emit_pieces
    from panel.report import formats
    from panel.runs.export import jsonl, write_parquet

    form, path, cards = destination.form, destination.path, run.stored_cards()
    if form == "parquet":
        if path is None:
            raise InputError("Parquet is binary", hint="--output reviews.parquet")
        write_parquet(cards, path)
        say(f"written: {path}")
    elif form == "html" and path is not None:
        say(f"written: {path}: {_write_pages(run, path):,} scorecards and {REPORT}")
    elif form == "jsonl":
        emit_pieces(jsonl(cards), path)
    else:
        emit_pieces(formats.pieces(cards, form), path)


def _write_pages(run: "Run", folder: Path) -> int:
    """Write a page a tool and the run's page, which links to them; return how many tools."""
    from panel.foundation.atomic_files import write_atomic
    from panel.report.run.html import render
    from panel.report.scorecard import html
    from panel.report.scorecard.files import card_file

    slugs = set()
    for card in run.stored_cards():
        slug = card.tool.slug
        write_atomic(folder, card_file(slug, html.SUFFIX), [html.render([card])])
        slugs.add(slug)
    write_atomic(folder, REPORT, [render(run, linked=slugs)])
    return len(slugs)
