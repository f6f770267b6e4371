"""What a run survives: damaged journals, kills, and providers that fail, drip or hang.

python -m benchmarks.faults [--count 50] [--tools 40] [--hang 60]

After each fault the run is resumed at a healthy provider. Then no review may be missing, no
question may have two stored answers, no question that was answered may have been asked again, and
`panel verify` must hold. The last line is the figure.
"""

import argparse
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

from tests.support.command import Desk, answering
from tests.support.faultd import counted

DEADLINE = 2.0
"""Seconds a reply may take, so that dripping and hanging are noticed soon."""
_PAGE = 4096


@dataclass
class FaultCounts:
    """What was found after the resumes; all but `cases` must be 0."""

    cases: int = 0
    refused: int = 0
    missing: int = 0
    twice: int = 0
    unbacked: int = 0

    def __add__(self, addend: "FaultCounts") -> "FaultCounts":
        return FaultCounts(*(getattr(self, f.name) + getattr(addend, f.name) for f in fields(self)))

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.refused or self.missing or self.twice or self.unbacked)

    def __str__(self) -> str:
        return (
            f"{self.cases} cases: {self.refused} not resumed, {self.missing} reviews missing,"
            f" {self.twice} asked twice, {self.unbacked} runs not verified"
        )


class Bench:
    """A folder with a tool list and a provider of its own name, which may move."""

    def __init__(self, folder: Path, tools: int, *, deadline: float = 120.0) -> None:
        (folder / "home").mkdir(parents=True)
        self.desk = Desk(folder)
        self.tools = tools
        self.deadline = deadline
        self.counts = folder / "counts"
        rows = "".join(f"Tool {n},Tool {n} does the work of {n} people.\n" for n in range(tools))
        self.list = self.desk.write("tools.csv", "name,description\n" + rows)

    def at(self, url: str) -> None:
        """Move the provider to an address."""
        self.desk.write(
            "panel.toml",
            f'[providers.mine]\nbase_url = "{url}"\nmodel = "scripted"\n'
            f"concurrency = 16\ndeadline = {self.deadline}\n",
        )

    def batch(self) -> tuple[object, ...]:
        """Return the command that reviews the list."""
        return ("batch", self.list, "--provider", "mine")

    def resumed(self) -> FaultCounts:
        """Resume the newest run at a healthy provider, and count what is wrong then."""
        with answering("--counts", str(self.counts)) as url:
            self.at(url)
            done = self.desk.run("resume", "latest")
            again = self.desk.run("resume", "latest")
        refused = done.returncode not in (0, 1) or "is complete" not in again.stderr
        if refused:
            print(done.stderr[-500:], again.stderr[-500:])
        return FaultCounts(1, int(refused)) + self.checked()

    def checked(self) -> FaultCounts:
        """Count what is missing, answered twice or not backed in the newest run."""
        (run,) = self.desk.runs()
        with sqlite3.connect(f"file:{run / 'journal.db'}?mode=ro", uri=True) as db:
            keys = [key for (key,) in db.execute("SELECT key FROM calls WHERE status = 'ok'")]
            (reviews,) = db.execute("SELECT count(*) FROM reviews").fetchone()
            (judged,) = db.execute("SELECT count(*) FROM verdicts").fetchone()
        db.close()
        missing = (self.tools * 4 - reviews) + (self.tools - judged)
        report = self.desk.run("verify", run.name)
        if report.returncode:
            print(report.stdout[-1500:])
        return FaultCounts(missing=missing, twice=len(keys) - len(set(keys)),
                    unbacked=int(report.returncode != 0))  # fmt: skip

    def asked_twice(self) -> int:
        """Return how many answered requests repeat an answered one."""
        request_counts = counted(self.counts) if self.counts.exists() else Counter()
        return sum(count - 1 for count in request_counts.values())


def damaged(folder: Path, count: int, tools: int) -> FaultCounts:
    """Damage copies of a finished run's journal: flipped bits, cut ends, zeroed pages."""
    bench = Bench(folder, tools)
    with answering("--counts", str(bench.counts)) as url:
        bench.at(url)
        bench.desk.run(*bench.batch())
    (run,) = bench.desk.runs()
    whole = shutil.copytree(run, folder / "whole")
    total = FaultCounts()
    random_source = random.Random(20261127)
    for number in range(count):
        shutil.rmtree(run)
        shutil.copytree(whole, run)
        bench.counts.unlink()
        data = _damage(bytearray((run / "journal.db").read_bytes()), number, random_source)
        (run / "journal.db").write_bytes(data)
        result = bench.resumed()
        bench.counts.touch()
        result.twice += bench.asked_twice()
        if not result.holds:
            print(f"damage {number}: {result}")
        total += result
    return total


def _damage(data: bytearray, number: int, random_source: random.Random) -> bytes:
    pages = len(data) // _PAGE
    match number % 3:
        case 0:
            for _ in range(random_source.choice([1, 1, 8])):
                data[random_source.randrange(len(data))] ^= 1 << random_source.randrange(8)
        case 1:
            del data[int(len(data) * random_source.uniform(0.3, 0.99)) :]
        case 2:
            for _ in range(random_source.choice([1, 1, 4])):
                place = random_source.randrange(pages) * _PAGE
                data[place : place + _PAGE] = bytes(_PAGE)
    return bytes(data)


def killed(folder: Path, count: int, tools: int) -> FaultCounts:
    """Kill a batch and its resumes with signal 9 at random moments."""
    random_source = random.Random(20261127)
    total, kills, round_ = FaultCounts(), 0, 0
    while kills < count:
        bench = Bench(folder / str(round_), tools)
        round_ += 1
        begun = kills
        with answering("--latency", "0.1", "--counts", str(bench.counts)) as url:
            bench.at(url)
            command = bench.batch()
            while kills < count and kills - begun < 10:
                before = _lines(bench.counts)
                process = bench.desk.start(*command)
                deadline = time.monotonic() + 20
                while (
                    _lines(bench.counts) == before
                    and process.poll() is None
                    and time.monotonic() < deadline
                ):
                    time.sleep(0.005)
                time.sleep(random_source.uniform(0, 0.3))
                process.send_signal(signal.SIGKILL)
                process.communicate()
                if process.returncode != -signal.SIGKILL:
                    break
                kills += 1
                command = ("resume", "latest")
        result = bench.resumed()
        # What was in flight at a kill was answered without a reader.
        result.twice += max(0, bench.asked_twice() - 16 * (kills - begun))
        result.cases = kills - begun
        total += result
    return total


def failing(folder: Path, kind: str, tools: int, *, seconds: float = 60.0) -> FaultCounts:
    """Run a batch at a provider in trouble, then resume it at a healthy one."""
    bench = Bench(folder, tools, deadline=DEADLINE)
    trouble = ("--trouble", kind, "--seconds", str(seconds), "--counts", str(bench.counts))
    with answering(*trouble) as url:
        bench.at(url)
        process = bench.desk.start(*bench.batch())
        process.communicate(timeout=600)
    result = bench.resumed()
    result.twice += bench.asked_twice()
    return result


def _lines(counts: Path) -> int:
    return len(counts.read_text().splitlines()) if counts.exists() else 0


def main() -> None:
    """Try every fault and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=50, help="damaged journals, and kills")
    parser.add_argument("--tools", type=int, default=40)
    parser.add_argument("--hang", type=float, default=60.0, help="seconds without an answer")
    args = parser.parse_args()
    total = FaultCounts()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trials = {
            "damaged journals": lambda: damaged(folder / "damaged", args.count, 6),
            "kills": lambda: killed(folder / "killed", args.count, args.tools),
            "half the requests 500": lambda: failing(folder / "half", "half", args.tools),
            "one in ten dripping": lambda: failing(folder / "drip", "drip", args.tools),
            "a provider that hangs": lambda: failing(
                folder / "hang", "hang", args.tools, seconds=args.hang
            ),
        }
        for what, trial in trials.items():
            begun = time.monotonic()
            result = trial()
            total += result
            print(f"{what}: {result} ({time.monotonic() - begun:.0f} s)", flush=True)
    print(f"{total}: {'nothing was lost' if total.holds else 'DOES NOT HOLD'}")


if __name__ == "__main__":
    main()
