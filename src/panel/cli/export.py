"""`panel export`: a run as rows for other programs."""

from pathlib import Path
from typing import Any

import click

from panel.cli import options
from panel.cli.console import say
from panel.cli.output import emit_text
from panel.foundation.errors import InputError
from panel.report import formats
from panel.review.verdict.scorecard import Scorecard
from panel.runs.export import jsonl, write_parquet
from panel.runs.folders import find_folder
from panel.runs.run import Run


@click.command("export")
@click.argument("run")
@options.rows
@options.reading
def command(**given: Any) -> None:
    """Write a run's reviews as rows: JSON Lines, CSV, Parquet.

    All three hold the same columns in the same order; docs/exports.md says what each is. Whole
    scorecards as JSON Lines are panel show RUN --format json.
    """
    runs = options.settings(given["runs"]).runs
    with Run.open(find_folder(runs, given["run"])) as run:
        cards = run.cards()
    _write(cards, given["form"], given["output"])


def _write(cards: list[Scorecard], form: str, output: Path | None) -> None:
    if form == "parquet":
        if output is None:
            raise InputError("Parquet is binary", hint="--output reviews.parquet")
        write_parquet(cards, output)
        say(f"written: {output}")
    elif form == "jsonl":
        emit_text(jsonl(cards), output)
    else:
        emit_text(formats.load(form).render(cards), output)
