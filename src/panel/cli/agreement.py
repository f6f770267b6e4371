"""`panel agreement`: how far runs of the same tools agree."""

from pathlib import Path
from typing import Any

import click

from panel.cli import options
from panel.cli.console import warn
from panel.cli.output import emit_text
from panel.foundation.errors import RunError
from panel.report import formats
from panel.review.verdict.scorecard import Scorecard
from panel.runs.agreement import agreement
from panel.runs.folders import find_folder
from panel.runs.run import Run


@click.command("agreement")
@click.argument("names", nargs=-1, required=True, metavar="RUN RUN...")
@options.reading
@options.agreed
def command(**given: Any) -> None:
    """Say how far runs of the same tools agree.

    Shares of equal outcomes and votes, Krippendorff's alpha with a bootstrap interval, and the
    findings that differ most. Each RUN is a name, the start of one, a path, latest or latest~1.
    """
    if len(given["names"]) < 2:
        raise RunError("agreement takes two runs or more", hint="panel agreement latest latest~1")
    folder = options.settings(given["runs"]).runs
    runs = dict(_cards(folder, name) for name in given["names"])
    if len(runs) < len(given["names"]):
        warn("a run was named twice and is taken once")
    found = agreement(list(runs.items()))
    if not found.tools:
        raise RunError("these runs have no tool in common", hint="panel runs")
    emit_text(formats.render(found, given["form"], "agreement"), given["output"])


def _cards(runs: Path, name: str) -> tuple[str, list[Scorecard]]:
    with Run.open(find_folder(runs, name)) as run:
        return run.name, run.cards()
