"""`panel verify`: whether everything on a run's scorecards is backed by its journal."""

import asyncio
import json
from typing import Any

import click

from panel.cli import options, table
from panel.cli.talk import say
from panel.runs.folder import find_folder
from panel.runs.store import Run
from panel.session.opening import persona_folders
from panel.untrusted import printable
from panel.verify.report import Report
from panel.verify.run import verify


@click.command("verify")
@click.argument("run")
@options.reading
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal")
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
        click.echo(json.dumps(report.as_data(), indent=1, ensure_ascii=False))
    else:
        _show(report)
    ctx.exit(0 if report.holds else 1)


def _show(report: Report) -> None:
    table.show(["checked", "what", "how many", "not backed"], report.rows())
    for fault in report.faults:
        click.echo(f"not backed: {' '.join(printable(str(fault)).split())}")
    for note in report.notes:
        say(f"note: {note}")
    say(f"{report.run}: " + ("everything holds" if report.holds else "not everything holds"))
