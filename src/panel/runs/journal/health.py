"""Whether a journal is as it was written: by SQLite's own check, and row by row by checksum.

Reads only. A journal that was vacuumed, or whose tables are declared in other words, is healthy.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from panel.foundation.errors import RunError
from panel.runs.journal.call_rows import text_digest
from panel.runs.journal.opening import connect
from panel.runs.journal.schema import CALL_COLUMNS, FORMAT, Row, checksum_matches
from panel.runs.journal.writer import SQLITE_ERRORS, sqlite_error

COLUMNS: Final = {
    "meta": ("name", "value", "sum"),
    "tools": ("slug", "body", "fingerprint", "sum"),
    "evidence": ("slug", "body", "sum"),
    "texts": ("digest", "body"),
    "calls": CALL_COLUMNS,
    "reviews": ("tool", "persona", "sample", "body", "sum"),
    "missing": ("tool", "persona", "sample", "body", "sum"),
    "verdicts": ("tool", "body", "sum"),
    "files": ("name",),
}
"""What must be there to be read, by table."""

FIRST: Final = ("meta", "tools")
"""Tables that say what a run is and what is left of it: short, and read by every resume."""

LATER: Final = tuple(table for table in COLUMNS if table not in FIRST)
"""The others."""

_CHECK_ALL: Final = 2**30
"""Bytes up to which indexes are compared with their tables, too: about a second."""
_MODES: Final = (b"\1\1", b"\2\2", b"")
"""What the header says of the kind of log; an empty file has no header."""
_OUTSIDE: Final = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM,
}  # fmt: skip
"""Errors whose cause is not in the file."""


@dataclass(frozen=True)
class DamagedRow:
    """A row that is not as it was written."""

    table: str
    rowid: int
    what: str
    """What it is about, for people, as far as it can be read."""


def is_healthy(path: Path) -> bool:
    """Tell whether the journal at `path` can be used as it is; see `file_damage`."""
    return file_damage(path) is None and not damaged_rows(path)


def file_damage(path: Path) -> str | None:
    """Return what SQLite finds wrong with the file, in one line; None where it is whole.

    A journal of another format counts as whole: whoever opens it refuses it by its number.
    Raises `RunError` or `DiskFull` where the file cannot be read at all.
    """
    try:
        with contextlib.ExitStack() as stack:
            connection = connect(path, stack)
            if _other_format(connection):
                return None
            with path.open("rb") as file:
                if file.read(20)[18:] not in _MODES:
                    return "its header names no kind of log"
            return _checked(connection, all_of_it=path.stat().st_size <= _CHECK_ALL)
    except RunError as error:
        return _damage(error.__cause__, error)
    except SQLITE_ERRORS as error:
        return _damage(error, sqlite_error(error, path))
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error


def damaged_rows(
    path: Path, tables: Iterable[str] = tuple(COLUMNS), given_up: Callable[[], bool] = bool
) -> list[DamagedRow]:
    """Return the rows of a whole file whose checksum or digest does not match.

    Args:
        path: The journal.
        tables: Those whose rows are read.
        given_up: Asked before each row; where it says so, the rest is not read.
    """
    with contextlib.ExitStack() as stack:
        connection = connect(path, stack)
        if _other_format(connection):
            return []
        # Text stays bytes: a long run has millions of values, and decoding takes most of the time.
        connection.text_factory = bytes
        return [
            DamagedRow(table, rowid, _named(table, row))
            for table in tables
            for rowid, row in takewhile(lambda _: not given_up(), _rows(connection, table))
            if not is_sound(table, row)
        ]


def is_sound(table: str, row: Row) -> bool:
    """Tell whether a row, its values in the order of `COLUMNS`, is what was written.

    Its text may be UTF-8 that is not decoded.
    """
    if table == "files" or (table == "meta" and row[0] in ("format", b"format")):
        return True
    if table == "texts":
        return text_digest(_decoded(row[1])) == _decoded(row[0])
    return checksum_matches(row)


def _decoded(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[tuple[int, Row]]:
    select = f"SELECT rowid, {', '.join(COLUMNS[table])} FROM {table} NOT INDEXED"
    for row in connection.execute(select):
        yield row[0], row[1:]


def _named(table: str, row: Row) -> str:
    kind = {"calls": "answer", "verdicts": "verdict", "reviews": "review"}.get(table, table)
    about = (
        row[1:4] if table == "calls" else row[:2] if table in ("reviews", "missing") else row[:1]
    )
    return f"{kind} on {', '.join(map(_decoded, about))}"


def _checked(connection: sqlite3.Connection, *, all_of_it: bool) -> str | None:
    check = "integrity_check" if all_of_it else "quick_check"
    (result,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    if result != "ok":
        return " ".join(str(result).replace("*** in database main ***", "").split())
    for table, columns in COLUMNS.items():
        connection.execute(f"SELECT {', '.join(columns)} FROM {table} LIMIT 0")
    return None


def _other_format(connection: sqlite3.Connection) -> bool:
    with contextlib.suppress(*SQLITE_ERRORS):
        row = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
        return bool(row and row[0] != FORMAT)
    return False


def _damage(cause: Any, error: Exception) -> str:
    """Return what is wrong with the file, or raise the error whose cause lies outside of it."""
    outside = getattr(cause, "sqlite_errorcode", 0) & 0xFF in _OUTSIDE
    if outside or not isinstance(cause, SQLITE_ERRORS):
        raise error
    if isinstance(cause, UnicodeDecodeError):
        return "its schema is no text"
    return " ".join(str(cause).split())
