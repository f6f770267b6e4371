"""URLs that may be fetched: http(s), a public host, and a web port unless allowlisted.

The HTTP client's own URL type does the parsing, so what is checked is what is connected to. The
deny list of networks is our own: Python's `is_global` accepts NAT64, 6to4, Teredo, mapped and
multicast addresses, and its tables change with its version. Nothing is resolved here.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from yarl import URL

from panel.foundation.errors import Blocked
from panel.foundation.text import one_line

_DENIED_V4: Final = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this host, this network
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # private
        "100.64.0.0/10",  # carriers' NAT; one cloud keeps its metadata there
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's host agent, in public space
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  # documentation
        "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24",  # AS112 and AMT anycast
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/4", "240.0.0.0/4",  # multicast; reserved and broadcast
    )
)  # fmt: skip

_GLOBAL_V6: Final = IPv6Network("2000::/3")
"""All allocated addresses. Others are local, multicast, or map an IPv4 address:
::/96, ::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48, fc00::/7, fe80::/10, fec0::/10, ff00::/8."""
_DENIED_V6: Final = tuple(
    IPv6Network(net)
    for net in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32", "3fff::/20",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
    )
)  # fmt: skip

_LOCAL_NAMES: Final = ("localhost", "local", "internal", "intranet", "lan", "home.arpa")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_public(address: str) -> bool:
    """Tell whether an untrusted text may make panel connect to this numeric address."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in net for net in _DENIED_V4)
    return _public_v6(ip)


def _public_v6(ip: IPv6Address) -> bool:
    if ip.scope_id is not None:
        return False
    return ip in _GLOBAL_V6 and not any(ip in net for net in _DENIED_V6)


def is_public_name(host: str) -> bool:
    """Tell whether a host may be looked up: a name that is not local, or a public address.

    A host whose last label is a number is an address to some resolver (`127.1`, `0x7f000001`,
    `2130706433`, `0177.0.0.1`), so it has to be one in its plain form.
    """
    host = host.lower()
    if ":" in host:
        return is_public(host)
    name = host.removesuffix(".")
    if not name or any(name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES):
        return False
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return name == host and is_public(host)
    return True


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
    allowlisted: bool
    """The caller allows exactly this authority, whatever it resolves to."""


def check_url(text: str, allow: frozenset[str], *, base: URL | None = None) -> CheckedURL:
    """Return the checked URL of a text, relative to `base` if given.

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
    allowlisted = f"{where}:{port}" in allow
    if not allowlisted and port not in (80, 443):
        raise Blocked(f"{printable_url(where)}: port {port} is not one of the web's (80 and 443)")
    if not allowlisted and not is_public_name(host):
        raise Blocked(f"{printable_url(where)} is not a public address")
    return CheckedURL(url, host, f"{where}:{port}", allowlisted)


def printable_url(text: str) -> str:
    """Return a piece of an address as it may stand in a message: one short line, no secrets."""
    line = re.sub(r"//[^/@]*@", "//…@", one_line(text))
    line = line.partition("?")[0].partition("#")[0]
    return line if len(line) <= 80 else f"{line[:79]}…"
