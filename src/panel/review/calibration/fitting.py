"""Fitting: from a judge's answers about control tools to its calibration. Pure, no I/O.

Controls are few, so every criterion is drawn towards one line fitted to all of them together,
taken from the judge's answer on an empty tool; only what its own answers insist on is kept.
Tools that deserve a yes and tools that do not weigh the same in all, however many of each there
are: how common good tools are is not ours to say, and the burden of proof is in the rule already.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from panel.review.calibration.calibration import Calibration, Correction, sigmoid
from panel.review.calibration.logistic import LogisticLine, Point, Ridge, fit, log_loss

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
    """Fit one offset and slope a criterion.

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
        slope = min(max(line.slope, FLATTEST), STEEPEST)
        offset = empty[key] - line.intercept / slope
        rows[key] = Correction(
            offset=round(offset, 4),
            slope=round(slope, 4),
            source="fitted",
            question=questions[key],
        )
    return Calibration(model=model, made=made, criteria=rows)


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


def _weights(samples: Sequence[Sample]) -> list[float]:
    """Give both sides half of the weight; all of it together is the number of samples."""
    deserving = [sum(s.labels.values()) * 2 > len(s.labels) for s in samples]
    good = sum(deserving)
    if good in (0, len(samples)):
        return [1.0] * len(samples)
    each = len(samples) / 2
    return [each / good if yes else each / (len(samples) - good) for yes in deserving]
