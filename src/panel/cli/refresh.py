"""`panel refresh`: reads evidence anew and reviews again only where it changed."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import click

from panel.cli import options
from panel.cli.console import say, warn
from panel.cli.destination import Destination, written
from panel.foundation.errors import InputError
from panel.report import figures

if TYPE_CHECKING:
    from panel.cli.run_session import FinishedRun
    from panel.engine.caps import Caps
    from panel.engine.options import Options
    from panel.engine.refresh import Movement, Reading, RefreshRun
    from panel.reviews.verdict.scorecard import Scorecard, Verdict

_ELSEWHERE: Final = "changed, but in nothing that a finding cites: not asked again"


@click.command("refresh")
@click.argument("tool_list", metavar="[LIST]", required=False, type=click.Path(path_type=Path))
@click.option("--all", "every", is_flag=True, help="Every tool that has a verdict.")
@options.allow_outside
@options.gathering
@options.provider
@options.asking
@options.engine
@options.work
@options.caps
@options.fail_on
@written("terminal", "json")
@click.pass_context
def command(
    ctx: click.Context,
    tool_list: Path | None,
    every: bool,
    allow_outside: bool,
    gathering: options.GatheringOptions,
    provider: options.ProviderOptions,
    asking: options.AskingOptions,
    engine: options.EngineOptions,
    work: options.WorkOptions,
    caps: options.CapOptions,
    fail_on: frozenset[str],
    destination: Destination,
) -> None:
    """Read evidence anew; review again what changed.

    Files and addresses are read again and compared with what the newest verdict of each tool rests
    on. A tool is reviewed again, as it was before, where a passage that a finding cites changed, or
    a fact that code reads: price, licence, release, archived, and conditions that decide an answer.
    Stars, open issues and ages are no change in themselves. A tool of LIST without a verdict is
    reviewed as new. Prints what moved and why.
    """
    if (tool_list is None) != every:
        raise InputError(
            "name a list of tools, or --all for every tool that has a verdict, and not both",
            hint="panel refresh --all",
        )
    plan = options.review_options(
        provider, work, asking=asking, gathering=gathering, engine=engine, caps=caps
    )
    readings = _read(plan, tool_list, allow_outside=allow_outside)
    chosen, later = _first(readings, plan.limit)
    plan = replace(plan, limit=None)
    from panel.engine.refresh import Movement

    if plan.dry_run:
        slugs = {reading.tool.slug for reading in chosen}
        waits = ["would be asked" if r.tool.slug in slugs else later for r in readings]
        shown = zip(readings, waits, strict=True)
        _show([Movement.of(reading, None, waits=why) for reading, why in shown], destination)
        if destination.form != "json":
            _show_estimates(plan, chosen, asking.samples)
        return
    done = _review(plan, chosen, asking.samples)
    cards = _cards(done)
    movements = [Movement.of(r, cards.get(r.tool.slug), waits=later) for r in readings]
    _show(movements, destination)
    ctx.exit(_exit_code(movements, done, fail_on))


def _read(plan: "Options", tool_list: Path | None, *, allow_outside: bool) -> "tuple[Reading, ...]":
    from panel.cli.tool_argument import read_list
    from panel.engine.refresh import read_anew
    from panel.runs.history.archive import Archive

    tools = read_list(tool_list, allow_outside=allow_outside) if tool_list else None
    archive = Archive.open(plan.settings.runs)
    for note in archive.notes:
        warn(note)
    return asyncio.run(read_anew(plan, archive, tools))


def _first(readings: "tuple[Reading, ...]", limit: int | None) -> "tuple[tuple[Reading, ...], str]":
    """Return the tools to be asked about, and what is said of those beyond the limit."""
    asked = tuple(reading for reading in readings if reading.evidence is not None)
    return asked[:limit], f"not asked: --limit {limit}" if limit else "no verdict was stored"


def _review(
    plan: "Options", chosen: "tuple[Reading, ...]", samples: int | None
) -> "list[FinishedRun]":
    """Review what changed: a run for all tools whose verdicts were asked for in the same way."""
    from panel.cli import run_session
    from panel.engine.refresh import caps_left, groups

    if chosen:
        say(f"to be asked: {', '.join(reading.tool.name for reading in chosen)}")
    begun, left = monotonic(), plan.caps
    done: list[FinishedRun] = []
    for group in groups(plan, chosen, samples=samples):
        if done:
            left = caps_left(plan.caps, [run.path for run in done], monotonic() - begun)
        done.append(run_session.perform(_capped(group, left).open()))
    return done


def _capped(group: "RefreshRun", caps: "Caps") -> "RefreshRun":
    return replace(group, options=replace(group.options, caps=caps))


def _cards(done: "list[FinishedRun]") -> "dict[str, Scorecard]":
    from panel.runs.run import Run

    cards: dict[str, Scorecard] = {}
    for finished in done:
        with Run.open(finished.path) as run:
            cards |= {card.tool.slug: card for card in run.each_verdict()}
    return cards


def _exit_code(
    movements: "list[Movement]", done: "list[FinishedRun]", fail_on: frozenset[str]
) -> int:
    """Return what `panel batch` does, over the verdicts that count now."""
    from panel.cli import run_session
    from panel.runs.manifest import ItemCounts

    outcomes = Counter(m.verdict.outcome for m in movements if m.verdict)
    missing = sum(finished.counts.missing for finished in done)
    counts = ItemCounts(outcomes=dict(outcomes), missing=missing)
    unread = any(movement.state == "unread" for movement in movements)
    return run_session.outcome_code(counts, fail_on) or int(unread)


def _show_estimates(plan: "Options", chosen: "tuple[Reading, ...]", samples: int | None) -> None:
    from panel.cli.dry_run import show
    from panel.engine.estimate import estimate_gathered
    from panel.engine.refresh import groups

    for group in groups(plan, chosen, samples=samples):
        show(asyncio.run(estimate_gathered(group.options, group.collected)))


def _show(movements: "list[Movement]", destination: Destination) -> None:
    from rich.text import Text

    from panel.cli.output import emit_blocks, emit_json, table

    if destination.form == "json":
        emit_json([_data(movement) for movement in movements], destination.path)
        return
    told = [movement for movement in movements if movement.state != "same"]
    blocks: list[Any] = []
    if told:
        rows = [(m.tool.name, _verdicts(m), _why(m)) for m in told]
        blocks.append(table(("Tool", "Verdict", "Why"), rows))
    if same := len(movements) - len(told):
        blocks.append(Text(f"{same:,} tool{'s have' if same > 1 else ' has'} not changed"))
    emit_blocks(blocks, destination.path)


def _verdicts(movement: "Movement") -> str:
    before, after = (
        _shown(movement.before),
        _shown(movement.card.verdict if movement.card else None),
    )
    if movement.state in ("new", "changed"):
        return " → ".join(filter(None, (before or "new", after)))
    return before


def _shown(verdict: "Verdict | None") -> str:
    return f"{verdict.outcome} {figures.score(verdict.score)}" if verdict else ""


def _why(movement: "Movement") -> str:
    from panel.reviews.evidence_changes import told

    if movement.state == "unread":
        stands = "; the verdict stands" if movement.before else ""
        return f"not read anew: {movement.unread}{stands}"
    if movement.state == "elsewhere":
        return _ELSEWHERE
    reasons = told(movement.reasons) or "no verdict before"
    return f"{reasons} ({movement.waits})" if movement.waits else reasons


def _data(movement: "Movement") -> dict[str, Any]:
    card = movement.card
    return {
        "name": movement.tool.name,
        "state": movement.state,
        "before": _side(movement.before, movement.before_run),
        "after": _side(card.verdict, card.run) if card else None,
        "reasons": [reason.model_dump() for reason in movement.reasons],
        "unread": movement.unread or None,
    }


def _side(verdict: "Verdict | None", run: str | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {"run": run, "outcome": verdict.outcome, "score": verdict.score}
