"""An exclusive lock on a file, among threads and processes; the system drops it with its holder.

Not the `filelock` library: its native locks leave their file behind, do not name their holder, and
let the same thread in twice; a run's folder is left clean, and a second writer learns of the first.
"""

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Final

_PAUSE: Final = 0.005
"""Seconds between two attempts, about the length of a write to the database."""

if sys.platform == "win32":
    import msvcrt

    # Locked bytes are unreadable on Windows, so the lock is on a byte after the holder's id.
    _LOCK_OFFSET: Final = 1 << 20

    def _lock(handle: int) -> None:
        os.lseek(handle, _LOCK_OFFSET, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

    def _unlock(handle: int) -> None:
        os.lseek(handle, _LOCK_OFFSET, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

    _LOCKED_ERRORS: Final = (BlockingIOError, PermissionError)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)

    _LOCKED_ERRORS: Final = (BlockingIOError,)


class LockHeld(Exception):
    """Another thread or process holds the lock; `process` is its id where the file says so."""

    def __init__(self, process: int | None = None) -> None:
        super().__init__("another process keeps the lock")
        self.process = process


class FileLock:
    """A lock held by one thread of one process, until `release` or the end of the process."""

    def __init__(self, path: Path, *, transient: bool = False, mode: int = 0o600) -> None:
        """Open the lock's file, made where missing with these permissions; take nothing yet.

        The file of a `transient` lock holds the process id of its holder and is removed at release;
        any other stays empty where it is. Raises `OSError`, also where the path is a link.
        """
        self.path = path
        self._transient = transient
        self._mode = mode
        self._threads = threading.Lock()
        self._handle: int | None = self._open()

    def acquire(self, patience: float = 0.0) -> None:
        """Take the lock; raises `LockHeld` where others hold it for over `patience` seconds."""
        deadline = time.monotonic() + patience
        if not self._threads.acquire(timeout=patience):
            raise LockHeld
        try:
            while not self._try():
                if time.monotonic() >= deadline:
                    raise LockHeld(self._holder())
                time.sleep(_PAUSE)
        except BaseException:
            if self._transient:
                self.close()
            self._threads.release()
            raise

    def release(self) -> None:
        """Release the lock."""
        try:
            if not self._transient:
                if self._handle is not None:
                    _unlock(self._handle)
                return
            if os.name == "nt":  # a file that is open cannot be removed there
                self.close()
            with contextlib.suppress(OSError):
                self.path.unlink()
            self.close()
        finally:
            self._threads.release()

    def close(self) -> None:
        """Close the file, which drops the lock too."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        return os.open(self.path, flags, self._mode)

    def _try(self) -> bool:
        if self._handle is None:
            self._handle = self._open()
        try:
            _lock(self._handle)
        except _LOCKED_ERRORS:
            return False
        if not self._transient:
            return True
        if not self._is_current(self._handle):
            # The holder removed this file meanwhile: the lock is now on a new file.
            self.close()
            return self._try()
        os.ftruncate(self._handle, 0)
        os.write(self._handle, str(os.getpid()).encode())
        return True

    def _is_current(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _holder(self) -> int | None:
        text = b""
        with contextlib.suppress(OSError):
            text = self.path.read_bytes()[:20].strip()
        return int(text) if text.isdigit() else None
