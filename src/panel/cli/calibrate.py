"""`panel calibrate`: a judge measured on control tools, and what later runs take from it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click

from panel.cli import options, run_session
from panel.cli.console import say
from panel.cli.output import emit_text
from panel.engine.calibrate.cases import Case, gathered, make_cases, read_injections
from panel.engine.calibrate.evaluate import calibration_of, evaluate
from panel.engine.open_panel import persona_folders
from panel.engine.session import Session
from panel.foundation.atomic_files import write_atomic
from panel.foundation.paths import data_folder
from panel.llm.config import Ask
from panel.report import formats
from panel.review.calibration.calibration import Calibration, file_name, own_folder
from panel.review.calibration.controls import read_controls
from panel.review.calibration.report import CalibrationReport
from panel.review.personas import Persona, load_personas
from panel.review.verdict.scorecard import Scorecard
from panel.runs.folders import find_folder
from panel.runs.run import Run


@click.command("calibrate")
@options.judging
@click.option("--ask", type=click.Choice(get_args(Ask)), help="Asking strategy.")
@click.option("--samples", type=click.IntRange(1, 100), default=1, help="Answers a reviewer.")
@click.option(
    "--controls",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Control tools and injections.yaml, instead of the shipped ones.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only N control tools.")
@click.option(
    "--copies",
    type=click.IntRange(0, 1000),
    default=1,
    help="Injected copies of each control tool that should not ship.",
)
@click.option("--fresh", is_flag=True, help="Ask again what an earlier run already answered.")
@options.measured
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Measure a judge on control tools before trusting it.

    Reviews invented tools of known worth and copies whose page tries to steer the reviewer, says
    how often the judge ships what it should not, how often it can be swayed and how much it
    repeats itself, fits its probabilities, and keeps what later runs of this provider and model
    use: the fit, the ship threshold, and one line on every scorecard.
    """
    personas = load_personas(folders=persona_folders())
    cases = _cases(given, personas)
    asked = replace(options.options_of(given), calibrates=True)
    found = gathered(cases, now=datetime.now(UTC))
    opening = Session.start_over(asked, f"calibrate-{len(cases)}-cases", found)
    cards = run_session.perform(opening)
    report = _report(asked.settings.runs, cards, cases, personas)
    emit_text(formats.render(report, given["form"], "calibration"), given["output"])
    _keep(calibration_of(report))
    ctx.exit(int(report.missing.count > 0))


def _cases(given: dict[str, Any], personas: tuple[Persona, ...]) -> tuple[Case, ...]:
    folder = given["folder"] or data_folder("controls")
    controls = read_controls(folder, personas)
    injections = read_injections(folder)
    cases = make_cases(controls, injections, limit=given["limit"], copies=given["copies"])
    say(f"cases: {len(cases)}, of them {sum(c.injection is not None for c in cases)} injected")
    return cases


def _report(
    runs: Path, cards: list[Scorecard], cases: tuple[Case, ...], personas: tuple[Persona, ...]
) -> CalibrationReport:
    with Run.open(find_folder(runs, cards[0].run)) as run:
        return evaluate(run, cases, personas)


def _keep(made: Calibration | None) -> None:
    if made is None or made.measured is None:
        say("nothing is kept for later runs: there were too few controls")
        return
    folder = own_folder()
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name(made.model, made.measured.ask)
    text = json.dumps(made.model_dump(mode="json"), indent=1) + "\n"
    write_atomic(folder, name, [text])
    say(f"kept for later runs: {folder / name}")
