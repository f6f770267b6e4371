"""Addresses of the web, by their text alone: checked, named, safe to link to."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

_NEVER: Final = frozenset(" \"'<>\\`{}|^()")
"""Characters that end an address in Markdown or HTML, or that browsers read in two ways."""


def web_address(url: str) -> SplitResult | None:
    """Return the parts of an http or https address with a host and a possible port; else None."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname and port != 0 else None


def host_of(url: str) -> str:
    """Return `host` or `host:port` of an address, for messages and records; "?" without one."""
    try:
        authority = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return "?"
    return authority.lower().removesuffix(":") or "?"


def https(url: str | None) -> str | None:
    """Return the address if it is safe to link to: https, a host, no user, printable ASCII."""
    if not url or not url.isascii() or not url.isprintable() or _NEVER & set(url):
        return None
    parts = web_address(url)
    return url if parts and parts.scheme == "https" and "@" not in parts.netloc else None
