"""The database: opened, migrated, and handed out as short transactions. Knows no table."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from panel.evidence.fence import installation_secret
from panel.foundation.errors import DatabaseDown, DatabaseError, SettingsError
from panel.foundation.file_lock import FileLock, LockHeld
from panel.foundation.text import printable
from panel.publish.community.errors import database_error
from panel.publish.community.migrate import migrate
from panel.publish.community.owner import check_present, claim, is_claimed
from panel.publish.community.postgres import postgres_engine
from panel.publish.community.sqlite import PATIENCE, WRITES, note_on, sqlite_engine

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
        self._turn: FileLock | None = None
        self._seat: FileLock | None = None

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
            with database._opening(), database._engine.begin() as connection:
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
                database._seat = _seat(path)
            database._turn = open_lock(path.with_name(f"{path.name}.lock"))
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection in a transaction that writes nothing. Raises `DatabaseDown`."""
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, *, alone: str | None = None) -> Iterator[Connection]:
        """Give a connection in a transaction that is on disk when the block ends.

        `alone` names work of which there may be only one at a time. Raises `DatabaseDown`, then
        nothing was written, or it was and the caller may do the same again.
        """
        with self._my_turn(), self._told(), self._writer.begin() as connection:
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
        """Close every connection and let go of the locks."""
        self._engine.dispose()
        for lock in (self._turn, self._seat):
            if lock is not None:
                lock.close()

    def _migrate(self) -> None:
        with self._my_turn(), self._opening():
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
    def _my_turn(self) -> Iterator[None]:
        """On SQLite, let one thread of one process write, and so tidy up the log, at a time."""
        if self._turn is None:
            yield
            return
        try:
            self._turn.acquire(PATIENCE)
        except LockHeld as error:
            raise DatabaseDown(f"{self._turn.path}: {error}", hint="try again") from None
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _told(self) -> Iterator[None]:
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


def _url(given: str | None, folder: Path) -> URL:
    if not given:
        return URL.create("sqlite", database=str(folder / FILE))
    try:
        url = make_url(given.replace("postgres://", "postgresql://", 1))
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
    return " ".join(printable(f"PostgreSQL at {host}, database {url.database or ''}").split())


def _hidden(url: URL) -> tuple[str, ...]:
    given = [str(value) for key, value in url.query.items() if "pass" in key]
    return tuple(filter(None, [url.password, *given]))


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


def _seat(path: Path) -> FileLock:
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
