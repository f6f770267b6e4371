"""Networks: which visitors count as neighbours, by their address. Pure."""

import ipaddress
from typing import Final

_WIDER: Final = (32, 24)
"""Longer and longer reaches of IPv6: one owner of a /32 has 65,536 networks of a /48."""


def networks(address: str) -> tuple[str, ...]:
    """Return the network a visitor comes from and, for IPv6, those around it, the nearest first."""
    nearest = network(address)
    if ":" not in nearest:
        return (nearest,)
    inner = ipaddress.IPv6Network(nearest)
    return (nearest, *(str(inner.supernet(new_prefix=bits)) for bits in _WIDER))


def network(address: str) -> str:
    """Return the network a visitor comes from: the /24 of IPv4, the /48 of IPv6.

    An IPv4 address written as IPv6 is IPv4. What is no address is a network of its own, so that
    a socket without one works and nothing escapes the limits.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "elsewhere"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    bits = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network(f"{found}/{bits}", strict=False))
