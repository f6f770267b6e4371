"""`panel resume`: a run that stopped early goes on."""

from typing import Any

import click

from panel.cli import options, work
from panel.cli.emit import emit_cards
from panel.runs.folder import find_folder
from panel.session.session import Session


@click.command("resume")
@click.argument("run")
@options.resuming
@options.output
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Continue a run that stopped early.

    Nothing that was answered is asked again. Refuses when personas, prompts, model or evidence
    have changed since; another endpoint, key or concurrency is fine.
    """
    asked = options.options_of(given)
    path = find_folder(asked.settings.runs, given["run"])
    cards = work.perform(Session.resume(asked, path))
    emit_cards(cards, given["form"], given["output"])
    ctx.exit(work.exit_code(cards, given["fail_on"]))
