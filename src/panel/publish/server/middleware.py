"""The gate before every page: wrong host, other sites' forms and large bodies stop here.

Plain ASGI, and it knows no pages. What passes gets the security headers on its way back.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from panel.publish.server.headers import Raw
from panel.publish.server.proxy_headers import TrustedProxies
from panel.publish.server.same_origin import SAFE, SameOrigin

MAX_BODY: Final = 64_000
"""Bytes of a request's body."""
MAX_TARGET: Final = 2_000
"""Bytes of path and query."""
DISCARDED: Final = 2_000_000
"""Bytes of a body too large that are thrown away, so that its sender gets to read the answer."""
DISCARD_SECONDS: Final = 2.0

WORDS: Final = {
    400: "This server is not known under that name.",
    403: "This form was not sent from a page of this site, so nothing was done.",
    413: "What was sent is too large: 64 kB are the limit.",
    414: "This address is too long.",
    500: "A fault in panel itself. Nothing of it is shown here.",
}


class BodyTooLarge(Exception):
    """The body went over the limit while it was read."""


class RequestMiddleware:
    """Wraps an application; see the module."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        door: SameOrigin,
        headers: Raw,
        proxies: TrustedProxies | None = None,
        free: tuple[str, ...] = (),
        on_fault: Callable[[Exception], None] = lambda fault: None,
    ) -> None:
        """Take the application and the checks' values.

        Args:
            app: What is behind the gate.
            door: Whose requests are let in.
            headers: What every answer carries.
            proxies: Whose `X-Forwarded-Host` is believed; None: nobody's.
            free: Starts of paths whose forms carry a token of their own, from whatever page.
            on_fault: Told what the application did not catch.
        """
        self._app = app
        self._door = door
        self._headers = list(headers)
        self._proxies = proxies or TrustedProxies()
        self._free = free
        self._on_fault = on_fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        out = _Out(send, self._headers)
        if status := self._refusal(scope):
            await self._refuse(status, receive, out)
            return
        body = _Body(receive, out)
        try:
            await self._app(scope, body, out)
        except BodyTooLarge:
            pass
        except Exception as fault:
            self._on_fault(fault)
            await self._refuse(500, receive, out)
        if out.muted:
            out.muted = False
            await self._refuse(413, receive, out)

    def _refusal(self, scope: Scope) -> int:
        """Return the status a request is refused with by its head alone, 0 where it is not."""
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _SINGLE and name in found:
                return 400
            found[name] = value
        host = found.get(b"host", b"").decode("latin-1")
        if not self._door.knows(host):
            return 400
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
            return 414
        if scope["method"] in SAFE:
            return 0
        if not self._own(scope, host, found):
            return 403
        return 413 if _announced(found) > MAX_BODY else 0

    def _own(self, scope: Scope, host: str, found: dict[bytes, bytes]) -> bool:
        if scope["path"].startswith(self._free):
            return True
        site = _text(found.get(b"sec-fetch-site"))
        # A browser that says nothing in `Origin` may say the same in `Referer`.
        origin = _text(found.get(b"origin")) or _text(found.get(b"referer"))
        if origin is None and site is None:
            # No browser: programs send neither, and have no cookies that could be misused.
            return b"cookie" not in found
        return any(
            self._door.own_page(name, origin, site) for name in (host, self._told(scope, found))
        )

    def _told(self, scope: Scope, found: dict[bytes, bytes]) -> str:
        """Return the host that our own proxy says it was asked for, "" where none does."""
        peer = scope["client"][0] if scope.get("client") else ""
        told = (_text(found.get(b"x-forwarded-host")) or "").rpartition(",")[2].strip()
        return told if self._proxies.trusts(peer) and self._door.knows(told) else ""

    async def _refuse(self, status: int, receive: Receive, out: "_Out") -> None:
        if out.begun:
            return
        await out.plain(status, WORDS[status], last=status != 413)
        if status == 413:
            await _discard(receive)
            await out({"type": "http.response.body", "body": b""})


_SINGLE: Final = frozenset(
    {b"host", b"origin", b"sec-fetch-site", b"content-length", b"authorization"}
)


def _announced(found: dict[bytes, bytes]) -> int:
    length = found.get(b"content-length", b"0")
    return int(length) if length.isdigit() and len(length) < 16 else MAX_BODY + 1


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


class _Body:
    """Counts what the application reads."""

    def __init__(self, receive: Receive, out: "_Out") -> None:
        self._receive = receive
        self._out = out
        self._size = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > MAX_BODY:
            # Whatever the application makes of it, the answer is ours.
            self._out.muted = not self._out.begun
            raise BodyTooLarge
        return message


class _Out:
    """Sends the answer with the headers that all answers carry."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = headers
        self.begun = False
        self.muted = False

    async def __call__(self, message: Message) -> None:
        if self.muted:
            return
        if message["type"] == "http.response.start":
            self.begun = True
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)

    async def plain(self, status: int, words: str, *, last: bool) -> None:
        body = f"{words}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": body, "more_body": not last})


async def _discard(receive: Receive) -> None:
    """Throw away what is still coming, within limits of bytes and time."""
    size = 0
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while size < DISCARDED:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
                size += len(message.get("body", b""))
    except TimeoutError:
        return
