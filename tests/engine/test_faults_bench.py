"""Short forms of `python -m benchmarks.faults`: after a resume nothing is lost."""

import pytest
from benchmarks import faults

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
