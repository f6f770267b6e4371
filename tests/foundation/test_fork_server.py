"""A fork server: what it forked ends with those who asked, and never by itself."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from panel.foundation.fork_server import ForkServer

MODULE = "tests.support.obedient_reader"
ASK = f"""
import json, os, sys, tempfile
from panel.foundation.fork_server import ForkServer
server = ForkServer({MODULE!r})
document = tempfile.TemporaryFile()
document.write(b"import time; time.sleep(60)")
document.seek(0)
status = server.fork(json.dumps(["text/plain"]).encode(), [document.fileno(), 1])
print(int(status.makefile().readline()), server._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def is_gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def await_end(*pids):
    for _ in range(500):
        if all(map(is_gone, pids)):
            return
        time.sleep(0.02)
    raise AssertionError(f"of {pids} one has not ended in 10 seconds")


@pytest.fixture
def server():
    server = ForkServer(MODULE)
    yield server
    server.close()


@pytest.fixture
def fork(server):
    """Have a document read, which is code; returns the process id and what its status says."""

    def fork(code):
        with tempfile.TemporaryFile() as document:
            document.write(code.encode())
            document.seek(0)
            status = server.fork(json.dumps(["text/plain"]).encode(), [document.fileno(), 1])
        with status:
            lines = status.makefile("r")  # keeps the socket open
        return int(lines.readline()), lines

    return fork


def test_a_fork_says_its_exit_code_and_who_ended_it(fork, capfd):
    for code, said in {
        "": "0\n",
        "import os; os._exit(3)": "3\n",
        "import os; os.kill(os.getpid(), 15)": "-15\n",
    }.items():
        _, status = fork(code)
        with status:
            assert status.read() == said


def test_a_fork_is_killed_when_nobody_waits_for_it_and_others_go_on(fork, capfd):
    pid, status = fork("import time; time.sleep(60)")
    _, its_status = fork("import time; time.sleep(0.5)")
    status.close()
    await_end(pid)
    with its_status:
        assert its_status.read() == "0\n"


def test_closing_a_server_ends_its_forks_and_the_next_request_starts_another(server, fork, capfd):
    pid, status = fork("import time; time.sleep(60)")
    with status:
        server.close()
        await_end(pid)
    with fork("")[1] as status:
        assert status.read() == "0\n"


def test_everything_ends_with_a_killed_asker():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, timeout=30)
    assert done.returncode == -signal.SIGKILL, done.stderr
    await_end(*map(int, done.stdout.split()))


def test_a_fork_of_the_asker_leaves_the_server_to_it(server, fork, capfd):
    with fork("")[1] as status:
        assert status.read() == "0\n"
    first = server._process.pid
    if (pid := os.fork()) == 0:
        with fork("")[1] as status:  # of a server of its own
            said = status.read()
        mine = server._process.pid
        server.close()
        os._exit(0 if said == "0\n" and mine != first else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with fork("")[1] as status:
        assert status.read() == "0\n"
    assert server._process.pid == first
