"""`panel verify`: whether everything on a run's scorecards is backed by its journal."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.cli.console import say
from panel.cli.destination import Destination, written
from panel.foundation.text import one_line
from panel.runs.folders import find_folder

if TYPE_CHECKING:
    from panel.engine.verify.report import VerifyReport


@click.command("verify")
@click.argument("run")
@options.runs
@written("terminal", "json")
@click.pass_context
def command(ctx: click.Context, run: str, runs: Path | None, destination: Destination) -> None:
    """Check that a run's scorecards follow from its stored replies.

    Recomputes every fact, citation, finding, score and verdict from the journal and compares them
    with the scorecards. Calls no model. Exits with 1 and names each thing that is not backed.

    RUN is a name, the start of one, a path, latest or latest~1.
    """
    from panel.cli.output import emit_json
    from panel.engine.open_panel import persona_folders
    from panel.engine.verify.run import verify
    from panel.runs.run import Run

    with Run.open(find_folder(options.settings(runs).runs, run)) as opened:
        report = asyncio.run(verify(opened, folders=persona_folders()))
    if destination.form == "json":
        emit_json(report.as_data(), destination.path)
    else:
        _show(report, destination.path)
    ctx.exit(0 if report.holds else 1)


def _show(report: "VerifyReport", path: Path | None) -> None:
    from rich.text import Text

    from panel.cli.output import emit_blocks, table

    checks = table(["checked", "what", "how many", "not backed"], report.rows())
    faults = [f"not backed: {one_line(str(fault))}" for fault in report.faults]
    emit_blocks([checks, *(Text(fault) for fault in faults)], path)
    for note in report.notes:
        say(f"note: {note}")
    say(f"{report.run}: " + ("everything holds" if report.holds else "not everything holds"))
