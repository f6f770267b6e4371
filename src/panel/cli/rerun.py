"""`panel rerun`: reviews the stored evidence of a run again and shows what changed."""

import asyncio

import click

from panel.cli import options
from panel.cli.console import say
from panel.cli.destination import Destination, written
from panel.runs.folders import find_folder


@click.command("rerun")
@click.argument("run")
@options.provider
@options.fallback
@options.asking
@options.engine
@options.work
@options.caps
@options.fail_on
@written(of="changes")
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    provider: options.ProviderOptions,
    fallback: str | None,
    asking: options.AskingOptions,
    engine: options.EngineOptions,
    work: options.WorkOptions,
    caps: options.CapOptions,
    fail_on: frozenset[str],
    destination: Destination,
) -> None:
    """Review a run's stored evidence again, with another provider.

    A run of several models is asked by them again, unless --provider, --model or --spread names
    others: a provider or model then answers for every reviewer.

    RUN is a name, the start of one, a path, latest or latest~1. Prints what changed: outcomes,
    votes, findings that flipped, agreement, tokens and time.
    """
    from panel.cli import run_session
    from panel.cli.output import emit_diff, naming_runs
    from panel.engine.session import Session
    from panel.runs.diff import compare
    from panel.runs.run import Run

    plan = options.review_options(
        provider, work, asking=asking, engine=engine, caps=caps, fallback=fallback
    )
    path = find_folder(plan.settings.runs, run)
    if caps.dry_run:
        from panel.cli.dry_run import show
        from panel.engine.estimate import estimate_rerun

        show(asyncio.run(estimate_rerun(plan, path, samples=asking.samples)))
        return
    with Run.open(path) as parent:
        before = [*parent.each_verdict()]
        if parent.manifest.other_judges and (named := provider.provider or provider.model):
            models = parent.manifest.all_models
            say(f"note: {named} answers for every reviewer, instead of {models}")
        done = run_session.perform(Session.rerun(plan, parent, samples=asking.samples))
    with Run.open(done.path) as rerun:
        after = [*rerun.each_verdict()]
    with naming_runs(*{card.run: None for card in (*before, *after)}, command="diff"):
        emit_diff(compare(before, after), destination)
    ctx.exit(run_session.exit_code(done, fail_on))
