"""Whatever lies about in a checkout, a home and an environment, the suite does not see it."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from panel.llm.providers.table import provider_table
from tests.support.command import ROOT
from tests.support.surroundings import PERSONAS

KEYS = {name for row in provider_table().rows.values() for name in row.key_env}
PLANTED = {
    **dict.fromkeys({*KEYS, *provider_table().router.key_env, "GITHUB_TOKEN"}, "canary"),
    **dict.fromkeys(("HTTP_PROXY", "https_proxy", "ALL_PROXY"), "http://192.0.2.1:3128"),
    **dict.fromkeys(("PANEL_PROVIDER", "PANEL_MODEL", "PANEL_RUNS", "PANEL_CONFIG"), "canary"),
    **dict.fromkeys(("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME", "OLLAMA_HOST"), "canary"),
}
FARAWAY = "192.0.2.1"  # an address that documentation may use and nobody has
INSIDE = f"""
import os, socket, subprocess, sys
from pathlib import Path

import pytest

from panel.reviews.personas import load_personas
from panel.foundation.paths import data_folder
from panel.llm.providers.keys import hugging_face_token
from panel.engine.open_panel import persona_folders
from panel.foundation.settings import Settings, load_settings
from tests.support.command import ROOT

LONE = "import socket; socket.create_connection(('{FARAWAY}', 80), timeout=5)"


def datagram():
    with socket.socket(type=socket.SOCK_DGRAM) as handle:
        handle.sendto(b"", ("{FARAWAY}", 53))


def seen_from_inside():
    return "canary" in str(dict(os.environ)), [*Path().iterdir()], [*Path.home().iterdir()]


def test_holds_environment_home_and_folder():
    assert seen_from_inside() == (False, [], [])
    assert not {{name for name in os.environ if name.lower().endswith("_proxy")}}


def test_holds_settings_reviewers_and_token():
    assert load_settings(None, os.environ) == Settings()
    names = {{p.name for p in load_personas(folders=persona_folders())}}
    assert names == {set(PERSONAS)}
    assert hugging_face_token(os.environ) is None


def test_holds_a_command_of_a_child(desk):
    assert "lawyer" not in desk.run("personas").stdout
    done = desk.run("doctor")
    assert "canary" not in done.stdout + done.stderr


def test_holds_a_child_stays_here():
    done = subprocess.run([sys.executable, "-c", LONE], capture_output=True, text=True)
    assert "must not connect" in done.stderr


@pytest.mark.parametrize("step", [
    lambda: socket.create_connection(("{FARAWAY}", 80), timeout=5),
    lambda: socket.create_connection(("::ffff:{FARAWAY}", 80), timeout=5),
    datagram,
    lambda: socket.getaddrinfo("models.example.org", 443),
    lambda: [*(ROOT / "runs").iterdir()],
    lambda: (ROOT / "runs" / "mine" / "run.json").read_text(),
    lambda: (ROOT / "panel.toml").read_text(),
], ids=["address", "mapped address", "datagram", "name", "runs", "run", "settings"])
def test_fails_though_nobody_minds_the_refusal(step):
    try:
        step()
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What pytest says of tests in a checkout that somebody works in."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "tests" / "support", root / "tests" / "support")
    for name in ("__init__", "conftest"):
        shutil.copy(ROOT / "tests" / f"{name}.py", root / "tests")
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copytree(ROOT / "personas", root / "personas")
    for name in ("src", "prompts", "controls"):
        (root / name).symlink_to(ROOT / name)
    (root / "tests" / "test_inside.py").write_text(INSIDE)
    text = (root / "personas" / "skeptic.md").read_text()
    (root / "personas" / "lawyer.md").write_text(text.replace("name: skeptic", "name: lawyer"))
    (root / "panel.toml").write_text('provider = "canary"\nmodel = "canary"\n')
    (root / "runs" / "mine").mkdir(parents=True)
    (root / "runs" / "mine" / "run.json").write_text("canary")
    token = root / "home" / ".cache" / "huggingface" / "token"
    token.parent.mkdir(parents=True)
    token.write_text("hf_canary")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", f"--basetemp={root}/t",
         "tests/test_inside.py"],
        cwd=root, env=os.environ | PLANTED | {"HOME": str(root / "home"), "PYTHONPATH": ""},
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.timeout(120)
def test_a_test_sees_nothing_of_the_user_of_the_machine(outcome):
    passed = re.findall(r"^PASSED \S+::(test_holds\w+)$", outcome, re.MULTILINE)
    assert len(passed) == INSIDE.count("def test_holds"), outcome


def test_a_test_that_leaves_the_machine_or_reads_the_users_runs_fails(outcome):
    failed = re.findall(r"^ERROR \S+::test_fails\w+\[([\w ]+)\]", outcome, re.MULTILINE)
    assert len(failed) == INSIDE.split("ids=[")[1].split("]")[0].count('"') // 2, outcome


def test_the_reviewers_of_the_suite_are_those_that_git_knows():
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "personas"], cwd=ROOT,
        capture_output=True, text=True,
    )  # fmt: skip
    assert listed.stdout in ("", "".join(f"personas/{name}.md\n" for name in PERSONAS))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_last_line_of_a_run_names_what_this_machine_could_not_check(tmp_path, workers):
    """Here: a machine without the programs that some tests look with."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", workers, f"--basetemp={tmp_path / 't'}",
         "-p", "no:cacheprovider", "tests/publish/test_digest_looks.py",
         "tests/evidence/test_injection.py", "-k", "a_mail_fits or real_readmes"],
        cwd=ROOT, env={**os.environ, "PATH": str(tmp_path), "PYTHONPATH": ""},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("not checked: ")
    assert "pages in a browser (install chromium and fonts-dejavu-core)" in last
    assert "flags on real READMEs (PANEL_DATA=folder with a tools.yaml)" in last


def test_the_files_that_begin_first_are_there():
    from tests.conftest import LONG

    assert [name for name in LONG if not (ROOT / "tests" / f"{name}.py").is_file()] == []
