"""The community's database as the server asks it: from threads, and never for long.

Whatever is wrong with the database, callers meet one error, and pages can go on without it.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from panel.foundation.errors import DatabaseError
from panel.publish.community.database import Database
from panel.publish.server.thread_pool import PoolBusy, ThreadPool

T = TypeVar("T")

READ_SECONDS: Final = 1.5
WRITE_SECONDS: Final = 4.0
LOG_SECONDS: Final = 60.0
"""Between two lines about failures."""


class Unavailable(Exception):
    """The database did not answer in time, or cannot be used now."""


class DatabaseAccess:
    """Runs calls to one database in threads, readers apart from writers."""

    def __init__(self, database: Database, log: "DatabaseLog") -> None:
        """Take an open database, which `close` closes; `log` takes what fails."""
        self.database = database
        self.log = log
        # Apart, so that writers who wait for a lock do not stand before those who only read.
        self._readers = ThreadPool("read", threads=4, waiting=200)
        self._writers = ThreadPool("write", threads=6, waiting=200)

    async def read(self, call: Callable[[], T]) -> T:
        """Return what a call that writes nothing returns. Raises `Unavailable`."""
        return await self._run(self._readers, call, READ_SECONDS)

    async def write(self, call: Callable[[], T]) -> T:
        """Return what a call returns, after its commit.

        Raises `Unavailable`: then it was not done, or it was and may be done again.
        """
        return await self._run(self._writers, call, WRITE_SECONDS)

    def close(self) -> None:
        """Start no further call and close the database."""
        self._readers.close()
        self._writers.close()
        self.database.close()

    async def _run(self, pool: ThreadPool, call: Callable[[], T], seconds: float) -> T:
        try:
            result = await pool.do(call, seconds=seconds)
        except PoolBusy as fault:
            self.log.failed(f"{self.database.place}: no answer in time")
            raise Unavailable from fault
        except DatabaseError as fault:
            self.log.failed(fault.message)
            raise Unavailable from fault
        self.log.worked()
        return result


class DatabaseLog:
    """Tells the operator of failed calls: at once, then a line a minute with counts.

    Safe to use from many threads.
    """

    def __init__(
        self, write: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`write` takes a line for the operator."""
        self._write = write
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._reason = ""
        self._written_at: float | None = None
        self._fails = False

    def failed(self, reason: str) -> None:
        """Count a call that failed; `reason` is one line and holds no secret."""
        with self._lock:
            self._failed += 1
            self._reason, self._fails = reason, True
            line = self._due()
        self._report(line)

    def worked(self) -> None:
        """Note that the database answers."""
        with self._lock:
            self._fails = False
            line = self._due()
        self._report(line)

    def _due(self) -> str:
        """Return the line to write now, "" for none."""
        now = self._clock()
        since = LOG_SECONDS if self._written_at is None else now - self._written_at
        if not self._failed or since < LOG_SECONDS:
            return ""
        many = f"{self._failed} call{'s' if self._failed != 1 else ''}"
        when = "" if self._written_at is None else f" in the last {round(since)} s"
        ending = "" if self._fails else "; it answers again"
        self._written_at, self._failed = now, 0
        return f"the database failed {many}{when}: {self._reason}{ending}"

    def _report(self, line: str) -> None:
        if line:
            self._write(line)
