"""The HTTP server: uvicorn with the deadlines and caps it lacks.

A client has to send its whole request in time, and to take the response in time; nobody holds more
than a share of the connections (uvicorn's `limit_concurrency` counts all clients as one). Knows
connections, not pages.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Network, ip_address
from types import FrameType
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from panel.foundation.errors import SettingsError
from panel.publish.server.proxy_headers import TrustedProxies

REQUEST_SECONDS: Final = 10.0
"""For a request with its body to arrive, from the connection's or its own first byte."""
STALL_SECONDS: Final = 20.0
"""For a client to take more of an answer that waits for it."""
IDLE_SECONDS: Final = 5
"""Between two requests of a connection."""
MAX_HEAD: Final = 32_000
"""Bytes of a request's first line and headers."""
MAX_CONNECTIONS: Final = 1_000
MAX_PER_CLIENT: Final = 64
"""Connections of one address, of IPv6 one /64, that is neither this machine nor a proxy."""
STOP_SECONDS: Final = 5

_LINE: Final = len("  HTTP/1.1\r\n\r\n")
"""Bytes of a head besides method, address and headers."""
_COLON_AND_END: Final = len(": \r\n")

Waiting = asyncio.TimerHandle | None


@dataclass(frozen=True)
class ServerLimits:
    """What one connection may take; tests set smaller ones."""

    request_seconds: float = REQUEST_SECONDS
    stall_seconds: float = STALL_SECONDS
    connections: int = MAX_CONNECTIONS
    per_client: int = MAX_PER_CLIENT
    proxies: TrustedProxies = field(default_factory=TrustedProxies)


class _Connection(HttpToolsProtocol):
    """One connection with its deadlines."""

    limits = ServerLimits()

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._arriving: Waiting = None
        self._stalled: Waiting = None
        self._in_head = True
        self._head = 0
        self._unread = 0
        self._begun = 0
        self._is_rejected = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._is_too_many():
            self._reject(503, "too many connections")
            return
        self._arriving = self.loop.call_later(self.limits.request_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._arriving is None and (self.cycle is None or self.cycle.response_complete):
            self._arriving = self.loop.call_later(self.limits.request_seconds, self._too_slow)
        begun = self._begun
        super().data_received(data)
        # A header counts when it is whole. Until then all that came counts, but for what came
        # together with the end of a request before.
        if self._in_head and self._begun <= max(begun, 1):
            self._unread += len(data)
            if self._unread > MAX_HEAD:
                self._too_long()

    def send_400_response(self, msg: str) -> None:
        self._reject(400, "this is no HTTP request")

    def on_message_begin(self) -> None:
        self._in_head, self._head, self._unread = True, _LINE, 0
        self._begun += 1
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._head += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value) + _COLON_AND_END
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head += len(self.parser.get_method())
        if self._head > MAX_HEAD:
            self._too_long()
        if not self._is_rejected:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_rejected:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._arrived()
        if not self._is_rejected:
            super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.limits.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def _arrived(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None

    def _too_long(self) -> None:
        self._is_rejected = True
        self._end(431, f"the request's headers are longer than {MAX_HEAD // 1000} kB")

    def _too_slow(self) -> None:
        self._arriving = None
        self._end(408, "the request took too long to arrive")

    def _end(self, status: int, words: str) -> None:
        """Reject the request, without a response where one has already begun."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and self.cycle.response_started:
            self.transport.close()
        else:
            self._reject(status, words)

    def _reject(self, status: int, words: str) -> None:
        """Respond without the application, and close."""
        if self.transport.is_closing():
            return
        lines = (
            f"HTTP/1.1 {status} {_PHRASES[status]}",
            "content-type: text/plain; charset=utf-8",
            f"content-length: {len(words) + 1}",
            "content-security-policy: default-src 'none'; frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
            "connection: close",
            *(("retry-after: 1",) if status == 503 else ()),
        )
        self.transport.write("\r\n".join((*lines, "", f"{words}\n")).encode("ascii"))
        self.transport.close()

    def _is_too_many(self) -> bool:
        if len(self.connections) > self.limits.connections:
            return True
        here = self.client[0] if self.client else ""
        if not here or _is_own(here, self.limits.proxies):
            return False
        clients = [getattr(connection, "client", None) for connection in self.connections]
        networks = [client_network(client[0]) for client in clients if client]
        return networks.count(client_network(here)) > self.limits.per_client


_PHRASES: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def client_network(address: str) -> str:
    """Return the addresses that one client may have: one of IPv4, the /64 of IPv6."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv4Address) or ip.ipv4_mapped is not None:
        return address
    return str(IPv6Network((ip, 64), strict=False))


def _is_own(address: str, proxies: TrustedProxies) -> bool:
    try:
        return ip_address(address).is_loopback or proxies.trusts(address)
    except ValueError:
        return True  # a local socket has no address


class LimitedServer(uvicorn.Server):
    """The server; `on_stop` is called as soon as a signal ends it."""

    def __init__(self, app: ASGIApp, *, limits: ServerLimits, on_stop: Callable[[], None]) -> None:
        """Take the application; nothing listens before `serve` or `run`."""
        protocol = type("Connection", (_Connection,), {"limits": limits})
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                loop="auto",
                lifespan="on",
                log_config=None,
                # The application reports faults, in one line and without what was sent.
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=512,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._on_stop = on_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: end, and end streams that would go on."""
        self._on_stop()
        super().handle_exit(sig, frame)

    def end(self) -> None:
        """End from another thread."""
        self._on_stop()
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises `SettingsError` where the place cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError) as fault:
        why = getattr(fault, "strerror", None) or str(fault)
        raise SettingsError(
            f"cannot listen on {host} port {port}: {why.lower()}",
            hint="choose another with --port" if port else None,
        ) from None


def run(server: LimitedServer, sockets: Sequence[socket.socket]) -> None:
    """Serve until a signal; it is raised again at the end, as shells expect."""
    server.run(sockets=list(sockets))
