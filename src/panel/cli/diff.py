"""`panel diff`: what changed between two runs."""

from pathlib import Path

import click

from panel.cli import options
from panel.cli.destination import Destination, written
from panel.foundation.errors import RunError
from panel.runs.folders import find_folder


@click.command("diff")
@click.argument("run_a")
@click.argument("run_b")
@options.runs
@written(of="changes")
def command(run_a: str, run_b: str, runs: Path | None, destination: Destination) -> None:
    """Show what changed between two runs of the same tools.

    Each RUN is a name, the start of one, a path, latest or latest~1.
    """
    from panel.cli.output import emit_diff
    from panel.runs.diff import compare
    from panel.runs.run import Run

    folder = options.settings(runs).runs
    with Run.open(find_folder(folder, run_a)) as run:
        before = [*run.each_verdict()]
    with Run.open(find_folder(folder, run_b)) as run:
        after = [*run.each_verdict()]
    if not {card.tool.slug for card in before} & {card.tool.slug for card in after}:
        raise RunError(f"{run_a} and {run_b} have no tool in common", hint="panel runs")
    emit_diff(compare(before, after), destination)
