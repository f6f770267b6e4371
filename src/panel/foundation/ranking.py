"""Rankings: how well a number tells two classes of things apart. Knows numbers only.

One class should have the larger numbers. Members may come in pairs, one of each class. A tie
counts one half everywhere. Minus infinity is a number: the worst there is.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

DRAWS: Final = 2_000
"""Samples of a bootstrap."""
SEED: Final = 1


@dataclass(frozen=True)
class TwoClasses:
    """The numbers of two classes; of each pair, that of the lower class stands first."""

    pairs: tuple[tuple[float, float], ...] = ()
    low: tuple[float, ...] = ()
    """Numbers of the lower class that belong to no pair; likewise `high`."""
    high: tuple[float, ...] = ()

    @property
    def all_low(self) -> tuple[float, ...]:
        """Every number of the lower class, those of pairs first."""
        return (*(low for low, _ in self.pairs), *self.low)

    @property
    def all_high(self) -> tuple[float, ...]:
        """Every number of the higher class, those of pairs first."""
        return (*(high for _, high in self.pairs), *self.high)


def pairs_right(pairs: Sequence[tuple[float, float]]) -> float:
    """Return in how many pairs the second number is the larger one."""
    return sum(1.0 if high > low else 0.5 if high == low else 0.0 for low, high in pairs)


def area_under_curve(classes: TwoClasses) -> float | None:
    """Return the chance that a random member of the higher class has the larger number.

    It is the area under the ROC curve, 0–1 (J. A. Hanley and B. J. McNeil, "The Meaning and Use of
    the Area under a Receiver Operating Characteristic (ROC) Curve", Radiology 143 (1982), 29–36).
    None where a class is empty.
    """
    low, high = classes.all_low, classes.all_high
    if not low or not high:
        return None
    import numpy as np

    return float(_areas(classes, np.ones((1, len(low))), np.ones((1, len(high))))[0])


def area_interval(classes: TwoClasses) -> tuple[float, float] | None:
    """Return the 95 % interval of the area: the percentile bootstrap (B. Efron, 1979).

    Pairs are drawn whole, members without a pair within their class; 2,000 draws by a fixed seed.
    None where fewer than two could be drawn of either class.
    """
    draws = _draws_of(classes)
    return None if draws is None else _middle(_areas(classes, *draws))


def area_difference_interval(first: TwoClasses, second: TwoClasses) -> tuple[float, float] | None:
    """Return the 95 % interval of the first area less the second, of the same members in order.

    Each draw is one for both: the paired percentile bootstrap. None as for `area_interval`.
    """
    draws = _draws_of(first)
    return None if draws is None else _middle(_areas(first, *draws) - _areas(second, *draws))


def mean_interval(members: TwoClasses) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean over all members, drawn as for `area_interval`.

    Of numbers that are differences it is that of the mean difference.
    """
    import numpy as np

    if (draws := _draws_of(members)) is None:
        return None
    sums = draws[0] @ np.array(members.all_low) + draws[1] @ np.array(members.all_high)
    return _middle(sums / (draws[0].sum(axis=1) + draws[1].sum(axis=1)))


def roc_curve(low: Sequence[float], high: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Return the corners of the ROC curve, from (0, 0) to (1, 1).

    Each is, for one threshold, the share of the lower class and the share of the higher class at or
    above it. Neither may be empty.
    """
    corners = [(0.0, 0.0)]
    for at in sorted({*low, *high}, reverse=True):
        false = sum(x >= at for x in low) / len(low)
        corners.append((false, sum(x >= at for x in high) / len(high)))
    return tuple(corners)


def brier_score(forecasts: Sequence[tuple[float, bool]]) -> float | None:
    """Return the mean squared error of probabilities, 0 (right) to 1; None without any.

    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather
    Review 78 (1950), 1–3, in its form for two outcomes.
    """
    if not forecasts:
        return None
    return sum((p - happened) ** 2 for p, happened in forecasts) / len(forecasts)


def _areas(
    classes: TwoClasses,
    low_weights: "np.ndarray[tuple[int, int], np.dtype[np.float64]]",
    high_weights: "np.ndarray[tuple[int, int], np.dtype[np.float64]]",
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return the area of each draw; its row of weights says how often each member was drawn."""
    import numpy as np

    low, high = np.array(classes.all_low), np.array(classes.all_high)
    order = np.argsort(low)
    below = np.zeros((len(low_weights), len(low) + 1))
    np.cumsum(low_weights[:, order], axis=1, out=below[:, 1:])
    # Lower members below a number, and at most it: between the two are the ties, one half each.
    first, last = (np.searchsorted(low[order], high, side) for side in ("left", "right"))
    beaten = (high_weights * (below[:, first] + below[:, last]) / 2).sum(axis=1)
    areas: np.ndarray[tuple[int], np.dtype[np.float64]] = beaten / (
        low_weights.sum(axis=1) * high_weights.sum(axis=1)
    )
    return areas


def _middle(
    values: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> tuple[float, float]:
    """Return what leaves out one in forty of the draws on either side."""
    ordered = sorted(values.tolist())
    return ordered[int(DRAWS * 0.025)], ordered[int(DRAWS * 0.975) - 1]


def _draws_of(
    classes: TwoClasses,
) -> "tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], ...] | None":
    """Return the draws of so many members; None where fewer than two are of either class."""
    pairs, low, high = len(classes.pairs), len(classes.low), len(classes.high)
    return None if min(pairs + low, pairs + high) < 2 else _draws(pairs, low, high)


@lru_cache(maxsize=16)
def _draws(
    pairs: int, low: int, high: int
) -> "tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], ...]":
    """Return how often each member of the lower and of the higher class stands in each draw."""
    import numpy as np

    source = random.Random(SEED)
    low_weights, high_weights = np.zeros((DRAWS, pairs + low)), np.zeros((DRAWS, pairs + high))
    for row in range(DRAWS):
        for place in (source.choice(range(pairs)) for _ in range(pairs)):
            low_weights[row, place] += 1
            high_weights[row, place] += 1
        for weights, count in ((low_weights, low), (high_weights, high)):
            for place in (source.choice(range(count)) for _ in range(count)):
                weights[row, pairs + place] += 1
    return low_weights, high_weights
