"""The one writer of a journal: a thread that commits what has queued up in one transaction.

While one commit waits for the disk the next group gathers, so hundreds of calls in flight share
few commits and a single one never waits for company. Knows statements, not what they mean.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

from panel.foundation.atomic_files import disk_full, free_bytes
from panel.foundation.errors import PanelError, RunError, RunStopped
from panel.runs.journal.schema import Statement, create_tables

GROUP: Final = 512
"""Writes after which a transaction takes in no more."""

SQLITE_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
"""The second is raised when a damaged file makes SQLite's message itself unreadable."""

_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_FULL_BELOW: Final = 65_536
"""With fewer bytes free, an input/output error means a full disk: SQLite's index of the
write-ahead log has no error of its own for that."""


@dataclass(frozen=True)
class _Write:
    statements: Iterable[Statement]
    done: asyncio.Future[None] | None
    loop: asyncio.AbstractEventLoop | None


class Writer:
    """Commits statements to one SQLite file; the caller holds the run's lock."""

    def __init__(self, path: Path) -> None:
        """Open or make the journal at `path` and start the thread.

        Raises `DiskFull`, `RunError` for a link or a file that is no journal.
        """
        self.path = path
        for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
            if file.is_symlink():
                raise RunError(f"{file} is a symbolic link; panel does not write through links")
        try:
            self._connection = _open(path)
        except SQLITE_ERRORS as error:
            raise sqlite_error(error, path) from error
        self.commits = 0
        """Transactions committed so far."""
        self._queue: queue.SimpleQueue[list[_Write] | None] = queue.SimpleQueue()
        self._gathered: defaultdict[asyncio.AbstractEventLoop, list[_Write]] = defaultdict(list)
        self._guard = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="panel-journal", daemon=True)
        self._thread.start()

    async def commit(self, statements: Iterable[Statement]) -> None:
        """Run the statements in one transaction; returns after its commit is on disk.

        They are made in the thread that writes them, and perhaps more than once.

        Raises `DiskFull` or `RunError`. A caller that is cancelled meanwhile is written anyway.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._gather(_Write(statements, done, loop), loop)
        await done

    def commit_later(self, statements: Iterable[Statement]) -> None:
        """Run the statements in the next transaction, before anything committed after this call."""
        self._put(_Write(statements, None, None))

    def close(self) -> None:
        """Commit what is queued, then leave the journal as one file without a write-ahead log."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            for writes in self._gathered.values():
                self._queue.put(writes)
            self._gathered.clear()
            self._queue.put(None)
        self._thread.join()
        # On a full disk, or while a reader is open, the log stays beside the journal: no loss.
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()

    def _gather(self, write: _Write, loop: asyncio.AbstractEventLoop) -> None:
        """Hand a write over at the end of this turn of its loop, with all others of the turn.

        Waking the thread costs both threads a change of turns: once for many answers that came
        together.
        """
        with self._guard:
            self._check_open()
            if not (gathered := self._gathered[loop]):
                loop.call_soon(self._hand_over, loop)
            gathered.append(write)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._guard:
            if writes := self._gathered.pop(loop, None):
                self._queue.put(writes)

    def _put(self, write: _Write) -> None:
        with self._guard:
            self._check_open()
            self._queue.put([write])

    def _check_open(self) -> None:
        if self._closed:
            raise RunStopped(f"{self.path} is closed", hint=_resume(self.path))

    def _run(self) -> None:
        last = False
        while not last:
            writes, more = [], self._queue.get()
            while more is not None:
                writes += more
                if len(writes) >= GROUP or self._queue.empty():
                    break
                more = self._queue.get()
            last = more is None  # nothing is queued behind it
            try:
                self._commit_group(writes)
            except Exception as error:  # no caller may wait for ever
                _notify(writes, RunError(f"cannot use {self.path}: {error}"))

    def _commit_group(self, group: list[_Write]) -> None:
        if not group:
            return
        error = self._try(chain.from_iterable(write.statements for write in group))
        if error is None or isinstance(error, RunStopped) or len(group) == 1:
            _notify(group, error)
            return
        # One of them cannot be written; the others must not suffer for it.
        for write in group:
            self._commit_group([write])

    def _try(self, statements: Iterable[Statement]) -> PanelError | None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for sql, same in groupby(statements, key=itemgetter(0)):
                self._connection.executemany(sql, [values for _, values in same])
            self._connection.execute("COMMIT")
        except Exception as error:  # whatever it is, the waiting caller must get it
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            return sqlite_error(error, self.path)
        self.commits += 1
        return None


def sqlite_error(error: Exception, path: Path) -> PanelError:
    """Return what an error met at the journal `path` means in panel's terms."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    broken = code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
    if code == sqlite3.SQLITE_FULL or (broken and free_bytes(path) < _FULL_BELOW):
        return disk_full(path)
    if code in _DAMAGE or isinstance(error, UnicodeDecodeError):
        return RunError(f"{path} is damaged: {error}", hint=f"{_resume(path)} repairs it")
    if code == sqlite3.SQLITE_IOERR:
        return RunStopped(f"cannot write {path}: {error}", hint="mend the disk")
    return RunError(f"cannot use {path}: {error}")


def _resume(path: Path) -> str:
    return f"panel resume {path.parent.name}"


def _open(path: Path) -> sqlite3.Connection:
    # The constructor opens and the thread writes: never both at once.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            create_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _notify(group: list[_Write], error: PanelError | None) -> None:
    waiting: defaultdict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = defaultdict(list)
    for write in group:
        if write.loop is not None and write.done is not None:
            waiting[write.loop].append(write.done)
    for loop, futures in waiting.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: no caller waits any more
            loop.call_soon_threadsafe(_resolve, futures, error)


def _resolve(futures: list[asyncio.Future[None]], error: PanelError | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(type(error)(error.message, hint=error.hint))
