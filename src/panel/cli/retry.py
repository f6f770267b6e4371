"""`panel retry`: what is missing of a run is asked again, whatever it is missing for."""

from typing import Any

import click

from panel.cli import options
from panel.cli.resume import go_on
from panel.runs.pending import ALL


@click.command("retry")
@click.argument("run")
@options.resuming
@options.output
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Ask again for every review that is missing from a run.

    Asks what `panel resume` asks, and also reviews that are missing for a lasting reason: an
    unusable reply, a refusal, a content filter. Nothing that was answered is asked again.
    """
    go_on(ctx, given, ALL)
