"""Short forms of `python -m benchmarks.faults`: after a resume nothing is lost."""

import os
import subprocess
import sys

import pytest
from benchmarks import faults

from tests.support.command import ROOT

TRIALS = {
    "damaged": lambda folder: faults.damaged(folder, 6, 3),
    "killed": lambda folder: faults.killed(folder, 3, 12),
    "half": lambda folder: faults.failing(folder, "half", 6),
    "drip": lambda folder: faults.failing(folder, "drip", 6),
    "limit": lambda folder: faults.failing(folder, "limit", 4),
    "hang": lambda folder: faults.failing(folder, "hang", 2, seconds=3),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("trial", TRIALS.values(), ids=TRIALS)
def test_nothing_is_lost(trial, tmp_path):
    counts = trial(tmp_path)
    assert counts.cases
    assert counts.holds, str(counts)


def test_its_servers_are_found_outside_of_a_test_session(tmp_path):
    program = "from tests.support.command import answering\nwith answering() as url: print(url)"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert done.stdout.startswith("http://127.0.0.1:"), done.stderr
