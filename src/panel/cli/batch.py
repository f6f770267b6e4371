"""`panel batch`: a whole list, a summary."""

from pathlib import Path

import click

from panel.cli import options
from panel.cli.destination import Destination, written


@click.command("batch")
@click.argument("tool_list", metavar="LIST", type=click.Path(path_type=Path))
@options.allow_outside
@options.gathering
@options.provider
@options.asking
@options.work
@options.fail_on
@written(of="scorecard")
@click.pass_context
def command(
    ctx: click.Context,
    tool_list: Path,
    allow_outside: bool,
    gathering: options.GatheringOptions,
    provider: options.ProviderOptions,
    asking: options.AskingOptions,
    work: options.WorkOptions,
    fail_on: frozenset[str],
    destination: Destination,
) -> None:
    """Review a whole list of tools.

    LIST is YAML, JSON, JSON Lines, CSV or TSV. Tools that are listed twice are reviewed once.
    """
    from panel.cli import run_session
    from panel.cli.tool_argument import read_list
    from panel.engine.session import Session

    tools = read_list(tool_list, allow_outside=allow_outside)
    plan = options.review_options(provider, work, asking=asking, gathering=gathering)
    finished = run_session.perform(Session.start(plan, tools))
    run_session.emit(finished, destination)
    ctx.exit(
        run_session.exit_code(finished.counts, fail_on) or int(finished.counts.tools < len(tools))
    )
