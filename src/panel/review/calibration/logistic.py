"""Logistic regression with a ridge towards given values: one offset and slope a criterion.

Newton's method on the penalised likelihood (Hoerl and Kennard's ridge for logistic regression as
in le Cessie and van Houwelingen, 1992, "Ridge Estimators in Logistic Regression", Applied
Statistics 41), two parameters, pure Python; without the ridge it is Platt's scaling (1999). Knows
numbers only.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from panel.review.calibration.calibration import sigmoid


class LogisticLine(NamedTuple):
    """log-odds of yes = slope × difference + intercept."""

    slope: float
    intercept: float


class Ridge(NamedTuple):
    """Where the parameters are drawn to, and how strongly: 1 / variance of a normal prior."""

    towards: LogisticLine
    slope: float
    intercept: float


class Point(NamedTuple):
    """One answer whose right answer is known."""

    difference: float
    """ln p(yes) − ln p(no), as the judge gave it."""
    label: float
    """1 for yes, 0 for no."""
    weight: float = 1.0
    """For how many answers it stands."""


def fit(points: Sequence[Point], ridge: Ridge) -> LogisticLine:
    """Return the line of highest penalised likelihood.

    Args:
        points: What is known.
        ridge: The prior; both strengths must be positive, which makes the optimum unique.
    """
    a, b = ridge.towards
    for _ in range(100):
        step_a, step_b = _newton(points, ridge, LogisticLine(a, b))
        a, b = a - step_a, b - step_b
        if abs(step_a) + abs(step_b) < 1e-9:
            break
    return LogisticLine(a, b)


def log_loss(line: LogisticLine, points: Sequence[Point]) -> float:
    """Return the mean negative log-likelihood, every point counted by its weight."""
    total = 0.0
    for x, y, weight in points:
        p = min(max(sigmoid(line.slope * x + line.intercept), 1e-12), 1 - 1e-12)
        total -= weight * (y * math.log(p) + (1 - y) * math.log(1 - p))
    return total / sum(point.weight for point in points)


def _newton(points: Sequence[Point], ridge: Ridge, at: LogisticLine) -> tuple[float, float]:
    """Return gradient over curvature: the two-by-two system solved by hand, step limited."""
    grad_a = ridge.slope * (at.slope - ridge.towards.slope)
    grad_b = ridge.intercept * (at.intercept - ridge.towards.intercept)
    aa, ab, bb = ridge.slope, 0.0, ridge.intercept
    for x, y, weight in points:
        p = sigmoid(at.slope * x + at.intercept)
        w = weight * p * (1 - p)
        grad_a += weight * (p - y) * x
        grad_b += weight * (p - y)
        aa, ab, bb = aa + w * x * x, ab + w * x, bb + w
    det = aa * bb - ab * ab
    steps = (bb * grad_a - ab * grad_b) / det, (aa * grad_b - ab * grad_a) / det
    longest = max(abs(steps[0]), abs(steps[1]))
    scale = min(1.0, 2.0 / longest) if longest else 1.0
    return steps[0] * scale, steps[1] * scale
