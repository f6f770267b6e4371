"""The site's pages as they stand now, rendered once and kept until something changes.

Queries no database and sees no visitor, only what a page depends on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, Protocol, TypeVar

from panel.publish.community.tally import Choice, Tally
from panel.publish.server.http_page import HTTPPage, make_page
from panel.publish.server.thread_pool import ThreadPool
from panel.publish.site.page import VisitorState

V = TypeVar("V")

REFRESH_SECONDS: Final = 3.0
"""Between two looks at the runs folder."""
CACHE_BYTES: Final = 64_000_000
RENDER_SECONDS: Final = 20.0


class ToolIndex(Protocol):
    """The tools that have a verdict, by their keys."""

    def history(self, key: str) -> object | None:
        """Return what is known of a tool, None where nothing is."""


class RenderedSite(Protocol):
    """What the cache needs of a `Site`: handlers then import neither the site nor its archive."""

    @property
    def archive(self) -> ToolIndex:
        """The tools that have a verdict."""

    @property
    def context(self) -> object:
        """What pages are made from: another object after a change."""

    def refresh(self) -> bool:
        """Read what is new; tell whether there was anything."""

    def tools_on(self, path: str) -> tuple[str, ...]:
        """Return the keys of the tools that the page at a path is about."""

    def render(self, path: str, *, live: VisitorState | None) -> bytes | None:
        """Return the page at a path, None where there is none."""

    def page(
        self, template: str, *, path: str, title: str, live: VisitorState | None, **fields: Any
    ) -> bytes:
        """Return a page of one of the server's templates."""

    def not_found(self, path: str, *, live: VisitorState | None) -> bytes:
        """Return the page for a path that leads nowhere."""


class TrackedLookups(Mapping[str, V], Generic[V]):
    """A mapping that remembers what was looked up in it."""

    def __init__(self, values: Mapping[str, V]) -> None:
        """Look up in `values`, which must not change."""
        self._values = values
        self._lookups: dict[str, V | None] = {}
        self._all = False

    def __getitem__(self, key: str) -> V:
        self._lookups[key] = self._values.get(key)
        return self._values[key]

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str):
            self._lookups[key] = self._values.get(key)
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        self._all = True
        return iter(self._values)

    def __len__(self) -> int:
        self._all = True
        return len(self._values)

    def holds(self, values: Mapping[str, V]) -> bool:
        """Tell whether the same lookups in `values` would have found the same."""
        if values is self._values:
            return True
        if self._all:
            return values == self._values
        return all(values.get(key) == value for key, value in self._lookups.items())


@dataclass(frozen=True)
class Look:
    """All that a page depends on besides the archive."""

    tallies: Mapping[str, Tally]
    choices: Mapping[str, Choice] = field(default_factory=dict)
    """The visitor's votes on tools of the page, by the tool's key."""
    signed_in: bool = False
    notice: str | None = None


@dataclass(frozen=True)
class _CachedPage:
    context: object
    """What the site was made from then."""
    lookups: TrackedLookups[Tally]
    page: HTTPPage | None


Key = tuple[str, tuple[tuple[str, Choice], ...], bool, str | None]


class PageCache:
    """Pages by path."""

    def __init__(self, site: RenderedSite, *, live: VisitorState | None = None) -> None:
        """Take the site, whose archive is open; `live` says what every page may offer."""
        self.site = site
        self._live = live or VisitorState()
        self._pool = ThreadPool("render", threads=2, waiting=64)
        self._pages: OrderedDict[Key, _CachedPage] = OrderedDict()
        self._size = 0
        self._making: dict[tuple[Key, int], asyncio.Future[HTTPPage | None]] = {}
        self._refreshing = asyncio.Lock()

    def knows(self, key: str) -> bool:
        """Tell whether there is a tool of that key."""
        return self.site.archive.history(key) is not None

    async def page(self, path: str, look: Look) -> HTTPPage | None:
        """Return a page, None where there is none at that path. Raises `PoolBusy`."""
        key = (path, tuple(sorted(look.choices.items())), look.signed_in, look.notice)
        cached = self._pages.get(key)
        if (
            cached is not None
            and cached.context is self.site.context
            and cached.lookups.holds(look.tallies)
        ):
            self._pages.move_to_end(key)
            return cached.page
        # A rendering under way serves other callers too, if they would see the same votes on it.
        job = (key, id(look.tallies))
        if (pending := self._making.get(job)) is None:
            pending = asyncio.ensure_future(self._make(key, look))
            self._making[job] = pending
            pending.add_done_callback(lambda done: self._made(job, done))
        # A cancelled caller must not cancel the rendering for the others.
        return await asyncio.shield(pending)

    async def refresh(self) -> bool:
        """Look for new verdicts; tell whether there were any."""
        async with self._refreshing:
            return await self._pool.do(self.site.refresh, seconds=600)

    async def draw(
        self,
        template: str,
        *,
        path: str,
        title: str,
        signed_in: bool,
        notice: str | None,
        fields: Mapping[str, Any],
    ) -> bytes:
        """Return a page of one of the server's templates, never kept. Raises `PoolBusy`."""
        live = replace(self._live, signed_in=signed_in, notice=notice)

        def render() -> bytes:
            return self.site.page(template, path=path, title=title, live=live, **fields)

        return await self._pool.do(render, seconds=RENDER_SECONDS)

    async def not_found(self, path: str) -> bytes:
        """Return the page for a path that leads nowhere, never kept. Raises `PoolBusy`."""

        def render() -> bytes:
            return self.site.not_found(path, live=self._live)

        return await self._pool.do(render, seconds=RENDER_SECONDS)

    def close(self) -> None:
        """Render nothing more."""
        self._pool.close()

    async def _make(self, key: Key, look: Look) -> HTTPPage | None:
        context, lookups = self.site.context, TrackedLookups(look.tallies)
        live = replace(
            self._live,
            tallies=lookups,
            choices=look.choices,
            signed_in=look.signed_in,
            notice=look.notice,
        )

        def render() -> HTTPPage | None:
            body = self.site.render(key[0], live=live)
            return None if body is None else make_page(key[0], body)

        page = await self._pool.do(render, seconds=RENDER_SECONDS)
        if page is not None:
            self._keep(key, _CachedPage(context, lookups, page))
        return page

    def _made(self, job: tuple[Key, int], done: "asyncio.Future[HTTPPage | None]") -> None:
        del self._making[job]
        if not done.cancelled():
            done.exception()  # retrieved, or asyncio would log it

    def _keep(self, key: Key, cached: _CachedPage) -> None:
        if (old := self._pages.pop(key, None)) is not None:
            self._size -= _size(old)
        self._pages[key] = cached
        self._size += _size(cached)
        while self._size > CACHE_BYTES:
            _, dropped = self._pages.popitem(last=False)
            self._size -= _size(dropped)


def _size(cached: _CachedPage) -> int:
    return cached.page.size if cached.page else 0
