"""Curves: the probability that a tool lives by one number known of it, fitted on fates. Pure.

Logistic regression on ln(1 + x) with a ridge, by the code that fits calibrations. An age may only
speak against a tool, a count only for it: where the outcomes say otherwise the curve is flat.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from panel.engine.backtest.folds import folds, split
from panel.engine.backtest.outcomes import BacktestCase
from panel.engine.backtest.ranked import two_classes
from panel.engine.backtest.rescore import AnsweredTool
from panel.evidence.facts import Fact
from panel.foundation.ranking import mean_interval
from panel.reviews.backtest.fit_report import CurveFit
from panel.reviews.calibration.fitting import LogisticLine, Point, Ridge, fit
from panel.reviews.fact_rules import NUMERIC, NumericFact, number
from panel.reviews.weights import FigureDifference, FittedCurve

FOLDS: Final = 10
FEWEST: Final = 10
"""Tools of each fate that a curve is fitted on, at least."""
_SLOPE_PULL: Final = 1.0
"""As if the slope were known to be within ±1 for each standard deviation of ln(1 + x)."""
_INTERCEPT_PULL: Final = 0.01


def fit_curves(tools: Sequence[AnsweredTool]) -> tuple[CurveFit, ...]:
    """Return the curve of each number that conditions can name, cross-validated."""
    return tuple(_curve_fit(fact, tools) for fact in NUMERIC)


def refit(kept: Sequence[str], tools: Sequence[AnsweredTool]) -> dict[str, FittedCurve]:
    """Return the curves of the facts of these names, fitted on other tools; of few, none."""
    curves = {}
    for fact in NUMERIC:
        known = _known(fact, tools)
        if fact.name in kept and _fewest(known) > 0:
            curves[fact.name] = _fitted(fact, known, 0.0, 0.0)
    return curves


class _Known(NamedTuple):
    """A tool of which the number is known."""

    case: BacktestCase
    x: int

    @property
    def lived(self) -> bool:
        return self.case.fate == "lived"


def _known(fact: NumericFact, tools: Sequence[AnsweredTool]) -> list[_Known]:
    facts: list[tuple[BacktestCase, Fact]] = [
        (tool.case, getattr(tool.facts, fact.field)) for tool in tools
    ]
    return [_Known(case, number(read)) for case, read in facts if read.value is not None]


def _fewest(known: Sequence[_Known]) -> int:
    lived = sum(tool.lived for tool in known)
    return min(lived, len(known) - lived)


def _curve_fit(fact: NumericFact, tools: Sequence[AnsweredTool]) -> CurveFit:
    known = _known(fact, tools)
    if _fewest(known) < FEWEST:
        return CurveFit(
            fact=fact.name, label=fact.label, curve=None, tools=len(known), gain=None, kept=False
        )
    losses = _held_out(fact, known)
    gains = two_classes((t.case for t in known), lambda case: losses[case.tool.slug].gain)
    low, high = mean_interval(gains) or (None, None)
    brier = math.fsum(loss.curve for loss in losses.values()) / len(losses)
    base = math.fsum(loss.base for loss in losses.values()) / len(losses)
    gain = FigureDifference(value=round(base - brier, 4), low=rounded(low), high=rounded(high))
    return CurveFit(
        fact=fact.name,
        label=fact.label,
        curve=_fitted(fact, known, brier, base),
        tools=len(known),
        gain=gain,
        kept=gain.is_above_zero,
    )


class _Loss(NamedTuple):
    """A tool's squared error by a curve and by a base rate that did not know it."""

    curve: float
    base: float

    @property
    def gain(self) -> float:
        return self.base - self.curve


def _held_out(fact: NumericFact, known: Sequence[_Known]) -> dict[str, _Loss]:
    losses = {}
    for held in folds([tool.case for tool in known], FOLDS):
        seen = [known[place] for place in split(len(known), held)]
        curve = _fitted(fact, seen, 0.0, 0.0)
        base = sum(tool.lived for tool in seen) / len(seen)
        for tool in (known[place] for place in held):
            p = curve.probability(tool.x)
            losses[tool.case.tool.slug] = _Loss((p - tool.lived) ** 2, (base - tool.lived) ** 2)
    return losses


def _fitted(fact: NumericFact, known: Sequence[_Known], brier: float, base: float) -> FittedCurve:
    logs = [math.log1p(tool.x) for tool in known]
    middle = math.fsum(logs) / len(logs)
    spread = math.sqrt(math.fsum((x - middle) ** 2 for x in logs) / len(logs))
    share = (sum(tool.lived for tool in known) + 0.5) / (len(known) + 1)
    flat = line = LogisticLine(0.0, math.log(share / (1 - share)))
    if spread > 0:
        scaled = ((x - middle) / spread for x in logs)
        points = [Point(x, float(t.lived)) for x, t in zip(scaled, known, strict=True)]
        line = fit(points, Ridge(flat, slope=_SLOPE_PULL, intercept=_INTERCEPT_PULL))
    if spread == 0 or (line.slope > 0) == fact.falls:
        line, spread = flat, 1.0
    slope = line.slope / spread
    return FittedCurve(
        intercept=round(line.intercept - slope * middle, 6),
        slope=round(slope, 6),
        low=min(tool.x for tool in known),
        high=max(tool.x for tool in known),
        tools=len(known),
        brier=round(brier, 4),
        base=round(base, 4),
    )


def rounded(value: float | None) -> float | None:
    """Return a figure as reports have it; None stays."""
    return None if value is None else round(value, 4)
