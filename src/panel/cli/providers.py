"""`panel providers`: where models can be called."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import click

from panel.cli import options, table
from panel.cli.emit import emit_blocks, emit_text
from panel.providers.keys import find_key, hugging_face_token
from panel.providers.table import Row, provider_table
from panel.settings import Settings, load_settings


class Line(NamedTuple):
    """One provider as it is listed; never holds a key, only whether one is there."""

    name: str
    goes_to: str
    key: str
    found: bool | None
    """None when no key is needed."""
    format: str
    ask: str


@click.command("providers")
@options.listed
def command(form: str, output: Path | None) -> None:
    """List where models can be called.

    For each value of --provider: where it goes, which key it needs, whether the key is there, and
    which structured-output format is tried first.
    """
    lines = provider_lines(load_settings(None, os.environ))
    if form == "json":
        emit_text(json.dumps([line._asdict() for line in lines], indent=1) + "\n", output)
        return
    found = {True: "found", False: "missing", None: ""}
    drawn = table.drawn(
        ("--provider", "goes to", "key", "", "output", "asks"),
        [(x.name, x.goes_to, x.key, found[x.found], x.format, x.ask) for x in lines],
    )
    emit_blocks([drawn], output)


def provider_lines(settings: Settings) -> list[Line]:
    """Return a line for every value of --provider: the router's, the table's, the user's own."""
    known = provider_table()
    has_token = hugging_face_token(os.environ) is not None
    routed = [
        _line(name, known.router, has_token)
        for name in (*known.router.policies, *known.router.providers)
    ]
    named = [
        _line(
            f"direct:{name}" if row.direct else name, row, bool(find_key(row.key_env, os.environ))
        )
        for name, row in known.rows.items()
    ]
    own = [
        Line(
            name,
            mine.base_url or "as above",
            mine.key_env or "none",
            (mine.key_env in os.environ) if mine.key_env else None,
            mine.format or "json_schema",
            mine.ask or "whole",
        )
        for name, mine in settings.providers.items()
    ]
    others = [
        Line("http://host:port/v1", "that server", "none", None, "json_schema", "whole"),
        Line("replay:RUN", "the stored answers of a run", "none", None, "as stored", "as stored"),
    ]
    return [*own, *routed, *named, *others]


def _line(name: str, row: Row, found: bool) -> Line:
    here = "embedded llama.cpp" if row.kind == "local" else row.base_url or "?"
    key = row.key_env[0] if row.key_env else "none"
    return Line(name, here, key, found if row.key_url else None, row.format, row.ask)
