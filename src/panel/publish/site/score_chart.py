"""A tool's scores over time as a picture: geometry of a chart, and what it says in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from panel.report import figures
from panel.runs.history.entry import Entry

WIDTH: Final = 360
HEIGHT: Final = 190
LEFT, RIGHT, TOP, BOTTOM = 30, 14, 12, 160
"""The plot's edges in the picture; sized for a phone, as the plots of scorecards are."""


@dataclass(frozen=True)
class Dot:
    """One verdict; `low` and `high` are the ends of its interval, the same where it has none."""

    x: float
    y: float
    low: float
    high: float
    outcome: str


@dataclass(frozen=True)
class ScoreChart:
    """A chart of at least two scored verdicts."""

    dots: tuple[Dot, ...]
    lines: tuple[tuple[float, str], ...]
    """Height and label of the lines across."""
    first: str
    last: str
    told: str

    @property
    def path(self) -> str:
        """The line through the dots, as points of SVG."""
        return " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in self.dots)


def score_chart(entries: Sequence[Entry]) -> ScoreChart | None:
    """Return the chart of a history, oldest first; None with fewer than two scores."""
    scored = [each for each in entries if each.verdict.score is not None]
    if len(scored) < 2:
        return None
    start = scored[0].created.timestamp()
    span = scored[-1].created.timestamp() - start
    days = [figures.day(each.created) for each in scored]
    told = "; ".join(
        f"{day}: {each.verdict.outcome}, {figures.score(each.verdict.score)}"
        for day, each in zip(days, scored, strict=True)
    )
    return ScoreChart(
        dots=tuple(
            _dot(each, (each.created.timestamp() - start) / span if span else number / len(scored))
            for number, each in enumerate(scored)
        ),
        lines=tuple((_y(value), str(value)) for value in (0, 50, 100)),
        first=days[0],
        last=days[-1],
        told=f"Score of 100 over time. {told}",
    )


def _dot(entry: Entry, share: float) -> Dot:
    score = entry.verdict.score or 0
    low, high = entry.verdict.interval or (score, score)
    x = LEFT + 8 + share * (WIDTH - LEFT - RIGHT - 16)
    return Dot(x, _y(score), _y(low), _y(high), entry.verdict.outcome)


def _y(score: float) -> float:
    return BOTTOM - score / 100 * (BOTTOM - TOP)
