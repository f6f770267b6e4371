"""A lock among threads and processes, on a file; the system drops it when its holder dies."""

import os
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from panel.foundation.errors import DatabaseDown, DatabaseError

_PAUSE: Final = 0.005

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _drop(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _drop(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


class FileLock:
    """Held by one thread of one process at a time. The file stays: removing it would be a race."""

    def __init__(self, path: Path, *, patience: float) -> None:
        """Open the lock's file, made where missing; `patience` is how long to wait, in seconds.

        Raises `DatabaseError` where that cannot be done.
        """
        self.path = path
        self.patience = patience
        self._threads = threading.Lock()
        how = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            self._handle = os.open(path, how, 0o600)
        except OSError as fault:
            what = (fault.strerror or "error").lower()
            raise DatabaseError(f"{path}: the lock cannot be opened: {what}") from None

    def take(self) -> None:
        """Take the lock. Raises `DatabaseDown` where others keep it longer than the patience."""
        deadline = time.monotonic() + self.patience
        if not self._threads.acquire(timeout=self.patience):
            raise self._kept()
        try:
            while not self._try():
                if time.monotonic() >= deadline:
                    raise self._kept()
                time.sleep(_PAUSE)
        except BaseException:
            self._threads.release()
            raise

    def drop(self) -> None:
        """Release the lock."""
        try:
            _drop(self._handle)
        finally:
            self._threads.release()

    def close(self) -> None:
        """Close the file, which drops the lock too."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _try(self) -> bool:
        try:
            _take(self._handle)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _kept(self) -> DatabaseDown:
        return DatabaseDown(f"{self.path}: another process keeps the lock", hint="try again")

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop()
