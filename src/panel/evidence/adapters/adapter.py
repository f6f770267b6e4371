"""The adapter interface: addresses of one kind, the requests for them, and how replies are read.

Adapters are the files of this folder that have an `ADAPTER`, and such objects of installed packages
(entry points of the group `panel.adapters`). They prepare requests as data and send nothing, so a
new one is one more file and can be tested without a network.
"""

import importlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from panel.evidence.fetch.page import FetchedPage
from panel.evidence.source import Role
from panel.evidence.tools.tool import ToolKind
from panel.evidence.topics import Topic
from panel.foundation.errors import InputError
from panel.foundation.plugins import broken_plugin, load_plugin, plugin_names, warn_of

_FOLDER: Final = Path(__file__).parent
_MARK: Final = re.compile(r"^ADAPTER\b", re.MULTILINE)


@dataclass(frozen=True)
class Address:
    """An http(s) address in its parts."""

    url: str
    host: str
    """Lower case, without port and `www.`."""
    parts: tuple[str, ...]
    """The segments of the path, none empty."""

    @classmethod
    def of(cls, url: str) -> "Address":
        """Parse an address; what is not http(s) has an empty host."""
        try:
            split = urlsplit(url.strip())
            host = (split.hostname or "").lower().removeprefix("www.")
        except ValueError:
            return cls(url, "", ())
        web = split.scheme in {"http", "https"}
        parts = tuple(unquote(part) for part in split.path.split("/") if part)
        return cls(url, host if web else "", parts)

    def same_site(self, address: "Address") -> bool:
        """Tell whether two hosts are one, or one is inside the other's domain."""
        host, other_host = self.host, address.host
        return (
            host == other_host or host.endswith(f".{other_host}") or other_host.endswith(f".{host}")
        )


@dataclass(frozen=True)
class Link:
    """A link found in what was read."""

    url: str
    """Absolute."""
    text: str = ""
    rel: str = ""
    """`homepage` where a record names it as the tool's own page."""


@dataclass(frozen=True)
class HostRecord:
    """An API's reply in plain sentences, so that its figures can be cited."""

    heading: str
    sentences: tuple[str, ...]
    """One line each, `Label: value.`; the labels that are facts stand in `facts`."""
    links: tuple[Link, ...] = ()
    then: "FetchSpec | None" = None
    """The request for a fuller record of the same, which replaces this one if it is read."""


@dataclass(frozen=True)
class FetchSpec:
    """One request: a document or record, and the addresses it may have."""

    what: str
    """What it is, for notes: `README`."""
    urls: tuple[str, ...]
    """Tried in this order for as long as the answer is 404."""
    role: Role
    accept: str | None = None
    read: Callable[[FetchedPage], HostRecord] | None = None
    """Turns a reply into sentences; None: the reply is a document. Raises `Unparseable`."""
    media_type: str | None = None
    """What a document is, where its server calls it plain text."""
    absent: str = "not found"
    """What a 404 means."""
    otherwise: "FetchSpec | None" = None
    """The request to send instead where every address is 404."""
    linked: bool = False
    """A page may have named the address, so that no key is sent: it could lead to what is private
    to the key's owner."""


@dataclass(frozen=True)
class HostKey:
    """A key that is sent to one host only."""

    host: str
    variables: tuple[str, ...]
    """Of the environment, the first that is set."""
    header: str = "Authorization"
    prefix: str = "Bearer "


class Adapter(ABC):
    """One kind of address. Only `matches` and `requests` must be defined."""

    rank: int = 50
    """Of several adapters that match an address, the lowest is used."""
    keys: tuple[HostKey, ...] = ()

    @abstractmethod
    def matches(self, at: Address) -> bool:
        """Tell whether this adapter reads that address."""

    @abstractmethod
    def requests(self, at: Address) -> tuple[FetchSpec, ...]:
        """Return the requests for an address that it matches."""

    def name(self, at: Address) -> str:
        """Return what a tool at this address may be called."""
        return at.host

    def kind(self, at: Address) -> ToolKind | None:
        """Return what a tool at this address is; None where the address does not tell."""
        return None

    def pages(self, at: Address) -> Mapping[Topic, tuple[str, ...]]:
        """Return by topic the addresses that may hold more than `requests` reads.

        They are tried in their order where a reviewer misses such a fact.
        """
        return {}

    def follow(self, links: Sequence[Link], page: Address) -> str | None:
        """Return the one link of a page that this adapter should read next, if there is one."""
        return None


@cache
def adapters() -> tuple[Adapter, ...]:
    """Return all adapters, the most specific ones first."""
    files = sorted(_FOLDER.glob("*.py"))
    names = [path.stem for path in files if _MARK.search(path.read_text(encoding="utf-8"))]
    modules = [importlib.import_module(f"panel.evidence.adapters.{name}") for name in names]
    instances: list[Adapter] = [module.ADAPTER for module in modules]
    for name in plugin_names("adapters"):
        try:
            instances.append(_plugin(name))
        except InputError as error:
            warn_of(error)
    return tuple(sorted(instances, key=lambda adapter: adapter.rank))


def _plugin(name: str) -> Adapter:
    adapter = load_plugin("adapters", name)
    if not isinstance(adapter, Adapter):
        raise broken_plugin("adapters", name, "it is no Adapter")
    return adapter


def adapter_of(at: Address) -> Adapter | None:
    """Return the adapter for an address; None where it is not http(s)."""
    return next((adapter for adapter in adapters() if at.host and adapter.matches(at)), None)
