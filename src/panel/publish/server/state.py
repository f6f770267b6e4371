"""The server's state: every store, put together once, and started and ended as one.

Handlers never see it whole: they name the stores they need (`panel.publish.server.deps`).
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from panel.publish.community.identities import Identities
from panel.publish.community.rate_limits import RateBuckets, RateLimits
from panel.publish.community.requests import Budget, Requests
from panel.publish.community.subscribers import UNCONFIRMED, Subscribers
from panel.publish.community.tally import Tally
from panel.publish.community.tokens import Tokens
from panel.publish.community.votes import VoteStore
from panel.publish.server.config import ServerConfig
from panel.publish.server.cookies import CookieJar
from panel.publish.server.current_user import Visitors
from panel.publish.server.database import DatabaseAccess, Unavailable
from panel.publish.server.mail_queue import MailQueue
from panel.publish.server.page_cache import PageCache
from panel.publish.server.proxy_headers import TrustedProxies
from panel.publish.server.responses import Responses
from panel.publish.server.review_progress import ProgressTracker
from panel.publish.server.review_request import ReviewQueue
from panel.publish.server.tally_cache import SECONDS, TallyCache
from panel.publish.server.thread_pool import PoolBusy, ThreadPool
from panel.runs.history.archive import Archive

KEEP_SECONDS: Final = 1.0
"""Seconds between two writes of the rate limits: what a crash may lose."""
TIDY_SECONDS: Final = 3600.0


@dataclass
class ServerState:
    """Everything alive in one server."""

    config: ServerConfig
    archive: Archive
    page_cache: PageCache
    database: DatabaseAccess
    mail_queue: MailQueue
    on_trouble: Callable[[str], None]
    card_threads: ThreadPool = field(
        default_factory=lambda: ThreadPool("card", threads=2, waiting=64)
    )
    """Read whole scorecards for the API."""
    progress: ProgressTracker = field(default_factory=ProgressTracker)
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the server is asked to end: streams end by themselves."""
    new_request: threading.Event = field(default_factory=threading.Event)
    """Set when a review request was queued; the worker clears it."""
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make what follows from the rest."""
        database = self.database.database
        self.buckets = RateBuckets(database)
        self.identities = Identities(database)
        self.requests = Requests(database)
        self.subscribers = Subscribers(database)
        self.tokens = Tokens(database)
        self.votes = VoteStore(database)
        self.visitors = Visitors(self.identities, self.tokens)
        self.address = self.config.address
        self.proxies: TrustedProxies = self.config.proxies
        self.limits = RateLimits(
            self.config.rates, remember=lambda name: database.mark("limit", name)
        )
        self.tallies = TallyCache(self._tallies)
        self.cookie_jar = CookieJar(secure=self.config.is_secure)
        self.responses = Responses(self.page_cache, self.cookie_jar)
        allowed = self.config.review.settings.serve
        self.review_queue = ReviewQueue(
            archive=self.archive,
            budget=Budget(all=allowed.requests_per_day, person=allowed.requests_per_person),
            database=self.database,
            hosts=frozenset(self.config.review.hosts),
            is_open=self.config.takes_requests,
            on_new=self.new_request.set,
            requests=self.requests,
        )

    async def start(self) -> None:
        """Start the background work: reading new verdicts and votes."""
        loop = asyncio.get_running_loop()
        self.progress.attach(loop)
        await self.tallies.refresh()
        with contextlib.suppress(Unavailable):
            self.limits.restore(await self.database.read(self.buckets.kept))
        self._tasks = [
            loop.create_task(self._every(SECONDS, self.tallies.refresh)),
            loop.create_task(self._every(self.config.refresh_seconds, self._refresh_pages)),
            loop.create_task(self._every(KEEP_SECONDS, self._keep_limits)),
            loop.create_task(self._every(TIDY_SECONDS, self._forget, at_once=True)),
        ]

    async def stop(self) -> None:
        """End it all; calls start no more, and the database is closed."""
        self.stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keep_limits()
        await self.mail_queue.close()
        self.card_threads.close()
        self.page_cache.close()
        self.database.close()

    async def _tallies(self) -> Mapping[str, Tally]:
        return await self.database.read(self.votes.tallies)

    async def _refresh_pages(self) -> None:
        with contextlib.suppress(PoolBusy):
            await self.page_cache.refresh()

    async def _keep_limits(self) -> None:
        """Store what is used up of the limits, for the next server."""
        if changed := self.limits.changed():
            try:
                await self.database.write(lambda: self.buckets.keep(changed))
            except Unavailable:
                self.limits.note(changed)

    async def _forget(self) -> None:
        """Delete unconfirmed addresses, expired links and rate limits that are full again."""

        def forget() -> None:
            now = datetime.now(UTC)
            self.subscribers.forget_unconfirmed(now - UNCONFIRMED)
            self.buckets.forget(now - timedelta(seconds=self.limits.longest))
            self.tokens.forget_expired()

        with contextlib.suppress(Unavailable):
            await self.database.write(forget)

    async def _every(
        self, seconds: float, call: Callable[[], Awaitable[None]], *, at_once: bool = False
    ) -> None:
        if not at_once:
            await asyncio.sleep(seconds)
        while True:
            try:
                await call()
            except Exception as fault:
                self.on_trouble(f"{type(fault).__name__} while looking for what is new")
            await asyncio.sleep(seconds)
