"""Running the `panel` command as a user does: a process of its own, in a folder of its own."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.fork_server import ForkedProcess, needs_own_interpreter, start_module
from tests.support.unchanged import changes, contents

ROOT = Path(__file__).parents[2]

KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR", "COVERAGE_PROCESS_START")


@dataclass
class Desk:
    """A folder to work in, with an environment that holds nothing of this machine's."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The answering server's replies follow from the prompt, and the prompt from this secret:
        # a fixed one makes every run of a test the same.
        secret = self.folder / "home" / ".config" / "panel" / "secret"
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_bytes(b"a secret for tests of 32 bytes..")

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
        path = os.environ.get("PYTHONPATH", str(ROOT))  # of tests/support/surroundings.py
        home = {"HOME": str(self.folder / "home"), "PYTHONPATH": path, "NO_COLOR": "1"}
        return inherited | home | self.env | more

    def start(
        self, *args: object, stdout: int | None = None, **env: str
    ) -> "ForkedProcess | subprocess.Popen[str]":
        """Start a command that prints to the descriptor `stdout`, else to a pipe that is read."""
        environment = self.environment(**env)
        if not needs_own_interpreter(environment):
            return start_module(
                "panel.__main__", args, folder=self.folder, env=environment, stdout=stdout
            )
        return subprocess.Popen(
            [sys.executable, "-m", "panel", *map(str, args)],
            cwd=self.folder, env=environment, text=True, encoding="utf-8",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *args: object, **env: str) -> "subprocess.CompletedProcess[str]":
        runs = self.folder / "runs"
        before = contents(runs)
        process = self.start(*args, stdout=None, **env)
        out, err = process.communicate(timeout=55)
        code = process.wait()
        if code == 2:
            assert changes(before, contents(runs)) == [], f"refused, and yet changed: {err}"
        return subprocess.CompletedProcess([*map(str, args)], code, out, err)

    def json(self, *args: object, **env: str) -> list[dict]:  # type: ignore[type-arg]
        """Run with --format json and return the scorecards."""
        done = self.run(*args, "--format", "json", **env)
        assert done.returncode in (0, 1), done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def runs(self) -> list[Path]:
        """Run folders, oldest first; two of one second are told apart by their manifests."""

        def created(run: Path) -> str:
            manifest = run / "run.json"  # a run that has just begun has none yet
            return str(json.loads(manifest.read_text())["created"]) if manifest.exists() else "~"

        return sorted((self.folder / "runs").glob("*/"), key=created)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@contextlib.contextmanager
def answering(*extra: str) -> Iterator[str]:
    """Run the loopback server that answers whatever panel asks; yields its base URL."""
    process = start_module("tests.support.faultd", ["--answers", "panel", *extra], stderr=False)
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.communicate()
