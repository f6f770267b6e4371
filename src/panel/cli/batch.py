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
@options.engine
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
    engine: options.EngineOptions,
    work: options.WorkOptions,
    fail_on: frozenset[str],
    destination: Destination,
) -> None:
    """Review a whole list of tools.

    LIST is YAML, JSON, JSON Lines, CSV or TSV. Tools that are listed twice are reviewed once.
    """
    from panel.cli import run_session
    from panel.cli.output import emit_cards
    from panel.cli.tool_argument import read_list
    from panel.engine.session import Session

    tools = read_list(tool_list, allow_outside=allow_outside)
    plan = options.review_options(provider, work, asking=asking, gathering=gathering, engine=engine)
    cards = run_session.perform(Session.start(plan, tools))
    emit_cards(cards, destination)
    ctx.exit(run_session.exit_code(cards, fail_on) or int(len(cards) < len(tools)))
