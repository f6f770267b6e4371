"""The fetcher: an address in, one page out, under limits, whoever wrote the address.

Every hop of a redirect is checked anew. Takes no proxy, cookie or password from the environment.
"""

import asyncio
import ssl
import time
import weakref
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from panel.evidence.fetch.checked_url import CheckedURL, check_url, printable_url
from panel.evidence.fetch.connector import HERE, Resolve, connector, system_addresses
from panel.evidence.fetch.page import FetchedPage
from panel.foundation.decompress import CAP, Decompressed, Overflow
from panel.foundation.errors import BadResponse, Blocked, FetchError, NoAnswer, TooLarge, TooSlow
from panel.foundation.retry_after import retry_at

ACCEPT: Final = "text/html, application/xhtml+xml, text/markdown, text/plain;q=0.9, */*;q=0.5"
DEADLINE: Final = 20.0
"""Seconds for a page with all its redirects; waiting for a turn at a host does not count."""
MAX_REDIRECTS: Final = 5
PER_HOST: Final = 2
"""Connections to one host at a time."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BROKEN: Final = (aiohttp.ClientError, HttpProcessingError, OSError, ssl.SSLError, zlib.error,
                  EOFError, ValueError)  # fmt: skip


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Trip:
    """One page's way: what is left of its time, where it was, and whether a key went along."""

    asked: str
    accept: str
    deadline: float
    left: float
    hops: list[str]
    first_host: str = ""
    keyed: bool = False


class Fetcher:
    """Fetches pages; one for a whole run, closed at its end."""

    def __init__(
        self,
        *,
        allow: frozenset[str] = frozenset(),
        keys: Mapping[str, tuple[str, str]] | None = None,
        cap: int = CAP,
        resolve: Resolve = system_addresses,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take what may be reached and with what; connects to nothing.

        Args:
            allow: `host:port` texts that may be reached although they are not public.
            keys: From a host to the name and value of a header that only this host gets: over
                TLS or at a place in `allow`, and only while all hops stayed on that host.
            cap: Most bytes of a page, decoded.
            resolve: Looks names up.
            now: The clock for `FetchedPage.retrieved`.
        """
        self._allow = allow
        self._keys = dict(keys or {})
        self._cap = cap
        self._resolve = resolve
        self._now = now
        self._session: aiohttp.ClientSession | None = None
        self._turns: weakref.WeakValueDictionary[str, asyncio.Semaphore] = (
            weakref.WeakValueDictionary()
        )

    async def get(
        self, url: str, *, accept: str = ACCEPT, deadline: float = DEADLINE
    ) -> FetchedPage:
        """Return the page at an address.

        Args:
            url: http or https, on port 80 or 443 unless allowed.
            accept: The `Accept` header.
            deadline: Seconds for all of it, redirects and body.

        Raises:
            FetchError: one of its kinds, with one line that names the host.
        """
        trip = _Trip(url, accept, deadline, deadline, [])
        here = check_url(url, self._allow)
        trip.first_host = here.authority
        while True:
            page = await self._turn(here, trip)
            if isinstance(page, FetchedPage):
                return page
            here = page

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _turn(self, here: CheckedURL, trip: _Trip) -> FetchedPage | CheckedURL:
        """Make one hop when it is its turn at the host, within what is left of the time."""
        turns = self._turns.setdefault(here.host, asyncio.Semaphore(PER_HOST))
        async with turns:
            started = time.monotonic()
            try:
                async with asyncio.timeout(trip.left):
                    return await self._hop(here, trip)
            except TimeoutError:
                raise TooSlow(
                    f"{printable_url(here.host)} sent no whole page within {trip.deadline:.3g} s"
                ) from None
            except Overflow:
                raise TooLarge(
                    f"{printable_url(here.host)}: the page is larger than {self._cap:,} bytes"
                ) from None
            except FetchError:
                raise
            except _BROKEN as fault:
                raise _named(fault, here.host) from None
            finally:
                trip.left -= time.monotonic() - started

    async def _hop(self, here: CheckedURL, trip: _Trip) -> FetchedPage | CheckedURL:
        HERE.set(here)
        async with self._opened().get(
            here.url, headers=self._headers(here, trip), allow_redirects=False
        ) as response:
            try:
                if response.status in _REDIRECTS:
                    return self._next(here, response.headers.get("Location"), trip)
                return await self._page(response, here, trip)
            finally:
                if not response.content.at_eof():
                    response.close()  # never read on: what is left may have no end

    async def _page(
        self, response: aiohttp.ClientResponse, here: CheckedURL, trip: _Trip
    ) -> FetchedPage:
        if response.status != 200:
            raise BadResponse(
                f"{printable_url(here.host)} answers {response.status}",
                status=response.status,
                again=retry_at(response.headers.items(), now=self._now()),
            )
        if (response.content_length or 0) > self._cap:
            raise Overflow
        body = Decompressed(self._cap, gzip=_is_gzip(response, here.host))
        while chunk := await response.content.readany():
            body.add(chunk)
        if body.cut:
            raise EOFError
        return FetchedPage(
            url=str(here.url), asked=trip.asked, status=response.status,
            media_type=response.content_type.lower(), charset=response.charset,
            body=bytes(body.data), retrieved=self._now(), hops=tuple(trip.hops),
        )  # fmt: skip

    def _next(self, here: CheckedURL, location: str | None, trip: _Trip) -> CheckedURL:
        """Return the place a redirect leads to."""
        name = printable_url(here.host)
        if not location:
            raise BadResponse(f"{name} redirects to nowhere")
        trip.hops.append(str(here.url))
        there = check_url(location, self._allow, base=here.url)
        if trip.keyed and (here.url.scheme, there.url.scheme) == ("https", "http"):
            raise Blocked(f"{name} redirects from https to http")
        if str(there.url) in trip.hops:
            raise BadResponse(
                f"{name} redirects in a loop, back to {printable_url(str(there.url))}"
            )
        if len(trip.hops) > MAX_REDIRECTS:
            raise BadResponse(f"{name}: more than {MAX_REDIRECTS} redirects")
        if there.authority != trip.first_host:
            trip.first_host = ""  # a stranger chose the way: no key from here on, not even back
        return there

    def _headers(self, here: CheckedURL, trip: _Trip) -> dict[str, str]:
        headers = {
            "Accept": trip.accept,
            "Accept-Encoding": "gzip, identity",
            "User-Agent": f"panel/{metadata.version('panel-verdict')}",
        }
        key = self._keys.get(here.host)
        if (
            key
            and here.authority == trip.first_host
            and (here.allowlisted or here.url.scheme == "https")
        ):
            headers[key[0]] = key[1]
            trip.keyed = True
        return headers

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connector(self._resolve), cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False, trust_env=False,
            )  # fmt: skip
        return self._session


def _is_gzip(response: aiohttp.ClientResponse, host: str) -> bool:
    encoding = ",".join(response.headers.getall("Content-Encoding", ["identity"])).strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise BadResponse(f"{printable_url(host)} answers in an encoding nobody asked for")
    return "gzip" in encoding


def _named(fault: BaseException, host: str) -> FetchError:
    """Say what broke in words of our own: a client's message may hold an address with a secret."""
    name = printable_url(host)
    match fault:
        case aiohttp.ClientConnectorDNSError():
            return NoAnswer(f"{name}: no such host")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return NoAnswer(f"{name}: no trusted TLS connection")
        case aiohttp.ClientConnectorError():
            return NoAnswer(f"{name}: no connection ({fault.os_error.strerror or 'closed'})")
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return NoAnswer(f"{name} closed the connection before it answered")
        case zlib.error() | EOFError():
            return BadResponse(f"{name}: the page's compression is broken")
    return BadResponse(f"{name}: the response broke off or is no HTTP")
