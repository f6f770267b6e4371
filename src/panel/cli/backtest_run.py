"""A run over tools whose fate is known: what `panel backtest` and `panel fit` have in common."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.cli.console import say, warn
from panel.foundation.errors import InputError
from panel.foundation.text import printable

if TYPE_CHECKING:
    from panel.engine.backtest.outcomes import BacktestCase
    from panel.engine.backtest.shown import Showing
    from panel.engine.options import Options
    from panel.llm.config import Ask


@dataclass(frozen=True)
class BacktestOptions:
    """Which tools of the list are reviewed, what is shown of them, and how they are asked about."""

    mask_names: bool = options.option(
        "--mask-names",
        is_flag=True,
        help='Call each tool "the tool" and mask its names and addresses in the evidence.',
    )
    without: tuple[str, ...] = options.option(
        "--without",
        multiple=True,
        metavar="NAME",
        help="Leave out evidence files of this name, for instance activity.md. Repeatable.",
    )
    limit: int | None = options.option(
        "--limit",
        type=click.IntRange(1),
        metavar="N",
        help="Only the first N tools of the list, pairs whole; more later asks only the others.",
    )
    provider: options.ProviderOptions = options.ProviderOptions()
    personas: str | None = options.same(options.AskingOptions, "personas")
    spread: str | None = options.same(options.AskingOptions, "spread")
    samples: int | None = options.same(options.AskingOptions, "samples")
    context: Path | None = options.same(options.AskingOptions, "context")
    ask: "Ask | None" = options.same(options.AskingOptions, "ask")
    second_look: bool = options.same(options.AskingOptions, "second_look")
    support: options.SupportOptions = options.SupportOptions()
    fresh: bool = options.same(options.AskingOptions, "fresh")
    engine: options.EngineOptions = options.EngineOptions()
    work: options.WorkOptions = options.WorkOptions()
    dry_run: bool = options.same(options.CapOptions, "dry_run")
    max_cost: float | None = options.same(options.CapOptions, "max_cost")
    max_calls: int | None = options.same(options.CapOptions, "max_calls")
    deadline: float | None = options.same(options.CapOptions, "deadline")
    allow_unpriced: bool = options.same(options.CapOptions, "allow_unpriced")


run_options = options.group("chosen", BacktestOptions)


@dataclass(frozen=True)
class BacktestRun:
    """What is to be reviewed, and how."""

    folder: str
    """Its name, for people."""
    every: "tuple[BacktestCase, ...]"
    """The whole list."""
    cases: "tuple[BacktestCase, ...]"
    """Those that are reviewed, as reviewers see them."""
    showing: "Showing"
    plan: "Options"

    @classmethod
    def of(cls, folder: Path, chosen: BacktestOptions) -> "BacktestRun":
        """Read the folder; raises `InputError` or `ToolError` before anything is asked."""
        from panel.engine.backtest.outcomes import first_cases
        from panel.engine.backtest.shown import Showing

        showing = Showing(chosen.mask_names, chosen.without)
        every = _read(folder)
        cases = showing.cases(first_cases(every, chosen.limit))
        plan = _plan(chosen, showing)
        return cls(printable(folder.resolve().name), every, cases, showing, plan)

    def estimate(self) -> None:
        """Print what would be asked."""
        from panel.cli.dry_run import show
        from panel.engine.estimate import estimate_list

        tools = [self.showing.tool(case.tool) for case in self.cases]
        show(asyncio.run(estimate_list(self.plan, tools)))

    def perform(self) -> tuple[Path, tuple[str, ...]]:
        """Review the tools; return the run's folder, and what was noted about the evidence."""
        from panel.cli import run_session
        from panel.engine.backtest.shown import cautions, replayed_run
        from panel.engine.session import Session
        from panel.runs.run import Run

        source = self.plan.provider or self.plan.settings.provider
        if (path := replayed_run(source, self.plan.settings.runs)) is None:
            gathered = self.showing.gathered(self.cases)
        else:
            with Run.open(path) as replayed:
                gathered = self.showing.gathered(self.cases, replayed=replayed)
        notes = cautions(self.cases, gathered)
        for note in notes:
            warn(note)
        slug = f"backtest-{len(self.cases)}-tools"
        done = run_session.perform(Session.start_over(self.plan, slug, gathered))
        return done.path, notes


def _plan(chosen: BacktestOptions, showing: "Showing") -> "Options":
    asking = options.AskingOptions(
        personas=chosen.personas, spread=chosen.spread, samples=chosen.samples,
        context=chosen.context, ask=chosen.ask, second_look=chosen.second_look,
        support=chosen.support, fresh=chosen.fresh,
    )  # fmt: skip
    caps = options.CapOptions(
        dry_run=chosen.dry_run, max_cost=chosen.max_cost, max_calls=chosen.max_calls,
        deadline=chosen.deadline, allow_unpriced=chosen.allow_unpriced,
    )  # fmt: skip
    plan = options.review_options(
        chosen.provider, chosen.work, asking=asking, engine=chosen.engine, caps=caps
    )
    return replace(plan, write=False, offline=True, backtest=showing.words)


def _read(folder: Path) -> "tuple[BacktestCase, ...]":
    """Return the tools of the folder with their outcomes; print what was noted about the list."""
    from panel.engine.backtest.outcomes import OUTCOMES, TOOLS, read_outcomes
    from panel.evidence.tools.tool_list import read_tools

    if not folder.is_dir():
        raise InputError(
            f"{printable(str(folder))} is no folder", hint=f"a folder with {TOOLS} and {OUTCOMES}"
        )
    tools = read_tools(folder / TOOLS)
    for note in tools.notes:
        say(f"note: {note}")
    return read_outcomes(folder / OUTCOMES, tools.tools)
