"""`panel batch`: a whole list, a summary."""

import asyncio
from pathlib import Path

import click

from panel.cli import options
from panel.cli.destination import Destination, written


@click.command("batch")
@click.argument("tool_list", metavar="LIST", type=click.Path(path_type=Path))
@options.allow_outside
@options.gathering
@options.provider
@options.fallback
@options.asking
@options.engine
@options.work
@options.caps
@options.fail_on
@written(of="scorecard")
@click.pass_context
def command(
    ctx: click.Context,
    tool_list: Path,
    allow_outside: bool,
    gathering: options.GatheringOptions,
    provider: options.ProviderOptions,
    fallback: str | None,
    asking: options.AskingOptions,
    engine: options.EngineOptions,
    work: options.WorkOptions,
    caps: options.CapOptions,
    fail_on: frozenset[str],
    destination: Destination,
) -> None:
    """Review a whole list of tools.

    LIST is YAML, JSON, JSON Lines, CSV or TSV. Tools that are listed twice are reviewed once. The
    first questions go out at once, while evidence is read; a stop at any point loses nothing.
    """
    from panel.cli import run_session
    from panel.cli.tool_argument import read_list
    from panel.engine.session import Session

    plan = options.review_options(
        provider,
        work,
        asking=asking,
        gathering=gathering,
        engine=engine,
        caps=caps,
        fallback=fallback,
    )
    if caps.dry_run:
        from panel.cli.dry_run import show
        from panel.engine.estimate import estimate_list

        show(asyncio.run(estimate_list(plan, read_list(tool_list, allow_outside=allow_outside))))
        return
    # No name holds the list: the run stores it, and its memory is free then.
    done = run_session.perform(
        Session.start(plan, read_list(tool_list, allow_outside=allow_outside))
    )
    run_session.emit(done, destination)
    ctx.exit(run_session.exit_code(done, fail_on))
