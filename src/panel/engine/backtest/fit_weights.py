"""Weights of criteria and reviewers, fitted on which of two tools lived.

The score of a tool is a sum of terms, one a criterion (`rescore.terms_by`). Each term gets a factor
that is never negative, so that a yes never speaks against a tool; equal factors are the plain
weights. Factors are drawn to one common factor, or to one of what numbers decide and one of what
was asked. To which, and how strongly, is chosen by cross-validation over pairs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from panel.engine.backtest.fit_curves import fit_curves, refit
from panel.engine.backtest.fit_threshold import fit_threshold
from panel.engine.backtest.folds import folds, split
from panel.engine.backtest.rescore import AnsweredTool, Term, decided_by_number, terms_by
from panel.foundation.pairwise import (
    common_factors,
    differences,
    fit_factors,
    mean_loss,
    mean_size,
)
from panel.foundation.proportion import Share
from panel.reviews.backtest.fit_report import CurveFit
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.score import Rule
from panel.reviews.weights import (
    Curves,
    FittedOn,
    FittedWeights,
    OutOfSample,
    PersonaWeights,
)

if TYPE_CHECKING:
    from panel.foundation.pairwise import Matrix, Vector

STRENGTHS: Final = (math.inf, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
"""Of the shrinking, the strongest first; of equally good ones the strongest is taken. A weight is
believed beforehand to be its plain one ± 1/√strength of it: 30 is ± 18 %, 0.03 nearly anything."""
FOLDS: Final = 5
PARTNERS: Final = 20
"""Tools that one without a partner is compared with: all of them is too many of a long list."""
LEAST: Final = 0.05
"""Share of its plain weight that a criterion or reviewer keeps: each must count for something."""
MOST: Final = 10.0
"""As in a persona file."""

UNTESTED: Final = OutOfSample(
    plain=Share.of(0, 0),
    fitted=Share.of(0, 0),
    plain_area=None,
    fitted_area=None,
    difference=None,
    beaten=False,
)


class Shrinking(NamedTuple):
    """What factors are drawn to, and how strongly."""

    apart: bool
    """To a common factor of what numbers decide and one of what was asked, not to one of all."""
    strength: float

    @property
    def is_plain(self) -> bool:
        """Whether it leaves the plain weights."""
        return math.isinf(self.strength) and not self.apart


PLAIN: Final = Shrinking(apart=False, strength=math.inf)


@dataclass(frozen=True)
class Fit:
    """What was fitted on some tools."""

    curves: tuple[CurveFit, ...]
    kept: Curves
    """Those that clearly beat the base rate."""
    shrinking: "Shrinking"
    weights: Mapping[str, PersonaWeights]
    ship_at: Mapping[bool, float]
    """The threshold with plain weights (False) and with these (True)."""

    def rule(self, plain: Rule, on: FittedOn, *, weighted: bool, moved: bool = False) -> Rule:
        """Return the plain rule with the curves that were kept.

        If `weighted`, with the weights, and if `moved`, with the threshold that goes with them.
        """
        fitted = FittedWeights(
            fitted_on=on,
            out_of_sample=UNTESTED,
            personas=dict(self.weights) if weighted else {},
            curves=dict(self.kept),
        )
        ship_at = self.ship_at[weighted] if moved else plain.ship_at
        return plain.model_copy(update={"weights": fitted, "ship_at": ship_at})


@dataclass(frozen=True)
class Fitter:
    """Fits on tools of one run."""

    plan: ReviewPlan
    rule: Rule
    """The plain one."""
    on: FittedOn

    def fit(self, tools: Sequence[AnsweredTool]) -> Fit:
        """Fit curves, the strength of the shrinking, weights and thresholds: every choice.

        So that a fit on some of the tools knows nothing of the others.
        """
        curves = fit_curves(tools)
        kept = {curve.fact: curve.curve for curve in curves if curve.kept and curve.curve}
        shrinking = self._shrinking(tools, kept)
        rows = _Terms(self._by_tool(tools, kept), tools)
        terms, counts = rows.comparisons(range(len(tools)))
        common = rows.common(terms, counts, apart=shrinking.apart)
        factors = fit_factors(terms, counts, common, shrinking.strength)
        by_term = dict(zip(rows.names, factors.tolist(), strict=True))
        fit = Fit(curves, kept, shrinking, weights_of(self.plan.personas, by_term), {})
        rules = {
            weighted: fit.rule(self.rule, self.on, weighted=weighted) for weighted in (False, True)
        }
        return replace(
            fit,
            ship_at={
                weighted: fit_threshold(rule, self.plan, tools) for weighted, rule in rules.items()
            },
        )

    def _by_tool(self, tools: Sequence[AnsweredTool], curves: Curves) -> list[dict[Term, float]]:
        rule = Fit((), curves, PLAIN, {}, {}).rule(self.rule, self.on, weighted=False)
        return [terms_by(rule, self.plan, tool) for tool in tools]

    def _shrinking(self, tools: Sequence[AnsweredTool], kept: Curves) -> Shrinking:
        """Return that which ranks pairs best that were held out; of equal ones the plainest."""
        losses = {Shrinking(apart, s): 0.0 for apart in (False, True) for s in STRENGTHS}
        for held in folds([tool.case for tool in tools], FOLDS):
            seen = split(len(tools), held)
            curves = refit(tuple(kept), [tools[place] for place in seen]) if kept else {}
            rows = _Terms(self._by_tool(tools, curves), tools)
            (train, counts), (test, weights) = rows.comparisons(seen), rows.comparisons(held)
            if not (len(train) and len(test)):
                continue
            for apart in (False, True):
                factors, common = None, rows.common(train, counts, apart=apart)
                for strength in STRENGTHS:
                    factors = fit_factors(train, counts, common, strength, factors)
                    loss = mean_loss(factors, test, weights) * float(weights.sum())
                    losses[Shrinking(apart, strength)] += loss
        return min(losses, key=lambda shrinking: round(losses[shrinking], 9))


class _Terms:
    """The terms of tools, a row each, and the comparisons between them."""

    def __init__(
        self, by_tool: Sequence[Mapping[Term, float]], tools: Sequence[AnsweredTool]
    ) -> None:
        self.names = sorted({name for terms in by_tool for name in terms})
        self._cases = [tool.case for tool in tools]
        rows = [[terms.get(name, 0.0) for name in self.names] for terms in by_tool]
        # Of one size whatever the judge: strengths mean the same for all.
        size = mean_size(differences(rows, self._compared(range(len(rows))))[0])
        self._rows = [[term / (size or 1.0) for term in row] for row in rows]
        decided = decided_by_number(tools)
        self._decided = [name in decided for name in self.names]

    def common(self, terms: "Matrix", counts: "Vector", *, apart: bool) -> "Vector":
        """Return what the factor of each term is drawn to."""
        return common_factors(terms, counts, self._decided if apart else None)

    def comparisons(self, places: Sequence[int]) -> "tuple[Matrix, Vector]":
        """Return a row for each pair among these tools, and its weight."""
        return differences(self._rows, self._compared(places))

    def _compared(self, places: Sequence[int]) -> list[tuple[int, int, float]]:
        """Return who lived, who died, and for how many pairs that stands.

        A tool without a partner is compared with some of the other fate, up to `PARTNERS`: together
        these count as many as pairs could be made of them.
        """
        partners: dict[str, dict[str, int]] = {}
        for place in places:
            if (pair := self._cases[place].pair) is not None:
                partners.setdefault(pair, {})[self._cases[place].fate] = place
        whole = {name: two for name, two in partners.items() if len(two) == 2}
        single = [place for place in places if self._cases[place].pair not in whole]
        lived = [place for place in single if self._cases[place].fate == "lived"]
        died = [place for place in single if self._cases[place].fate == "died"]
        crossed = _crossed(lived, died)
        share = min(len(lived), len(died)) / max(len(crossed), 1)
        return [
            *((two["lived"], two["died"], 1.0) for two in whole.values()),
            *((one, other, share) for one, other in crossed),
        ]


def _crossed(lived: Sequence[int], died: Sequence[int]) -> list[tuple[int, int]]:
    """Return each of one group beside up to `PARTNERS` of the other, in turn, none twice."""
    turns = range(min(PARTNERS, len(lived), len(died)))
    if len(lived) < len(died):
        return [(one, other) for other, one in _crossed(died, lived)]
    return [(one, died[(n + k) % len(died)]) for n, one in enumerate(lived) for k in turns]


def weights_of(
    personas: Sequence[Persona], factors: Mapping[Term, float]
) -> dict[str, PersonaWeights]:
    """Return the weights that factors of the terms come to.

    Within a persona the sum of weights stays, and so does that of the reviewers: a score depends on
    ratios alone. A criterion that no tool answered is left out, and keeps its plain weight.
    """
    shares: dict[str, float] = {}
    for persona in personas:
        known = [c for c in persona.criteria if (persona.name, c.id) in factors]
        total = sum(c.weight for c in known)
        weighted = sum(c.weight * factors[persona.name, c.id] for c in known)
        if known:
            shares[persona.name] = weighted / total
    votes = sum(p.weight for p in personas if p.name in shares)
    mean = sum(p.weight * shares[p.name] for p in personas if p.name in shares) / (votes or 1.0)
    return {
        persona.name: PersonaWeights(
            weight=_bounded(persona.weight, shares[persona.name] / mean if mean else 1.0),
            criteria={
                c.id: _bounded(
                    c.weight,
                    factors[persona.name, c.id] / shares[persona.name]
                    if shares[persona.name]
                    else 1.0,
                )
                for c in persona.criteria
                if (persona.name, c.id) in factors
            },
        )
        for persona in personas
        if persona.name in shares
    }


def _bounded(plain: float, factor: float) -> float:
    return round(min(MOST, plain * max(LEAST, factor)), 4)
