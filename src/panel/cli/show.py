"""`panel show`: the scorecards of a stored run, from its journal."""

from pathlib import Path

import click

from panel.cli import options
from panel.cli.console import warn
from panel.cli.destination import Destination, written
from panel.foundation.errors import RunError
from panel.runs.folders import find_folder


@click.command("show")
@click.argument("run")
@click.argument("tool", required=False)
@options.runs
@written(of="scorecard")
def command(run: str, tool: str | None, runs: Path | None, destination: Destination) -> None:
    """Print the scorecards of a stored run.

    RUN is a name, the start of one, a path, latest or latest~1; TOOL narrows it to one tool.
    """
    from panel.cli.output import emit_run
    from panel.evidence.tools.tool_list import pick
    from panel.runs.metadata import stored_canaries
    from panel.runs.pending import lacking
    from panel.runs.run import Run

    with Run.open(find_folder(options.settings(runs).runs, run)) as opened:
        slug = pick(opened.tools(), tool).slug if tool else None
        judged = opened.judged_tools()
        known = (*opened.notes, *opened.damaged)
        for line in known:
            warn(line)
        if caution := stored_canaries(opened).caution:
            warn(caution)
        if not (slug in judged if slug else judged):
            raise RunError(
                f"run {opened.name} has no verdict yet", hint=f"panel resume {opened.name}"
            )
        if (left := len(opened.stored.slugs()) - len(judged)) and not tool:
            many = "1 tool has" if left == 1 else f"{left:,} tools have"
            warn(f"{many} no verdict yet: panel resume {opened.name}")
        for line in lacking(opened).lines(opened.name) if not tool else ():
            warn(line)
        emit_run(opened, destination, slug=slug, called=run)
        for line in opened.damaged:
            if line not in known:
                warn(line)
