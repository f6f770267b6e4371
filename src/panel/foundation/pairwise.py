"""Pairwise logistic regression with factors that are never negative. Knows numbers only.

A comparison is a row of terms, those of what should win less those of what should lose. Each term
has one factor: log-odds of the right order = Σ factor × term. Equal factors mean that the plain
sum of terms decides; how far factors may differ is what the strength of the shrinking says.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[tuple[int], np.dtype[np.float64]]
    Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]

LEAST: Final = 0.25
"""The common factor at least: a plain sum that ranks no better than chance still is a belief."""
MOST: Final = 8.0
"""The common factor at most: comparisons that are all right have no other optimum."""
RIDGE: Final = 0.1
"""Strength with which two common factors are drawn to one."""
FLOOR: Final = 0.05
"""Share of the one common factor that each of two keeps."""
_HALVINGS: Final = 40
_STEPS: Final = 200
_TOLERANCE: Final = 1e-7


def differences(
    rows: Sequence[Sequence[float]], compared: Sequence[tuple[int, int, float]]
) -> "tuple[Matrix, Vector]":
    """Return the terms and the weights of comparisons.

    Args:
        rows: The terms of the things compared, a row each.
        compared: The place of what should win, of what should lose, and the weight.
    """
    import numpy as np

    terms = np.array(rows, dtype=float)
    first, second = [row[0] for row in compared], [row[1] for row in compared]
    return terms[first] - terms[second], np.array([row[2] for row in compared])


def mean_size(terms: "Matrix") -> float:
    """Return the root mean square of the lengths of rows; 0 of none."""
    return math.sqrt(float((terms**2).sum(axis=1).mean())) if len(terms) else 0.0


def common_factor(terms: "Matrix", weights: "Vector") -> float:
    """Return the one factor of all terms with the least loss, from `LEAST` to `MOST`.

    Arguments as of `fit_factors`.
    """
    sums = terms.sum(axis=1)
    low, high = LEAST, MOST
    for _ in range(_HALVINGS):  # the slope of a convex loss grows
        middle = (low + high) / 2
        slope = -float((weights * sums * _logistic(-middle * sums)).sum())
        low, high = (low, middle) if slope > 0 else (middle, high)
    return (low + high) / 2


def common_factors(
    terms: "Matrix", weights: "Vector", first: Sequence[bool] | None = None
) -> "Vector":
    """Return for each term the common factor of all, or that of its group.

    Arguments as of `fit_factors`; `first` tells which terms are of the first group, None of one.
    """
    import numpy as np

    one = common_factor(terms, weights)
    if first is None or len({*first}) < 2:
        return np.full(terms.shape[1], one)
    chosen = np.array(first, dtype=bool)
    sums = np.stack([terms[:, chosen].sum(axis=1), terms[:, ~chosen].sum(axis=1)], axis=1)
    two = np.maximum(FLOOR * one, fit_factors(sums, weights, np.full(2, one), RIDGE))
    factors: Vector = np.where(chosen, two[0], two[1])
    return factors


def fit_factors(
    terms: "Matrix",
    weights: "Vector",
    common: "Vector",
    strength: float,
    start: "Vector | None" = None,
) -> "Vector":
    """Return the factors f ≥ 0 of least penalised loss, the only ones.

    The loss is Σ w ln(1 + e^(−f·d)) over rows d, the penalty strength/2 × Σ (f / common − 1)²
    (R. A. Bradley and M. E. Terry, Biometrika 39 (1952), 324–345, for pairs; the ridge towards
    given values as in S. le Cessie and J. C. van Houwelingen, Applied Statistics 41 (1992),
    191–201). Solved by projected Newton steps (D. P. Bertsekas, SIAM Journal on Control and
    Optimization 20 (1982), 221–246).

    Args:
        terms: A row a comparison, a column a factor; of such a size that a row's is about 1.
        weights: For how many comparisons each row stands.
        common: What each factor is drawn to, above 0; all alike are the plain sum, at the scale of
            log-odds.
        strength: Above 0; infinity makes the factors `common`.
        start: Factors to begin with, for instance of a similar fit.
    """
    import numpy as np

    count = terms.shape[1]
    if math.isinf(strength) or not count:
        return common
    pull = strength / common**2
    factors = common if start is None else start

    def objective(at: "Vector") -> float:
        loss = (weights * np.logaddexp(0, -(terms @ at))).sum()
        return float(loss + (pull * (at - common) ** 2).sum() / 2)

    for _ in range(_STEPS):
        odds = _logistic(-(terms @ factors))
        slope = pull * (factors - common) - terms.T @ (weights * odds)
        if np.abs(factors - np.maximum(0, factors - slope)).max() < _TOLERANCE:
            break
        curvature = (terms.T * (weights * odds * (1 - odds))) @ terms + np.diag(pull)
        free = (factors > 0) | (slope < 0)
        step = np.zeros(count)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        before = factors
        factors = _moved(factors, step, slope, objective)
        if factors is before:  # as near as rounding lets it come
            break
    return factors


def mean_loss(factors: "Vector", terms: "Matrix", weights: "Vector") -> float:
    """Return the mean of ln(1 + e^(−f·d)): ln 2 for factors that say nothing, 0 for all right."""
    import numpy as np

    losses = np.logaddexp(0, -(terms @ factors))
    return float((weights * losses).sum() / weights.sum())


def _moved(
    factors: "Vector", step: "Vector", slope: "Vector", objective: Callable[["Vector"], float]
) -> "Vector":
    """Return the factors after the longest of ever shorter steps that lowers the objective enough.

    Along the projected path; where the Newton step never does, the gradient's is taken. The same
    object where none does.
    """
    import numpy as np

    before = objective(factors)
    for direction in (step, slope):
        length = 1.0
        for _ in range(_HALVINGS):
            moved: Vector = np.maximum(0, factors - length * direction)
            if objective(moved) <= before - 1e-4 * float(slope @ (factors - moved)):
                return moved
            length /= 2
    return factors


def _logistic(x: "Vector") -> "Vector":
    import numpy as np

    result: Vector = np.exp(-np.logaddexp(0, -x))
    return result
