"""`panel batch`: a whole list, a summary."""

from pathlib import Path
from typing import Any

import click

from panel.cli import options, work
from panel.cli.emit import emit_cards
from panel.cli.talk import say
from panel.session.session import Session
from panel.tools.toollist import read_tools


@click.command("batch")
@click.argument("tool_list", metavar="LIST", type=click.Path(path_type=Path))
@options.listing
@options.gathering
@options.reviewing
@options.output
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Review a whole list of tools.

    LIST is YAML, JSON, JSON Lines, CSV or TSV. Tools that are listed twice are reviewed once.
    """
    found = read_tools(given["tool_list"], allow_outside=given["allow_outside"])
    for note in found.notes:
        say(f"note: {note}")
    cards = work.perform(Session.start(options.options_of(given), found.tools))
    emit_cards(cards, given["form"], given["output"])
    left_out = len(cards) < len(found.tools)
    ctx.exit(work.exit_code(cards, given["fail_on"]) or int(left_out))
