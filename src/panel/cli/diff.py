"""`panel diff`: what changed between two runs."""

import sys
from pathlib import Path
from typing import Any

import click

from panel.cli import options
from panel.cli.output import emit_text
from panel.foundation.errors import RunError
from panel.report import formats
from panel.report.changes import terminal as changes_terminal
from panel.report.scorecard import terminal
from panel.review.verdict.scorecard import Scorecard
from panel.runs.diff import RunDiff, compare
from panel.runs.folders import find_folder
from panel.runs.run import Run


@click.command("diff")
@click.argument("run_a")
@click.argument("run_b")
@options.reading
@options.comparison
def command(**given: Any) -> None:
    """Say what changed between two runs of the same tools."""
    runs = options.settings(given["runs"]).runs
    before, after = (_cards(runs, given[name]) for name in ("run_a", "run_b"))
    if not {c.tool.slug for c in before} & {c.tool.slug for c in after}:
        raise RunError(
            f"{given['run_a']} and {given['run_b']} have no tool in common", hint="panel runs"
        )
    emit_difference(compare(before, after), given["form"], given["output"])


def emit_difference(found: RunDiff, form: str, output: Path | None) -> None:
    """Write a difference in one of its formats."""
    if form == "terminal" and output is None:
        changes_terminal.show(found, terminal.console(sys.stdout))
    else:
        emit_text(formats.render(found, form, "changes"), output)


def _cards(runs: Path, name: str) -> list[Scorecard]:
    with Run.open(find_folder(runs, name)) as run:
        return run.cards()
