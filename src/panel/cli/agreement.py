"""`panel agreement`: how far runs of the same tools agree."""

from contextlib import ExitStack
from pathlib import Path

import click

from panel.cli import options
from panel.cli.console import warn
from panel.cli.destination import Destination, written
from panel.foundation.errors import RunError
from panel.report import formats
from panel.runs.folders import find_folder


@click.command("agreement")
@click.argument("names", nargs=-1, required=True, metavar="RUN RUN...")
@options.runs
@written(of="agreement")
def command(names: tuple[str, ...], runs: Path | None, destination: Destination) -> None:
    """Show how far runs of the same tools agree.

    Shares of equal outcomes and votes, Krippendorff's alpha with a bootstrap interval, and the
    findings that differ most. Each RUN is a name, the start of one, a path, latest or latest~1.
    """
    from panel.cli.output import emit_text
    from panel.runs.agreement import agreement
    from panel.runs.run import Run

    if len(names) < 2:
        raise RunError("agreement takes two runs or more", hint="panel agreement latest latest~1")
    folder = options.settings(runs).runs
    paths = {path.name: path for path in (find_folder(folder, name) for name in names)}
    if len(paths) < len(names):
        warn("a run was named twice and is taken once")
    with ExitStack() as stack:
        opened = [stack.enter_context(Run.open(path)) for path in paths.values()]
        result = agreement([(run.name, run.each_verdict()) for run in opened])
    if not result.tools:
        raise RunError("these runs have no tool in common", hint="panel runs")
    emit_text(formats.render(result, destination.form, "agreement"), destination.path)
