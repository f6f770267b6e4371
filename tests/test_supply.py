"""What is installed is pinned, checked and as old as it must be."""

import re
import subprocess
import sys
import tomllib
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.support.command import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()


def pins():
    return [block for block in re.split(r"\n(?=\S)", LOCK) if re.match(r"[a-z0-9]", block)]


def test_g1_every_pin_has_a_hash_and_no_address():
    assert len(pins()) > 30
    for pin in pins():
        assert "==" in pin.splitlines()[0]
        assert "--hash=sha256:" in pin
    assert "://" not in LOCK


def test_g1_every_dependency_is_pinned():
    named = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    pinned = {re.match(r"[A-Za-z0-9._-]+", pin)[0].lower().replace("_", "-") for pin in pins()}
    for requirement in named:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower().replace("_", "-")
        assert name in pinned | {"panel-verdict"}, name


def test_g1_pins_were_at_least_seven_days_old_when_they_were_locked():
    bound = datetime.fromisoformat(PROJECT["tool"]["uv"]["exclude-newer"])
    stamp = subprocess.run(
        ["git", "log", "-1", "--format=%cI", "--", "requirements.lock"],
        cwd=ROOT, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    locked = datetime.fromisoformat(stamp) if stamp else datetime.now(UTC)
    assert locked - bound >= timedelta(days=7)


def test_each_dependency_says_why_it_was_chosen():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start = lines.index("dependencies = [")
    block = lines[start + 1 : lines.index("]", start)]
    for before, line in pairwise(block):
        if line.strip().startswith('"'):
            assert before.strip().startswith("#"), line


@pytest.mark.timeout(120)
def test_the_built_wheel_carries_personas_prompts_and_tables(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("controls", "personas", "prompts"):
        for path in [*(ROOT / kind).glob("*.md"), *(ROOT / kind).glob("*.yaml")]:
            assert f"panel/data/{kind}/{path.name}" in held
    for path in (ROOT / "src").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(ROOT / "src").as_posix() in held, path
