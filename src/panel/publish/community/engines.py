"""SQL engines for SQLite and PostgreSQL, set up so that what is acknowledged is on disk.

Knows no tables. SQLite is one file with one writer at a time; every wait on PostgreSQL ends.
"""

import importlib.util
import os
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from panel.foundation.errors import DatabaseError, SettingsError

PATIENCE: Final = 15.0
"""Seconds to wait for another's lock before a call fails."""

WRITES: Final = "panel_writes"
"""The execution option of a connection that will write: it takes the lock at once, so that no
transaction finds out half-way that it cannot go on."""

_PRAGMAS: Final = (
    "foreign_keys = ON",
    "synchronous = FULL",
    "mmap_size = 0",
    "secure_delete = ON",  # an address that is deleted is gone from the file too
    "trusted_schema = OFF",
)

_OLDEST: Final = (3, 35, 0)
_MENDED: Final = ((3, 50, 7), (3, 44, 6))


def sqlite_engine(path: Path) -> Engine:
    """Return an engine for the file, made readable by its owner only; nothing is opened yet.

    Raises `DatabaseError` where the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as fault:
        what = (fault.strerror or "error").lower()
        raise DatabaseError(f"{path}: the database cannot be opened: {what}") from None
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        connect_args={"timeout": PATIENCE, "check_same_thread": False},
        pool_size=10, max_overflow=0, pool_timeout=PATIENCE, hide_parameters=True,
    )  # fmt: skip
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def note_on(version: tuple[int, ...]) -> str | None:
    """Return a warning where this version of SQLite can damage a database that several write.

    Raises `DatabaseError` for a version too old to work with.
    """
    named = ".".join(map(str, version))
    if version < _OLDEST:
        raise DatabaseError(f"SQLite {named} is too old: 3.35 or newer is needed")
    if safe(version):
        return None
    return (
        f"SQLite {named} can damage a database while two connections write and tidy up at once"
        " (mended in 3.51.3): panel lets one write at a time, and one server run"
    )


def safe(version: tuple[int, ...]) -> bool:
    """Tell whether the version is free of the write-ahead log's reset fault."""
    return version >= (3, 51, 3) or any(
        version[:2] == mended[:2] and version >= mended for mended in _MENDED
    )


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver would begin transactions by itself, too late and only before some statements.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        (mode,) = cursor.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise DatabaseError(
                "SQLite cannot keep a write-ahead log there: the database needs a local disk"
            )
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_WAITS: Final = (
    "SET statement_timeout = '15s'; SET lock_timeout = '10s';"
    " SET idle_in_transaction_session_timeout = '30s'"
)


def postgres_engine(url: URL) -> Engine:
    """Return an engine for the server; nothing is connected yet.

    A connection that a restarted server has dropped is replaced before it is used. Raises
    `SettingsError` where the driver is not installed.
    """
    if importlib.util.find_spec("psycopg") is None:
        raise SettingsError(
            "PostgreSQL needs a driver that is not installed",
            hint='pip install "panel-verdict[postgres]"',
        )
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": 3,
            "tcp_user_timeout": 10_000,  # a network that swallows packets is noticed
            "application_name": "panel",
            "prepare_threshold": None,  # poolers between us and the server cannot prepare
        },
        pool_size=10, max_overflow=0, pool_timeout=15, pool_pre_ping=True, hide_parameters=True,
    )  # fmt: skip
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def _prepare_postgres(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_WAITS)
    connection.commit()
