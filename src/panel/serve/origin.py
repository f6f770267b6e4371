"""Where a request may come from: the hosts that are ours, and forms of our own pages. Pure.

A form of another site would be sent with the visitor's cookies, so whatever changes something has
to come from a page of ours, by what the browser itself says in `Origin` and `Sec-Fetch-Site`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

Headers = Iterable[tuple[bytes, bytes]]

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS: Final = frozenset({"same-origin", "none"})
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Door:
    """Who may ask for what."""

    names: frozenset[str]
    """Host names that are ours, lower case, without a port; empty: any."""
    base: str | None = None
    """Scheme, host and port under which visitors know the site."""

    @classmethod
    def of(cls, *, host: str, base_url: str | None, allowed: Iterable[str] = ()) -> "Door":
        """Return the door of a server bound to `host`; loopback names always open it."""
        base = urlsplit(base_url) if base_url else None
        names = {*_LOCAL, *(each.lower() for each in allowed)}
        if not _is_any(host):
            names.add(host.lower())
        if base is not None and base.hostname:
            names.add(base.hostname)
        return cls(frozenset(names), f"{base.scheme}://{base.netloc}".lower() if base else None)

    def knows(self, host: str) -> bool:
        """Tell whether a `Host` header names this site."""
        name = host_name(host)
        return name is not None and (not self.names or name in self.names)

    def own_page(self, host: str, origin: str | None, site: str | None) -> bool:
        """Tell whether browser headers say that a page of this site sent the request.

        Args:
            host: The `Host` header.
            origin: The `Origin` header, None without one.
            site: The `Sec-Fetch-Site` header, None without one.
        """
        if site is not None and site not in _OURS:
            return False
        if origin is None:
            return site is not None
        if origin == "null":
            return site == "same-origin"
        return origin.lower() == self._origin(host)

    def _origin(self, host: str) -> str:
        host = host.lower()
        if self.base is not None and self.base.partition("://")[2] == host:
            return self.base
        return f"http://{host}"


def host_name(host: str) -> str | None:
    """Return the name of a `Host` header in lower case; None where it is no host."""
    try:
        split = urlsplit(f"//{host}")
        _ = split.port
    except ValueError:
        return None
    plain = split.netloc == host and "@" not in host and host.isascii() and not host.endswith(":")
    return (split.hostname or None) if plain else None


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return not host
