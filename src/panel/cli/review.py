"""`panel review`: one tool, its scorecard."""

from dataclasses import replace
from typing import Any

import click

from panel.cli import options, work
from panel.cli.emit import emit_cards
from panel.cli.naming import by_address, named_tool, naming
from panel.session.session import Session


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
    cards = work.perform(Session.start(asked, [tool]))
    emit_cards(cards, given["form"], given["output"])
    ctx.exit(work.exit_code(cards, given["fail_on"]))
