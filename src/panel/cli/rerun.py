"""`panel rerun`: reviews the stored evidence of a run again and shows what changed."""

import click

from panel.cli import options
from panel.cli.console import say
from panel.cli.destination import Destination, written
from panel.runs.folders import find_folder


@click.command("rerun")
@click.argument("run")
@options.provider
@options.asking
@options.work
@options.fail_on
@written(of="changes")
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    provider: options.ProviderOptions,
    asking: options.AskingOptions,
    work: options.WorkOptions,
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

    plan = options.review_options(provider, work, asking=asking)
    with Run.open(find_folder(plan.settings.runs, run)) as parent:
        before = [*parent.each_verdict()]
        if parent.manifest.other_judges and (named := provider.provider or provider.model):
            models = parent.manifest.all_models
            say(f"note: {named} answers for every reviewer, instead of {models}")
        finished = run_session.perform(Session.rerun(plan, parent, samples=asking.samples))
    with Run.open(finished.path) as rerun:
        after = [*rerun.each_verdict()]
    with naming_runs(*{card.run: None for card in (*before, *after)}, command="diff"):
        emit_diff(compare(before, after), destination)
    ctx.exit(run_session.exit_code(finished.counts, fail_on))
