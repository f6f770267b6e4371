"""`panel show`: a stored run, read again from its journal."""

from typing import Any

import click

from panel.cli import options
from panel.cli.console import warn
from panel.cli.output import emit_cards
from panel.evidence.tools.tool_list import pick
from panel.foundation.errors import RunError
from panel.runs.folders import find_folder
from panel.runs.metadata import stored_canaries
from panel.runs.pending import lacking
from panel.runs.run import Run


@click.command("show")
@click.argument("run")
@click.argument("tool", required=False)
@options.reading
@options.output
def command(**given: Any) -> None:
    """Print the scorecards of a stored run.

    RUN is a name, the start of one, a path, latest or latest~1; TOOL narrows it to one tool.
    """
    settings = options.settings(given["runs"])
    with Run.open(find_folder(settings.runs, given["run"])) as run:
        cards = run.cards()
        if given["tool"]:
            slug = pick(run.tools(), given["tool"]).slug
            cards = [card for card in cards if card.tool.slug == slug]
        for line in (*run.notes, *run.damaged):
            warn(line)
        if caution := stored_canaries(run).caution:
            warn(caution)
        left = len(run.tools()) - len(run.judged_tools())
        lines = lacking(run).lines(run.name)
    if not cards:
        raise RunError(f"run {run.name} has no verdict yet", hint=f"panel resume {run.name}")
    if left and not given["tool"]:
        warn(f"{left} tools have no verdict yet: panel resume {run.name}")
    for line in lines if not given["tool"] else ():
        warn(line)
    emit_cards(cards, given["form"], given["output"], run=given["run"])
