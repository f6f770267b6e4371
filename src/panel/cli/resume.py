"""`panel resume`: a run that stopped early goes on."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from panel.cli import options, run_session
from panel.cli.console import say
from panel.cli.output import emit_cards
from panel.engine.from_manifest import check_against_manifest
from panel.engine.remaining import find_remaining
from panel.engine.session import Session
from panel.review.verdict.scorecard import Scorecard
from panel.runs.folders import find_folder
from panel.runs.pending import ONCE_MORE, Again, lacking
from panel.runs.run import Run


@click.command("resume")
@click.argument("run")
@options.resuming
@options.output
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Continue a run that stopped early.

    Asks what was not answered: what is left of the list, reviews that are missing because of a
    timeout, a limit or an outage, and what a damaged journal has lost. Nothing that was answered
    is asked again, and a complete run is left as it is. Refuses when personas, prompts, model or
    evidence have changed since; another endpoint, key or concurrency is fine.
    """
    go_on(ctx, given, ONCE_MORE)


def go_on(ctx: click.Context, given: Mapping[str, Any], again: Again) -> None:
    """Go on with a run, asking `again` what is missing, and print its scorecards.

    A run with nothing left to do is only read.
    """
    asked = options.options_of(given)
    path = find_folder(asked.settings.runs, given["run"])
    left = find_remaining(path, again)
    if left.complete:
        if given["provider"] or given["model"]:
            asyncio.run(check_against_manifest(asked, left.manifest))
        cards = _read(path)
    else:
        cards = run_session.perform(Session.resume(asked, path, again=again))
    emit_cards(cards, given["form"], given["output"])
    ctx.exit(run_session.exit_code(cards, given["fail_on"]))


def _read(path: Path) -> list[Scorecard]:
    with Run.open(path) as run:
        lines = lacking(run).lines(run.name)
        say(f"run {run.name} is complete: " + ("nothing to resume" if lines else "nothing to ask"))
        for line in lines:
            say(line)
        return run.cards()
