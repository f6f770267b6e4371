"""`panel usage`: what was asked so far, in calls, tokens, money and time."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text

from panel.cli import options, table
from panel.cli.console import warn
from panel.cli.output import emit_blocks, emit_text
from panel.foundation.errors import RunError
from panel.foundation.text import printable
from panel.report import figures
from panel.review.verdict.scorecard import RunUsage, sum_known
from panel.runs.folders import find_folder, list_folders
from panel.runs.run import Run

COLUMNS: Final = ("calls", "tokens in", "cached", "out", "cost", "time")


@dataclass(frozen=True)
class UsageRow:
    """What one line adds up: a run, a provider or a tool."""

    what: str
    provider: str
    model: str
    tools: int
    usage: RunUsage


@click.command("usage")
@click.argument("run", required=False)
@click.option(
    "--by",
    type=click.Choice(["run", "provider"]),
    default="run",
    help="A line for each run, or for each provider and model.",
)
@options.reading
@options.listed
def command(**given: Any) -> None:
    """Say what runs took: calls, tokens, cost, time.

    Without RUN all stored runs are listed; with it, the tools of that run. Answers taken from an
    earlier run are counted apart: they cost nothing. A cost, or tokens, that are not known are
    never shown as 0.
    """
    folder = options.settings(given["runs"]).runs
    if given["run"]:
        lines = list(_tools(find_folder(folder, given["run"])))
    else:
        lines = list(_runs(folder))
        if given["by"] == "provider":
            lines = _by_provider(lines)
    if not lines:
        raise RunError(f"there are no runs in {folder}", hint="panel review TOOL")
    _show(lines, given["form"], given["output"])


def _tools(path: Path) -> Iterator[UsageRow]:
    with Run.open(path) as run:
        told = run.manifest
        for tool in run.tools():
            yield UsageRow(tool.slug, told.provider, told.model, 1, run.usage(tool.slug))


def _runs(folder: Path) -> Iterator[UsageRow]:
    for path in list_folders(folder):
        try:
            with Run.open(path) as run:
                told = run.manifest
                yield UsageRow(run.name, told.provider, told.model, told.tools, run.usage())
        except RunError as error:
            warn(error.message)


def _by_provider(lines: Iterable[UsageRow]) -> list[UsageRow]:
    grouped: dict[tuple[str, str], list[UsageRow]] = {}
    for each in lines:
        grouped.setdefault((each.provider, each.model), []).append(each)
    return [
        _sum(f"{len(runs)} run{'s' if len(runs) > 1 else ''}", runs) for runs in grouped.values()
    ]


def _sum(what: str, lines: Sequence[UsageRow]) -> UsageRow:
    first, usages = lines[0], [each.usage for each in lines]
    costs = [each.cost_usd for each in usages if each.cost_usd is not None]
    whole = RunUsage(
        calls=sum(each.calls for each in usages),
        input_tokens=sum_known(each.input_tokens for each in usages),
        cached_tokens=sum_known(each.cached_tokens for each in usages),
        output_tokens=sum_known(each.output_tokens for each in usages),
        cost_usd=round(sum(costs), 9) if costs else None,
        unpriced_calls=sum(each.unpriced_calls for each in usages),
        uncounted_calls=sum(each.uncounted_calls for each in usages),
        reused_calls=sum(each.reused_calls for each in usages),
        seconds=round(sum(each.seconds for each in usages), 3),
    )
    return UsageRow(what, first.provider, first.model, sum(each.tools for each in lines), whole)


def _show(lines: Sequence[UsageRow], form: str, output: Path | None) -> None:
    total = _sum("all", lines)
    if form == "json":
        rows = [_row(each) for each in lines]
        whole = {"lines": rows, "total": total.usage.model_dump(mode="json")}
        text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
        emit_text(text + "\n", output)
        return
    several = len({(each.provider, each.model) for each in lines}) > 1
    cells = [_cells(each, several) for each in lines]
    if len(lines) > 1:
        cells.append(_cells(total, several, asked=""))
    told = "" if several else f"Asked: {total.model} through {total.provider}."
    drawn = table.drawn(("", *(["asked"] if several else []), *COLUMNS), cells, runs=True)
    emit_blocks([drawn, *([Text(printable(told))] if told else [])], output)


def _row(line: UsageRow) -> dict[str, Any]:
    names = {"what": line.what, "provider": line.provider, "model": line.model}
    return {**names, "tools": line.tools, **line.usage.model_dump(mode="json")}


def _cells(line: UsageRow, several: bool, *, asked: str | None = None) -> tuple[str, ...]:
    used = line.usage
    calls = f"{used.calls:,}" + (f" + {used.reused_calls:,} reused" if used.reused_calls else "")
    cost = figures.money(used.cost_usd, unpriced=used.unpriced_calls) if used.calls else "–"
    who = f"{line.model} · {line.provider}" if asked is None else asked
    return (
        line.what,
        *([who] if several else []),
        calls,
        figures.count(used.input_tokens, uncounted=used.uncounted_calls),
        f"{(used.cached_tokens or 0) / used.input_tokens:.0%}" if used.input_tokens else "–",
        figures.count(used.output_tokens, uncounted=used.uncounted_calls),
        cost,
        figures.duration(used.seconds),
    )
