"""What makes two entries one tool: one rule for lists, runs, the archive, pages and requests. Pure.

Two entries are one tool when their names are equal and their addresses do not contradict each
other. Names are equal but for case, width and Unicode form, blanks, a slash or `.git` behind.
"""

import unicodedata
import urllib.parse
from typing import Final, Protocol

from panel.foundation.text import clean

_CASELESS: Final = frozenset({"github.com", "gitlab.com", "codeberg.org", "bitbucket.org"})
"""Hosts on which the case of a path says nothing."""
_PORTS: Final = {80, 443, None}


def folded(text: str) -> str:
    """Return text by which two spellings of it are equal: without case, width and odd blanks."""
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    composed = unicodedata.normalize("NFKC", clean(text)[0])
    return " ".join(unicodedata.normalize("NFKC", composed.casefold()).split())


def name_key(name: str) -> str:
    """Return what is equal in all spellings of one tool's name; never empty for a name."""
    full_key = key = folded(name)
    while (shorter := key.rstrip("/ ").removesuffix(".git")) != key:
        key = shorter
    return key or full_key


def url_key(url: str) -> tuple[str, str, str]:
    """Return what is equal in all spellings of one tool's address: host, path and query."""
    parts = urllib.parse.urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = parts.netloc, None
    host = folded(host).rstrip(".").removeprefix("www.")
    path = parts.path
    while (shorter := path.rstrip("/").removesuffix(".git")) != path:
        path = shorter
    if host in _CASELESS:
        path = path.casefold()
    return host if port in _PORTS else f"{host}:{port}", path, parts.query


def contradict(first: str | None, second: str | None) -> bool:
    """Tell whether two addresses are known and different."""
    return bool(first and second) and url_key(first or "") != url_key(second or "")


class Named(Protocol):
    """What has a tool's name and its address, where that is known."""

    @property
    def name(self) -> str:
        """The tool's name."""

    @property
    def url(self) -> str | None:
        """The tool's address."""


def same_tool(first: Named, second: Named) -> bool:
    """Tell whether two entries are one tool."""
    same_name = name_key(first.name) == name_key(second.name)
    return same_name and not contradict(first.url, second.url)
