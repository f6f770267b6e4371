"""`panel rerun`: the same stored evidence, asked again, and what changed."""

from typing import Any

import click

from panel.cli import options, run_session
from panel.cli.diff import emit_difference
from panel.cli.output import kept
from panel.engine.options import Options
from panel.engine.session import Session
from panel.runs.diff import compare
from panel.runs.folders import find_folder
from panel.runs.run import Run


@click.command("rerun")
@click.argument("run")
@options.reviewing
@options.comparison
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Review a run's stored evidence again, with another provider.

    RUN is a name, the start of one, a path, latest or latest~1. Prints what changed: outcomes,
    votes, findings that flipped, agreement, tokens and time.
    """
    asked = options.options_of(given)
    with Run.open(find_folder(asked.settings.runs, given["run"])) as parent:
        before = parent.cards()
        after = run_session.perform(_session(asked, parent))
    with kept(*{card.run: None for card in (*before, *after)}, command="diff"):
        emit_difference(compare(before, after), given["form"], given["output"])
    ctx.exit(run_session.exit_code(after, given["fail_on"]))


async def _session(asked: Options, parent: Run) -> Session:
    return await Session.rerun(asked, parent)
