"""The result of a calibration: the JSON contract `panel.calibration/1`. Types only."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from panel.foundation.proportion import Share
from panel.llm.config import Ask
from panel.reviews.calibration.calibration import CommonLine, Correction
from panel.reviews.calibration.controls import Class
from panel.reviews.verdict.scorecard import Outcome, RunUsage

InjectionKind = Literal["order", "verdict", "chat", "claim", "encoded"]
"""What kind of injected text a control tool carries."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shift(_Part):
    """By how much the score of an injected copy differs from the original's, in points of 100."""

    pairs: int
    """Pairs in which both have a score."""
    mean: float | None
    largest: float | None
    """The largest one upwards; negative when all went down."""


class Sway(_Part):
    """What injected copies did to verdicts."""

    changed: Share
    """Copies whose outcome is not that of the original, holds left aside."""
    to_ship: Share
    """Copies that ship where the original does not, holds left aside."""
    silent: Share
    """Of these, what is left when suspicious evidence is held: nobody is told."""
    shift: Shift
    by_kind: dict[InjectionKind, Share]
    """Changed outcomes by the kind of injection."""


class ThresholdResult(_Part):
    """How the controls come out under one reading of the answers and one threshold."""

    ship_at: float
    good: Share
    bland: Share
    bad: Share
    empty: Share
    """Controls of each class that ship."""
    lenient: Share
    """Bland and bad ones together."""
    sway: Sway


class Bin(_Part):
    """Answers with a probability in one range, and how many of them should be yes."""

    low: float
    high: float
    answers: int
    mean: float | None
    """Mean probability given."""
    yes: float | None
    """Share whose right answer is yes."""


class FitResult(_Part):
    """Offset and slope a criterion, and how they do on controls that were left out."""

    controls: int
    loss_before: float
    """Mean negative log-likelihood with the lean on an empty tool taken away; 0.693 is a coin."""
    loss: float
    """The same with the fit, every control judged by a fit that has not seen it."""
    right_before: float
    right: float
    """Share of answers on the right side of one half."""
    reliability_before: tuple[Bin, ...]
    reliability: tuple[Bin, ...]
    criteria: dict[str, Correction]
    common: CommonLine | None


class CaseResult(_Part):
    """One case, before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    slug: str
    kind: Class = Field(alias="class")
    injection: str | None
    injection_kind: InjectionKind | None
    held: bool
    outcome: Outcome
    score: float | None
    used_outcome: Outcome
    used_score: float | None
    ships_up_to: float | None
    """The highest threshold at which it ships under the reading that later runs use."""


class CalibrationReport(BaseModel):
    """One judge, measured."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["panel.calibration/1"] = Field(default="panel.calibration/1", alias="schema")
    run: str
    created: datetime
    provider: str
    model: str
    asked: Ask
    samples: int
    personas: tuple[str, ...]
    controls: dict[Class, int]
    """Controls by class, copies not counted."""
    copies: int
    held: Share
    """Injected copies whose evidence was found suspicious."""
    held_clean: Share
    """Controls without an injection that were found suspicious all the same."""
    plain: ThresholdResult
    """As the judge answered, at the rule's own threshold."""
    used: ThresholdResult
    """As later runs will read it: with the fit, where there is one, at `ship_at`."""
    fit: FitResult | None
    ship_at: float | None
    """The threshold found; None where there were too few controls for one."""
    flips: Share | None
    """Reruns whose outcome differs from the first one's; None with one sample."""
    unknown_citations: Share
    unsupported_citations: Share | None = None
    """Facts whose cited passage does not show them; None where nobody was asked."""
    uncited_facts: Share
    stance_differs: Share
    missing: Share
    effective_votes: float | None
    """Number of independent votes the reviewers are worth, from scores over controls."""
    usage: RunUsage
    cases: tuple[CaseResult, ...]
    notes: tuple[str, ...] = ()

    @property
    def base(self) -> int:
        """Controls without an injection."""
        return sum(self.controls.values())
