"""`--engine ray`: the same scorecards from Ray workers; a lost worker loses nothing."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from panel.engine.ray_workers import shares
from tests.engine.test_interrupted import normalised, requests, stored, tool_list
from tests.support.command import ROOT, answering

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
ASKED = ["--engine", "ray", "--workers", "2"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a Ray cluster on this machine, as `ray start` makes it."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # the paths of its sockets must be short
    command = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--port", "0",
        "--num-cpus", "2", "--include-dashboard", "false",
        "--disable-usage-stats", "--temp-dir", folder,
    ]  # fmt: skip
    env = os.environ | QUIET | {"HOME": folder, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)  # fmt: skip
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    port = next(found[1] for line in lines if (found := re.search(r"--address='.+?:(\d+)'", line)))
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.communicate(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(("concurrency", "workers"), [(10, 4), (1, 8), (256, 3), (7, 7), (5, 1)])
def test_shares_of_the_workers_sum_to_the_limit_of_the_provider(concurrency, workers):
    parts = shares(concurrency, workers)
    assert sum(parts) == concurrency
    assert len(parts) <= workers
    assert max(parts) - min(parts) <= 1
    assert min(parts) >= 1


@pytest.mark.timeout(180)
def test_one_option_starts_ray_here_and_gives_the_same_scorecards(desk, tmp_path):
    tools = tool_list(desk, 6)
    with answering() as url:
        options = ["--provider", url, "--model", "scripted"]
        desk.env.update(QUIET)
        done = desk.start("batch", tools, *options, *ASKED)
        _, err = done.communicate(timeout=150)
        assert done.returncode in (0, 1), err
        assert [line for line in err.splitlines() if "ray" in line.lower()] == []
        by_ray = desk.json("show", "latest")
        alone = desk.json("batch", tools, *options, "--fresh")
    assert normalised(by_ray) == normalised(alone)
    assert desk.run("verify", "latest~1").returncode == 0


def workers() -> list[int]:
    """Process ids of the Ray actors on this machine that ask providers."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes().startswith(b"ray::Worker"):
                found.append(int(path.parent.name))
    return found


@pytest.mark.timeout(240)
def test_a_killed_worker_loses_no_review_and_repeats_at_most_what_was_in_flight(
    desk, tmp_path, cluster
):
    desk.env.update(QUIET)
    counts = tmp_path / "counts"
    tools, in_flight = tool_list(desk, 20), 8
    questions = 20 * 4 * 2
    with answering("--latency", "0.3", "--counts", str(counts)) as url:
        process = desk.start(
            "batch", tools, "--provider", url, "--model", "scripted", "--address", cluster,
            *ASKED, "--concurrency", in_flight,
        )  # fmt: skip
        while requests(counts) < 40:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        os.kill(workers()[0], signal.SIGKILL)
        _, err = process.communicate(timeout=200)
        assert process.returncode in (0, 1), err  # 1: a verdict may be incomplete
        assert "missing" not in err
    answered = stored(desk)
    assert len(answered) == len(set(answered)) == questions
    assert requests(counts) <= questions + in_flight
    assert desk.run("verify", "latest").returncode == 0


def test_what_cannot_be_asked_from_workers_is_refused(desk, tmp_path):
    tools = tool_list(desk, 2)
    local = desk.run("batch", tools, "--provider", "local", *ASKED)
    assert local.returncode == 2
    assert "local is asked in this process only" in local.stderr
    nowhere = desk.run(
        "batch", tools, "--provider", "http://127.0.0.1:9/v1", "--model", "m", *ASKED,
        "--address", "127.0.0.1:9",
    )  # fmt: skip
    assert nowhere.returncode == 2
    assert "nothing answers at 127.0.0.1:9" in nowhere.stderr
    alone = desk.run("batch", tools, "--provider", "http://127.0.0.1:9/v1", "--workers", "2")
    assert alone.returncode == 2
    assert "--engine ray" in alone.stderr
    assert not desk.runs()
