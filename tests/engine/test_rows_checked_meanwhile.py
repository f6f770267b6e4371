"""A long journal's rows are checked while its resume asks: nothing waits, no damage passes."""

import asyncio
import os
import shutil
import sqlite3
import time
from contextlib import closing

import pytest
from click.testing import CliRunner

from panel.cli.main import panel
from panel.engine.options import Options
from panel.engine.session import Session
from panel.engine.verify.run import verify
from panel.foundation.errors import RunDamaged, RunStopped
from panel.foundation.settings import load_settings
from panel.runs import run as runs
from panel.runs.journal.health import FIRST
from panel.runs.run import Run
from panel.testing import ScriptedProvider
from tests.support.long_run import PROVIDER, answer, configure, make_run

TOOLS, LEFT = 5, 2


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_run(folder, TOOLS, left=LEFT, personas=("builder",), write=False)
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A folder with a run that counts as long."""
    monkeypatch.setattr(runs, "_LONG", 0)
    shutil.copytree(made / "runs", tmp_path / "runs")
    return tmp_path


@pytest.fixture
def provider(folder):
    with ScriptedProvider(answer) as provider:
        yield provider


@pytest.fixture
def late(provider, monkeypatch):
    """Let most rows be read only when a question has arrived at the provider."""
    check = runs.damaged_rows

    def wait(path, tables, given_up):
        wait_for_a_question(provider)
        return check(path, tables, given_up)

    monkeypatch.setattr(runs, "damaged_rows", wait)


def wait_for_a_question(provider):
    for _ in range(2_000):
        if provider.requests:
            return
        time.sleep(0.005)
    raise AssertionError("no question came")


def only(folder):
    (run,) = (folder / "runs").iterdir()
    return run


def damage(folder, table, number=1):
    """Change a body, as a disk does that flips a bit, or anybody with SQLite."""
    with closing(sqlite3.connect(only(folder) / "journal.db")) as db:
        field = "body" if table != "calls" else "reply"
        sql = f"UPDATE {table} SET {field} = replace({field}, 'e', 'a') WHERE rowid = ?"
        assert db.execute(sql, (number,)).rowcount == 1
        db.commit()


async def work(folder, url, **options):
    environ = {**os.environ, **configure(folder, url)}
    settings = load_settings(None, environ).model_copy(update={"runs": folder / "runs"})
    chosen = Options(settings=settings, environ=environ, provider=PROVIDER)
    async with await Session.resume(chosen, only(folder), **options) as session:
        return await session.work()


def resume(folder, url):
    environ = configure(folder, url)
    command = ["resume", "latest", "--provider", PROVIDER, "--runs", str(folder / "runs")]
    return CliRunner(env=environ).invoke(panel, command)


def asked(provider):
    return len(provider.requests)


def holds(folder):
    with Run.open(only(folder)) as run:
        report = asyncio.run(verify(run))
        return report.holds and run.finished_tools() == set(run.slugs())


def test_the_first_question_does_not_wait_for_the_rows(folder, provider, late):
    manifest = asyncio.run(work(folder, provider.url))
    assert manifest.counts.tools == TOOLS
    assert asked(provider) == LEFT
    assert holds(folder)


@pytest.mark.parametrize("table", ["verdicts", "reviews", "calls", "evidence"])
def test_damage_ends_the_work_and_what_was_asked_is_kept(folder, provider, late, table):
    damage(folder, table)
    with pytest.raises(RunDamaged, match="not as written") as caught:
        asyncio.run(work(folder, provider.url))
    assert caught.value.hint == f"panel resume {only(folder).name}"
    sent = asked(provider)
    with Run.open(only(folder)) as run:
        assert not run.manifest.finished
        assert run.usage().calls == TOOLS - LEFT + sent
    done = resume(folder, provider.url)
    assert done.exit_code in (0, 1), done.output
    assert holds(folder)
    # A reply that is lost is asked for again, nothing else is.
    assert asked(provider) == LEFT + (table == "calls")


def test_one_resume_finds_the_damage_repairs_it_and_goes_on(folder, provider, late):
    damage(folder, "verdicts")
    done = resume(folder, provider.url)
    assert done.exit_code in (0, 1), done.output
    note = "note: journal.db was damaged: 1 verdicts not as written (verdict on widget-00000)"
    assert f"{note}: it is repaired before anything else is asked" in done.stderr
    assert f"{note} were taken out; the damaged file is journal.db.damaged-1" in done.stderr
    assert asked(provider) == LEFT
    assert holds(folder)


@pytest.mark.parametrize("table", FIRST)
def test_what_a_run_is_and_what_is_left_is_checked_before(folder, provider, table):
    with closing(sqlite3.connect(only(folder) / "journal.db")) as db:
        column = "value" if table == "meta" else "body"
        db.execute(f"UPDATE {table} SET {column} = {column} || ' ' WHERE sum IS NOT NULL")
        db.commit()
    with Run.open(only(folder), write=True, every_row=False) as run:
        assert "was damaged" in run.notes[0]


def test_a_stop_by_the_user_does_not_wait_for_the_rows(folder, provider, monkeypatch):
    given = []

    def endless(path, tables, given_up):
        while not given_up():
            time.sleep(0.005)
        given.append(True)
        return []

    monkeypatch.setattr(runs, "damaged_rows", endless)

    async def stopped():
        task = asyncio.ensure_future(work(folder, provider.url))
        await asyncio.to_thread(wait_for_a_question, provider)
        task.cancel()
        with pytest.raises((asyncio.CancelledError, RunStopped)):
            await task

    asyncio.run(stopped())
    assert given == [True]
