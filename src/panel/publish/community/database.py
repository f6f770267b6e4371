"""The database: opened, migrated, checked against its secret, and used in short transactions.

Cookies, addresses and networks are kept as hashes under the installation's secret. With another
secret the same visitor could vote twice and mailed links would lead nowhere, so the database stores
the secret's fingerprint and opens with that secret only.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Connection, Engine, Table, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from panel.evidence.fence import installation_secret
from panel.foundation.errors import DatabaseDown, DatabaseError, SettingsError
from panel.foundation.file_lock import FileLock, LockHeld
from panel.foundation.text import one_line
from panel.publish.community.engines import (
    PATIENCE,
    WRITES,
    note_on,
    postgres_engine,
    sqlite_engine,
)
from panel.publish.community.errors import database_error
from panel.publish.community.migrate import migrate
from panel.publish.community.tables import identities, insert, installation, subscribers

_FINGERPRINT: Final = "secret"
_HASHED: Final = (identities, subscribers)
"""Tables whose keys mean nothing under another secret."""


def check_present(connection: Connection, *, file: Path, place: str) -> None:
    """Raise `DatabaseError` where the secret in `file` is lost that the database is kept under.

    Writes nothing, and works on the tables of every release.
    """
    if file.exists():
        return
    there = inspect(connection).get_table_names()
    if _is_used(connection, [table for table in _HASHED if table.name in there]):
        raise DatabaseError(
            f"{file} is missing, the secret that {place} was kept under:"
            " without it the same visitor could vote twice",
            hint=f"put {file} back from a backup; docs/serving.md says how to go on without one",
        )


def claim(connection: Connection, mark: str, *, file: Path, place: str) -> None:
    """Store the secret's fingerprint where there is none yet, or nothing depends on the old one.

    Raises `DatabaseError` where the database is kept under another secret.
    """
    here = installation.c.name == _FINGERPRINT
    stored = connection.execute(select(installation.c.value).where(here)).scalar_one_or_none()
    if stored == mark:
        return
    if stored is not None and _is_used(connection, _HASHED):
        raise DatabaseError(
            f"{place} was kept under another secret than the one in {file}:"
            " with this one the same visitor could vote twice",
            hint=f"put the database's own secret at {file}, or use another database",
        )
    row = insert(connection, installation).values(name=_FINGERPRINT, value=mark)
    connection.execute(
        row.on_conflict_do_update(index_elements=[installation.c.name], set_={"value": mark})
    )


def is_claimed(connection: Connection, mark: str) -> bool:
    """Return whether the fingerprint is stored already."""
    here = (installation.c.name == _FINGERPRINT) & (installation.c.value == mark)
    return connection.execute(select(installation.c.name).where(here)).first() is not None


def _is_used(connection: Connection, tables: Iterable[Table]) -> bool:
    return any(connection.execute(select(table.c.id).limit(1)).first() for table in tables)


FILE: Final = "panel.db"
SECRET_FILE: Final = "secret"

_WRITABLE: Final = "choose a folder that can be written"
_FORMS: Final = "postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE"


class Database:
    """An open database. Safe to use from many threads; `close` it at the end.

    `place` names it in messages and never holds a password. `notes` are warnings for the operator.
    """

    def __init__(self, engine: Engine, *, place: str, hidden: tuple[str, ...] = ()) -> None:
        """Take an engine; use `Database.open`."""
        self.place = place
        self.secret = b""
        self.notes: tuple[str, ...] = ()
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})
        self._hidden = hidden
        self._write_lock: FileLock | None = None
        self._server_lock: FileLock | None = None

    @classmethod
    def open(cls, url: str | None, *, folder: Path, alone: bool = False) -> "Database":
        """Open the database and bring its tables up to date.

        Args:
            url: `postgresql://…` or `sqlite:///…`; None is the file `panel.db` in `folder`.
            folder: Where the installation's secret lies, under which cookies, addresses and
                networks are hashed: a database is of use only together with it.
            alone: A server's claim: no second server on the same SQLite file.

        Raises:
            SettingsError: The URL is none that panel knows, or the folder cannot be written.
            DatabaseDown: It cannot be reached, or another process keeps it.
            DatabaseError: It is damaged, made by a newer panel, kept under another secret than the
                folder's, or another server runs on it.
        """
        place, file = _url(url, folder), _made(folder) / SECRET_FILE
        if place.get_backend_name() == "sqlite":
            database = cls._sqlite(Path(place.database or ""), alone)
        else:
            database = cls(postgres_engine(place), place=_named(place), hidden=_hidden(place))
        try:
            # Alone: SQLite refuses one of two processes that start its log at once, without a wait.
            with (
                database._writing_alone(),
                database._opening(),
                database._engine.begin() as connection,
            ):
                check_present(connection, file=file, place=database.place)
            database.secret = _secret(folder)
            database._migrate()
            database._claim(file)
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def _sqlite(cls, path: Path, alone: bool) -> "Database":
        engine = sqlite_engine(path)
        database = cls(engine, place=str(path))
        try:
            version = getattr(engine.dialect.dbapi, "sqlite_version_info", (0,))
            if note := note_on(version):
                database.notes = (note,)
            if alone:
                database._server_lock = _server_lock(path)
            database._write_lock = open_lock(path.with_name(f"{path.name}.lock"))
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection in a read-only transaction. Raises `DatabaseDown`."""
        with self._driver_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, *, alone: str | None = None) -> Iterator[Connection]:
        """Yield a connection in a transaction that is on disk when the block ends.

        `alone` names work of which there may be only one at a time. Raises `DatabaseDown`, then
        nothing was written, or it was and the caller may do the same again.
        """
        with self._writing_alone(), self._driver_errors(), self._writer.begin() as connection:
            if alone is not None and connection.dialect.name == "postgresql":
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:number)"), {"number": _number(alone)}
                )
            yield connection

    def mark(self, purpose: str, value: str) -> str:
        """Return the keyed hash under which a cookie, an address or a network is kept."""
        message = f"{purpose}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()

    def close(self) -> None:
        """Close every connection and release the locks."""
        self._engine.dispose()
        for lock in (self._write_lock, self._server_lock):
            if lock is not None:
                lock.close()

    def _migrate(self) -> None:
        with self._writing_alone(), self._opening():
            migrate(self._writer, self.place)

    def _claim(self, file: Path) -> None:
        mark = self.mark("installation", "fingerprint")
        with self.reading() as connection:
            if is_claimed(connection, mark):
                return
        with self.writing(alone="the owner") as connection:
            claim(connection, mark, file=file, place=self.place)

    @contextmanager
    def _opening(self) -> Iterator[None]:
        hint = "start the server, or correct PANEL_DATABASE_URL"
        with database_error(self.place, secrets=self._hidden, hint=hint):
            yield

    @contextmanager
    def _writing_alone(self) -> Iterator[None]:
        """On SQLite, let one thread of one process write, and so checkpoint the log, at a time."""
        if self._write_lock is None:
            yield
            return
        try:
            self._write_lock.acquire(PATIENCE)
        except LockHeld as error:
            raise DatabaseDown(f"{self._write_lock.path}: {error}", hint="try again") from None
        try:
            yield
        finally:
            self._write_lock.release()

    @contextmanager
    def _driver_errors(self) -> Iterator[None]:
        with database_error(self.place, secrets=self._hidden):
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _url(database_url: str | None, folder: Path) -> URL:
    if not database_url:
        return URL.create("sqlite", database=str(folder / FILE))
    try:
        url = make_url(database_url.replace("postgres://", "postgresql://", 1))
        name = url.get_backend_name()
    except (ArgumentError, ValueError):
        name = ""
    if name not in ("sqlite", "postgresql"):  # what was given is not shown: it may hold a password
        raise SettingsError("PANEL_DATABASE_URL is no database URL panel knows", hint=_FORMS)
    if name == "sqlite" and url.database in (None, "", ":memory:"):
        raise SettingsError("PANEL_DATABASE_URL names no file", hint="sqlite:///FILE")
    return url


def _named(url: URL) -> str:
    host = url.host or url.query.get("host") or "localhost"
    return one_line(f"PostgreSQL at {host}, database {url.database or ''}")


def _hidden(url: URL) -> tuple[str, ...]:
    passwords = [str(value) for key, value in url.query.items() if "pass" in key]
    return tuple(filter(None, [url.password, *passwords]))


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        what = (fault.strerror or "error").lower()
        raise SettingsError(f"{folder}: {what}", hint=_WRITABLE) from None
    return folder


def _secret(folder: Path) -> bytes:
    try:
        return installation_secret(folder)
    except SettingsError as error:
        damaged = (folder / SECRET_FILE).is_file() and error.message.endswith("damaged")
        hint = "put it back from a backup" if damaged else _WRITABLE
        raise SettingsError(error.message, hint=hint) from None


def open_lock(path: Path) -> FileLock:
    """Open a lock beside the database; raises `DatabaseError` where that cannot be done."""
    try:
        return FileLock(path)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise DatabaseError(f"{path}: the lock cannot be opened: {reason}") from None


def _server_lock(path: Path) -> FileLock:
    lock = open_lock(path.with_name(f"{path.name}.server"))
    try:
        lock.acquire()
    except LockHeld:
        lock.close()
        raise DatabaseError(
            f"{path}: another server runs on this database",
            hint="stop it first, or give each server a database of its own",
        ) from None
    return lock


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
