"""What a run survives: kills, a full disk, damaged files. Real processes, real disks."""

import asyncio
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from panel.foundation.atomic_files import write_atomic
from panel.foundation.errors import DiskFull, PanelError, RunError
from panel.llm.types import CallTag
from panel.runs.journal.reader import JournalReader
from panel.runs.journal.repair import repair
from panel.runs.run import Run
from tests.support.runs_samples import call, card, evidence, files_in, manifest, reply, review, tool
from tests.support.unchanged import unchanged

KILLS = 40

# Forks one writer a line, so that imports are paid once and a kill hits nothing but writing.
WRITERS = """
import asyncio, os, sys
from pathlib import Path
from panel.runs.run import Run
from tests.support.runs_samples import call

async def write(number):
    run = Run.open(Path(sys.argv[1]), write=True)
    async def worker(lane):
        for n in range(10**9):
            key = f"{number}-{lane}-{n}"
            await run.journal.record(call(key))
            os.write(1, f"ack {key}\\n".encode())
    await asyncio.gather(*(worker(lane) for lane in range(16)))

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        asyncio.run(write(line.strip()))
    print("pid", pid, flush=True)
    os.waitpid(pid, 0)
    print("dead", flush=True)
"""


def new_run(runs: Path) -> Path:
    async def main() -> Path:
        run = await Run.create(runs, "sieve", manifest())
        await run.add_tools([(tool(), evidence())])
        run.close()
        return run.path

    return asyncio.run(main())


def check(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return str(verdict)


def test_r1_r2_no_acknowledged_record_is_lost_in_40_kills(tmp_path):
    path = new_run(tmp_path / "runs")
    chance = random.Random(20261122)
    acknowledged = []
    with subprocess.Popen(
        [sys.executable, "-c", WRITERS, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    ) as writers:  # fmt: skip
        assert writers.stdin is not None
        assert writers.stdout is not None
        for number in range(KILLS):
            print(number, file=writers.stdin, flush=True)
            word = ""
            while word != "pid":
                word, _, rest = writers.stdout.readline().strip().partition(" ")
                acknowledged += [rest] if word == "ack" else []
            time.sleep(chance.random() * 0.15)
            os.kill(int(rest), signal.SIGKILL)
            while word != "dead":
                word, _, rest = writers.stdout.readline().strip().partition(" ")
                acknowledged += [rest] if word == "ack" else []
    assert len(acknowledged) > KILLS
    run = Run.open(path, write=True)
    lost = [key for key in acknowledged if run.journal.find(key) != reply(f"reply to {key}")]
    keys = [call["key"] for call in run.stored.calls()]
    run.close()
    assert lost == []
    assert len(keys) == len(set(keys))
    assert run.damaged == ()
    assert check(path / "journal.db") == "ok"
    assert files_in(path) == {"journal.db", "run.json"}


def test_a_killed_writers_run_can_be_read_before_it_is_resumed(tmp_path):
    path = new_run(tmp_path / "runs")
    with subprocess.Popen(
        [sys.executable, "-c", WRITERS, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    ) as writers:  # fmt: skip
        assert writers.stdin is not None
        assert writers.stdout is not None
        print(0, file=writers.stdin, flush=True)
        lines = [writers.stdout.readline().split() for _ in range(3)]
        (pid,) = (int(line[1]) for line in lines if line[0] == "pid")
        os.kill(pid, signal.SIGKILL)
        keys = [line[1] for line in lines if line[0] == "ack"]
    # As on a medium that cannot be written to: the log is there, its index is not.
    copy = shutil.copytree(path, tmp_path / "copy", ignore=shutil.ignore_patterns("*-shm"))
    assert (copy / "journal.db-wal").exists()
    for folder in (copy, path):
        run = Run.open(folder)
        assert keys
        assert all(run.stored.find(key) for key in keys)
        run.close()


@contextmanager
def small_disk(folder: Path):
    """Mount a 1 MB disk of memory on `folder`, or bound every file of this process to 1 MB."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    mounted = os.name == "posix" and os.geteuid() == 0
    if mounted and subprocess.run(command, capture_output=True, check=False).returncode == 0:
        try:
            yield "tmpfs"
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        yield "limit"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def big(key: str):
    return call(key, answer=reply("".join(random.Random(key).choices("abcdefgh ", k=12_000))))


async def fill(journal):
    written = []
    while True:
        key = f"full-{len(written)}"
        await journal.record(big(key))
        written.append(key)


def test_r4_a_full_disk_is_named_with_its_free_bytes_and_loses_nothing(tmp_path):
    with small_disk(tmp_path / "disk") as kind:
        path = new_run(tmp_path / "disk" / "runs")
        ballast = tmp_path / "disk" / "ballast"
        if kind == "tmpfs":
            ballast.write_bytes(bytes(200_000))

        async def main():
            run = Run.open(path, write=True)
            with pytest.raises(PanelError) as caught:
                await fill(run.journal)
            with pytest.raises(PanelError):
                await asyncio.gather(*(run.journal.record(big(f"more-{n}")) for n in range(30)))
            if kind == "tmpfs":
                assert isinstance(caught.value, DiskFull)
                assert str(path / "journal.db") in caught.value.message
                assert "bytes free" in caught.value.message
                with pytest.raises(DiskFull, match="bytes free"):
                    await run.write_file("scorecards/big.md", "x" * 1_000_000)
            assert caught.value.exit_code == 3
            stuck = [stored_call["key"] for stored_call in run.stored.calls()]
            ballast.unlink(missing_ok=True)
            if kind == "tmpfs":
                await run.journal.record(call("after"))
            run.close()
            return stuck

        stuck = asyncio.run(main())
        assert len(stuck) > 5
        assert check(path / "journal.db") == "ok"
        assert not [name for name in files_in(path) if name.endswith(".tmp")]
        stored = JournalReader(path / "journal.db")
        assert all(stored.find(key) for key in stuck)
        if kind == "tmpfs":
            assert stored.find("after")
        stored.close()


def test_r4_no_run_is_left_behind_where_there_was_no_room_to_make_one(tmp_path):
    with small_disk(tmp_path / "disk") as kind:
        if kind == "tmpfs":
            (tmp_path / "disk" / "runs").mkdir()
            with pytest.raises(DiskFull, match="bytes free"):
                write_atomic(tmp_path / "disk", "fill", ["x" * 2_000_000])
            assert files_in(tmp_path / "disk") == set()
            with (tmp_path / "disk" / "fill").open("wb", buffering=0) as file:
                while file.write(bytes(4096)) == 4096 and file.tell() < 1_000_000:
                    pass
            with pytest.raises(DiskFull, match="bytes free") as caught:
                new_run(tmp_path / "disk" / "runs")
            assert caught.value.exit_code == 3
            assert list((tmp_path / "disk" / "runs").iterdir()) == []
        else:
            with pytest.raises(DiskFull, match="bytes free"):
                write_atomic(tmp_path / "disk", "fill", ["x" * 2_000_000])
            assert files_in(tmp_path / "disk") == set()


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    async def main():
        run = await Run.create(tmp_path_factory.mktemp("runs"), "sieve", manifest(tools=3))
        tools = [tool(name) for name in ("one", "two", "three")]
        for entry in tools:
            await run.add_tools(
                [(entry, evidence(f"Evidence of {entry.name} is {entry.slug * 50}"))]
            )
            for n in range(30):
                await run.journal.record(
                    replace(call(f"{entry.slug}-{n}"), tag=CallTag(entry.slug, "builder", "review"))
                )
            await run.save_review(entry.slug, 0, review())
            await run.save_scorecard(card(entry.slug))
        await run.finish()
        return run.path

    return asyncio.run(main())


def read_everything(path: Path) -> tuple[int, tuple[str, ...]]:
    """Read all of a run; return the whole cards and what was reported."""
    run = Run.open(path)
    with run:
        cards = run.cards()
        list(run.stored.calls())
        for tool in run.tools():
            run.reviews(tool.slug)
            run.usage(tool.slug)
        return len(cards), (*run.damaged, *run.notes)


def redo(path: Path) -> tuple[int, list[str]]:
    """Resume: repair, then redo what is not finished; return the cards and the notes."""

    async def main():
        run = Run.open(path, write=True)
        with run:
            known = {entry.slug for entry in run.tools()}
            await run.add_tools([tool(s) for s in ("one", "two", "three") if s not in known])
            for entry in run.tools():
                if entry.slug not in run.finished_tools():
                    again = evidence(f"Evidence of {entry.name} is {entry.slug * 50}")
                    await run.add_tools([(entry, again)])
                    await run.save_scorecard(card(entry.slug))
            notes = [*run.notes, *run.damaged]
            await run.finish()
        return notes

    notes = asyncio.run(main())
    whole, _ = read_everything(path)
    return whole, notes


def test_r9_a_flipped_byte_is_reported_as_damage_and_never_as_a_traceback(finished_run, tmp_path):
    chance = random.Random(9)
    original = (finished_run / "journal.db").read_bytes()
    refused = silent = lost = 0
    path = tmp_path / finished_run.name
    for _ in range(60):
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(finished_run, path)
        data = bytearray(original)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (path / "journal.db").write_bytes(data)
        try:
            cards, reported = read_everything(path)
            silent += cards < 3 and not reported
        except RunError:
            refused += 1
        try:
            lost += redo(path)[0] < 3
        except RunError as error:
            lost += "format" not in error.message
    assert (silent, lost) == (0, 0)
    assert refused < 30


@pytest.mark.parametrize("share", [0.4, 0.6, 0.99])
def test_r9_a_cut_journal_is_mended_from_what_is_left(finished_run, tmp_path, share):
    path = shutil.copytree(finished_run, tmp_path / finished_run.name)
    data = (path / "journal.db").read_bytes()
    (path / "journal.db").write_bytes(data[: int(len(data) * share)])
    whole, notes = redo(path)
    assert whole == 3
    if share < 0.9:
        assert "was damaged" in notes[0]
        assert (path / "journal.db.damaged-1").read_bytes() == data[: int(len(data) * share)]
    else:  # the cut went through one row only
        assert "verdict on three" in notes[0]


def test_r9_a_journal_without_its_first_page_gives_back_its_rows(finished_run, tmp_path):
    path = shutil.copytree(finished_run, tmp_path / finished_run.name)
    data = (path / "journal.db").read_bytes()
    (path / "journal.db").write_bytes(bytes(4096) + data[4096:])
    with unchanged(path), pytest.raises(RunError, match="damaged") as caught:
        Run.open(path)
    assert f"panel resume {path.name}" in (caught.value.hint or "")
    run = Run.open(path, write=True)
    assert "were saved" in run.notes[0]
    assert [tool.slug for tool in run.tools()] == ["one", "two", "three"]
    assert run.finished_tools() == {"one", "two", "three"}
    assert run.journal.find("two-7") == reply("reply to two-7")
    run.close()
    assert read_everything(path)[0] == 3


def test_r9_a_damaged_page_costs_its_rows_only(finished_run, tmp_path):
    path = shutil.copytree(finished_run, tmp_path / finished_run.name)
    data = bytearray((path / "journal.db").read_bytes())
    place = data.index(b"reply to two-7") // 4096 * 4096
    data[place : place + 4096] = bytes(4096)
    (path / "journal.db").write_bytes(data)
    assert repair(path / "journal.db")
    stored = JournalReader(path / "journal.db")
    keys = {call["key"] for call in stored.calls()}
    stored.close()
    assert 90 - 12 <= len(keys) < 90
    assert repair(path / "journal.db") == []


@pytest.mark.parametrize("content", ["", "{", "[]", "\0" * 500, '{"schema": "panel.run/1"}'])
def test_r9_a_damaged_manifest_is_read_from_the_journal(finished_run, tmp_path, content):
    path = shutil.copytree(finished_run, tmp_path / finished_run.name)
    (path / "run.json").write_text(content)
    run = Run.open(path)
    assert run.manifest.finished
    assert "the journal's copy is used" in run.notes[0]
    run.close()


@pytest.mark.parametrize("size", [0, 1, 50, 5000])
def test_r9_a_journal_that_is_nothing_but_zeros_is_refused_in_one_line(
    finished_run, tmp_path, size
):
    path = shutil.copytree(finished_run, tmp_path / finished_run.name)
    (path / "journal.db").write_bytes(bytes(size))
    for write in (False, True):
        with unchanged(path), pytest.raises(RunError) as caught:
            Run.open(path, write=write)
        assert "\n" not in caught.value.message
        assert caught.value.hint


def test_r11_a_journal_of_another_format_is_not_mended_into_ours(finished_run, tmp_path):
    path = shutil.copytree(finished_run, tmp_path / finished_run.name)
    with sqlite3.connect(path / "journal.db") as connection:
        connection.execute("UPDATE meta SET value = '2' WHERE name = 'format'")
        connection.execute("ALTER TABLE reviews ADD COLUMN more TEXT")
    connection.close()
    for write in (False, True):
        with unchanged(path), pytest.raises(RunError, match="format 2"):
            Run.open(path, write=write)
    assert "journal.db.damaged-1" not in files_in(path)
