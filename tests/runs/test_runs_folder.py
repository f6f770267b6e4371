"""Run folders, atomic files and the lock."""

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from panel.foundation.atomic_files import MAX_NAME_BYTES, inside, sweep, write_atomic
from panel.foundation.errors import RunError, RunStopped
from panel.runs.folders import LOCK, create_folder, find_folder, list_folders, lock_run
from tests.support.runs_samples import NOW, files_in


def make(runs: Path, slug: str, minutes: int = 0) -> str:
    folder = create_folder(runs, slug, now=NOW + timedelta(minutes=minutes))
    (folder / "run.json").write_text("{}")
    return folder.name


def test_r8_two_runs_in_one_second_get_folders_of_their_own(tmp_path):
    names = {create_folder(tmp_path, "sieve", now=NOW).name for _ in range(300)}
    assert len(names) == 300
    assert all(name.startswith("20261122T100000Z-sieve-") for name in names)


def test_the_stamp_is_utc_whatever_the_zone(tmp_path):
    there = datetime(2026, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert create_folder(tmp_path, "x", now=there).name.startswith("20270101T043000Z-x-")


@pytest.mark.parametrize(
    "slug", ["../../etc", "/abs", "a\0b", "", ".", "CON", "x" * 400, "🙂" * 90]
)
def test_o2_no_slug_leads_out_of_the_runs_folder(tmp_path, slug):
    runs = tmp_path / "runs"
    folder = create_folder(runs, slug, now=NOW)
    assert folder.parent == runs
    assert len(folder.name.encode()) <= 120
    assert [p.name for p in tmp_path.iterdir()] == ["runs"]


def test_runs_are_listed_newest_first_and_other_folders_are_not_runs(tmp_path):
    first, second = make(tmp_path, "a"), make(tmp_path, "b", 1)
    sample = tmp_path / "sample-one"
    sample.mkdir()
    (sample / "journal.db").write_bytes(b"")
    (tmp_path / "notes").mkdir()
    assert [p.name for p in list_folders(tmp_path)] == [second, first, "sample-one"]
    assert list_folders(tmp_path / "none") == []


def test_a_run_is_found_by_name_prefix_path_and_age(tmp_path, monkeypatch):
    first, second = make(tmp_path, "a"), make(tmp_path, "b", 1)
    assert find_folder(tmp_path, first).name == first
    assert find_folder(tmp_path, "20261122T1000").name == first
    assert find_folder(tmp_path, "latest").name == second
    assert find_folder(tmp_path, "latest~1").name == first
    assert find_folder(tmp_path / "elsewhere", str(tmp_path / first)).name == first
    monkeypatch.chdir(tmp_path.parent)
    assert find_folder(Path("other"), f"{tmp_path.name}/{first}").name == first


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("2026", "start of 2 runs", "panel runs"),
        ("20261122T100000Z-alpa", "no run", "20261122T100000Z-alpha"),
        ("alpha", "no run", "20261122T100000Z-alpha"),
        ("latest~9", "has 2 runs", "panel runs"),
        ("", "no run", "did you mean"),
        ("..", "no run", "did you mean"),
        ("x" * 5000, "no run", "did you mean"),
        ("a\0b", "no run", "did you mean"),
    ],
)
def test_a_name_that_fits_no_single_run_is_answered_with_near_ones(tmp_path, name, message, hint):
    make(tmp_path, "alpha")
    make(tmp_path, "beta", 1)
    with pytest.raises(RunError, match=message) as caught:
        find_folder(tmp_path, name)
    assert hint in (caught.value.hint or "")


def test_without_runs_the_hint_is_how_to_start_one(tmp_path):
    for name in ("latest", "abc"):
        with pytest.raises(RunError) as caught:
            find_folder(tmp_path, name)
        assert "panel review" in (caught.value.hint or "")


BAD_NAMES = [
    "../out", "..", ".", "", "/etc/passwd", "a/../../out", "a\0b", "a\\b", "folder/",
    "x" * (MAX_NAME_BYTES + 1), "🙂" * 80,
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_o2_a_name_that_leads_out_is_refused_before_anything_is_written(tmp_path, name):
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(RunError):
        write_atomic(run, name, ["x"])
    assert files_in(tmp_path) == set()


def test_o2_links_inside_the_run_are_not_followed(tmp_path):
    run, outside = tmp_path / "run", tmp_path / "outside"
    run.mkdir()
    outside.mkdir()
    (outside / "precious").write_text("old")
    (run / "scorecards").symlink_to(outside)
    (run / "card.md").symlink_to(outside / "precious")
    (run / "new.md").symlink_to(outside / "not-yet")
    for name in ("scorecards/precious", "scorecards/new", "card.md", "new.md"):
        with pytest.raises(RunError, match="symbolic link"):
            write_atomic(run, name, ["x"])
    assert {p.name: p.read_text() for p in outside.iterdir()} == {"precious": "old"}


def test_a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path):
    write_atomic(tmp_path, "cards/a.md", ["old"])

    def chunks():
        yield "new" * 100_000
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path, "cards/a.md", chunks())
    assert files_in(tmp_path) == {"cards/a.md"}
    assert (tmp_path / "cards/a.md").read_text() == "old"


def test_text_is_written_as_utf_8_with_its_line_ends_as_they_are(tmp_path):
    path = write_atomic(tmp_path, "a.md", ["ä–\r\n", "\ud800"])
    assert path.read_bytes() == "ä–\r\n?".encode()
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_a_killed_writer_left_is_swept_away(tmp_path):
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / ".panel-abc.tmp").write_text("half")
    (tmp_path / "cards" / "keep.md").write_text("whole")
    sweep(tmp_path)
    assert files_in(tmp_path) == {"cards/keep.md"}


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "cards").mkdir()
    with pytest.raises(RunError, match="is a folder"):
        inside(tmp_path, "cards")


def test_r5_a_second_writer_is_told_the_holders_process(tmp_path):
    with lock_run(tmp_path):
        with (
            pytest.raises(RunStopped, match=f"process {os.getpid()}") as caught,
            lock_run(tmp_path),
        ):
            pass
        assert caught.value.exit_code == 3
    assert files_in(tmp_path) == set()
    with lock_run(tmp_path):
        assert files_in(tmp_path) == {LOCK}


HOLD = """
import sys, time
from pathlib import Path
from panel.runs.folders import lock_run
with lock_run(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_r5_the_lock_of_a_killed_holder_is_free_at_once(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunStopped, match=f"process {holder.pid}"), lock_run(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with lock_run(tmp_path):
            pass


def test_o2_a_lock_file_that_is_a_link_is_refused(tmp_path):
    (tmp_path / LOCK).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="symbolic link"), lock_run(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()
