"""The network address of a client: the nearest one that is no proxy of ours. Pure.

Not uvicorn's `ProxyHeadersMiddleware`: it overwrites the address of the connection, by which
`X-Forwarded-Host` is believed or not, and takes any text in `X-Forwarded-For` for an address.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from panel.foundation.errors import SettingsError

Network = IPv4Network | IPv6Network

UNKNOWN = "unknown"


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies whose `X-Forwarded-For` is believed; none by default."""

    trusted: tuple[Network, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> "TrustedProxies":
        """Read addresses and networks; raises `SettingsError` naming the one that is neither."""
        try:
            return cls(tuple(ip_network(name, strict=False) for name in names))
        except ValueError as fault:
            raise SettingsError(
                f"--trusted-proxy: {fault}", hint="an address or a network: 10.0.0.0/8"
            ) from None

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """Return the client's address: the last one in the chain that is no proxy of ours.

        Args:
            peer: The address of the connection.
            forwarded: Values of `X-Forwarded-For` headers, in their order.
        """
        chain = [part.strip() for value in forwarded for part in value.split(",")]
        address = peer
        while self.trusts(address) and chain:
            address = chain.pop()
        return plain(address)

    def trusts(self, address: str) -> bool:
        """Tell whether what this address forwards is believed."""
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self.trusted)


def plain(address: str) -> str:
    """Return an address in its one plain form; `UNKNOWN` where it is none."""
    try:
        ip = ip_address(address)
    except ValueError:
        return UNKNOWN
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return str(mapped or ip)
