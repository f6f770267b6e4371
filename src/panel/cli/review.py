"""`panel review`: one tool, its scorecard."""

from dataclasses import replace

import click

from panel.cli import options
from panel.cli.destination import Destination, written


@click.command("review")
@options.tool
@options.allow_outside
@options.gathering
@options.provider
@options.fallback
@options.asking
@options.work
@options.fail_on
@written(of="scorecard")
@click.pass_context
def command(
    ctx: click.Context,
    tool: options.ToolOptions,
    allow_outside: bool,
    gathering: options.GatheringOptions,
    provider: options.ProviderOptions,
    fallback: str | None,
    asking: options.AskingOptions,
    work: options.WorkOptions,
    fail_on: frozenset[str],
    destination: Destination,
) -> None:
    """Review one tool and print its scorecard.

    TOOL is a web address, or a tool file (examples/tools/NAME.yaml), or a name together with --url,
    --evidence or --description, or comes from a list with --list LIST --tool NAME.
    """
    from panel.cli import run_session
    from panel.cli.tool_argument import by_address, find_tool
    from panel.engine.session import Session

    reviewed = find_tool(tool, gathering, work.runs, allow_outside=allow_outside)
    if by_address(tool):
        gathering = replace(gathering, fetch=True)
    plan = options.review_options(
        provider, work, asking=asking, gathering=gathering, fallback=fallback
    )
    finished = run_session.perform(Session.start(plan, [reviewed]))
    run_session.emit(finished, destination)
    ctx.exit(run_session.exit_code(finished, fail_on))
