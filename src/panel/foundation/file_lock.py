"""One writer a run: a lock that the system drops the moment its holder dies."""

import contextlib
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from panel.foundation.atomic_files import write_error
from panel.foundation.errors import RunError, RunStopped

LOCK: Final = "run.lock"

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        # Nobody else can read locked bytes there, so the locked one lies behind the holder's id.
        os.lseek(handle, 1 << 20, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class RunLock:
    """Holds a run for writing until `release`, or until this process ends in whatever way."""

    def __init__(self, folder: Path) -> None:
        """Take the lock of the run in `folder`.

        Raises `RunStopped` at once, naming the holder's process id, when another process has it.
        """
        self.path = folder / LOCK
        self._handle: int | None = None
        try:
            while self._handle is None:
                self._handle = self._try()
        except BlockingIOError:
            raise self._held() from None
        except PermissionError as error:
            raise (self._held() if os.name == "nt" else write_error(error, self.path)) from None
        except OSError as error:
            raise write_error(error, self.path) from error

    def release(self) -> None:
        """Let go of the run; the lock file goes too."""
        if self._handle is None:
            return
        handle, self._handle = self._handle, None
        if os.name == "nt":  # a file that is open cannot be removed there
            os.close(handle)
        with contextlib.suppress(OSError):
            self.path.unlink()
        if os.name != "nt":
            os.close(handle)

    def _try(self) -> int | None:
        if self.path.is_symlink():
            raise RunError(f"{self.path} is a symbolic link; panel does not write through links")
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            _take(handle)
            if not self._same(handle):
                # The holder we waited for removed this file: the lock is on a new one now.
                os.close(handle)
                return None
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(handle)
            raise
        return handle

    def _same(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _held(self) -> RunStopped:
        holder = ""
        with contextlib.suppress(OSError):
            holder = self.path.read_bytes()[:20].decode("ascii", "replace").strip()
        who = f"process {holder}" if holder.isdigit() else "another process"
        return RunStopped(
            f"run {self.path.parent.name} is being written by {who}",
            hint=f"wait until it ends, or stop it and then: panel resume {self.path.parent.name}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
