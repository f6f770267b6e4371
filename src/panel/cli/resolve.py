"""`panel resolve`: finds out what became of forecasts, and keeps what decided."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from panel.cli import options
from panel.cli.console import say
from panel.cli.destination import Destination, written
from panel.cli.forecasts import known_in
from panel.foundation.errors import InputError

if TYPE_CHECKING:
    from panel.engine.options import Options
    from panel.engine.resolve import RuledForecast
    from panel.runs.forecasts.resolutions import KnownForecast


@click.command("resolve")
@click.argument("tools", nargs=-1, metavar="[TOOL...]")
@click.option("--forecast", metavar="ID", help="The forecast that a person decides.")
@click.option(
    "--as", "outcome", type=click.Choice(("yes", "no", "void")), help="What became of it."
)
@click.option("--because", metavar="TEXT", help="Why, in a sentence that is kept.")
@click.option("--dry-run", is_flag=True, help="Read and say what would be decided; write nothing.")
@options.gathering
@options.runs
@written("terminal", "json")
@click.pass_context
def command(
    ctx: click.Context,
    tools: tuple[str, ...],
    forecast: str | None,
    outcome: Literal["yes", "no", "void"] | None,
    because: str | None,
    dry_run: bool,
    gathering: options.GatheringOptions,
    runs: Path | None,
    destination: Destination,
) -> None:
    """Find out what became of forecasts.

    Reads the evidence of tools with open forecasts anew. A proposition came true as soon as a
    passage shows it; it did not only where its day is over and what would show it was read. What
    cannot be read stays open. Ends are added to forecasts.yaml in the runs folder with the passage
    that decided; a forecast is resolved once and never changed. Without TOOL all tools are read.

    A person decides with TOOL --forecast ID --as yes|no|void --because TEXT. What is void never
    counts in scores.

    Exits with 1 where a forecast that is due stays without an end.
    """
    from panel.cli.output import emit_blocks, emit_json

    today = datetime.now(UTC).date()
    folder = options.settings(runs).runs
    known = _of(known_in(folder), tools)
    if forecast or outcome or because is not None:
        _decided(folder, known, tools, (forecast, outcome, because), today, dry_run=dry_run)
        return
    work = options.WorkOptions(runs=runs)
    plan = options.review_options(options.ProviderOptions(), work, gathering=gathering)
    ruled = _ruled(plan, known, today)
    if destination.form == "json":
        emit_json([_data(each) for each in ruled], destination.path)
    elif ruled:
        from panel.cli import forecasts_view as view

        emit_blocks(view.ruled(ruled, today), destination.path)
    if not ruled:
        say("no forecast is open")
    if dry_run:
        return
    ends = [(each.forecast, end) for each in ruled if (end := each.resolution(today))]
    if ends:
        from panel.runs.forecasts.resolutions import FILE, record

        new = record(folder, ends)
        say(f"{len(new)} of {len(ruled)} resolved: {folder / FILE}")
    waiting = (each for each in ruled if each.ruling.outcome in ("ask", "open"))
    ctx.exit(int(any(each.forecast.by <= today for each in waiting)))


def _ruled(
    plan: "Options", known: "list[KnownForecast]", today: date
) -> "tuple[RuledForecast, ...]":
    from panel.engine.resolve import rule_all
    from panel.runs.history.archive import Archive

    return asyncio.run(rule_all(plan, Archive.open(plan.settings.runs), known, today=today))


def _of(known: "list[KnownForecast]", tools: tuple[str, ...]) -> "list[KnownForecast]":
    """Return the forecasts on these tools, by key or name; raises `InputError` for no such tool."""
    from panel.evidence.tools.identity import name_key
    from panel.foundation.did_you_mean import did_you_mean

    wanted: set[str] = set()
    for tool in tools:
        names = {tool, name_key(tool)}
        keys = {each.forecast.key for each in known if names & each.forecast.names}
        if not keys:
            every = {each.forecast.key for each in known}
            hint = did_you_mean(tool, every) or "panel forecasts"
            raise InputError(f"no run holds a forecast on {tool!r}", hint=hint)
        wanted |= keys
    return [each for each in known if not tools or each.forecast.key in wanted]


def _decided(
    folder: Path,
    known: "list[KnownForecast]",
    tools: tuple[str, ...],
    words: tuple[str | None, Literal["yes", "no", "void"] | None, str | None],
    today: date,
    *,
    dry_run: bool,
) -> None:
    """Keep what a person decided of one forecast."""
    from panel.foundation.did_you_mean import did_you_mean
    from panel.runs.forecasts.resolutions import STATES, Resolution, in_one_line, record

    ident, outcome, because = words
    if len(tools) != 1 or not ident or not outcome or not in_one_line(because or ""):
        raise InputError(
            "a person decides one forecast of one tool, and says why",
            hint="panel resolve TOOL --forecast ID --as yes|no|void --because TEXT",
        )
    chosen = [each.forecast for each in known if each.forecast.id == ident]
    if not chosen:
        near = did_you_mean(ident, {each.forecast.id for each in known})
        raise InputError(f"{tools[0]} has no forecast {ident!r}", hint=near or "panel forecasts")
    forecast = chosen[0]
    end = Resolution(
        tool=forecast.key,
        reviewer="" if forecast.proposition else forecast.reviewer,
        proposition=forecast.proposition,
        by=forecast.by,
        claim="" if forecast.proposition else forecast.claim,
        came_true=outcome,
        date=today,
        note=in_one_line(because or ""),
    )
    new = () if dry_run else record(folder, [(forecast, end)])
    said = "would be" if dry_run else "is" if new else "was already"
    say(f"{forecast.id} of {forecast.tool} {said} resolved: {STATES[outcome]}")


def _data(each: "RuledForecast") -> dict[str, Any]:
    made, ruling = each.forecast, each.ruling
    return {
        "tool": made.tool,
        "key": made.key,
        "forecast": made.id,
        "claim": made.claim,
        "by": made.by.isoformat(),
        "reviewers": [forecast.reviewer for forecast in each.forecasts],
        "outcome": ruling.outcome,
        "why": ruling.why,
        "passage": ruling.passage or None,
        "source": ruling.source or None,
        "read": ruling.read.isoformat() if ruling.read else None,
    }
