"""`panel refresh`: reads evidence anew and reviews again only where it changed."""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import click

from panel.cli import options
from panel.cli.console import say, warn
from panel.cli.destination import Destination, written
from panel.foundation.errors import InputError, RunError, RunStopped
from panel.report import figures

if TYPE_CHECKING:
    from panel.cli.run_session import FinishedRun
    from panel.engine.caps import Caps
    from panel.engine.options import Options
    from panel.engine.refresh import Reading, RefreshRun
    from panel.reviews.verdict.scorecard import Scorecard, Verdict

_ELSEWHERE: Final = "changed, but in nothing that a finding cites: not asked again"


@dataclass(frozen=True)
class Movement:
    """One tool, before and after."""

    reading: "Reading"
    before: "Verdict | None"
    after: "Verdict | None" = None
    """The new verdict; None where the tool was not reviewed."""
    run: str | None = None
    """The run of the new verdict."""
    waits: str = ""
    """Why a tool to be reviewed was not."""

    @property
    def standing(self) -> "Verdict | None":
        """The verdict that counts now."""
        return self.after or self.before


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
    if plan.dry_run:
        slugs = {reading.tool.slug for reading in chosen}
        waits = ["would be asked" if r.tool.slug in slugs else later for r in readings]
        _show([*map(_standing, readings, waits)], destination)
        if destination.form != "json":
            _show_estimates(plan, chosen, asking.samples)
        return
    done = _review(plan, chosen, asking.samples)
    cards = _cards(done)
    movements = [_movement(reading, cards, later) for reading in readings]
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
    if tools is None and not archive.histories():
        raise RunError(f"there are no verdicts in {plan.settings.runs}", hint="panel batch LIST")
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
    from panel.engine.refresh import groups

    if chosen:
        say(f"to be asked: {', '.join(reading.tool.name for reading in chosen)}")
    begun, left = monotonic(), plan.caps
    done: list[FinishedRun] = []
    for group in groups(plan, chosen, samples=samples):
        if done:
            left = _left(plan.caps, done, monotonic() - begun)
        done.append(run_session.perform(_capped(group, left).open()))
    return done


def _capped(group: "RefreshRun", caps: "Caps") -> "RefreshRun":
    return replace(group, options=replace(group.options, caps=caps))


def _left(caps: "Caps", done: "list[FinishedRun]", seconds: float) -> "Caps":
    """Return what the runs that are done leave of the caps; raises `RunStopped` for nothing."""
    from panel.runs.run import Run

    calls, cost = 0, 0.0
    for finished in done:
        with Run.open(finished.path) as run:
            more = run.stored.spent()
        calls, cost = calls + more[0], cost + more[1]
    left = replace(
        caps,
        max_cost=None if caps.max_cost is None else caps.max_cost - cost,
        max_calls=None if caps.max_calls is None else caps.max_calls - calls,
        deadline=None if caps.deadline is None else caps.deadline - seconds,
    )
    if any(n is not None and n <= 0 for n in (left.max_cost, left.max_calls, left.deadline)):
        raise RunStopped(
            "a cap is reached; some tools whose evidence changed were not asked about",
            hint="the same panel refresh again",
        )
    return left


def _cards(done: "list[FinishedRun]") -> "dict[str, Scorecard]":
    from panel.runs.run import Run

    cards: dict[str, Scorecard] = {}
    for finished in done:
        with Run.open(finished.path) as run:
            cards |= {card.tool.slug: card for card in run.each_verdict()}
    return cards


def _standing(reading: "Reading", waits: str) -> Movement:
    before = reading.entry.verdict if reading.entry else None
    return Movement(reading, before, waits=waits if reading.evidence else "")


def _movement(reading: "Reading", cards: "dict[str, Scorecard]", later: str) -> Movement:
    moved = _standing(reading, later)
    if (card := cards.get(reading.tool.slug)) is None or reading.evidence is None:
        return moved
    return replace(moved, after=card.verdict, run=card.run, waits="")


def _exit_code(
    movements: list[Movement], done: "list[FinishedRun]", fail_on: frozenset[str]
) -> int:
    """Return what `panel batch` does, over the verdicts that count now."""
    from panel.cli import run_session
    from panel.runs.manifest import ItemCounts

    outcomes = Counter(m.standing.outcome for m in movements if m.standing)
    missing = sum(finished.counts.missing for finished in done)
    counts = ItemCounts(outcomes=dict(outcomes), missing=missing)
    unread = any(movement.reading.state == "unread" for movement in movements)
    return run_session.outcome_code(counts, fail_on) or int(unread)


def _show_estimates(plan: "Options", chosen: "tuple[Reading, ...]", samples: int | None) -> None:
    from panel.cli.dry_run import show
    from panel.engine.estimate import estimate_gathered
    from panel.engine.refresh import groups

    for group in groups(plan, chosen, samples=samples):
        show(asyncio.run(estimate_gathered(group.options, group.collected)))


def _show(movements: list[Movement], destination: Destination) -> None:
    from rich.text import Text

    from panel.cli.output import emit_blocks, emit_json, table

    if destination.form == "json":
        emit_json([_data(movement) for movement in movements], destination.path)
        return
    told = [movement for movement in movements if movement.reading.state != "same"]
    blocks: list[Any] = []
    if told:
        rows = [(m.reading.tool.name, _verdicts(m), _why(m)) for m in told]
        blocks.append(table(("Tool", "Verdict", "Why"), rows))
    if same := len(movements) - len(told):
        blocks.append(Text(f"{same:,} tool{'s have' if same > 1 else ' has'} not changed"))
    emit_blocks(blocks, destination.path)


def _verdicts(movement: Movement) -> str:
    before, after = _shown(movement.before), _shown(movement.after)
    if movement.reading.state in ("new", "changed"):
        return " → ".join(filter(None, (before or "new", after)))
    return before


def _shown(verdict: "Verdict | None") -> str:
    return f"{verdict.outcome} {figures.score(verdict.score)}" if verdict else ""


def _why(movement: Movement) -> str:
    from panel.reviews.evidence_changes import told

    reading = movement.reading
    if reading.state == "unread":
        stands = "; the verdict stands" if reading.entry else ""
        return f"not read anew: {reading.unread}{stands}"
    if reading.state == "elsewhere":
        return _ELSEWHERE
    reasons = told(reading.reasons) or "no verdict before"
    return f"{reasons} ({movement.waits})" if movement.waits else reasons


def _data(movement: Movement) -> dict[str, Any]:
    reading, entry = movement.reading, movement.reading.entry
    return {
        "name": reading.tool.name,
        "state": reading.state,
        "before": _side(movement.before, entry.run if entry else None),
        "after": _side(movement.after, movement.run),
        "reasons": [reason.model_dump() for reason in reading.reasons],
        "unread": reading.unread or None,
    }


def _side(verdict: "Verdict | None", run: str | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {"run": run, "outcome": verdict.outcome, "score": verdict.score}
