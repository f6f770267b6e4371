"""A place: one checked address of the web, as the HTTP client will read it.

The client's own URL type does the parsing, so what is checked is what is connected to.
"""

import re
from dataclasses import dataclass

from yarl import URL

from panel.evidence.fetch.ip_ranges import is_public_name
from panel.foundation.errors import Blocked
from panel.foundation.text import printable

_SMUGGLED = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True)
class CheckedURL:
    """Where a request goes."""

    url: URL
    """Without a fragment."""
    host: str
    """As it is looked up and named in `Host`: lower case, IDNA-encoded."""
    authority: str
    """`host:port`, the port always given."""
    listed: bool
    """The caller allows exactly this authority, whatever it resolves to."""


def check_url(text: str, allow: frozenset[str], *, base: URL | None = None) -> CheckedURL:
    """Return the place that an address names, relative to `base` if given.

    Raises:
        Blocked: no http(s) address, or one that panel may not connect to.
    """
    text = text.strip(" \t\r\n\f")
    try:
        if _SMUGGLED.search(text):
            raise ValueError
        url = URL(text)
        if base is not None and not url.scheme:
            url = base.join(url)
        url = url.with_fragment(None)
        host, port = (url.raw_host or "").lower(), url.port
        user = url.raw_user is not None or url.raw_password is not None
    except (ValueError, UnicodeError, TypeError):
        raise Blocked(f"not an address panel can open: {printable_url(text)}") from None
    if url.scheme not in ("http", "https") or not host or port is None:
        raise Blocked(f"not an http(s) address: {printable_url(text)}")
    where = f"[{host}]" if ":" in host else host
    if user:
        raise Blocked(f"{printable_url(where)}: an address must not hold a user or password")
    listed = f"{where}:{port}" in allow
    if not listed and port not in (80, 443):
        raise Blocked(f"{printable_url(where)}: port {port} is not one of the web's (80 and 443)")
    if not listed and not is_public_name(host):
        raise Blocked(f"{printable_url(where)} is not a public address")
    return CheckedURL(url, host, f"{where}:{port}", listed)


def printable_url(text: str) -> str:
    """Return a piece of an address as it may stand in a message: one short line, no secrets."""
    line = re.sub(r"//[^/@]*@", "//…@", " ".join(printable(text).split()))
    line = line.partition("?")[0].partition("#")[0]
    return line if len(line) <= 80 else f"{line[:79]}…"
