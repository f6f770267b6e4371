"""`panel calibrate`: a judge measured on control tools, and what later runs take from it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.cli.console import say
from panel.cli.destination import Destination, written
from panel.foundation.atomic_files import write_atomic
from panel.foundation.paths import data_folder
from panel.report import formats

if TYPE_CHECKING:
    from panel.llm.config import Ask
    from panel.reviews.calibration.calibration import Calibration


@click.command("calibrate")
@options.provider
@options.support
@options.work
@options.single(options.AskingOptions, "ask")
@options.single(options.AskingOptions, "samples")
@click.option(
    "--controls",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of control tools and injections.yaml; by default the shipped one.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Use only N control tools.")
@click.option(
    "--copies",
    type=click.IntRange(0, 1000),
    metavar="N",
    default=1,
    show_default=True,
    help="Injected copies of each control tool that should not ship.",
)
@options.single(options.AskingOptions, "fresh")
@written(of="calibration")
@click.pass_context
def command(
    ctx: click.Context,
    provider: options.ProviderOptions,
    support: options.SupportOptions,
    work: options.WorkOptions,
    ask: "Ask | None",
    samples: int | None,
    controls: Path | None,
    limit: int | None,
    copies: int,
    fresh: bool,
    destination: Destination,
) -> None:
    """Measure a judge on control tools before trusting it.

    The judge is the model that answers for the reviewers. It reviews invented tools of known worth
    and copies whose page tries to steer the reviewer. The report shows how often it ships bad
    tools, how often injected text changes its verdict, and how often its answers repeat. Later
    runs of this provider and model use the result: the fit of its probabilities, the ship
    threshold, and one line on every scorecard.
    """
    from panel.cli import run_session
    from panel.cli.output import emit_text
    from panel.engine.calibrate.cases import gathered, make_cases, read_injections
    from panel.engine.calibrate.evaluate import calibration_of, evaluate
    from panel.engine.open_panel import persona_folders
    from panel.engine.session import Session
    from panel.reviews.calibration.controls import read_controls
    from panel.reviews.personas import applicable, load_personas
    from panel.runs.run import Run

    # No control says of what kind it is.
    personas = [applicable(p, None) for p in load_personas(folders=persona_folders())]
    folder = controls or data_folder("controls")
    tools, injections = read_controls(folder, personas), read_injections(folder)
    cases = make_cases(tools, injections, limit=limit, copies=copies)
    say(f"cases: {len(cases)}, of them {sum(c.injection is not None for c in cases)} injected")
    asking = options.AskingOptions(ask=ask, samples=samples, support=support, fresh=fresh)
    plan = replace(options.review_options(provider, work, asking=asking), calibrates=True)
    evidence = gathered(cases, now=datetime.now(UTC))
    opening = Session.start_over(plan, f"calibrate-{len(cases)}-cases", evidence)
    with Run.open(run_session.perform(opening).path) as run:
        report = evaluate(run, cases, personas)
    emit_text(formats.render(report, destination.form, "calibration"), destination.path)
    _store(calibration_of(report))
    ctx.exit(int(report.missing.count > 0))


def _store(calibration: "Calibration | None") -> None:
    from panel.reviews.calibration.calibration import file_name, own_folder

    if calibration is None or calibration.measured is None:
        say("nothing is kept for later runs: there were too few controls")
        return
    folder = own_folder()
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name(calibration.model, calibration.measured.ask)
    text = json.dumps(calibration.model_dump(mode="json"), indent=1) + "\n"
    write_atomic(folder, name, [text])
    say(f"kept for later runs: {folder / name}")
