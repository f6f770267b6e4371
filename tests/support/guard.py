"""Keeps a Python process to this machine, and out of what lies about in the checkout.

The test session imports it; its child processes load it as `sitecustomize`. Standard library only.
"""

import os
import socket
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

OWN = (str(ROOT / "runs"), str(ROOT / "panel.toml"))
"""What a user keeps in a checkout, and no test may look at."""
SHIPPED = str(ROOT / "runs" / "sample")

NOBODYS = (".example", ".invalid", ".test")
"""Ends of names that nobody can have: whoever looks them up means to find nothing."""

refused: list[str] = []
"""What this process tried and was not let do."""

_CONNECTING = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
_ASKING = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0}
_READING = frozenset({"open", "os.listdir", "os.scandir", "sqlite3.connect"})


def watch(event: str, args: tuple[Any, ...]) -> None:
    """Refuse one step that leaves this machine or reads a user's files; an audit hook."""
    if _is_own is None:  # the interpreter ends and has taken this module apart; its hook remains
        return
    if event in _READING:
        if _is_own(args[0]):
            refused.append(f"{event} {args[0]}")
            raise PermissionError(f"a test must not read {args[0]}")
    elif event in _CONNECTING:
        address = args[_CONNECTING[event]]
        if isinstance(address, tuple) and address and not _is_here(str(address[0])):
            refused.append(f"{event} {address}")
            raise ConnectionRefusedError(f"a test must not connect to {address[0]}")
    elif event in _ASKING:
        host = args[_ASKING[event]]
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
        if not (_number(name) or _is_here(name)):
            if not name.rstrip(".").endswith(NOBODYS):
                refused.append(f"{event} {name}")
            raise socket.gaierror(socket.EAI_NONAME, f"a test must not look up {name}")


def _is_own(path: object) -> bool:
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if not isinstance(path, str | os.PathLike):
        return False
    full = os.path.abspath(os.fspath(path).removeprefix("file:"))
    return any(_below(full, own) for own in OWN) and not _below(full, SHIPPED)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def _is_here(host: str) -> bool:
    """Tell whether a host is this machine; the empty one and any-address are."""
    if host in ("", "localhost", "0.0.0.0", "::") or host.endswith(".localhost"):
        return True
    number = _number(host)
    return number is not None and (getattr(number, "ipv4_mapped", None) or number).is_loopback


def _number(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is written as, `127.1` too; None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ip_address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


if __name__ == "sitecustomize" and not os.environ.get("WORLD"):  # a world of its own has no outside
    sys.addaudithook(watch)
