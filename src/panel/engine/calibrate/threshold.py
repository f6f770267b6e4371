"""The ship threshold of a judge, from the threshold up to which each control ships. Pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

from panel.reviews.score import Rule

MOST_LENIENT: Final = 0.2
"""Share of bland and bad controls that may ship: 1 in 5."""
FEWEST_GOOD: Final = 5
FEWEST_POOR: Final = 10
"""With fewer controls a threshold would be chance."""
_LEAST_BANDWIDTH: Final = 0.5
"""Points: so that equal scores have a slope as well."""


def ships(up_to: float | None, ship_at: float) -> bool:
    """Tell whether a tool that ships up to a threshold ships at `ship_at`; None never ships."""
    return up_to is not None and up_to >= ship_at


def ship_threshold(
    good: Sequence[float | None],
    poor: Sequence[float | None],
    *,
    usual: float = Rule().ship_at,
) -> float | None:
    """Return the threshold to use with this judge, 0–100 with one decimal.

    Of the thresholds at which at most 1 in 5 bland or bad controls ship, it is the one at which
    most good ones ship, as long as their share is the larger one; of equal ones the nearest to
    `usual`, which a judge that cannot tell them apart therefore keeps. A threshold fitted more
    closely to so few controls held back real tools: see docs/calibrate.md.

    Args:
        good: For each good control the highest threshold at which it ships, None for none.
        poor: The same for bland and bad ones.
        usual: The rule's own threshold.

    Returns:
        None where either side is empty.
    """
    if not good or not poor:
        return None
    best: tuple[float, float, float] | None = None
    for at in _candidates([*good, *poor], usual):
        lenient = sum(ships(up_to, at) for up_to in poor) / len(poor)
        if lenient > MOST_LENIENT:
            continue
        right = sum(ships(up_to, at) for up_to in good) / len(good)
        ranked = (right if right > lenient else 0.0, -abs(at - usual), at)
        best = max(best, ranked) if best else ranked
    return best[2] if best else 100.0


def separating_threshold(
    lived: Sequence[float | None], died: Sequence[float | None], *, usual: float
) -> float:
    """Return the threshold at which the shares of both that ship lie furthest apart, 0–100.

    It maximises the index of W. J. Youden, "Index for rating diagnostic tests", Cancer 3 (1950),
    32–35, over half points. Shares are smoothed by a Gaussian kernel, for the raw ones put the
    threshold into a chance gap of few tools (R. Fluss, D. Faraggi and B. Reiser, "Estimation of the
    Youden Index and its associated cutoff point", Biometrical Journal 47 (2005), 458–472). Of equal
    ones it is the nearest to `usual`, which is kept where no tool of one side ever ships.

    Args:
        lived: For each tool that should ship the highest threshold at which it does, None for none.
        died: The same for tools that should not.
        usual: The rule's own threshold.
    """
    right, wrong = _SmoothShare.of(lived), _SmoothShare.of(died)
    if not right.marks or not wrong.marks:
        return usual
    halves = [step / 2 for step in range(201)]
    return max(
        [usual, *halves],
        key=lambda at: (round(right.at(at) - wrong.at(at), 9), -abs(at - usual)),
    )


@dataclass(frozen=True)
class _SmoothShare:
    """The share of tools that ship, as a smooth function of the threshold."""

    marks: tuple[float, ...]
    total: int
    bandwidth: float

    @classmethod
    def of(cls, up_to: Sequence[float | None]) -> Self:
        marks = tuple(mark for mark in up_to if mark is not None)
        return cls(marks, len(up_to), max(_LEAST_BANDWIDTH, _bandwidth(marks)))

    def at(self, threshold: float) -> float:
        width = self.bandwidth * math.sqrt(2)
        return sum(1 + math.erf((m - threshold) / width) for m in self.marks) / (2 * self.total)


def _bandwidth(marks: Sequence[float]) -> float:
    """Return the rule-of-thumb bandwidth for a Gaussian kernel.

    B. W. Silverman, "Density Estimation for Statistics and Data Analysis" (1986), formula 3.31.
    """
    if len(marks) < 2:
        return 0.0
    first, _, third = statistics.quantiles(marks, n=4, method="inclusive")
    spread = statistics.stdev(marks)
    return 0.9 * min(spread, (third - first) / 1.34 or spread) * float(len(marks) ** -0.2)


def _candidates(up_to: Sequence[float | None], usual: float) -> list[float]:
    """Return thresholds between any two tools, the usual one, and one that no tool reaches."""
    marks = sorted({0.0, 100.0, *(mark for mark in up_to if mark is not None)})
    between = [round((a + b) / 2, 1) for a, b in pairwise(marks)]
    return sorted({usual, 100.0, *between})
