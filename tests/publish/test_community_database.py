"""The database under trouble: locks, restarts, a full disk, strange versions, hostile URLs."""

import logging
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from benchmarks import house
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, text

from panel.foundation.errors import DatabaseDown, DatabaseError, DatabaseFull, SettingsError
from panel.foundation.file_lock import FileLock, LockHeld
from panel.publish.community.database import Database
from panel.publish.community.engines import note_on, safe, sqlite_engine
from panel.publish.community.identities import Identities
from panel.publish.community.migrate import VERSION_TABLE
from panel.publish.community.requests import Requests
from panel.publish.community.subscribers import Subscribers
from panel.publish.community.tables import METADATA, Moment, ledger
from panel.publish.community.votes import VoteStore
from tests.runs.test_runs_faults import small_disk

NET = "203.0.113.0/24"


# Migrations


def checks(connection):
    inspector = inspect(connection)
    return {
        (table, constraint["name"], " ".join(constraint["sqltext"].split()))
        for table in METADATA.tables
        for constraint in inspector.get_check_constraints(table)
    }


def test_migrations_make_exactly_the_tables_of_today(database):
    options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
    with database.writing() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        migrated = checks(connection)
        METADATA.drop_all(connection)
        METADATA.create_all(connection)
        assert migrated == checks(connection)
    assert len(migrated) == 8


def test_opening_again_changes_nothing_and_says_nothing(database, database_url, tmp_path, capfd):
    me = Identities(database).anonymous("cookie")
    VoteStore(database).cast(me, "sieve", "ship", network=NET)
    handlers, level = list(logging.getLogger().handlers), logging.getLogger("alembic").level
    with Database.open(database_url, folder=tmp_path / "community") as again:
        assert VoteStore(again).tally("sieve").anonymous.ship == 1
        assert again.place == database.place
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger("alembic").level == level


OPENERS = """
import os, sys, time
from pathlib import Path
from panel.foundation.file_lock import FileLock, LockHeld
from panel.publish.community.database import Database

start = time.monotonic() + 0.3
children = []
for _ in range(6):
    if (pid := os.fork()) == 0:
        time.sleep(max(0, start - time.monotonic()))
        Database.open(sys.argv[1], folder=Path(sys.argv[2])).close()
        os._exit(0)
    children.append(pid)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in children))
"""


# Whose database it is


def released_as_0001(connection):
    """Turn the tables into those of release 0.1.0, with whatever is in them."""
    for statement in (
        "DROP TABLE installation", "DROP TABLE buckets", "DROP INDEX ix_subscribers_mailbox",
        "ALTER TABLE subscribers DROP COLUMN mailbox", "ALTER TABLE requests DROP COLUMN asker",
        f"UPDATE {VERSION_TABLE} SET version_num = '0001'",
    ):  # fmt: skip
        connection.execute(text(statement))


def rows(database):
    with database.reading() as connection:
        return {
            name: [tuple(row) for row in connection.execute(table.select())]
            for name, table in METADATA.tables.items()
            if inspect(connection).has_table(name)
        }


@pytest.fixture
def used(database_url, tmp_path):
    """A database of release 0.1.0 with a vote and a subscriber in it, closed; its folder."""
    folder = tmp_path / "community"
    with Database.open(database_url, folder=folder) as database:
        ada = Identities(database).anonymous("ada's cookie")
        VoteStore(database).cast(ada, "quill", "ship", network=NET)
        Subscribers(database).ask("ada@example.org")
        Requests(database).add("Widget", "https://widget.example")
        with database.writing() as connection:
            released_as_0001(connection)
    return folder


def test_a_database_of_0_1_0_is_taken_over_with_its_secret(used, database_url):
    for _ in range(2):
        with Database.open(database_url, folder=used) as database:
            ada = Identities(database).find("ada's cookie")
            assert VoteStore(database).choice(ada, "quill") == "ship"
            assert Subscribers(database).confirm("ada@example.org")
            assert Requests(database).get(1).name == "Widget"


@pytest.mark.parametrize("opened", [0, 1], ids=["of 0.1.0", "of today"])
def test_a_used_database_without_its_secret_is_refused_and_none_is_made(used, database_url, opened):
    secret = used / "secret"
    for _ in range(opened):
        Database.open(database_url, folder=used).close()
    key = secret.read_bytes()
    secret.unlink()
    for _ in range(2):
        with pytest.raises(DatabaseError, match="could vote twice") as caught:
            Database.open(database_url, folder=used)
        assert str(secret) in caught.value.message
        assert "backup" in caught.value.hint
        assert not secret.exists()
    secret.write_bytes(key)
    with Database.open(database_url, folder=used) as database:
        assert Identities(database).find("ada's cookie") is not None


def test_a_used_database_under_another_secret_is_refused_and_stays_as_it_was(used, database_url):
    with Database.open(database_url, folder=used) as database:
        before = rows(database)
    secret = used / "secret"
    key = secret.read_bytes()
    secret.write_bytes(key[::-1])
    for _ in range(2):
        with pytest.raises(DatabaseError, match="under another secret") as caught:
            Database.open(database_url, folder=used)
        assert str(secret) in caught.value.message
    secret.write_bytes(key)
    with Database.open(database_url, folder=used) as database:
        assert rows(database) == before


def test_a_secret_gone_for_good_is_replaced_as_the_docs_say(used, database_url):
    with Database.open(database_url, folder=used) as database, database.writing() as connection:
        connection.execute(text("DELETE FROM installation"))
    (used / "secret").write_bytes(b"x" * 32)
    with Database.open(database_url, folder=used) as database:
        assert Identities(database).find("ada's cookie") is None
        assert VoteStore(database).tally("quill").anonymous.ship == 1


def test_a_secret_that_is_cut_short_is_told_to_come_from_a_backup(used, database_url):
    (used / "secret").write_bytes(b"short")
    with pytest.raises(SettingsError, match="damaged") as caught:
        Database.open(database_url, folder=used)
    assert caught.value.hint == "put it back from a backup"


def test_an_unused_database_takes_a_new_secret(database_url, tmp_path):
    for folder in (tmp_path / "one", tmp_path / "two"):
        Database.open(database_url, folder=folder).close()


def test_many_processes_may_open_a_fresh_database_at_once(database_url, tmp_path):
    command = [sys.executable, "-c", OPENERS, database_url, str(tmp_path / "community")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
    with Database.open(database_url, folder=tmp_path / "community") as database:
        assert VoteStore(database).tallies() == {}


def test_a_fresh_file_is_set_up_under_the_write_lock(tmp_path, monkeypatch):
    monkeypatch.setattr("panel.publish.community.database.PATIENCE", 0.01)
    file = tmp_path / "panel.db"
    held = FileLock(tmp_path / "panel.db.lock")
    held.acquire()
    try:
        with pytest.raises(DatabaseDown, match="another process keeps the lock"):
            Database.open(None, folder=tmp_path)
        assert file.stat().st_size == 0
    finally:
        held.close()
    Database.open(None, folder=tmp_path).close()


def test_a_database_of_a_newer_panel_is_refused_in_one_line(database, database_url, tmp_path):
    with database.writing() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match=r"made by a newer panel .*'9999'") as caught:
        Database.open(database_url, folder=tmp_path / "community")
    assert caught.value.hint == "pip install --upgrade panel-verdict"
    assert not isinstance(caught.value, DatabaseDown)


# Times and privacy


@given(st.integers(-(2**51), 2**53), st.integers(-14, 14))
def test_a_moment_comes_back_exactly_and_in_utc(micros, hours):
    zone = timezone(timedelta(hours=hours))
    moment = datetime(1970, 1, 1, tzinfo=zone) + timedelta(microseconds=micros)
    column = Moment()
    back = column.process_result_value(column.process_bind_param(moment, None), None)
    assert back == moment
    assert back.tzinfo is UTC
    with pytest.raises(ValueError, match="without time zone"):
        column.process_bind_param(moment.replace(tzinfo=None), None)


def test_cookies_networks_and_voters_addresses_are_kept_nowhere(tmp_path):
    with Database.open(None, folder=tmp_path) as database:
        who = Identities(database)
        for voter in (who.anonymous("rare-cookie"), who.verified("rare-name@example.org")):
            VoteStore(database).cast(voter, "sieve", "ship", network="203.0.113.0/24")
        Subscribers(database).ask("a-subscriber@example.org")
        files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    everything = b"".join(files.values())
    for secret in (b"rare-cookie", b"rare-name", b"203.0.113"):
        assert secret not in everything
    assert b"a-subscriber@example.org" in everything  # the search does find what is there


# SQLite


def test_w4_sqlite_is_set_to_lose_nothing(tmp_path):
    with Database.open(None, folder=tmp_path) as database, database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout",
                         "mmap_size", "secure_delete")
        }  # fmt: skip
    assert pragmas.pop("busy_timeout") >= 5000
    assert pragmas == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "mmap_size": 0,
        "secure_delete": 1,
    }  # fmt: skip


HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(5)
connection.execute("COMMIT")
connection.close()
"""


def test_w4_a_lock_held_5_seconds_by_another_process_loses_no_vote(tmp_path):
    with Database.open(None, folder=tmp_path) as database:
        people = [Identities(database).anonymous(f"cookie {n}") for n in range(20)]
        command = [sys.executable, "-c", HOLDER, str(tmp_path / "panel.db")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout.readline() == "held\n"
            begun = time.monotonic()
            with ThreadPoolExecutor(20) as pool:
                cast = lambda who: VoteStore(database).cast(who, "sieve", "ship", network=NET)  # noqa: E731
                assert all(pool.map(cast, people))
            waited = time.monotonic() - begun
        assert waited > 3
        assert VoteStore(database).tally("sieve").anonymous.ship == 20


def test_w4_a_lock_held_for_longer_is_an_error_of_one_line_and_no_vote(tmp_path, monkeypatch):
    monkeypatch.setattr("panel.publish.community.engines.PATIENCE", 0.1)
    with Database.open(None, folder=tmp_path) as database:
        me = Identities(database).anonymous("cookie")
        with closing(sqlite3.connect(tmp_path / "panel.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseDown, match="locked by another process"):
                VoteStore(database).cast(me, "sieve", "ship", network=NET)
            assert VoteStore(database).tally("sieve").anonymous.total == 0  # reading goes on
        assert VoteStore(database).cast(me, "sieve", "ship", network=NET)


@pytest.mark.parametrize(
    ("version", "good"),
    [((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 45, 0), False),
     ((3, 50, 6), False), ((3, 50, 7), True), ((3, 51, 2), False), ((3, 51, 3), True),
     ((3, 53, 0), True), ((4, 0, 0), True)],
)  # fmt: skip
def test_w4_versions_that_can_damage_the_file_are_told(version, good):
    assert safe(version) == good
    note = note_on(version)
    assert (note is None) == good
    assert note is None or note.startswith(f"SQLite {'.'.join(map(str, version))} can damage")


def test_w4_this_machines_version_is_judged_when_opening(tmp_path):
    with Database.open(None, folder=tmp_path) as database:
        assert bool(database.notes) != safe(sqlite3.sqlite_version_info)
    with pytest.raises(DatabaseError, match="too old"):
        note_on((3, 34, 1))


def test_w4_one_connection_at_a_time_writes_and_tidies_up_the_log(tmp_path, monkeypatch):
    """What the fault needs, a commit beside another connection's checkpoint, cannot happen."""
    monkeypatch.setattr("panel.publish.community.database.PATIENCE", 0.0)
    with Database.open(None, folder=tmp_path) as database:
        with (
            closing(FileLock(tmp_path / "panel.db.lock")) as lock,
            Database.open(None, folder=tmp_path) as other,
        ):
            with database.writing():
                with pytest.raises(LockHeld):
                    lock.acquire()
                with pytest.raises(DatabaseDown, match="keeps the lock"), other.writing():
                    pass
            lock.acquire()  # free again once the commit is done
        assert VoteStore(database).tallies() == {}


def test_w4_a_second_server_on_the_file_is_refused(tmp_path):
    with Database.open(None, folder=tmp_path, alone=True):
        with pytest.raises(DatabaseError, match="another server runs on this database") as caught:
            Database.open(None, folder=tmp_path, alone=True)
        assert caught.value.hint
        with Database.open(None, folder=tmp_path) as mailer:  # what is no server may write too
            assert Identities(mailer).anonymous("cookie")
    Database.open(None, folder=tmp_path, alone=True).close()


def test_w4_a_full_disk_is_told_keeps_every_acknowledged_row_and_recovers(tmp_path):
    disk = tmp_path / "disk"
    with small_disk(disk) as kind:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 300_000)
        with Database.open(None, folder=disk) as database:
            queue = Requests(database, most=10_000)
            stored = []

            def fill():
                while True:
                    stored.append(queue.add(f"tool {len(stored)}", None, "d" * 2000).id)

            with pytest.raises(DatabaseFull if kind == "tmpfs" else DatabaseDown) as caught:
                fill()
            assert str(disk) in caught.value.message
            assert len(stored) > 20
            assert sorted(request.id for request in queue.recent(limit=10_000)) == stored
            if kind == "tmpfs":
                ballast.unlink()
                assert queue.add("one more", None, "d").id == len(stored) + 1


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path):
    (tmp_path / "panel.db").write_bytes(b"not a database at all, but long enough" * 200)
    with pytest.raises(DatabaseError, match=r"panel\.db: file is not a database"):
        Database.open(None, folder=tmp_path)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="the database cannot be opened"):
        sqlite_engine(tmp_path / "file" / "panel.db")
    with pytest.raises(SettingsError):
        Database.open(None, folder=tmp_path / "file")


# PostgreSQL


def test_w4_postgres_restarting_loses_and_doubles_no_vote(postgres, tmp_path):
    down, errors, healthy = [], [], []
    with Database.open(postgres.new_database(), folder=tmp_path) as database:
        people = [Identities(database).anonymous(f"cookie {n}") for n in range(4)]
        store, stop = VoteStore(database), threading.Event()
        acknowledged = [[], [], [], []]

        def voter(lane):
            n = 0
            while not (stop.is_set() and n >= 60) and n < 2000:
                try:
                    store.cast(people[lane], f"tool {n}", "ship", network=NET)
                    acknowledged[lane].append(f"tool {n}")
                    n += 1
                    time.sleep(0.005)
                except DatabaseDown:
                    errors.append(time.monotonic())
                    time.sleep(0.02)

        with ThreadPoolExecutor(4) as pool:
            done = [pool.submit(voter, lane) for lane in range(4)]
            for crash in (False, True, False, True):
                time.sleep(0.3)
                begun = time.monotonic()
                postgres.stop(crash=crash)
                time.sleep(0.2)
                postgres.start()
                back = time.monotonic()
                store.tallies()
                healthy.append(time.monotonic() - back)
                down.append((begun, back))
            stop.set()
            for vote in done:
                vote.result()
        for lane, tools in enumerate(acknowledged):
            assert len(tools) >= 60
            assert all(store.choice(people[lane], tool) == "ship" for tool in tools[-5:])
        total = sum(map(len, acknowledged))
        assert sum(t.anonymous.ship for t in store.tallies().values()) == total
        assert store.recount() == store.tallies()
        with database.reading() as connection:
            assert len(connection.execute(ledger.select()).all()) == total
    assert len(errors) >= 4
    assert all(any(a <= when <= b + 2 for a, b in down) for when in errors)
    assert max(healthy) <= 10


def test_w4_connections_that_a_restart_cut_are_replaced_without_an_error(postgres, tmp_path):
    with Database.open(postgres.new_database(), folder=tmp_path) as database:
        together = threading.Barrier(6)

        def hold(_):
            with database.reading() as connection:
                connection.execute(text("SELECT 1"))
                together.wait(timeout=20)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(hold, range(6)))
        postgres.stop()
        postgres.start()
        begun = time.monotonic()
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(hold, range(6)))
        assert time.monotonic() - begun <= 10


def test_w4_postgres_gone_is_a_typed_error_of_one_line(postgres, tmp_path):
    url = postgres.new_database()
    with Database.open(url, folder=tmp_path) as database:
        me = Identities(database).anonymous("cookie")
        postgres.stop()
        try:
            for call in (
                lambda: VoteStore(database).tallies(),
                lambda: VoteStore(database).cast(me, "sieve", "ship", network=NET),
                lambda: Database.open(url, folder=tmp_path),
            ):
                with pytest.raises(DatabaseDown) as caught:
                    call()
                assert caught.value.message.startswith("PostgreSQL at ")
                assert caught.value.message.isprintable()
        finally:
            postgres.start()
        assert VoteStore(database).cast(me, "sieve", "ship", network=NET)


def test_postgres_without_its_driver_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError) as caught:
        Database.open("postgresql://localhost/panel", folder=tmp_path)
    assert caught.value.hint == 'pip install "panel-verdict[postgres]"'


# URLs


def test_a_password_stands_in_no_message_and_no_traceback(tmp_path):
    url = "postgresql://ada:hunter2@127.0.0.1:1/panel?sslpassword=hunter3"
    with pytest.raises(DatabaseDown) as caught:
        Database.open(url, folder=tmp_path)
    assert "127.0.0.1" in caught.value.message
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint)
    assert "hunter" not in shown


@pytest.mark.parametrize(
    "url",
    ["mysql://ada:hunter2@host/panel", "hunter2", "postgresql://ada:hunter2@host:port/panel",
     "sqlite://", "sqlite:///:memory:", "://hunter2", "oracle+hunter2://x"],
)  # fmt: skip
def test_a_url_that_panel_does_not_know_is_refused_without_showing_it(tmp_path, url):
    with pytest.raises(SettingsError) as caught:
        Database.open(url, folder=tmp_path)
    assert "PANEL_DATABASE_URL" in caught.value.message
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint)
    assert "hunter2" not in shown


def test_postgres_may_be_spelled_as_hosts_spell_it(postgres, tmp_path):
    url = postgres.new_database()
    for form in ("postgres://", "postgresql+psycopg://"):
        with Database.open(url.replace("postgresql://", form), folder=tmp_path) as database:
            assert VoteStore(database).tallies() == {}


def test_the_community_imports_neither_models_nor_reviews():
    reached, queue = set(), [n for n in house.sources() if n.startswith("panel.publish.community.")]
    while queue:
        module = queue.pop()
        if module not in reached:
            reached.add(module)
            queue += house.own_imports(module)
    assert not {house.room(module) for module in reached} & {"llm", "engine", "reviews"}
