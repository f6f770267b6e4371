"""`panel retry`: asks again for all missing reviews, whatever the reason."""

import click

from panel.cli import options
from panel.cli.destination import Destination, written
from panel.cli.resume import finish


@click.command("retry")
@click.argument("run")
@options.provider
@options.fallback
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
    engine: options.EngineOptions,
    work: options.WorkOptions,
    caps: options.CapOptions,
    fail_on: frozenset[str],
    destination: Destination,
) -> None:
    """Ask again for every review that is missing from a run.

    Asks what `panel resume` asks, and also reviews that are missing for a lasting reason: an
    unusable reply, a refusal, a content filter. Answered questions are not asked again.

    RUN is a name, the start of one, a path, latest or latest~1.
    """
    from panel.cli import run_session
    from panel.runs.pending import ALL

    plan = options.review_options(provider, work, engine=engine, caps=caps, fallback=fallback)
    if (done := finish(plan, run, ALL)) is not None:
        run_session.emit(done, destination)
        ctx.exit(run_session.exit_code(done, fail_on))
