"""`panel providers`: the providers of models and their keys."""

from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.cli.destination import Destination, written

if TYPE_CHECKING:
    from panel.cli.provider_lines import ProviderLine


@click.command("providers")
@written("terminal", "json")
def command(destination: Destination) -> None:
    """List the providers of models: the values of --provider.

    For each: its address, the variable of its key and whether that is set, the structured-output
    format that is tried first, and the asking strategy (--ask). Those of installed packages and of
    panel.toml are listed, too.
    """
    from panel.cli.output import emit_blocks, emit_json, table
    from panel.cli.provider_lines import provider_lines

    lines = provider_lines(options.settings(None))
    if destination.form == "json":
        emit_json([line._asdict() for line in lines], destination.path)
        return
    columns = ("--provider", "address\nkey · output format · asking strategy")
    # The address has a line of its own: on a narrow screen it would be in pieces beside the rest.
    rows = [(x.name, f"{x.goes_to}\n{_key(x)} · {x.format} · {x.ask}") for x in lines]
    emit_blocks([table(columns, rows)], destination.path)


def _key(line: "ProviderLine") -> str:
    if line.key == "none":
        return "no key"
    presence = {True: " (found)", False: " (missing)", None: ""}
    return line.key + presence[line.found]
