"""The client of evidence sources: a `FetchSpec` in, a page or the reason for its absence out.

Decides which host receives which key, and where another server stands in for a host in tests and
the demo. Parses nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Self
from urllib.parse import urlsplit

from panel.evidence.adapters.adapter import FetchSpec, adapters
from panel.evidence.fetch.connector import Resolve, system_addresses
from panel.evidence.fetch.fetcher import ACCEPT, Fetcher
from panel.evidence.fetch.page import FetchedPage
from panel.foundation.errors import BadResponse, Blocked, FetchError, NoAnswer

PAGE_SECONDS: Final = 20.0


class FetchFailed(Exception):
    """Something was not read; `reason` is a few words for a note.

    `absent`: none of its addresses exists.
    """

    def __init__(self, reason: str, *, absent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.absent = absent


class EvidenceClient:
    """Fetches what a `FetchSpec` asks for; one for a whole run, closed at its end."""

    def __init__(
        self, fetcher: Fetcher, *, hosts: Mapping[str, str] | None = None, discreet: bool = False
    ) -> None:
        """Take the fetcher, and base addresses of servers that stand in for hosts.

        `discreet`: the addresses are untrusted, and an error must not reveal which host names
        resolve on this network.
        """
        self._fetcher = fetcher
        self._hosts = dict(hosts or {})
        self._discreet = discreet

    @classmethod
    def open(
        cls,
        environ: Mapping[str, str],
        *,
        hosts: Mapping[str, str] | None = None,
        resolve: Resolve = system_addresses,
        discreet: bool = False,
    ) -> Self:
        """Return a client with the keys that the environment holds; connects to nothing."""
        hosts = dict(hosts or {})
        allow = frozenset(_authority(base) for base in hosts.values())
        fetcher = Fetcher(allow=allow, keys=host_keys(environ, hosts), resolve=resolve)
        return cls(fetcher, hosts=hosts, discreet=discreet)

    async def get(self, spec: FetchSpec, *, seconds: float) -> FetchedPage:
        """Return the page of a request, trying its addresses in turn while the answer is 404.

        Raises:
            FetchFailed: with the reason.
        """
        *earlier, last = spec.urls
        for url in earlier:
            try:
                return await self._get(url, spec, seconds)
            except BadResponse as error:
                if error.status != 404:
                    raise FetchFailed(_reason(error, spec, url)) from None
            except FetchError as error:
                raise FetchFailed(self._words(error)) from None
        try:
            return await self._get(last, spec, seconds)
        except BadResponse as error:
            raise FetchFailed(_reason(error, spec, last), absent=error.status == 404) from None
        except FetchError as error:
            raise FetchFailed(self._words(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._fetcher.close()

    def _words(self, error: FetchError) -> str:
        if self._discreet and isinstance(error, Blocked | NoAnswer):
            return "its address cannot be reached"
        return _words(error)

    async def _get(self, url: str, spec: FetchSpec, seconds: float) -> FetchedPage:
        page = await self._fetcher.get(
            self._actual(url),
            accept=spec.accept or ACCEPT,
            deadline=min(seconds, PAGE_SECONDS),
            with_key=not spec.linked,
        )
        return replace(page, url=self._named(page.url), requested_url=url)

    def _actual(self, url: str) -> str:
        split = urlsplit(url)
        base = self._hosts.get(split.hostname or "")
        return url if base is None else base.rstrip("/") + url.partition(split.netloc)[2]

    def _named(self, url: str) -> str:
        for host, base in self._hosts.items():
            start = base.rstrip("/") + "/"
            if url.startswith(start):
                return f"https://{host}/{url.removeprefix(start)}"
        return url


def host_keys(environ: Mapping[str, str], hosts: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return host, header and value of the keys that adapters name and the environment holds.

    A server that stands in for several hosts gets none of their keys.
    """
    servers = [urlsplit(base).hostname for base in hosts.values()]
    headers = {}
    for key in (key for adapter in adapters() for key in adapter.keys):
        value = next((environ[name] for name in key.variables if environ.get(name)), "").strip()
        host = urlsplit(hosts.get(key.host, f"https://{key.host}")).hostname or ""
        if value and value.isascii() and value.isprintable() and servers.count(host) < 2:
            headers[host] = (key.header, key.prefix + value)
    return headers


def _authority(base: str) -> str:
    split = urlsplit(base)
    return f"{split.hostname}:{split.port or {'https': 443}.get(split.scheme, 80)}"


def _reason(error: BadResponse, spec: FetchSpec, url: str) -> str:
    host = urlsplit(url).hostname or ""
    variables = [v for a in adapters() for k in a.keys if k.host == host for v in k.variables[:1]]
    if error.retry_at is not None:
        until = f"{host} takes no more requests until {error.retry_at:%Y-%m-%d %H:%M} UTC"
        return until + (f"; {variables[0]} raises its limit" if variables else "")
    if error.status == 404:
        return spec.absent
    if error.status == 401 and variables:
        return f"{host} answers 401: is {variables[0]} right?"
    return _words(error)


def _words(error: FetchError) -> str:
    return f"{error.message} ({error.code})"
