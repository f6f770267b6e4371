"""The shelf: the site's pages as they stand now, rendered once and kept until something changes.

Knows the archive and the site; asks no database and sees no visitor, only what a page depends on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from panel.publish.community.tally import Tally
from panel.publish.server.http_page import HTTPPage, make_page
from panel.publish.server.thread_pool import ThreadPool
from panel.publish.server.tracked_lookups import TrackedLookups
from panel.publish.site.context import SiteContext, VisitorState
from panel.publish.site.site import Site

Choice = Literal["ship", "skip"]

REFRESH_SECONDS: Final = 3.0
"""Between two looks at the runs folder."""
CACHE_BYTES: Final = 64_000_000
RENDER_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Look:
    """All that a page depends on besides the archive."""

    tallies: Mapping[str, Tally]
    choice: Choice | None = None
    signed_in: bool = False
    notice: str | None = None


@dataclass(frozen=True)
class _Kept:
    subject: SiteContext
    """What the site was made from then."""
    seen: TrackedLookups[Tally]
    page: HTTPPage | None


Key = tuple[str, Choice | None, bool, str | None]


class PageCache:
    """Pages by path."""

    def __init__(self, site: Site, *, live: VisitorState | None = None) -> None:
        """Take the site, whose archive is open; `live` says what every page may offer."""
        self.site = site
        self.live = live or VisitorState()
        self.archive = site.archive
        self._hands = ThreadPool("render", threads=2, waiting=64)
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._size = 0
        self._making: dict[tuple[Key, int], asyncio.Future[HTTPPage | None]] = {}
        self._refreshing = asyncio.Lock()

    def knows(self, key: str) -> bool:
        """Tell whether there is a tool of that key."""
        return self.archive.history(key) is not None

    async def page(self, path: str, look: Look) -> HTTPPage | None:
        """Return a page, None where there is none at that path. Raises `Busy`."""
        key = (path, look.choice, look.signed_in, look.notice)
        kept = self._kept.get(key)
        if kept is not None and kept.subject is self.site.subject and kept.seen.holds(look.tallies):
            self._kept.move_to_end(key)
            return kept.page
        # A page under way serves others too, but only those who would see the same votes on it.
        turn = (key, id(look.tallies))
        if (making := self._making.get(turn)) is None:
            making = asyncio.ensure_future(self._make(key, look))
            self._making[turn] = making
            making.add_done_callback(lambda done: self._made(turn, done))
        # Whoever waits may leave; the others still want the page.
        return await asyncio.shield(making)

    async def refresh(self) -> bool:
        """Look for new verdicts; tell whether there were any."""
        async with self._refreshing:
            return await self._hands.do(self.site.refresh, seconds=600)

    async def make(self, call: Callable[[], bytes]) -> bytes:
        """Return what `call` draws, in the threads that render. Raises `Busy`."""
        return await self._hands.do(call, seconds=RENDER_SECONDS)

    def close(self) -> None:
        """Render nothing more."""
        self._hands.close()

    async def _make(self, key: Key, look: Look) -> HTTPPage | None:
        subject, seen = self.site.subject, TrackedLookups(look.tallies)
        live = replace(
            self.live,
            tallies=seen,
            choice=look.choice,
            signed_in=look.signed_in,
            notice=look.notice,
        )

        def render() -> HTTPPage | None:
            body = self.site.render(key[0], live=live)
            return None if body is None else make_page(key[0], body)

        page = await self._hands.do(render, seconds=RENDER_SECONDS)
        if page is not None:
            self._keep(key, _Kept(subject, seen, page))
        return page

    def _made(self, turn: tuple[Key, int], done: "asyncio.Future[HTTPPage | None]") -> None:
        del self._making[turn]
        if not done.cancelled():
            done.exception()  # whoever waited was told

    def _keep(self, key: Key, kept: _Kept) -> None:
        if (old := self._kept.pop(key, None)) is not None:
            self._size -= _size(old)
        self._kept[key] = kept
        self._size += _size(kept)
        while self._size > CACHE_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._size -= _size(dropped)


def _size(kept: _Kept) -> int:
    return kept.page.size if kept.page else 0
