"""How long `panel site build` takes, and what a second build leaves alone.

usage: python -m benchmarks.site [TOOLS] [RUNS]
Makes TOOLS ready scorecards (2,000) in RUNS runs (20) of 50 categories, a tenth of the tools
reviewed twice, then builds the site twice in processes of their own. Prints wall and CPU seconds,
peak memory of all processes of a build together, and the files each build wrote.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

from tests.support.cards import BUILDER, BUSINESS, FUTURIST, NOW, SKEPTIC, card
from tests.support.shelf import shelve

from panel.reviews.review import Review
from panel.reviews.verdict.scorecard import CardTool, Scorecard, Verdict, VoteTotals

REVIEWS = (BUILDER, SKEPTIC, BUSINESS, FUTURIST)
BAR_SECONDS = 60.0
BAR_MEGABYTES = 300.0


def card_of(number: int, chance: random.Random) -> Scorecard:
    """Return the realistic card as another tool with another verdict."""
    ship = chance.randrange(5)
    score = round(chance.uniform(20, 90), 2)
    outcome = "split" if ship == 2 else "ship" if ship > 2 else "skip"
    name = f"Tool {number}"
    verdict = Verdict.model_validate(
        {"outcome": outcome, "ship_percent": 25.0 * ship, "score": score,
         "interval": (max(0, score - 5), min(100, score + 5)),
         "votes": VoteTotals(ship=ship, skip=4 - ship)}
    )  # fmt: skip
    tool = CardTool(
        name=name, slug=name.lower().replace(" ", "-"), url=f"https://tool-{number}.example/",
        category=f"Category {number % 50}", tagline=f"What tool {number} does, in one sentence",
        price="Free", description="A tool made for measuring how long a site takes to build.",
    )  # fmt: skip
    return card(tool=tool, verdict=verdict, reviews=tuple(varied(r, chance) for r in REVIEWS))


def varied(review: Review, chance: random.Random) -> Review:
    """Return the review with other answers to some of its questions."""
    findings = tuple(
        argument.model_copy(
            update={"answer": "yes" if (p := chance.random()) > 0.5 else "no", "p": p}
        )
        for argument in review.findings
    )
    return review.model_copy(update={"findings": findings})


def fill(runs: Path, tools: int, parts: int) -> None:
    """Make the runs: all tools once, a tenth of them again a week later."""
    chance = random.Random(4)
    cards = [card_of(number, chance) for number in range(tools)]
    for part in range(parts):
        shelve(runs, cards[part::parts], created=NOW + timedelta(minutes=part))
    again = [card_of(number, chance) for number in range(0, tools, 10)]
    shelve(runs, again, created=NOW + timedelta(days=7))


class Peak(threading.Thread):
    """Watches the memory of a process and its children; `megabytes` is the most it saw."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.megabytes = 0.0

    def run(self) -> None:
        """Look 20 times a second until the process is gone."""
        while (megabytes := self._now()) is not None:
            self.megabytes = max(self.megabytes, megabytes)
            time.sleep(0.05)

    def _now(self) -> float | None:
        try:
            tasks = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            return sum(_private(pid) for pid in [str(self.pid), *tasks]) or None
        except OSError:
            return None


def _private(pid: str) -> float:
    """Return a process's share of memory in MB: pages that two hold count half for each."""
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(r.split()[1]) / 1000 for r in rows if r.startswith("Pss:")), 0.0)


def build(runs: Path, out: Path) -> None:
    """Build once and print what it took."""
    command = [sys.executable, "-m", "panel", "site", "build", "--runs", str(runs),
               "--out", str(out), "--base-url", "https://verdicts.example"]  # fmt: skip
    before, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    peak = Peak(process.pid)
    peak.start()
    _, log = process.communicate()
    took, used = time.perf_counter() - before, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime
    print(log.strip().splitlines()[-1])
    print(
        f"  {took:.1f} s (bar {BAR_SECONDS:.0f}), {spent:.1f} CPU seconds, "
        f"peak {peak.megabytes:.0f} MB (bar {BAR_MEGABYTES:.0f})"
    )


def main(tools: int, parts: int) -> None:
    """Make the runs and build twice."""
    with tempfile.TemporaryDirectory() as folder:
        runs, out = Path(folder) / "runs", Path(folder) / "site"
        fill(runs, tools, parts)
        for _ in range(2):
            build(runs, out)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:3]]
    main(*(numbers + [2_000, 20][len(numbers) :]))
