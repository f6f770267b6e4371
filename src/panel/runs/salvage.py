"""A damaged journal made whole: what can still be read goes into a new one.

The damaged file is kept beside it. What is lost is asked again by the resume that follows.
"""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from panel.runs.files import sync_folder, write_error
from panel.runs.schema import CALL_COLUMNS, FORMAT, create_tables
from panel.runs.writer import SQLITE_ERRORS, sqlite_error

_TABLES: Final = {
    "meta": "name, value, sum",
    "tools": "slug, body, fingerprint, sum",
    "evidence": "slug, body, sum",
    "texts": "digest, body",
    "calls": f"id, {', '.join(CALL_COLUMNS)}",
    "reviews": "tool, persona, sample, body, sum",
    "missing": "tool, persona, sample, body, sum",
    "verdicts": "tool, body, sum",
    "files": "name",
}
_GIVE_UP: Final = 2_000
"""Rows in a row that cannot be read before the rest of a table is given up."""

_CHECK_ALL: Final = 2**30
"""Bytes up to which indexes are compared with their tables, too: about a second."""

_DEFINED: Final = "SELECT * FROM sqlite_master ORDER BY rowid"

_PAGE: Final = 4096
_MODES: Final = (b"\1\1", b"\2\2", b"")
"""What the header says of the kind of log; an empty file has no header."""
_OUTSIDE: Final = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM,
}  # fmt: skip
"""Errors whose cause is not in the file."""


def repair(path: Path) -> list[str]:
    """Mend the journal at `path` if its file is damaged; return what was done, for people.

    The caller holds the run's lock. Raises `RunError` or `DiskFull` where it cannot be done.
    """
    try:
        if not path.exists() or _whole(path):
            return []
        kept = _set_aside(path)
        mended = path.with_name(f"{path.name}.mended")
        mended.unlink(missing_ok=True)
        rows = _copy_rows(kept, mended)
        for end in ("-wal", "-shm", "-journal"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        os.replace(mended, path)
        sync_folder(path.parent)
    except SQLITE_ERRORS as error:
        raise sqlite_error(error, path) from error
    except OSError as error:
        raise write_error(error, path) from error
    return [f"{path.name} was damaged: {rows} rows were saved, the damaged file is {kept.name}"]


def _whole(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(20)[18:] not in _MODES:
            return False
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            if _other_format(connection):
                return True
            check = "integrity_check" if path.stat().st_size <= _CHECK_ALL else "quick_check"
            sound = connection.execute(f"PRAGMA {check}(1)").fetchone()[0] == "ok"
            return sound and connection.execute(_DEFINED).fetchall() == _definitions()
    except UnicodeDecodeError:
        return False
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OUTSIDE:
            raise
        return False


def _other_format(connection: sqlite3.Connection) -> bool:
    # Not ours to mend: whoever opens it next refuses it by its number.
    with contextlib.suppress(*SQLITE_ERRORS):
        row = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
        return bool(row and row[0] != FORMAT)
    return False


def _definitions() -> list[Any]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create_tables(connection)
        return connection.execute(_DEFINED).fetchall()


def _set_aside(path: Path) -> Path:
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for end in ("", "-wal"):
        if (source := Path(f"{path}{end}")).exists():
            shutil.copyfile(source, f"{kept}{end}")
    return kept


def _copy_rows(damaged: Path, mended: Path) -> int:
    rows = 0
    with contextlib.closing(sqlite3.connect(mended, isolation_level=None)) as target:
        create_tables(target)
        target.execute("BEGIN")
        with _source(damaged) as source:
            for table, columns in _TABLES.items():
                marks = ", ".join("?" * len(columns.split(",")))
                put = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"
                for row in _readable(source, table, columns):
                    rows += target.execute(put, row).rowcount
        # Nobody knows any more which files were this run's: those that are there count as such.
        names = [(each.relative_to(mended.parent).as_posix(),) for each in _files(mended.parent)]
        target.executemany("INSERT OR IGNORE INTO files VALUES (?)", names)
        target.execute("COMMIT")
    return rows


@contextlib.contextmanager
def _source(damaged: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory(dir=damaged.parent, prefix=".panel-") as folder:
        copy = Path(folder) / damaged.name
        for end in ("", "-wal"):
            if (each := Path(f"{damaged}{end}")).exists():
                shutil.copyfile(each, f"{copy}{end}")
        if not _defines_all(copy):
            _give_head(copy)
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            yield connection


def _defines_all(path: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute(_DEFINED).fetchall() == _definitions())
    except SQLITE_ERRORS:
        return False


def _give_head(path: Path) -> None:
    # The first page holds only the header and the tables' definitions: a new journal's will do.
    fresh = path.with_name("fresh.db")
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        create_tables(connection)
    head = bytearray(fresh.read_bytes()[:_PAGE])
    pages = max(-(-path.stat().st_size // _PAGE), fresh.stat().st_size // _PAGE)
    head[28:32] = pages.to_bytes(4, "big")
    head[32:40] = bytes(8)  # no list of free pages
    with path.open("r+b") as file:
        file.write(head)
        file.truncate(pages * _PAGE)  # what was cut off comes back as zeros


def _files(folder: Path) -> Iterator[Path]:
    return (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())


def _readable(source: sqlite3.Connection, table: str, columns: str) -> Iterator[tuple[Any, ...]]:
    last = -1
    select = f"SELECT rowid, {columns} FROM {table} NOT INDEXED"
    try:
        for row in source.execute(select):
            last = max(last, row[0])
            yield row[1:]
    except SQLITE_ERRORS:
        yield from _behind(source, select, last)


def _behind(source: sqlite3.Connection, select: str, last: int) -> Iterator[tuple[Any, ...]]:
    failed = 1
    while failed < _GIVE_UP:
        # After a failure single rows are tried, to get past the damaged page.
        where = "rowid = ?" if failed else "rowid > ? ORDER BY rowid LIMIT 1"
        try:
            row = source.execute(f"{select} WHERE {where}", (last + (failed > 0),)).fetchone()
        except SQLITE_ERRORS:
            row = None
        else:
            if not row and not failed:
                return
        # In a damaged tree the next row may be one before.
        if row and row[0] > last:
            last, failed = row[0], 0
            yield row[1:]
        else:
            last, failed = last + (failed > 0), failed + 1
