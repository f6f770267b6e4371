"""`panel runs`: what is stored."""

import json
from pathlib import Path
from typing import Any

import click

from panel.cli import options, table
from panel.cli.console import warn
from panel.cli.output import emit_blocks, emit_text
from panel.foundation.errors import RunError
from panel.runs.folders import list_folders
from panel.runs.metadata import stored_canaries
from panel.runs.pending import lacking
from panel.runs.run import Run


@click.command("runs")
@options.reading
@options.listed
def command(**given: Any) -> None:
    """List stored runs, newest first."""
    folder = options.settings(given["runs"]).runs
    rows = [row for path in list_folders(folder) if (row := _row(path))]
    if given["form"] == "json":
        emit_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", given["output"])
        return
    if not rows:
        raise RunError(f"there are no runs in {folder}", hint="panel review TOOL")
    cells = [list(row.values()) for row in rows]
    emit_blocks([table.drawn(list(rows[0]), cells, runs=True)], given["output"])


def _row(path: Path) -> dict[str, str | int] | None:
    try:
        with Run.open(path) as run:
            told = run.manifest
            done = len(run.finished_tools())
            lines = lacking(run).lines(run.name)
            unsafe = stored_canaries(run).caution is not None
    except RunError as error:
        warn(error.message)
        return None
    outcomes = told.counts.outcomes if told.counts else {}
    state = "finished" if told.finished else f"{done} of {told.tools}: panel resume {run.name}"
    if told.finished and lines and not told.calibrates:
        state = "; ".join(lines)
    return {
        "run": run.name,
        "provider": told.provider,
        "model": told.model,
        "tools": told.tools,
        "outcomes": ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items())),
        "state": f"{state}; unsafe: obeys hidden orders" if unsafe else state,
    }
