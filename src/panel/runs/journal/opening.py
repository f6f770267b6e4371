"""A journal's file, opened for reading without leaving anything beside it.

Also in a read-only folder, after a writer was killed, and while one writes.
"""

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

from panel.foundation.errors import RunError
from panel.runs.journal.writer import SQLITE_ERRORS, sqlite_error

_LOGS: Final = ("-wal", "-journal")
"""What a writer that still writes, or was killed, leaves beside the journal."""


def connect(path: Path, stack: contextlib.ExitStack) -> sqlite3.Connection:
    """Open the journal at `path` for reading; `stack` closes it.

    Raises `RunError` or `DiskFull` where it is missing, damaged at its start, or no journal.
    """
    if not any(beside(path, end).exists() for end in _LOGS):
        # In log mode without a log: no writer is open, and a reader would leave files behind.
        immutable = _head(path)[18:19] == b"\x02"
        return _opened(path, "mode=ro&immutable=1" if immutable else "mode=ro", stack)
    if beside(path, "-wal").exists() and beside(path, "-shm").exists():
        # Reads a log whether or not its writer still lives, without touching the log's index.
        with contextlib.suppress(RunError):
            return _opened(path, "mode=ro&readonly_shm=1", stack)
        with contextlib.suppress(RunError):
            return _opened(path, "mode=ro", stack)
    # Left by a killed writer without its index, or half undone: a copy can be put in order.
    copy = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="panel-"))) / path.name
    copy_with_logs(path, copy)
    return _opened(copy, "mode=rw", stack)


def _head(path: Path) -> bytes:
    """Return the first 20 bytes of a journal that no connection of this process has open.

    Closing a file drops every POSIX lock that the process holds on it, those of SQLite too
    (https://sqlite.org/howtocorrupt.html, 2.2): another program would then take the writer for
    gone, and its log away.
    """
    try:
        with path.open("rb") as file:
            return file.read(20)
    except OSError as error:
        raise RunError(
            f"cannot read {path}: {error.strerror or error}", hint="`panel runs` lists the runs"
        ) from error


def copy_with_logs(path: Path, copy: Path) -> None:
    """Copy a journal with what stands beside it and is not yet in it."""
    shutil.copyfile(path, copy)
    for end in _LOGS:
        if (log := beside(path, end)).exists():
            shutil.copyfile(log, beside(copy, end))


def size(path: Path) -> int:
    """Return the bytes of a journal with what stands beside it; 0 where there is none."""
    files = (path, *(beside(path, end) for end in _LOGS))
    return sum(file.stat().st_size for file in files if file.is_file())


def beside(path: Path, end: str) -> Path:
    """Return the path of a file that SQLite keeps beside the journal."""
    return path.with_name(path.name + end)


def _opened(path: Path, mode: str, stack: contextlib.ExitStack) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.text_factory = _lenient
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException as error:
        connection.close()
        if isinstance(error, SQLITE_ERRORS):
            raise sqlite_error(error, path) from error
        raise
    stack.callback(connection.close)
    return connection


def _lenient(text: bytes) -> str:
    # A flipped byte may be no UTF-8; the checksum then fails, instead of an exception.
    return text.decode("utf-8", "replace")
