"""The service: what every handler needs, put together once, and started and ended as one."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.requests import Request

from panel.publish.community.rate_limits import RateLimits, networks
from panel.publish.community.subscribers import UNCONFIRMED
from panel.publish.community.tally import Tally
from panel.publish.server.config import ServerConfig
from panel.publish.server.cookies import Jar
from panel.publish.server.database import DatabaseAccess, Unavailable
from panel.publish.server.mail_queue import MailQueue
from panel.publish.server.page_cache import PageCache
from panel.publish.server.review_progress import ProgressBoard
from panel.publish.server.review_worker import ReviewWorker, known_in
from panel.publish.server.tally_cache import SECONDS, TallyCache
from panel.publish.server.thread_pool import PoolBusy

KEEP_SECONDS: Final = 1.0
"""How much of the flood limits a crash may lose."""
TIDY_SECONDS: Final = 3600.0


@dataclass
class ServerState:
    """Everything alive in one server."""

    setup: ServerConfig
    shelf: PageCache
    records: DatabaseAccess
    outbox: MailQueue
    on_trouble: Callable[[str], None]
    board: ProgressBoard = field(default_factory=ProgressBoard)
    worker: ReviewWorker = field(init=False)
    limits: RateLimits = field(init=False)
    counts: TallyCache = field(init=False)
    jar: Jar = field(init=False)
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the server is asked to end: streams end by themselves."""
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop | None = None

    def __post_init__(self) -> None:
        """Make what follows from the rest."""
        mark = self.records.database.mark
        self.limits = RateLimits(self.setup.rates, remember=lambda name: mark("limit", name))
        self.counts = TallyCache(self._tallies)
        self.jar = Jar(secure=self.setup.is_secure)
        self.worker = ReviewWorker(
            self.records.requests,
            self.setup.review,
            self.board,
            known=lambda name: known_in(self.shelf.archive, name),
            key_of=self._key_of,
            on_trouble=self.on_trouble,
            on_down=self.records.trouble.failed,
        )

    def networks(self, request: Request) -> tuple[str, ...]:
        """Return the networks a request comes from, seen through our proxies, nearest first."""
        peer = request.client.host if request.client else ""
        forwarded = request.headers.getlist("x-forwarded-for")
        return networks(self.setup.proxies.client(peer, forwarded))

    async def start(self) -> None:
        """Begin the work that nobody asks for: looking for new verdicts and votes, reviewing."""
        self._loop = loop = asyncio.get_running_loop()
        self.board.attach(loop)
        await self.counts.refresh()
        with contextlib.suppress(Unavailable):
            self.limits.restore(await self.records.read(self.records.buckets.kept))
        self._tasks = [
            loop.create_task(self._every(SECONDS, self.counts.refresh)),
            loop.create_task(self._every(self.setup.refresh_seconds, self._look)),
            loop.create_task(self._every(KEEP_SECONDS, self._keep_limits)),
            loop.create_task(self._every(TIDY_SECONDS, self._forget, at_once=True)),
        ]
        if self.setup.takes_requests:
            self.worker.start()

    async def stop(self) -> None:
        """End it all; what is under way is kept where it can be taken up again."""
        self.stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keep_limits()
        await self.outbox.close()
        await asyncio.to_thread(self.worker.stop)
        self.shelf.close()
        self.records.close()

    def _key_of(self, run: str) -> str | None:
        """Return the key of a run's one tool once its verdict is on the shelf; from a thread."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self.shelf.refresh(), self._loop).result(60)
        entries = self.shelf.archive.entries()
        return next((entry.key for entry in entries if entry.run == run), None)

    async def _tallies(self) -> Mapping[str, Tally]:
        return await self.records.read(self.records.votes.tallies)

    async def _look(self) -> None:
        with contextlib.suppress(PoolBusy):
            await self.shelf.refresh()

    async def _keep_limits(self) -> None:
        """Write down what is used up of the limits: the next server goes on with it."""
        if changed := self.limits.changed():
            try:
                await self.records.write(lambda: self.records.buckets.keep(changed))
            except Unavailable:
                self.limits.note(changed)

    async def _forget(self) -> None:
        """Forget addresses never confirmed, links that work no longer, limits that are full."""

        def forget() -> None:
            now = datetime.now(UTC)
            self.records.subscribers.forget_unconfirmed(now - UNCONFIRMED)
            self.records.buckets.forget(now - timedelta(seconds=self.limits.longest))
            self.records.tokens.forget_expired()

        with contextlib.suppress(Unavailable):
            await self.records.write(forget)

    async def _every(
        self, seconds: float, do: Callable[[], Awaitable[None]], *, at_once: bool = False
    ) -> None:
        if not at_once:
            await asyncio.sleep(seconds)
        while True:
            try:
                await do()
            except Exception as fault:
                self.on_trouble(f"{type(fault).__name__} while looking for what is new")
            await asyncio.sleep(seconds)
