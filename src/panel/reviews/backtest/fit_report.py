"""The result of a fit on a backtest: the JSON contract `panel.fit/1`. Types only."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from panel.foundation.proportion import Share
from panel.reviews.backtest.report import RankedBy
from panel.reviews.weights import FigureDifference, FittedCurve, FittedOn


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RuleFigures(_Part):
    """How a rule does on tools that it was not fitted on."""

    score: RankedBy
    brier: float | None
    """Mean squared error of ship % as a probability of living; None where no tool has one."""
    shipped_lived: Share
    """Tools that lived whose verdict was ship."""
    shipped_died: Share


class RuleDifferences(_Part):
    """The figures of a rule less those of another, over tools that have both."""

    pairs: FigureDifference | None
    """Of the share of pairs ranked right; None without pairs."""
    area: FigureDifference | None
    """Of the AUC; None where a fate is missing."""
    brier: FigureDifference | None
    """Of the Brier score: below 0 is better."""


class CriterionFit(_Part):
    """The weight of one criterion."""

    criterion: str
    question: str
    plain: float
    fitted: float


class PersonaFit(_Part):
    """The weight of one reviewer's vote, and those of its criteria."""

    persona: str
    plain: float
    fitted: float
    criteria: tuple[CriterionFit, ...]


class CurveFit(_Part):
    """P(lived) by one number alone, and what it is worth beside the base rate."""

    fact: str
    label: str
    curve: FittedCurve | None
    """None where too few tools have the number, or none of one fate."""
    tools: int
    """Tools that have the number."""
    gain: FigureDifference | None
    """Base rate's Brier score less the curve's, both cross-validated: above 0 is better."""
    kept: bool
    """The gain is clearly above 0."""


class ThresholdFit(_Part):
    """The score from which a reviewer ships, with the weights and curves that were kept."""

    plain: float
    fitted: float
    """Chosen on all tools."""
    rule: RuleFigures
    """With a threshold that was fitted without the tool in question."""
    gain: FigureDifference | None
    """Share of the lived that ship less that of the died, beyond that of the plain threshold."""
    kept: bool
    """The gain is clearly above 0, and there are enough tools of each fate."""


class FitReport(BaseModel):
    """What was fitted on a backtest, held against the plain rule out of sample."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["panel.fit/1"] = Field(default="panel.fit/1", alias="schema")
    created: datetime
    fitted_on: FittedOn
    samples: int
    folds: int
    """Parts of the list, each left out once; a pair is never divided."""
    plain: RuleFigures
    """The plain rule: nothing fitted."""
    curves_only: RuleFigures
    """Plain weights, with the curves that were kept; as `plain` where none was."""
    fitted: RuleFigures
    """Fitted weights, with the same curves."""
    by_curves: RuleDifferences
    """`curves_only` less `plain`."""
    by_weights: RuleDifferences
    """`fitted` less `curves_only`."""
    beaten: bool
    """The plain weights are clearly beaten: they are to be replaced."""
    because: str
    """Why, in words."""
    apart: bool = False
    """Weights are drawn together among what numbers decide and among what was asked, not all."""
    strength: float | None
    """Of the shrinking, chosen on all tools; None: infinite."""
    threshold: ThresholdFit
    personas: tuple[PersonaFit, ...]
    curves: tuple[CurveFit, ...]
    written: str | None = None
    """The file that was written; None: none."""
    anyway: bool = False
    """It holds fitted weights that do not clearly beat the plain ones."""
    notes: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the weights fitted on all tools are the plain ones."""
        return self.strength is None and not self.apart

    @property
    def kept_rule(self) -> RuleFigures:
        """The figures of what was kept of weights and curves, at the plain threshold."""
        return self.fitted if self.beaten else self.curves_only

    @property
    def kept_curves(self) -> tuple[CurveFit, ...]:
        """The curves that clearly beat the base rate."""
        return tuple(curve for curve in self.curves if curve.kept)
