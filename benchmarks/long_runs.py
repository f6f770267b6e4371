"""What a long run takes after its last answer, and what its commands take later.

usage: python -m benchmarks.long_runs [TOOLS] [--short N] [--site]

Makes two runs whose journals are as `panel batch` writes them: one of N tools (2,000) that ends
now, and one of TOOLS (10,000) of which a hundredth is still to be asked. Then each is worked on in
processes of their own, one after the other: the end of the first; of the second `resume` against a
provider on this machine, `show`, `runs`, `export` and `verify`; with --site also
`site build`. The figures are printed last: CPU seconds and peak memory of each process.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.long_run import PROVIDER, answer, configure, make_run

from benchmarks.site import Peak
from panel.testing import Answer, ScriptedProvider, ScriptedRequest

FINISH = """
import asyncio, os, sys, time
from pathlib import Path
from panel.engine.options import Options
from panel.engine.session import Session
from panel.foundation.settings import load_settings

async def work(path):
    settings = load_settings(None, os.environ).model_copy(update={"runs": path.parent})
    options = Options(settings=settings, environ=os.environ)
    async with await Session.resume(options, path) as session:
        assert not session.total
        before = time.process_time()
        await session.work()
        print(f"{time.process_time() - before:.2f}")

asyncio.run(work(Path(sys.argv[1])))
"""
"""Ends a run all of whose answers are there, and prints the CPU seconds from the last answer on."""


@dataclass(frozen=True)
class Figure:
    """What one command took."""

    what: str
    tools: int
    cpu: float
    megabytes: float
    bar: str

    def line(self) -> str:
        """Return the figure as a line of the table."""
        each = 1000 * self.cpu / self.tools
        return (
            f"{self.what:34} {self.tools:>7,} {self.cpu:>9.1f} {each:>9.2f}"
            f" {self.megabytes:>6.0f}  {self.bar}"
        )


class Asked:
    """A script that notes how much CPU the asking process had used at its first request."""

    def __init__(self) -> None:
        self.process = 0
        self.cpu: float | None = None
        self.seconds = 0.0
        self.began = 0.0

    def __call__(self, request: ScriptedRequest) -> Answer:
        """Answer as the runs were made."""
        if self.cpu is None:
            self.seconds = time.perf_counter() - self.began
            fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(") ")[2].split()
            self.cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return answer(request)


def measured(
    words: Sequence[str], environ: Mapping[str, str], asked: Asked | None = None
) -> tuple[float, float, str]:
    """Run a command; return its CPU seconds, its peak of memory in MB and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(environ)
    )
    if asked is not None:
        asked.process, asked.began = process.pid, time.perf_counter()
    peak = Peak(process.pid)
    peak.start()
    out, log = process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A panel command that ends with 1 says that reviews are missing; Python's 1 is an error.
    if process.returncode not in (0, 1) or "Traceback" in log:
        sys.exit(f"{' '.join(words[-4:])}: {log}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, peak.megabytes, out


def ended(folder: Path, tools: int) -> Figure:
    """Make a run whose answers are all there, and end it."""
    path = make_run(folder, tools)
    environ = {**os.environ, **configure(folder, "http://127.0.0.1:9/v1")}
    _, megabytes, out = measured([sys.executable, "-c", FINISH, str(path)], environ)
    report = (path / "report.html").stat().st_size / 1e6
    return Figure(
        "after the last answer", tools, float(out), megabytes, f"bar 5 s; report {report:.1f} MB"
    )


def resumed(folder: Path, tools: int) -> list[Figure]:
    """Make a run with a hundredth left, and resume it."""
    make_run(folder, tools, left=max(1, tools // 100))
    asked = Asked()
    with ScriptedProvider(asked) as provider:
        environ = {**os.environ, **configure(folder, provider.url)}
        words = [*_panel("resume", "latest", "--provider", PROVIDER), "--runs", folder / "runs"]
        cpu, megabytes, _ = measured([*map(str, words)], environ, asked)
    first = f"bar 2 s; {asked.seconds:.1f} s of wall time"
    return [
        Figure("resume at 99 %, to first request", tools, asked.cpu or 0.0, megabytes, first),
        Figure("resume at 99 %", tools, cpu, megabytes, "bar 150 MB"),
    ]


def commands(folder: Path, tools: int, *, site: bool) -> list[Figure]:
    """Run the commands that read a run."""
    environ = {**os.environ, **configure(folder, "http://127.0.0.1:9/v1")}
    copy = folder / "copy"
    words = {
        "show": ("show", "latest"),
        "show --format json": ("show", "latest", "--format", "json"),
        "show --format html": ("show", "latest", "--format", "html"),
        "runs": ("runs",),
        "export": ("export", "latest", "--output", folder / "rows.jsonl"),
        "export --format parquet": ("export", "latest", "--output", folder / "rows.parquet"),
        "export --format html": ("export", "latest", "--format", "html", "--output", copy),
        "verify": ("verify", "latest"),
    }
    if site:
        words["site build"] = ("site", "build", "--out", folder / "site")
    bars = {"verify": "bar 5 ms a tool"}
    figures = []
    for name, command in words.items():
        line = [*map(str, (*_panel(*map(str, command)), "--runs", folder / "runs"))]
        cpu, megabytes, _ = measured(line, environ)
        figures.append(Figure(name, tools, cpu, megabytes, bars.get(name, "bar 300 MB")))
        shutil.rmtree(copy, ignore_errors=True)
    return figures


def _panel(*words: str) -> list[str]:
    return [sys.executable, "-m", "panel", *words]


def main() -> None:
    """Make the runs, work on them, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tools", nargs="?", type=int, default=10_000)
    parser.add_argument("--short", type=int, default=2_000)
    parser.add_argument("--site", action="store_true")
    given = parser.parse_args()
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        figures.append(ended(Path(folder), given.short))
    with tempfile.TemporaryDirectory() as folder:
        figures += resumed(Path(folder), given.tools)
        figures += commands(Path(folder), given.tools, site=given.site)
    print(f"{'':34} {'tools':>7} {'CPU s':>9} {'ms a tool':>9} {'MB':>6}")
    for figure in figures:
        print(figure.line())


if __name__ == "__main__":
    main()
