"""`panel verify`: whether everything on a run's scorecards is backed by its journal."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from panel.cli import options, table
from panel.cli.console import say
from panel.cli.output import emit_blocks, emit_text
from panel.engine.open_panel import persona_folders
from panel.engine.verify.report import VerifyReport
from panel.engine.verify.run import verify
from panel.foundation.text import printable
from panel.runs.folders import find_folder
from panel.runs.run import Run


@click.command("verify")
@click.argument("run")
@options.reading
@options.listed
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Check that a run's scorecards follow from its stored replies.

    Recomputes every fact, citation, finding, score and verdict from the journal and compares them
    with the scorecards. Asks no model. Exits with 1 and names each thing that is not backed.
    """
    settings = options.settings(given["runs"])
    with Run.open(find_folder(settings.runs, given["run"])) as run:
        report = asyncio.run(verify(run, folders=persona_folders()))
    if given["form"] == "json":
        text = json.dumps(report.as_data(), indent=1, ensure_ascii=False)
        emit_text(text + "\n", given["output"])
    else:
        _show(report, given["output"])
    ctx.exit(0 if report.holds else 1)


def _show(report: VerifyReport, output: Path | None) -> None:
    checked = table.drawn(["checked", "what", "how many", "not backed"], report.rows())
    faults = [f"not backed: {' '.join(printable(str(fault)).split())}" for fault in report.faults]
    emit_blocks([checked, *(Text(fault) for fault in faults)], output)
    for note in report.notes:
        say(f"note: {note}")
    say(f"{report.run}: " + ("everything holds" if report.holds else "not everything holds"))
