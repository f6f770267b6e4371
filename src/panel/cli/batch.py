"""`panel batch`: a whole list, a summary."""

from pathlib import Path
from typing import Any

import click

from panel.cli import options, run_session
from panel.cli.console import say
from panel.cli.output import emit_cards
from panel.engine.session import Session
from panel.evidence.tools.tool_list import read_tools


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
    cards = run_session.perform(Session.start(options.options_of(given), found.tools))
    emit_cards(cards, given["form"], given["output"])
    left_out = len(cards) < len(found.tools)
    ctx.exit(run_session.exit_code(cards, given["fail_on"]) or int(left_out))
