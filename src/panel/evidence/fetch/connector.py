"""Connections to checked addresses only: looked up once, all answers checked, the checked one used.

A name that answers with one address that is not public is blocked whole. Right before a socket is
made, the address it will connect to is checked again.
"""

import asyncio
import contextvars
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from panel.evidence.fetch.checked_url import CheckedURL, is_public, printable_url
from panel.foundation.errors import Blocked

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host name and a port to its numeric addresses; raises OSError if there are none."""

_MAX_ANSWERS: Final = 8
"""Addresses of one name that are tried; all that came are checked."""

CURRENT_URL: Final = contextvars.ContextVar[CheckedURL]("current_url")
"""The address of this task's request: aiohttp does not pass it to its hooks."""


async def system_addresses(host: str, port: int) -> Sequence[str]:
    """Return what the system's resolver answers.

    `getaddrinfo` cannot be cancelled, so each look-up runs in its own daemon thread: a hung one
    delays neither other hosts nor interpreter exit.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(outcome: Sequence[str] | OSError) -> None:
        if answer.done():  # the caller was cancelled
            return
        if isinstance(outcome, OSError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def look_up() -> None:
        outcome: Sequence[str] | OSError
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            outcome = [str(info[4][0]) for info in infos]
        except (OSError, UnicodeError) as error:
            outcome = error if isinstance(error, OSError) else OSError("no name")
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
    return await answer


class _Checked(AbstractResolver):
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host, or raise Blocked if any of them is not public."""
        addresses = list(dict.fromkeys(await self._resolve(host, port)))
        if not addresses:
            raise OSError(f"{host} has no address")
        for address in addresses:
            _check(address, host)
        return [_numeric(host, address, port) for address in addresses[:_MAX_ANSWERS]]

    async def close(self) -> None:
        """Nothing is kept open."""


def _numeric(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host, host=address, port=port, proto=0,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )  # fmt: skip


def _socket(info: Any) -> socket.socket:
    """Make the socket for an address that is about to be connected to."""
    family, kind, protocol, _, address = info
    _check(str(address[0]), str(address[0]))
    return socket.socket(family, kind, protocol)


def _check(address: str, host: str) -> None:
    if not (is_public(address) or CURRENT_URL.get().allowlisted):
        raise Blocked(f"{printable_url(host)} is not a public address")


def connector(resolve: Resolve) -> aiohttp.TCPConnector:
    """Return a connector that reaches public addresses and allowlisted places."""
    return aiohttp.TCPConnector(
        resolver=_Checked(resolve), use_dns_cache=False, socket_factory=_socket, limit=0
    )
