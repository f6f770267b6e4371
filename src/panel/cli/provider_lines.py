"""The providers of models: a line for every value of --provider."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from panel.foundation.errors import InputError, MissingKey, ProviderError
from panel.foundation.settings import Settings
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


def provider_lines(settings: Settings) -> list[ProviderLine]:
    """Return a line for every value of --provider.

    Those of `panel.toml` stand first, then the table's and those of plug-ins, then the unnamed.
    """
    listed = [_table_line(name) for name in provider_table().names()]
    configured = [
        ProviderLine(
            name,
            _shown(name, own.base_url) if own.base_url else "as above",
            variable_shown(own.key_env, os.environ) if own.key_env else "none",
            (own.key_env in os.environ) if own.key_env else None,
            own.format or "json_schema",
            own.ask or "whole",
        )
        for name, own in settings.providers.items()
    ]
    unlisted = [
        ProviderLine("http://host:port/v1", "that server", "none", None, "json_schema", "whole"),
        ProviderLine(
            "replay:RUN", "the stored answers of a run", "none", None, "as stored", "as stored"
        ),
    ]
    return [*configured, *listed, *unlisted]


def _table_line(name: str) -> ProviderLine:
    """Return the line of a name of the table or of a plug-in, which may be unusable."""
    table = provider_table()
    if name in (*table.router.policies, *table.router.providers):
        return _line(name, table.router, _usable(lambda: hugging_face_token(os.environ)))
    try:
        row = table.row(name.removeprefix("direct:"))
    except InputError as error:
        return ProviderLine(name, error.message, "none", None, "none", "none")
    assert row is not None, name
    return _line(name, row, _usable(lambda: find_key(row.key_env, os.environ)))


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


def _usable(find: Callable[[], Key | None]) -> Key | None:
    """Return the key; None for one that no header can carry, which is an error where it is used."""
    try:
        return find()
    except MissingKey:
        return None


def _place(key: Key) -> str:
    """Return the variable that holds a key, or the file, as people write it."""
    return re.sub(rf"^{re.escape(str(Path.home()))}(?=/)", "~", key.found_in)


def _line(name: str, row: ProviderRow, key: Key | None) -> ProviderLine:
    address = "embedded llama.cpp" if row.kind == "local" else _address(row)
    place = _place(key) if key else row.key_env[0] if row.key_env else "none"
    needed = row.key_url is not None and not (row.key_optional and not key)
    has_key = key is not None if needed else None
    return ProviderLine(name, address, place, has_key, row.format, row.ask)
