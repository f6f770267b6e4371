"""Fitting: from a judge's answers about control tools to its calibration. Pure, no I/O.

Logistic regression with a ridge towards given values: Newton's method on the penalised likelihood
(Hoerl and Kennard's ridge for logistic regression as in le Cessie and van Houwelingen, 1992,
"Ridge Estimators in Logistic Regression", Applied Statistics 41), two parameters; without the
ridge it is Platt's scaling (1999).

Controls are few, so every criterion is drawn towards one line fitted to all of them together,
taken from the judge's answer on an empty tool. Tools that deserve a yes and tools that do not have
the same total weight, however many of each there are: the base rate of good tools is not known
here, and the burden of proof is in the rule already.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from panel.reviews.calibration.calibration import Calibration, CommonLine, Correction, sigmoid


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


POOL: Final = Ridge(LogisticLine(1.0, 0.0), slope=0.01, intercept=0.01)
"""For the line of all criteria together: hardly any pull, towards the plain difference."""

SLOPE_PULL: Final = 10.0
INTERCEPT_PULL: Final = 1.0
"""For one criterion: as if its slope were known to ±0.3 and its intercept to ±1."""

STEEPEST: Final = 20.0
FLATTEST: Final = 0.05


class Sample(NamedTuple):
    """One control tool as the judge saw it."""

    differences: Mapping[str, float]
    """Raw yes/no difference by `persona.criterion`."""
    labels: Mapping[str, float]
    """The right answers, 1 or 0."""


def fit_calibration(
    model: str,
    made: str,
    samples: Sequence[Sample],
    empty: Mapping[str, float],
    questions: Mapping[str, str],
) -> Calibration:
    """Fit one offset and slope a criterion, and one line for all of them together.

    Args:
        model: The judge.
        made: When and from what, for people.
        samples: Control tools.
        empty: The judge's differences on an empty tool: the content-free offsets.
        questions: The wording that was asked, by `persona.criterion`.
    """
    pooled = _fit(samples, empty, list(empty), POOL)
    own = Ridge(pooled, slope=SLOPE_PULL, intercept=INTERCEPT_PULL)
    rows = {}
    for key in empty:
        line = _fit(samples, empty, [key], own)
        slope = _bounded(line.slope)
        offset = empty[key] - line.intercept / slope
        rows[key] = Correction(
            offset=round(offset, 4),
            slope=round(slope, 4),
            source="fitted",
            question=questions[key],
        )
    common = CommonLine(
        slope=round(_bounded(pooled.slope), 4), intercept=round(pooled.intercept, 4)
    )
    return Calibration(model=model, made=made, criteria=rows, common=common)


class HeldOut(NamedTuple):
    """How well a fit does on controls it has not seen."""

    loss: float
    """Mean negative log-likelihood; 0.693 is a coin."""
    right: float
    """Share of answers on the right side of one half."""


def cross_validate(
    samples: Sequence[Sample], empty: Mapping[str, float], questions: Mapping[str, str]
) -> HeldOut:
    """Leave every control out once, fit on the others, and judge it."""
    return held_out(samples, left_out(samples, empty, questions))


def left_out(
    samples: Sequence[Sample], empty: Mapping[str, float], questions: Mapping[str, str]
) -> list[Calibration]:
    """Return for every control the fit that has not seen it."""
    return [
        fit_calibration("", "", [*samples[:n], *samples[n + 1 :]], empty, questions)
        for n in range(len(samples))
    ]


def held_out(samples: Sequence[Sample], fits: Sequence[Calibration]) -> HeldOut:
    """Judge each control by the calibration beside it; there must be at least one answer."""
    loss = right = 0.0
    for held, made in zip(samples, fits, strict=True):
        for key, label in held.labels.items():
            row, x = made.criteria[key], held.differences[key]
            line = LogisticLine(row.slope, -row.slope * row.offset)
            loss += log_loss(line, [Point(x, label)])
            right += (sigmoid(line.slope * x + line.intercept) > 0.5) == (label > 0.5)
    count = sum(len(s.labels) for s in samples)
    return HeldOut(loss / count, right / count)


def _fit(
    samples: Sequence[Sample], empty: Mapping[str, float], keys: Sequence[str], ridge: Ridge
) -> LogisticLine:
    points = [
        Point(sample.differences[key] - empty[key], sample.labels[key], weight)
        for sample, weight in zip(samples, _weights(samples), strict=True)
        for key in keys
    ]
    return fit(points, ridge)


def _bounded(slope: float) -> float:
    return min(max(slope, FLATTEST), STEEPEST)


def _weights(samples: Sequence[Sample]) -> list[float]:
    """Give both sides half of the weight; all of it together is the number of samples."""
    deserving = [sum(s.labels.values()) * 2 > len(s.labels) for s in samples]
    good = sum(deserving)
    if good in (0, len(samples)):
        return [1.0] * len(samples)
    half = len(samples) / 2
    return [half / good if yes else half / (len(samples) - good) for yes in deserving]
