"""The records: the community's database as the server asks it, from threads and never for long.

Whatever is wrong with the database, callers meet one error, and pages can go on without it.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from panel.foundation.errors import DatabaseError
from panel.publish.community.database import Database
from panel.publish.community.identities import Identities
from panel.publish.community.rate_limits import RateBuckets
from panel.publish.community.requests import Requests
from panel.publish.community.subscribers import Subscribers
from panel.publish.community.tokens import Tokens
from panel.publish.community.votes import VoteStore
from panel.publish.server.database_log import Trouble
from panel.publish.server.thread_pool import PoolBusy, ThreadPool

T = TypeVar("T")

READ_SECONDS: Final = 1.5
WRITE_SECONDS: Final = 4.0


class Unavailable(Exception):
    """The database did not answer in time, or cannot be used now."""


class DatabaseAccess:
    """Votes, identities, tokens, subscribers and requests of one database."""

    def __init__(self, database: Database, trouble: Trouble) -> None:
        """Take an open database, which `close` closes; `trouble` is told what fails."""
        self.database = database
        self.trouble = trouble
        self.buckets = RateBuckets(database)
        self.votes = VoteStore(database)
        self.identities = Identities(database)
        self.tokens = Tokens(database)
        self.subscribers = Subscribers(database)
        self.requests = Requests(database)
        # Apart, so that writers who wait for a lock do not stand before those who only read.
        self._readers = ThreadPool("read", threads=4, waiting=200)
        self._writers = ThreadPool("write", threads=6, waiting=200)

    async def read(self, call: Callable[[], T]) -> T:
        """Return what a call that writes nothing returns. Raises `Unavailable`."""
        return await self._asked(self._readers, call, READ_SECONDS)

    async def write(self, call: Callable[[], T]) -> T:
        """Return what a call returns, after its commit.

        Raises `Unavailable`: then it was not done, or it was and may be done again.
        """
        return await self._asked(self._writers, call, WRITE_SECONDS)

    def close(self) -> None:
        """Ask nothing more and close the database."""
        self._readers.close()
        self._writers.close()
        self.database.close()

    async def _asked(self, hands: ThreadPool, call: Callable[[], T], seconds: float) -> T:
        try:
            found = await hands.do(call, seconds=seconds)
        except PoolBusy as fault:
            self.trouble.failed(f"{self.database.place}: no answer in time")
            raise Unavailable from fault
        except DatabaseError as fault:
            self.trouble.failed(fault.message)
            raise Unavailable from fault
        self.trouble.worked()
        return found
