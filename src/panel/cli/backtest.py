"""`panel backtest`: the panel's verdicts held against what became of the tools."""

import asyncio
import sys
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from panel.cli import options
from panel.cli.console import say, warn
from panel.cli.destination import Destination, written
from panel.foundation.errors import InputError
from panel.foundation.text import printable
from panel.report import formats

if TYPE_CHECKING:
    from panel.engine.backtest.outcomes import BacktestCase
    from panel.engine.backtest.shown import Showing
    from panel.engine.options import Options
    from panel.llm.config import Ask
    from panel.reviews.backtest.report import BacktestReport


def _day(ctx: click.Context, param: click.Parameter, value: datetime | None) -> date | None:
    return value.date() if value else None


@dataclass(frozen=True)
class ListOptions:
    """Which tools of the list are reviewed, and what is shown of them."""

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
    known_after: date | None = options.option(
        "--known-after",
        type=click.DateTime(("%Y-%m-%d",)),
        callback=_day,
        metavar="DATE",
        help="Also count apart the tools whose outcome was known after DATE, when the model's"
        " training ended.",
    )
    limit: int | None = options.option(
        "--limit",
        type=click.IntRange(1),
        metavar="N",
        help="Only the first N tools of the list, pairs whole; more later asks only the others.",
    )


listed = options.group("listed", ListOptions)


@click.command("backtest")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@listed
@options.provider
@options.single(options.AskingOptions, "personas")
@options.single(options.AskingOptions, "spread")
@options.single(options.AskingOptions, "samples")
@options.single(options.AskingOptions, "context")
@options.single(options.AskingOptions, "ask")
@options.single(options.AskingOptions, "second_look")
@options.support
@options.single(options.AskingOptions, "fresh")
@options.engine
@options.work
@options.single(options.CapOptions, "dry_run")
@options.single(options.CapOptions, "max_cost")
@options.single(options.CapOptions, "max_calls")
@options.single(options.CapOptions, "deadline")
@options.single(options.CapOptions, "allow_unpriced")
@written(of="backtest")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    folder: Path,
    listed: ListOptions,
    provider: options.ProviderOptions,
    personas: str | None,
    spread: str | None,
    samples: int | None,
    context: Path | None,
    ask: "Ask | None",
    second_look: bool,
    support: options.SupportOptions,
    fresh: bool,
    engine: options.EngineOptions,
    work: options.WorkOptions,
    destination: Destination,
    **caps: Any,
) -> None:
    """Hold the panel's verdicts against what became of the tools.

    FOLDER has a tool list, tools.yaml, whose evidence is of a day in the past, and outcomes.csv
    with a row for each tool: slug, outcome (lived or died), and if you like pair, as_of, known_at,
    why, label_note and numbers to compare with. Nothing is fetched, and no reviewer sees an
    outcome. The same command again goes on where it stopped.
    """
    from panel.engine.backtest.outcomes import first_cases
    from panel.engine.backtest.shown import Showing

    asking = options.AskingOptions(
        personas=personas, spread=spread, samples=samples, context=context, ask=ask,
        second_look=second_look, support=support, fresh=fresh,
    )  # fmt: skip
    showing = Showing(listed.mask_names, listed.without)
    every = _read(folder)
    cases = showing.cases(first_cases(every, listed.limit))
    plan = replace(
        options.review_options(
            provider, work, asking=asking, engine=engine, caps=options.CapOptions(**caps)
        ),
        write=False,
        offline=True,
        backtest=showing.words,
    )
    if plan.dry_run:
        _estimate(plan, cases, showing)
        return
    name = printable(folder.resolve().name)
    report = _reviewed(plan, cases, showing, name, len(every), listed.known_after)
    _emit(report, destination)
    _keep(report, plan, whole=len(cases) == len(every))
    ctx.exit(int(report.missing.count > 0))


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


def _estimate(plan: "Options", cases: "tuple[BacktestCase, ...]", showing: "Showing") -> None:
    from panel.cli.dry_run import show
    from panel.engine.estimate import estimate_list

    tools = [showing.tool(case.tool) for case in cases]
    show(asyncio.run(estimate_list(plan, tools)))


def _reviewed(
    plan: "Options",
    cases: "tuple[BacktestCase, ...]",
    showing: "Showing",
    folder: str,
    listed: int,
    known_after: date | None,
) -> "BacktestReport":
    """Review the tools and return the report."""
    from panel.cli import run_session
    from panel.engine.backtest.evaluate import evaluate
    from panel.engine.backtest.shown import cautions, replayed_run
    from panel.engine.session import Session
    from panel.runs.run import Run

    source = plan.provider or plan.settings.provider
    if (path := replayed_run(source, plan.settings.runs)) is None:
        gathered = showing.gathered(cases)
    else:
        with Run.open(path) as replayed:
            gathered = showing.gathered(cases, replayed=replayed)
    notes = cautions(cases, gathered)
    for note in notes:
        warn(note)
    slug = f"backtest-{len(cases)}-tools"
    done = run_session.perform(Session.start_over(plan, slug, gathered))
    with Run.open(done.path) as run:
        return evaluate(
            run, cases, folder=folder, listed=listed, known_after=known_after, notes=notes
        )


def _emit(report: "BacktestReport", destination: Destination) -> None:
    from panel.cli.output import emit_text
    from panel.report.backtest import terminal
    from panel.report.scorecard.terminal import console

    if destination.form == "terminal" and destination.path is None:
        emit_text(terminal.render(report, console(sys.stdout).width), None)
    else:
        emit_text(formats.render(report, destination.form, "backtest"), destination.path)


def _keep(report: "BacktestReport", plan: "Options", *, whole: bool) -> None:
    """Keep the result for the judge's line of later cards, or say why it is not kept."""
    from panel.reviews.backtest.record import FEWEST, BacktestRecord, keep

    reasons = {
        "names were masked or evidence left out": report.shown != "as listed",
        "not the whole list was reviewed": not whole or report.all.tools < report.listed,
        "reviews are missing": bool(report.missing.count),
        "not all reviewers were asked": plan.personas is not None,
        "several models judged": ", " in f"{report.provider} {report.model}",
        f"fewer than {FEWEST} pairs": report.all.score.pairs.total < FEWEST,
    }
    if why := next((reason for reason, holds in reasons.items() if holds), None):
        say(f"nothing is kept for later runs: {why}")
        return
    say(f"kept for later runs: {keep(BacktestRecord.of(report))}")
