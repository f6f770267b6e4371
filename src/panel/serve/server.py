"""The HTTP server: uvicorn with the deadlines and caps it lacks.

A client has to send its whole request in time, and to take the answer in time; nobody holds more
than a share of the connections. Knows connections, not pages.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import FrameType
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from panel.errors import SettingsError
from panel.serve.client import Proxies

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
"""Connections of one address that is neither this machine nor a proxy."""
STOP_SECONDS: Final = 5

Waiting = asyncio.TimerHandle | None


@dataclass(frozen=True)
class Limits:
    """What one connection may take; tests set smaller ones."""

    request_seconds: float = REQUEST_SECONDS
    stall_seconds: float = STALL_SECONDS
    connections: int = MAX_CONNECTIONS
    per_client: int = MAX_PER_CLIENT
    proxies: Proxies = field(default_factory=Proxies)


class _Line(HttpToolsProtocol):
    """One connection with its deadlines."""

    limits = Limits()

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._arriving: Waiting = None
        self._stalled: Waiting = None
        self._in_head = True
        self._head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._is_too_many():
            self._turn_away(503, "too many connections")
            return
        self._arriving = self.loop.call_later(self.limits.request_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._arriving is None and (self.cycle is None or self.cycle.response_complete):
            self._arriving = self.loop.call_later(self.limits.request_seconds, self._too_slow)
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > MAX_HEAD and not self.transport.is_closing():
                self._turn_away(431, "the request's headers are too long")

    def send_400_response(self, msg: str) -> None:
        self._turn_away(400, "this is no HTTP request")

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._arrived()
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

    def _too_slow(self) -> None:
        self._arriving = None
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and self.cycle.response_started:
            self.transport.close()
        else:
            self._turn_away(408, "the request took too long to arrive")

    def _turn_away(self, status: int, words: str) -> None:
        """Answer without an application, and close."""
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
        clients = [getattr(one, "client", None) for one in self.connections]
        return [one[0] for one in clients if one].count(here) > self.limits.per_client


_PHRASES: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def _is_own(address: str, proxies: Proxies) -> bool:
    try:
        return ip_address(address).is_loopback or proxies.trusts(address)
    except ValueError:
        return True  # a local socket has no address


class Server(uvicorn.Server):
    """The server; `on_stop` is told as soon as a signal asks it to end."""

    def __init__(self, app: ASGIApp, *, limits: Limits, on_stop: Callable[[], None]) -> None:
        """Take the application; nothing listens before `serve` or `run`."""
        line = type("Line", (_Line,), {"limits": limits})
        super().__init__(
            uvicorn.Config(
                app,
                http=line,
                ws="none",
                loop="auto",
                lifespan="on",
                log_config=None,
                # Faults are told by the application, in one line and without what was sent.
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


def run(server: Server, sockets: Sequence[socket.socket]) -> None:
    """Serve until a signal; it is raised again at the end, as shells expect."""
    server.run(sockets=list(sockets))
