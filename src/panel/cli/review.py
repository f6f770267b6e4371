"""`panel review`: one tool, its scorecard."""

from dataclasses import replace
from typing import Any

import click

from panel.cli import options, run_session
from panel.cli.output import emit_cards
from panel.cli.tool_argument import by_address, named_tool, naming
from panel.engine.session import Session


@click.command("review")
@naming
@options.gathering
@options.reviewing
@options.output
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Review one tool and print its scorecard.

    TOOL is a web address, or a tool file (examples/tools/NAME.yaml), or a name together with --url,
    --evidence or --description, or comes from a list with --list LIST --tool NAME.
    """
    tool = named_tool(given)
    asked = options.options_of(given)
    asked = replace(asked, fetch=asked.fetch or by_address(given))
    cards = run_session.perform(Session.start(asked, [tool]))
    emit_cards(cards, given["form"], given["output"])
    ctx.exit(run_session.exit_code(cards, given["fail_on"]))
