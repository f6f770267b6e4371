"""The fetcher: one page of an untrusted address, under limits of time, size and redirects.

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
from panel.evidence.fetch.connector import CURRENT_URL, Resolve, connector, system_addresses
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
class _RedirectChain:
    """One page's redirects: the time left, the addresses passed, and whether a key was sent."""

    requested_url: str
    accept: str
    deadline: float
    seconds_left: float
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
        self._semaphores: weakref.WeakValueDictionary[str, asyncio.Semaphore] = (
            weakref.WeakValueDictionary()
        )

    async def get(
        self,
        url: str,
        *,
        accept: str = ACCEPT,
        deadline: float = DEADLINE,
        with_key: bool = True,
    ) -> FetchedPage:
        """Return the page at an address.

        Args:
            url: http or https, on port 80 or 443 unless allowed.
            accept: The `Accept` header.
            deadline: Seconds for all of it, redirects and body.
            with_key: The host gets its key, where there is one.

        Raises:
            FetchError: one of its kinds, with one line that names the host.
        """
        chain = _RedirectChain(url, accept, deadline, deadline, [])
        current = check_url(url, self._allow)
        chain.first_host = current.authority if with_key else ""
        while True:
            page = await self._limited_hop(current, chain)
            if isinstance(page, FetchedPage):
                return page
            current = page

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _limited_hop(
        self, current: CheckedURL, chain: _RedirectChain
    ) -> FetchedPage | CheckedURL:
        """Make one hop when it is its turn at the host, within what is left of the time."""
        semaphore = self._semaphores.setdefault(current.host, asyncio.Semaphore(PER_HOST))
        async with semaphore:
            started = time.monotonic()
            try:
                async with asyncio.timeout(chain.seconds_left):
                    return await self._hop(current, chain)
            except TimeoutError:
                raise TooSlow(
                    f"{printable_url(current.host)} sent no whole page within"
                    f" {chain.deadline:.3g} s"
                ) from None
            except Overflow:
                raise TooLarge(
                    f"{printable_url(current.host)}: the page is larger than {self._cap:,} bytes"
                ) from None
            except FetchError:
                raise
            except _BROKEN as error:
                raise _fetch_error(error, current.host) from None
            finally:
                chain.seconds_left -= time.monotonic() - started

    async def _hop(self, current: CheckedURL, chain: _RedirectChain) -> FetchedPage | CheckedURL:
        CURRENT_URL.set(current)
        async with self._opened().get(
            current.url, headers=self._headers(current, chain), allow_redirects=False
        ) as response:
            try:
                if response.status in _REDIRECTS:
                    return self._next(current, response.headers.get("Location"), chain)
                return await self._page(response, current, chain)
            finally:
                if not response.content.at_eof():
                    response.close()  # never read on: what is left may have no end

    async def _page(
        self, response: aiohttp.ClientResponse, current: CheckedURL, chain: _RedirectChain
    ) -> FetchedPage:
        if response.status != 200:
            raise BadResponse(
                f"{printable_url(current.host)} answers {response.status}",
                status=response.status,
                retry_at=retry_at(response.headers.items(), now=self._now()),
            )
        if (response.content_length or 0) > self._cap:
            raise Overflow
        body = Decompressed(self._cap, gzip=_is_gzip(response, current.host))
        while chunk := await response.content.readany():
            body.add(chunk)
        if body.cut:
            raise EOFError
        return FetchedPage(
            url=str(current.url), requested_url=chain.requested_url, status=response.status,
            media_type=response.content_type.lower(), charset=response.charset,
            body=bytes(body.data), retrieved=self._now(), hops=tuple(chain.hops),
        )  # fmt: skip

    def _next(self, current: CheckedURL, location: str | None, chain: _RedirectChain) -> CheckedURL:
        """Return the destination of a redirect."""
        name = printable_url(current.host)
        if not location:
            raise BadResponse(f"{name} redirects to nowhere")
        chain.hops.append(str(current.url))
        destination = check_url(location, self._allow, base=current.url)
        if chain.keyed and (current.url.scheme, destination.url.scheme) == ("https", "http"):
            raise Blocked(f"{name} redirects from https to http")
        if str(destination.url) in chain.hops:
            raise BadResponse(
                f"{name} redirects in a loop, back to {printable_url(str(destination.url))}"
            )
        if len(chain.hops) > MAX_REDIRECTS:
            raise BadResponse(f"{name}: more than {MAX_REDIRECTS} redirects")
        if destination.authority != chain.first_host:
            # The redirect is untrusted: no key from here on, not even back on the first host.
            chain.first_host = ""
        return destination

    def _headers(self, current: CheckedURL, chain: _RedirectChain) -> dict[str, str]:
        headers = {
            "Accept": chain.accept,
            "Accept-Encoding": "gzip, identity",
            "User-Agent": f"panel/{metadata.version('panel-verdict')}",
        }
        key = self._keys.get(current.host)
        if (
            key
            and current.authority == chain.first_host
            and (current.allowlisted or current.url.scheme == "https")
        ):
            headers[key[0]] = key[1]
            chain.keyed = True
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


def _fetch_error(error: BaseException, host: str) -> FetchError:
    """Describe an error without its own message, which may hold an address with a secret."""
    name = printable_url(host)
    match error:
        case aiohttp.ClientConnectorDNSError():
            return NoAnswer(f"{name}: no such host")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return NoAnswer(f"{name}: no trusted TLS connection")
        case aiohttp.ClientConnectorError():
            return NoAnswer(f"{name}: no connection ({error.os_error.strerror or 'closed'})")
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return NoAnswer(f"{name} closed the connection before it answered")
        case zlib.error() | EOFError():
            return BadResponse(f"{name}: the page's compression is broken")
    return BadResponse(f"{name}: the response broke off or is no HTTP")
