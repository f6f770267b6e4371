"""Pairwise logistic regression with factors that are never negative. Knows numbers only.

A comparison is a row of terms, those of what should win less those of what should lose. Each term
has one factor: log-odds of the right order = Σ factor × term. Equal factors mean that the plain
sum of terms decides; how far factors may differ is what the strength of the shrinking says.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[tuple[int], np.dtype[np.float64]]
    Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]

LEVEL: Final = 0.01
"""Pull of the mean factor to 0: without it, comparisons that are all right have no optimum."""
_STEPS: Final = 200
_TOLERANCE: Final = 1e-7


def fit_factors(
    terms: "Matrix", weights: "Vector", strength: float, start: "Vector | None" = None
) -> "Vector":
    """Return the factors f ≥ 0 of least penalised loss, the only ones.

    The loss is Σ w ln(1 + e^(−f·d)) over rows d, the penalty strength/2 × Σ (f − f̄)² + LEVEL/2 × f̄²
    (R. A. Bradley and M. E. Terry, 1952, for pairs; the ridge as of le Cessie and van Houwelingen,
    1992, drawn to the common factor instead of to 0). Solved by projected Newton steps
    (D. P. Bertsekas, SIAM J. Control and Optimization 20 (1982), 221–246).

    Args:
        terms: A row a comparison, a column a factor; of such a size that a row's is about 1.
        weights: For how many comparisons each row stands.
        strength: Above 0; infinity makes all factors equal.
        start: Factors to begin with, for instance of a similar fit.
    """
    import numpy as np

    count = terms.shape[1]
    if math.isinf(strength):
        common = fit_factors(terms.sum(axis=1, keepdims=True), weights, 1.0)
        return np.full(count, float(common[0]))
    even = np.full((count, count), 1 / count)
    pull = strength * (np.eye(count) - even) + LEVEL / count * even
    factors = np.ones(count) if start is None else start
    for _ in range(_STEPS):
        odds = _logistic(-(terms @ factors))
        slope = pull @ factors - terms.T @ (weights * odds)
        if np.abs(factors - np.maximum(0, factors - slope)).max() < _TOLERANCE:
            break
        curvature = pull + (terms.T * (weights * odds * (1 - odds))) @ terms
        free = (factors > 0) | (slope < 0)
        step = np.zeros(count)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        before = factors
        factors = _moved(factors, step, slope, lambda f: _objective(f, terms, weights, pull))
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
        for _ in range(40):
            moved: Vector = np.maximum(0, factors - length * direction)
            if objective(moved) <= before - 1e-4 * float(slope @ (factors - moved)):
                return moved
            length /= 2
    return factors


def _objective(factors: "Vector", terms: "Matrix", weights: "Vector", pull: "Matrix") -> float:
    import numpy as np

    loss = (weights * np.logaddexp(0, -(terms @ factors))).sum()
    return float(loss + factors @ pull @ factors / 2)


def _logistic(x: "Vector") -> "Vector":
    import numpy as np

    result: Vector = np.exp(-np.logaddexp(0, -x))
    return result
