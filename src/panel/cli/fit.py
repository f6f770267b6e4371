"""`panel fit`: weights and curves fitted on a backtest, and what they are worth out of sample."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from panel.cli.backtest_run import BacktestOptions, BacktestRun, run_options
from panel.cli.console import say
from panel.cli.destination import Destination, check, written
from panel.foundation.errors import InputError
from panel.foundation.text import printable
from panel.report import formats

if TYPE_CHECKING:
    from panel.engine.backtest.fit import BacktestFit
    from panel.reviews.backtest.fit_report import FitReport


@click.command("fit")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--weights",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="Write what is clearly better than the plain rule to FILE.json, for [rule] weights.",
)
@click.option(
    "--anyway",
    is_flag=True,
    help="With --weights: write fitted weights that do not clearly beat the plain ones too.",
)
@run_options
@written(of="fit")
def command(
    folder: Path,
    file: Path | None,
    anyway: bool,
    chosen: BacktestOptions,
    destination: Destination,
) -> None:
    """Fit weights on what became of the tools.

    FOLDER is that of panel backtest, whose run is used: nothing that was answered is asked again.
    Criterion and reviewer weights are fitted on pairs, probabilities for ages and counts that
    decide a criterion and the threshold on all tools, and each is held against the plain rule on
    tools that it was not fitted on. Later reviews use a file that is named as [rule] weights in
    panel.toml.
    """
    if file is not None:
        _check_file(file)
    elif anyway:
        raise InputError("--anyway is for a file of weights", hint="--weights FILE.json --anyway")
    asked = BacktestRun.of(folder, chosen)
    rule = asked.plan.settings.rule.model_copy(update={"weights": None})
    settings = asked.plan.settings.model_copy(update={"rule": rule})
    asked = replace(asked, plan=replace(asked.plan, settings=settings))
    if asked.plan.dry_run:
        asked.estimate()
        return
    result = _fitted(asked)
    report = _write(result, file, anyway=anyway)
    _emit(report, destination)


def _check_file(file: Path) -> None:
    if file.suffix != ".json":
        raise InputError(
            f"--weights {printable(str(file))[:200]}: weights are written as JSON",
            hint=f"--weights {printable(file.stem)[:80] or 'weights'}.json",
        )
    check(file, "--weights", "weights.json")


def _fitted(asked: BacktestRun) -> "BacktestFit":
    """Review the tools, or take what was answered, and fit."""
    from panel.engine.backtest.fit import fit_run, outcomes_fingerprint
    from panel.runs.run import Run

    path, notes = asked.perform()
    with Run.open(path) as run:
        return fit_run(
            run,
            asked.cases,
            folder=asked.folder,
            outcomes=outcomes_fingerprint(asked.every),
            notes=notes,
        )


def _write(result: "BacktestFit", file: Path | None, *, anyway: bool) -> "FitReport":
    """Write the file where there is something to write; return the report that says so."""
    from panel.foundation.atomic_files import write_atomic

    weights = result.everything if anyway else result.weights
    if file is None or weights is None:
        return result.report
    write_atomic(file.parent, file.name, [weights.text()])
    forced = anyway and not result.report.beaten
    return result.report.model_copy(update={"written": str(file), "anyway": forced})


def _emit(report: "FitReport", destination: Destination) -> None:
    from panel.cli.output import emit_text
    from panel.report.fit import terminal
    from panel.report.scorecard.terminal import console

    if destination.form == "terminal" and destination.path is None:
        emit_text(terminal.render(report, console(sys.stdout).width), None)
    else:
        emit_text(formats.render(report, destination.form, "fit"), destination.path)
    if report.written:
        say(f"written: {printable(report.written)}")
