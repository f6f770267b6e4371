"""How soon a list is asked about: time, CPU and memory until the first request, at N rows.

python -m benchmarks.lists [ROWS …] [--files] [--after SECONDS]

For each number of rows a list is written, with descriptions or (`--files`) a README of 8 kB a tool,
and `panel batch` is started on it at a loopback server. What is measured is the process of the
command and its children, from its start until the server has its first request; `--after` lets it
go on so long, to see how memory grows. The process is then killed, resumed, and measured again.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.command import ROOT, Desk, answering

ROWS: Final = (1_000, 10_000, 100_000)
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PATIENCE: Final = 120.0


class Start(NamedTuple):
    """What a command took until its first request, and its memory some time after it."""

    seconds: float
    cpu: float
    """CPU seconds of the process and of its children."""
    memory: float
    """MB at most."""
    asked: int
    """Requests by the end."""

    def __str__(self) -> str:
        return (
            f"first request after {self.seconds:.1f} s and {self.cpu:.1f} s of CPU;"
            f" {self.memory:.0f} MB at most, {self.asked:,} requests by the end"
        )


def write_list(folder: Path, rows: int, *, files: bool) -> Path:
    """Write a list of so many tools, and a README for each where files are asked for."""
    path = folder / "tools.csv"
    text = (ROOT / "README.md").read_text(encoding="utf-8")[:8_000]
    with path.open("w", encoding="utf-8") as out:
        out.write("name,evidence\n" if files else "name,description\n")
        if files:
            (folder / "pages").mkdir()
        for n in range(rows):
            if files:
                page = folder / "pages" / f"{n}.md"
                page.write_text(f"# Tool {n}\n\n{text}", encoding="utf-8")
                out.write(f"Tool {n},pages/{n}.md\n")
            else:
                out.write(f"Tool {n},Tool {n} does the work of {n} people.\n")
    return path


def started(desk: Desk, counts: Path, after: float, *command: object) -> Start:
    """Start a command, wait for its first request, let it go on, and kill it."""
    before = _lines(counts)
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "panel", *map(str, command)], cwd=desk.folder,
        env=desk.environment(), text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    while _lines(counts) == before:
        if process.poll() is not None or time.monotonic() - began > _PATIENCE:
            raise SystemExit(f"no request: {process.communicate()[1][-500:]}")
        time.sleep(0.01)
    seconds, cpu = time.monotonic() - began, _cpu(process.pid)
    time.sleep(after)
    memory = _memory(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return Start(seconds, cpu, memory, _lines(counts) - before)


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process, and of those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _memory(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _lines(counts: Path) -> int:
    return counts.read_bytes().count(b"\n") if counts.exists() else 0


def main() -> None:
    """Measure each number of rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--files", action="store_true", help="a README of 8 kB a tool")
    parser.add_argument("--after", type=float, default=0.0, help="seconds to go on")
    args = parser.parse_args()
    for rows in args.rows:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "home").mkdir()
            counts = folder / "counts"
            tools = write_list(folder, rows, files=args.files)
            with answering("--latency", "0.2", "--counts", str(counts)) as url:
                options = ("--provider", url, "--model", "scripted", "--concurrency", 256)
                desk = Desk(folder)
                first = started(desk, counts, args.after, "batch", tools, *options)
                print(f"{rows:,} rows, batch: {first}", flush=True)
                time.sleep(0.5)
                again = started(desk, counts, args.after, "resume", "latest", *options)
                print(f"{rows:,} rows, resume: {again}", flush=True)


if __name__ == "__main__":
    main()
