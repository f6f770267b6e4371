"""No look-up nobody asked for: panel connects to the chosen provider and to nothing else."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.cli.test_cli import README
from tests.support.command import ROOT
from tests.support.reviewers import write_shortened


def namespaces():
    try:
        return subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


REVIEW = ["review", "Widget", "--evidence", "README.md", "--provider"]
COMMANDS = {
    "reading": [
        ["--help"], ["--version"], ["review", "--help"], ["personas"], ["personas", "check"],
        ["providers"], ["doctor"],
    ],
    "hosted": [
        [*REVIEW, "URL"],
        ["show", "latest"],
        ["rerun", "latest", "--provider", "replay:latest"],
        ["diff", "latest", "latest~1"],
        ["export", "latest"],
    ],
    "local": [
        [*REVIEW, "local", "--model", "smollm2-135m", "--personas", "builder", "--no-write"],
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def isolated(tmp_path_factory):
    """What commands connected to, in a namespace with only loopback where the system has them.

    Returns a function that gives the exit codes and the log of the commands of a name.
    """
    folder = tmp_path_factory.mktemp("isolated")
    for name in COMMANDS:
        (folder / name / "home").mkdir(parents=True)
        (folder / name / "README.md").write_text(README)
    # Neither the questions of the local model nor the page are the point.
    write_shortened(folder / "local" / "personas", questions=1)
    (folder / "local" / "README.md").write_text("Widget sorts tables.\n")
    listed = folder / "commands.json"
    listed.write_text(json.dumps(COMMANDS))
    alone = namespaces()
    prefix = ["unshare", "-rn"] if alone else []
    env = os.environ | {"LONELY": str(int(alone))}
    for name in [n for n in env if "TELEMETRY" in n or n in ("DO_NOT_TRACK", "HF_TOKEN")]:
        del env[name]
    subprocess.run(
        [*prefix, sys.executable, "-m", "tests.support.isolated", str(folder), str(listed)],
        cwd=ROOT, env=env, check=True, timeout=170,
    )  # fmt: skip

    def found(name):
        data = json.loads((folder / name / "codes.json").read_text())
        logs = (folder / "network.log", folder / name / "network.log")
        lines = [log.read_text().splitlines() for log in logs if log.exists()]
        return data, [line for log in lines for line in log]

    return found


def elsewhere(lines):
    """Connections and look-ups that leave this machine."""
    return [line for line in lines if not re.search(r"'(127\.0\.0\.1|localhost|::1)'", line)]


@pytest.mark.timeout(180)
def test_i7_reading_commands_connect_nowhere(isolated):
    record, lines = isolated("reading")
    assert [code for code, _ in record["codes"]] == [0] * len(COMMANDS["reading"]), record
    assert lines == []


@pytest.mark.timeout(180)
def test_i7_a_review_connects_to_its_provider_only(isolated):
    record, lines = isolated("hosted")
    assert all(code in (0, 1) for code, _ in record["codes"]), record
    port = record["url"].split(":")[2].split("/")[0]
    assert lines
    assert elsewhere(lines) == []
    assert all(port in line for line in lines if line.startswith("socket.connect"))


@pytest.mark.model
@pytest.mark.timeout(180)
def test_i7_a_local_review_connects_to_its_own_child_only(isolated):
    record, lines = isolated("local")
    ((code, err),) = record["codes"]
    assert code in (0, 1), err
    assert lines
    assert elsewhere(lines) == []
