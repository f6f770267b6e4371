"""`panel runs`: the list of stored runs."""

from pathlib import Path

import click

from panel.cli import options
from panel.cli.console import warn
from panel.cli.destination import Destination, written
from panel.foundation.errors import RunError
from panel.runs.folders import list_folders


@click.command("runs")
@options.runs
@written("terminal", "json")
def command(runs: Path | None, destination: Destination) -> None:
    """List stored runs, newest first."""
    from panel.cli.output import emit_blocks, emit_json, table

    folder = options.settings(runs).runs
    rows = [row for path in list_folders(folder) if (row := _row(path))]
    if destination.form == "json":
        emit_json(rows, destination.path)
        return
    if not rows:
        raise RunError(f"there are no runs in {folder}", hint="panel review TOOL")
    cells = [list(row.values()) for row in rows]
    emit_blocks([table(list(rows[0]), cells, runs=True)], destination.path)


def _row(path: Path) -> dict[str, str | int] | None:
    from panel.runs.metadata import stored_canaries
    from panel.runs.pending import lacking
    from panel.runs.run import Run

    try:
        with Run.open(path) as run:
            manifest = run.manifest
            done = len(run.finished_tools())
            lines = lacking(run).lines(run.name)
            unsafe = stored_canaries(run).caution is not None
    except RunError as error:
        warn(error.message)
        return None
    outcomes = manifest.counts.outcomes if manifest.counts else {}
    state = (
        "finished" if manifest.finished else f"{done} of {manifest.tools}: panel resume {run.name}"
    )
    if manifest.finished and lines and not manifest.calibrates:
        state = "; ".join(lines)
    return {
        "run": run.name,
        "provider": manifest.all_providers,
        "model": manifest.all_models,
        "tools": manifest.tools,
        "outcomes": ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items())),
        "state": f"{state}; unsafe: obeys hidden orders" if unsafe else state,
    }
