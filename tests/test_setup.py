"""`./setup` without a network: quick where all is installed, and a dead .venv is made anew."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.command import ROOT


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose path has a blank and letters beyond ASCII."""
    root = tmp_path / "Überprüfung 検査"
    root.mkdir()
    for name in ("setup", "pyproject.toml", "requirements.lock", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root)
    (root / "src").symlink_to(ROOT / "src")
    return root


def setup(root, *groups):
    uv = shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent)
    if uv is None:
        pytest.skip("./setup (install uv)")
    tools = root.parent / "tools"
    tools.mkdir(exist_ok=True)
    if not (tools / "uv").exists():
        (tools / "uv").symlink_to(Path(uv).resolve())
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    caches = {"UV_CACHE_DIR": str(root.parent / "cache"), "UV_HTTP_RETRIES": "0"}
    return subprocess.run(
        [root / "setup", *groups], cwd=root.parent, capture_output=True, text=True,
        env={**os.environ, **nowhere, **caches, "UV_PYTHON": sys.executable,
             "PATH": f"{tools}:{os.environ['PATH']}"},
    )  # fmt: skip


def install(root):
    """Make .venv and put everything this Python has into it, panel from the checkout."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    purelib = sysconfig.get_path("purelib")
    site_packages = Path(sysconfig.get_path("purelib", vars={"base": str(root / ".venv")}))
    for entry in Path(purelib).iterdir():
        if entry.suffix != ".pth":
            (site_packages / entry.name).symlink_to(entry)
    (site_packages / "panel.pth").write_text(f"{root}/src\n", encoding="utf-8")
    (root / ".venv" / "bin" / "panel").write_text("#!/bin/sh\n")
    (root / ".venv" / "bin" / "panel").chmod(0o755)
    return root / ".venv"


def test_setup_needs_no_network_once_everything_is_there(checkout):
    venv = install(checkout)
    before = {path: path.lstat().st_mtime_ns for path in venv.rglob("*")}
    for groups in [("dev",), (), ("postgres", "parquet")]:
        done = setup(checkout, *groups)
        assert (done.returncode, done.stderr) == (0, "")
    requirements = venv / "wanted.txt"
    after = {path: path.lstat().st_mtime_ns for path in venv.rglob("*") if path != requirements}
    assert after == before


@pytest.mark.parametrize("name", ["httpx-that-nobody-has", "aiohttp>=999"])
def test_setup_wants_the_network_for_what_is_missing(checkout, name):
    install(checkout)
    text = (checkout / "pyproject.toml").read_text()
    text = text.replace("dependencies = [\n", f'dependencies = [\n    "{name}",\n', 1)
    (checkout / "pyproject.toml").write_text(text)
    assert setup(checkout).returncode != 0


def _broken_link(venv):
    for name in ("python", "python3"):
        (venv / "bin" / name).unlink(missing_ok=True)
        (venv / "bin" / name).symlink_to("/nonexistent/python")


def _half_made(venv):
    (venv / "pyvenv.cfg").unlink()


def _moved(venv):
    activate = venv / "bin" / "activate"
    activate.write_text(activate.read_text().replace(str(venv), "/elsewhere/.venv"))


def _empty(venv):
    shutil.rmtree(venv)
    venv.mkdir()


def _no_folder(venv):
    shutil.rmtree(venv)
    venv.write_text("")


@pytest.mark.parametrize(
    "spoil", [_broken_link, _half_made, _moved, _empty, _no_folder], ids=lambda f: f.__name__[1:]
)
def test_a_dead_environment_is_made_anew(checkout, spoil):
    venv = install(checkout)
    spoil(venv)
    done = setup(checkout)
    assert done.returncode != 0  # its packages have to be fetched again, and there is no network
    command = [venv / "bin" / "python", "-c", "import sys; print(sys.prefix)"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(venv)
    assert str(venv) in (venv / "bin" / "activate").read_text()


def test_an_unknown_group_is_named_with_those_there_are(checkout):
    install(checkout)
    done = setup(checkout, "devel")
    assert done.returncode != 0
    assert (
        done.stderr == "setup: there is no group devel;"
        " known: dev, model, azure, bedrock, parquet, postgres, ray\n"
    )
