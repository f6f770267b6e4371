"""The ship threshold of a judge, from the threshold up to which each control ships. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from panel.reviews.score import Rule

MOST_LENIENT: Final = 0.2
"""Share of bland and bad controls that may ship: 1 in 5."""
FEWEST_GOOD: Final = 5
FEWEST_POOR: Final = 10
"""With fewer controls a threshold would be chance."""


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


def _candidates(up_to: Sequence[float | None], usual: float) -> list[float]:
    """Return thresholds between any two tools, the usual one, and one that no tool reaches."""
    marks = sorted({0.0, 100.0, *(mark for mark in up_to if mark is not None)})
    between = [round((a + b) / 2, 1) for a, b in pairwise(marks)]
    return sorted({usual, 100.0, *between})
