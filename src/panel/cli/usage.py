"""`panel usage`: the calls, tokens, money and time of stored runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from panel.cli import options
from panel.cli.console import warn
from panel.cli.destination import Destination, written
from panel.foundation.errors import RunError
from panel.foundation.text import printable
from panel.report import figures
from panel.runs.folders import find_folder, list_folders

if TYPE_CHECKING:
    from panel.reviews.verdict.scorecard import RunUsage

COLUMNS: Final = ("calls", "tokens in", "cached", "out", "cost", "time")


@dataclass(frozen=True)
class UsageRow:
    """The sums of one line: of a run, a provider or a tool."""

    what: str
    provider: str
    model: str
    tools: int
    usage: "RunUsage"


@click.command("usage")
@click.argument("run", required=False)
@click.option(
    "--by",
    type=click.Choice(["run", "provider"]),
    default="run",
    help="A line for each run, or for each provider and model.",
)
@options.runs
@written("terminal", "json")
def command(
    run: str | None,
    by: Literal["run", "provider"],
    runs: Path | None,
    destination: Destination,
) -> None:
    """Show the calls, tokens, cost and time of runs.

    Without RUN all stored runs are listed; with it, the tools of that run. Answers reused from an
    earlier run are counted apart: they cost nothing. An unknown cost or number of tokens is never
    shown as 0.

    RUN is a name, the start of one, a path, latest or latest~1.
    """
    from panel.cli.output import emit_json

    folder = options.settings(runs).runs
    if run:
        rows = list(_tool_rows(find_folder(folder, run)))
    else:
        rows = list(_run_rows(folder))
        if by == "provider":
            rows = _by_provider(rows)
    if not rows:
        raise RunError(f"there are no runs in {folder}", hint="panel review TOOL")
    total = _sum("all", rows)
    limits = _limits(find_folder(folder, run)) if run else {}
    if destination.form == "json":
        data = {"lines": [_data(row) for row in rows], "total": total.usage.model_dump(mode="json")}
        emit_json(data | ({"calls_at_a_time": limits} if limits else {}), destination.path)
    else:
        _show(rows, total, limits, destination.path)


def _limits(path: Path) -> dict[str, int]:
    """Return by provider how many calls at a time a run found it to take."""
    from panel.runs.metadata import stored_limits
    from panel.runs.run import Run

    with Run.open(path) as run:
        return stored_limits(run)


def _tool_rows(path: Path) -> Iterator[UsageRow]:
    from panel.runs.call_statistics import asked_models
    from panel.runs.run import Run

    with Run.open(path) as run:
        asked = asked_models(run)
        for tool in run.tools():
            yield UsageRow(tool.slug, *asked, 1, run.usage(tool.slug))


def _run_rows(folder: Path) -> Iterator[UsageRow]:
    from panel.runs.call_statistics import asked_models
    from panel.runs.run import Run

    for path in list_folders(folder):
        try:
            with Run.open(path) as run:
                tools, asked, usage = run.manifest.tools, asked_models(run), run.usage()
        except RunError as error:
            warn(error.message)
        else:
            yield UsageRow(run.name, *asked, tools, usage)


def _by_provider(rows: Iterable[UsageRow]) -> list[UsageRow]:
    groups: dict[tuple[str, str], list[UsageRow]] = {}
    for row in rows:
        groups.setdefault((row.provider, row.model), []).append(row)
    return [
        _sum(f"{len(group)} run{'s' if len(group) > 1 else ''}", group) for group in groups.values()
    ]


def _sum(what: str, rows: Sequence[UsageRow]) -> UsageRow:
    from panel.reviews.verdict.scorecard import total_usage

    total = total_usage(row.usage for row in rows)
    return UsageRow(what, rows[0].provider, rows[0].model, sum(row.tools for row in rows), total)


def _data(row: UsageRow) -> dict[str, Any]:
    names = {"what": row.what, "provider": row.provider, "model": row.model}
    return {**names, "tools": row.tools, **row.usage.model_dump(mode="json")}


def _show(
    rows: Sequence[UsageRow], total: UsageRow, limits: Mapping[str, int], path: Path | None
) -> None:
    from rich.text import Text

    from panel.cli.output import emit_blocks, table

    several = len({(row.provider, row.model) for row in rows}) > 1
    cells = [_cells(row, several) for row in rows]
    if len(rows) > 1:
        cells.append(_cells(total, several, model=""))
    blocks = [table(("", *(["asked"] if several else []), *COLUMNS), cells, runs=True)]
    if not several:
        blocks.append(Text(printable(f"Asked: {total.model} through {total.provider}.")))
    for provider, limit in limits.items():
        blocks.append(Text(printable(f"{provider} was found to take {limit:,} calls at a time.")))
    emit_blocks(blocks, path)


def _cells(row: UsageRow, several: bool, *, model: str | None = None) -> tuple[str, ...]:
    usage = row.usage
    calls = f"{usage.calls:,}" + (f" + {usage.reused_calls:,} reused" if usage.reused_calls else "")
    cost = figures.money(usage.cost_usd, unpriced=usage.unpriced_calls) if usage.calls else "–"
    model = f"{row.model} · {row.provider}" if model is None else model
    return (
        row.what,
        *([model] if several else []),
        calls,
        figures.count(usage.input_tokens, uncounted=usage.uncounted_calls),
        f"{(usage.cached_tokens or 0) / usage.input_tokens:.0%}" if usage.input_tokens else "–",
        figures.count(usage.output_tokens, uncounted=usage.uncounted_calls),
        cost,
        figures.duration(usage.seconds),
    )
