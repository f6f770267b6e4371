"""The lock on a file: among threads and processes, with patience, free when its holder dies."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from panel.foundation.file_lock import FileLock, LockHeld

HOLD = """
import sys, time
from pathlib import Path
from panel.foundation.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_holder_is_refused_at_once_and_let_in_after_a_release(tmp_path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(LockHeld):
        second.acquire()
    first.release()
    second.acquire(patience=0.0)
    second.release()
    assert (tmp_path / "lock").read_bytes() == b""


def test_threads_of_one_process_that_share_a_lock_take_turns(tmp_path):
    lock, inside, most = FileLock(tmp_path / "lock"), [], []

    def increment():
        lock.acquire(patience=10.0)
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.01)
        inside.pop()
        lock.release()

    threads = [threading.Thread(target=increment) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def test_patience_is_kept_to(tmp_path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.acquire()
    threading.Timer(0.1, first.release).start()
    second.acquire(patience=10.0)
    began = time.monotonic()
    with pytest.raises(LockHeld):
        first.acquire(patience=0.1)
    assert 0.1 <= time.monotonic() - began < 5


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        lock = FileLock(tmp_path / "lock")
        with pytest.raises(LockHeld):
            lock.acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        lock.acquire()


def test_a_transient_lock_names_its_holder_and_leaves_no_file(tmp_path):
    lock = FileLock(tmp_path / "lock", transient=True)
    lock.acquire()
    with pytest.raises(LockHeld) as caught:
        FileLock(tmp_path / "lock", transient=True).acquire()
    assert caught.value.process == os.getpid()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_who_waited_for_a_transient_lock_gets_it_on_a_new_file(tmp_path):
    first = FileLock(tmp_path / "lock", transient=True)
    first.acquire()
    second = FileLock(tmp_path / "lock", transient=True)  # has the file open that will go
    first.release()
    second.acquire()
    with pytest.raises(LockHeld):
        FileLock(tmp_path / "lock", transient=True).acquire()
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        FileLock(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()
