"""`panel resume`: continues a run that stopped early."""

import asyncio
from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.cli.console import say
from panel.cli.destination import Destination, written
from panel.runs.folders import find_folder

if TYPE_CHECKING:
    from pathlib import Path

    from panel.cli.run_session import FinishedRun
    from panel.engine.options import Options
    from panel.runs.pending import Again


@click.command("resume")
@click.argument("run")
@options.provider
@options.fallback
@click.option(
    "--cancel", is_flag=True, help="End the run's batch jobs instead; keep what they answered."
)
@options.engine
@options.work
@options.caps
@options.fail_on
@written(of="scorecard")
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    provider: options.ProviderOptions,
    fallback: str | None,
    cancel: bool,
    engine: options.EngineOptions,
    work: options.WorkOptions,
    caps: options.CapOptions,
    fail_on: frozenset[str],
    destination: Destination,
) -> None:
    """Continue a run that stopped early.

    Asks what has no answer yet: the rest of the list, reviews that are missing because of a
    timeout, a rate limit or an outage, and what a damaged journal has lost. Answered questions
    are not asked again, and a complete run stays as it is. Refuses if personas, prompts, model or
    evidence have changed since; another address, key or concurrency is fine. Batch jobs that the
    run has begun are waited for and collected first.

    RUN is a name, the start of one, a path, latest or latest~1.
    """
    from panel.cli import run_session
    from panel.runs.pending import ONCE_MORE

    plan = options.review_options(provider, work, engine=engine, caps=caps, fallback=fallback)
    if cancel:
        run_session.cancel_jobs(plan, find_folder(plan.settings.runs, run))
        return
    if (done := finish(plan, run, ONCE_MORE)) is not None:
        run_session.emit(done, destination)
        ctx.exit(run_session.exit_code(done, fail_on))


def finish(plan: "Options", name: str, again: "Again") -> "FinishedRun | None":
    """Ask what is missing from a run, as `again` says, and return the run.

    A run with nothing left to do is only read. None where it is only said what would be asked.
    """
    from panel.cli import run_session
    from panel.engine.from_manifest import check_against_manifest
    from panel.engine.remaining import find_remaining
    from panel.engine.session import Session
    from panel.foundation.errors import RunDamaged

    path = find_folder(plan.settings.runs, name)
    left = find_remaining(path, again)
    if plan.dry_run:
        from panel.cli.dry_run import show
        from panel.engine.estimate import estimate_run

        show(asyncio.run(estimate_run(plan, path, again)))
        return None
    if not left.complete:
        try:
            return run_session.perform(Session.resume(plan, path, again=again))
        except RunDamaged as damage:
            say(f"note: {damage.message}: it is repaired before anything else is asked")
            return run_session.perform(Session.resume(plan, path, again=again, every_row=True))
    if plan.provider or plan.model:
        asyncio.run(check_against_manifest(plan, left.manifest))
    return _read(path)


def _read(path: "Path") -> "FinishedRun":
    from panel.cli.run_session import FinishedRun
    from panel.runs.pending import lacking
    from panel.runs.run import Run

    with Run.open(path) as run:
        lines = lacking(run).lines(run.name)
        say(f"run {run.name} is complete: " + ("nothing to resume" if lines else "nothing to ask"))
        for line in lines:
            say(line)
        return FinishedRun.read(run)
