"""Plug-ins: what installed packages add by entry points. Listed without importing any of them."""

import importlib.metadata
import logging
from functools import cache
from typing import Any, Final, Literal

from panel.foundation.errors import InputError
from panel.foundation.text import one_line

Group = Literal["formats", "adapters", "providers", "personas"]

_LOGGER: Final = logging.getLogger("panel")


def plugin_names(group: Group) -> tuple[str, ...]:
    """Return the names of a group's plug-ins, in alphabetical order."""
    return tuple(sorted(_entries(group)))


def load_plugin(group: Group, name: str) -> Any:
    """Import one plug-in and return the object that its entry point names.

    Raises:
        InputError: it cannot be imported; names the plug-in and its package in one line.
    """
    entry = _entries(group)[name]
    try:
        return entry.load()
    except Exception as error:  # a plug-in's own code may raise anything
        raise broken_plugin(group, name, f"{type(error).__name__}: {error}") from error


def broken_plugin(group: Group, name: str, reason: str) -> InputError:
    """Return the error for a plug-in that cannot be used."""
    package = _package(_entries(group)[name])
    line = one_line(reason)[:200]
    return InputError(
        f"the plug-in {name} of {package} (panel.{group}) cannot be used: {line}",
        hint=f"pip uninstall {package}",
    )


def warn_of(error: InputError) -> None:
    """Log, in one line, a plug-in that is left out where others can be used instead."""
    _LOGGER.warning("warning: %s", error.message)


@cache
def _entries(group: Group) -> dict[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in _all_entries().select(group=f"panel.{group}")}


@cache
def _all_entries() -> Any:
    """Return the entry points of every installed package; reads a file of each of them.

    Their type is another one before Python 3.12; both have `select`.
    """
    return importlib.metadata.entry_points()


def _package(entry: importlib.metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module
