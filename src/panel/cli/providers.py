"""`panel providers`: where models can be called."""

import click

from panel.cli import options
from panel.cli.destination import Destination, written


@click.command("providers")
@written("terminal", "json")
def command(destination: Destination) -> None:
    """List where models can be called.

    For each value of --provider: where it goes, which key it needs, whether the key is there, and
    which structured-output format is tried first.
    """
    from panel.cli.output import emit_blocks, emit_json, table
    from panel.cli.provider_lines import provider_lines

    lines = provider_lines(options.settings(None))
    if destination.form == "json":
        emit_json([line._asdict() for line in lines], destination.path)
        return
    presence = {True: "found", False: "missing", None: ""}
    columns = ("--provider", "goes to", "key", "", "output", "asks")
    rows = [(x.name, x.goes_to, x.key, presence[x.found], x.format, x.ask) for x in lines]
    emit_blocks([table(columns, rows)], destination.path)
