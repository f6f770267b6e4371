"""`panel backtest`: the panel's verdicts held against what became of the tools."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from panel.cli.backtest_run import BacktestOptions, BacktestRun, run_options
from panel.cli.console import say
from panel.cli.destination import Destination, written
from panel.report import formats

if TYPE_CHECKING:
    from panel.reviews.backtest.report import BacktestReport

ON_THIS_LIST = (
    "scored by weights that were fitted on this list: no figure here is out of sample; panel fit"
    " gives those"
)


def _day(ctx: click.Context, param: click.Parameter, value: datetime | None) -> date | None:
    return value.date() if value else None


@click.command("backtest")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--known-after",
    type=click.DateTime(("%Y-%m-%d",)),
    callback=_day,
    metavar="DATE",
    help="Also count apart the tools whose outcome was known after DATE, when the model's"
    " training ended.",
)
@run_options
@written(of="backtest")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    folder: Path,
    known_after: date | None,
    chosen: BacktestOptions,
    destination: Destination,
) -> None:
    """Hold the panel's verdicts against what became of the tools.

    FOLDER has a tool list, tools.yaml, whose evidence is of a day in the past, and outcomes.csv
    with a row for each tool: slug, outcome (lived or died), and if you like pair, as_of, known_at,
    why, label_note and numbers to compare with. Nothing is fetched, and no reviewer sees an
    outcome. The same command again goes on where it stopped.
    """
    asked = BacktestRun.of(folder, chosen)
    if asked.plan.dry_run:
        asked.estimate()
        return
    report, weighted = _report(asked, known_after)
    _emit(report, destination)
    _keep(report, asked, weighted=weighted)
    ctx.exit(int(report.missing.count > 0))


def _report(asked: BacktestRun, known_after: date | None) -> "tuple[BacktestReport, bool]":
    """Review the tools; return the report, and whether its rule has fitted weights."""
    from panel.engine.backtest.evaluate import evaluate
    from panel.engine.backtest.fit import outcomes_fingerprint
    from panel.runs.run import Run

    path, notes = asked.perform()
    with Run.open(path) as run:
        weights = run.manifest.rule.weights
        if weights is not None:
            same = weights.fitted_on.outcomes == outcomes_fingerprint(asked.every)
            notes = (*notes, ON_THIS_LIST if same else f"scored by a fit on {weights.source}")
        report = evaluate(
            run,
            asked.cases,
            folder=asked.folder,
            listed=len(asked.every),
            known_after=known_after,
            notes=notes,
        )
    return report, weights is not None


def _emit(report: "BacktestReport", destination: Destination) -> None:
    from panel.cli.output import emit_text
    from panel.report.backtest import terminal
    from panel.report.scorecard.terminal import console

    if destination.form == "terminal" and destination.path is None:
        emit_text(terminal.render(report, console(sys.stdout).width), None)
    else:
        emit_text(formats.render(report, destination.form, "backtest"), destination.path)


def _keep(report: "BacktestReport", asked: BacktestRun, *, weighted: bool) -> None:
    """Keep the result for the judge's line of later cards, or say why it is not kept."""
    from panel.reviews.backtest.record import FEWEST, BacktestRecord, keep

    whole = len(asked.cases) == len(asked.every)
    reasons = {
        "names were masked or evidence left out": report.shown != "as listed",
        "not the whole list was reviewed": not whole or report.all.tools < report.listed,
        "reviews are missing": bool(report.missing.count),
        "not all reviewers were asked": asked.plan.personas is not None,
        "several models judged": ", " in f"{report.provider} {report.model}",
        "weights are fitted ones": weighted,
        f"fewer than {FEWEST} pairs": report.all.score.pairs.total < FEWEST,
    }
    if why := next((reason for reason, holds in reasons.items() if holds), None):
        say(f"nothing is kept for later runs: {why}")
        return
    say(f"kept for later runs: {keep(BacktestRecord.of(report))}")
