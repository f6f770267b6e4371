"""`panel providers`: where models can be called."""

import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from panel.cli import options, table
from panel.cli.output import emit_blocks, emit_text
from panel.foundation.errors import MissingKey, ProviderError
from panel.foundation.settings import Settings, load_settings
from panel.llm.providers.keys import Key, find_key, hugging_face_token, variable_shown
from panel.llm.providers.table import ProviderRow, provider_table
from panel.llm.providers.urls import checked_url, named_address


class ProviderLine(NamedTuple):
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


def provider_lines(settings: Settings) -> list[ProviderLine]:
    """Return a line for every value of --provider: the router's, the table's, the user's own."""
    known = provider_table()
    token = _found(lambda: hugging_face_token(os.environ))
    routed = [
        _line(name, known.router, token)
        for name in (*known.router.policies, *known.router.providers)
    ]
    named = [
        _line(f"direct:{name}" if row.direct else name, row, _found(partial(_key_of, row)))
        for name, row in known.rows.items()
    ]
    own = [
        ProviderLine(
            name,
            _shown(name, mine.base_url) if mine.base_url else "as above",
            variable_shown(mine.key_env, os.environ) if mine.key_env else "none",
            (mine.key_env in os.environ) if mine.key_env else None,
            mine.format or "json_schema",
            mine.ask or "whole",
        )
        for name, mine in settings.providers.items()
    ]
    others = [
        ProviderLine("http://host:port/v1", "that server", "none", None, "json_schema", "whole"),
        ProviderLine(
            "replay:RUN", "the stored answers of a run", "none", None, "as stored", "as stored"
        ),
    ]
    return [*own, *routed, *named, *others]


def _address(row: ProviderRow) -> str:
    """Return where a row's server is: as a variable says, else as the table does."""
    usual = row.base_url or "?"
    for name in row.base_url_env:
        if text := os.environ.get(name, "").strip():
            try:
                return named_address(text, where=name, usual=usual, path=row.path)
            except ProviderError as error:
                return error.message
    return usual


def _shown(name: str, base_url: str) -> str:
    """Return an address that holds no secret; of one that might, what is wrong with it."""
    try:
        return checked_url(base_url, where=f"panel.toml [providers.{name}]")
    except ProviderError as error:
        return error.message


def _key_of(row: ProviderRow) -> Key | None:
    return find_key(row.key_env, os.environ)


def _found(find: Callable[[], Key | None]) -> Key | None:
    """Return the key; one that no header can carry is none, and told where it is to be used."""
    try:
        return find()
    except MissingKey:
        return None


def _place(key: Key) -> str:
    """Return the variable that holds a key, or the file, as people write it."""
    return re.sub(rf"^{re.escape(str(Path.home()))}(?=/)", "~", key.found_in)


def _line(name: str, row: ProviderRow, found: Key | None) -> ProviderLine:
    here = "embedded llama.cpp" if row.kind == "local" else _address(row)
    key = _place(found) if found else row.key_env[0] if row.key_env else "none"
    needed = row.key_url is not None and not (row.key_optional and not found)
    return ProviderLine(name, here, key, found is not None if needed else None, row.format, row.ask)
