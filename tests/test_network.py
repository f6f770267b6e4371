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


def isolated(tmp_path, commands):
    """Run commands, in a namespace with only loopback where the system has them."""
    (tmp_path / "home").mkdir()
    (tmp_path / "README.md").write_text(README)
    listed = tmp_path / "commands.json"
    listed.write_text(json.dumps(commands))
    alone = namespaces()
    prefix = ["unshare", "-rn"] if alone else []
    env = os.environ | {"LONELY": str(int(alone))}
    for name in [n for n in env if "TELEMETRY" in n or n in ("DO_NOT_TRACK", "HF_TOKEN")]:
        del env[name]
    subprocess.run(
        [*prefix, sys.executable, "-m", "tests.support.isolated", str(tmp_path), str(listed)],
        cwd=ROOT, env=env, check=True, timeout=110,
    )  # fmt: skip
    data = json.loads((tmp_path / "codes.json").read_text())
    log = tmp_path / "network.log"
    return data, log.read_text().splitlines() if log.exists() else []


def elsewhere(lines):
    """Connections and look-ups that leave this machine."""
    return [line for line in lines if not re.search(r"'(127\.0\.0\.1|localhost|::1)'", line)]


@pytest.mark.timeout(120)
def test_i7_reading_commands_connect_nowhere(tmp_path):
    commands = [
        ["--help"], ["--version"], ["review", "--help"], ["personas"], ["personas", "check"],
        ["providers"], ["doctor"],
    ]  # fmt: skip
    record, lines = isolated(tmp_path, commands)
    assert [code for code, _ in record["codes"]] == [0] * len(commands), record
    assert lines == []


@pytest.mark.timeout(120)
def test_i7_a_review_connects_to_its_provider_only(tmp_path):
    review = ["review", "Widget", "--evidence", "README.md", "--provider"]
    commands = [
        [*review, "URL"],
        ["show", "latest"],
        ["rerun", "latest", "--provider", "replay:latest"],
        ["diff", "latest", "latest~1"],
        ["export", "latest"],
    ]
    record, lines = isolated(tmp_path, commands)
    assert all(code in (0, 1) for code, _ in record["codes"]), record
    port = record["url"].split(":")[2].split("/")[0]
    assert lines
    assert elsewhere(lines) == []
    assert all(port in line for line in lines if line.startswith("socket.connect"))


@pytest.mark.model
@pytest.mark.timeout(120)
def test_i7_a_local_review_connects_to_its_own_child_only(tmp_path):
    write_shortened(tmp_path / "personas")  # its questions are not the point, nor is the page
    review = ["review", "Widget", "--evidence", "page.md", "--provider", "local", "--no-write"]
    (tmp_path / "page.md").write_text("Widget sorts tables.\n")
    record, lines = isolated(
        tmp_path, [[*review, "--model", "smollm2-135m", "--personas", "builder"]]
    )
    ((code, err),) = record["codes"]
    assert code in (0, 1), err
    assert lines
    assert elsewhere(lines) == []
