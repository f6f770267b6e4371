"""Where a request may come from: the hosts that are ours, and forms of our own pages. Pure.

A form of another site would be sent with the visitor's cookies, so whatever changes something has
to come from a page of ours, by what the browser itself says in `Origin` and `Sec-Fetch-Site`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from panel.foundation.errors import SettingsError
from panel.foundation.text import printable

Headers = Iterable[tuple[bytes, bytes]]

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS: Final = frozenset({"same-origin", "none"})
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_USUAL: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[\w.:%~\[\]-]+", re.ASCII)
_PAGE: Final = re.compile(r"(https?)://([^/?#\s]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port of a page, each in its one plain form."""

    scheme: str
    name: str
    port: int

    @classmethod
    def of(cls, text: str) -> "Origin | None":
        """Return the origin of an address, None where it is none of the web."""
        match = _PAGE.match(text)
        if match is None or (place := _host(match[2])) is None:
            return None
        scheme = match[1].lower()
        return cls(scheme, place[0], place[1] or _USUAL[scheme])


@dataclass(frozen=True)
class SameOrigin:
    """Which hosts are ours, and which pages send our forms."""

    names: frozenset[str]
    """Host names that are ours, in their plain form, without a port."""
    base: Origin | None = None
    """Where visitors know the site."""
    allowed: frozenset[str] = frozenset()
    """Those of the names under which visitors know it too."""

    @classmethod
    def of(cls, *, host: str, base_url: str | None, allowed: Iterable[str] = ()) -> "SameOrigin":
        """Return the hosts and origins of a server bound to `host`; loopback names are always ours.

        Raises `SettingsError` for an allowed name that no `Host` header can hold.
        """
        base = Origin.of(base_url) if base_url else None
        also = frozenset(map(_allowed, allowed))
        names = {*_LOCAL, *also}
        if not _is_any(host):
            names.add(_plain(host))
        if base is not None:
            names.add(base.name)
        return cls(frozenset(names), base, also)

    def knows(self, host: str) -> bool:
        """Tell whether a `Host` header names this site."""
        return host_name(host) in self.names

    def own_page(self, host: str, origin: str | None, site: str | None) -> bool:
        """Tell whether browser headers say that a page of this site sent the request.

        Args:
            host: The `Host` header. A proxy may have put a name of its own there.
            origin: The `Origin` header, None without one.
            site: The `Sec-Fetch-Site` header, None without one.
        """
        if site is not None and site not in _OURS:
            return False
        if origin is None:
            return site is not None
        if origin == "null":
            return site == "same-origin"
        page, here = Origin.of(origin), _host(host)
        if page is None or here is None or page.name not in self.names:
            return False
        if self._is_open(page):
            # Only where the browser itself says so may the page's name be another than `Host`'s.
            return page.name == here[0] or site == "same-origin"
        named = (page.name, page.port) == (here[0], here[1] or _USUAL[page.scheme])
        return named and not self._is_downgraded(page)

    def _is_open(self, page: Origin) -> bool:
        """Tell whether visitors find the site at the page's origin, as the operator has set it."""
        if page.name in self.allowed:
            base = self.base or Origin(page.scheme, "", _USUAL[page.scheme])
            return (page.scheme, page.port) == (base.scheme, base.port)
        return page == self.base

    def _is_downgraded(self, page: Origin) -> bool:
        """Tell whether a page without TLS claims a name that is only served with it."""
        if self.base is None or self.base.scheme == "http":
            return False
        return page == Origin("http", self.base.name, _USUAL["http"])


def host_name(host: str) -> str | None:
    """Return the name of a `Host` header in its plain form; None where it is no host."""
    place = _host(host)
    return place[0] if place else None


def _host(host: str) -> tuple[str, int | None] | None:
    """Return the name and the port, if one is given, of a `Host` header; None where it is none."""
    try:
        split = urlsplit(f"//{host}")
        port = split.port
    except ValueError:
        return None
    plain = split.netloc == host and not host.endswith(":") and _HOST.fullmatch(host)
    name = _plain(split.hostname or "") if plain else ""
    return (name, port) if name else None


def _plain(name: str) -> str:
    """Return a name as it is compared: lower case, no final dot, the short form of IPv6."""
    name = name.lower().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return str(ip_address(name)) if ":" in name else name
    except ValueError:
        return name


def _allowed(text: str) -> str:
    try:
        ascii_name = text.strip().encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = ""
    bare = f"[{ascii_name}]" if ascii_name.count(":") > 1 and "[" not in ascii_name else ascii_name
    if (name := host_name(bare)) is None:
        shown = printable(text)[:80]
        raise SettingsError(
            f"--allow-host: {shown!r} is no host name", hint="--allow-host www.example.org"
        )
    return name


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return not host
