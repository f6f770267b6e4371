"""Middleware before every page: refuses wrong hosts, other sites' forms and large bodies.

Plain ASGI, and it knows no pages. Every response gets the security headers on its way back.

Starlette has none that does the same: its `TrustedHostMiddleware` lets a second `Host` header pass
and compares names as they are written (a final dot, the long form of an IPv6 address); it has none
that limits a body's size or compares `Origin`.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from panel.publish.server.proxy_headers import TrustedProxies
from panel.publish.server.same_origin import SAFE, SameOrigin
from panel.publish.site.page import policy

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


_ALWAYS: Final = (
    ("content-security-policy", policy(live=True, header=True)),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    # Not no-referrer: a browser would then send `Origin: null` with the site's own forms.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
)
_ON_HTTPS: Final = (("strict-transport-security", "max-age=31536000"),)

RawHeaders = tuple[tuple[bytes, bytes], ...]


def security_headers(*, secure: bool) -> RawHeaders:
    """Return the headers of every response; `secure`: the site is read over https."""
    chosen = (*_ALWAYS, *_ON_HTTPS) if secure else _ALWAYS
    return tuple((name.encode(), value.encode()) for name, value in chosen)


class BodyTooLarge(Exception):
    """The body went over the limit while it was read."""


class RequestMiddleware:
    """Wraps an application; see the module."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        same_origin: SameOrigin,
        headers: RawHeaders,
        proxies: TrustedProxies | None = None,
        exempt: tuple[str, ...] = (),
        on_fault: Callable[[Exception], None] = lambda fault: None,
    ) -> None:
        """Take the application and the checks' values.

        Args:
            app: What answers.
            same_origin: Which hosts and pages are ours.
            headers: What every response carries.
            proxies: Whose `X-Forwarded-Host` is believed; None: nobody's.
            exempt: Starts of paths whose forms carry a token of their own, from whatever page.
            on_fault: Takes what the application did not catch.
        """
        self._app = app
        self._same_origin = same_origin
        self._headers = list(headers)
        self._proxies = proxies or TrustedProxies()
        self._exempt = exempt
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
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _SINGLE and name in headers:
                return 400
            headers[name] = value
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._same_origin.knows(host):
            return 400
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
            return 414
        if scope["method"] in SAFE:
            return 0
        if not self._is_own(scope, host, headers):
            return 403
        return 413 if _announced(headers) > MAX_BODY else 0

    def _is_own(self, scope: Scope, host: str, headers: dict[bytes, bytes]) -> bool:
        if scope["path"].startswith(self._exempt):
            return True
        site = _text(headers.get(b"sec-fetch-site"))
        # A browser that says nothing in `Origin` may say the same in `Referer`.
        origin = _text(headers.get(b"origin")) or _text(headers.get(b"referer"))
        if origin is None and site is None:
            # No browser: programs send neither, and have no cookies that could be misused.
            return b"cookie" not in headers
        return any(
            self._same_origin.own_page(name, origin, site)
            for name in (host, self._forwarded_host(scope, headers))
        )

    def _forwarded_host(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """Return the host that a proxy of ours forwards, "" where none does."""
        peer = scope["client"][0] if scope.get("client") else ""
        host = (_text(headers.get(b"x-forwarded-host")) or "").rpartition(",")[2].strip()
        return host if self._proxies.trusts(peer) and self._same_origin.knows(host) else ""

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


def _announced(headers: dict[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"0")
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
