"""The review plan: everything a run reviews with, the same for each of its tools."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from panel.llm.config import ProviderConfig
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.choices import ReviewChoices
from panel.reviews.personas import Persona
from panel.reviews.score import Rule

SAMPLING_TEMPERATURE: Final = 0.7
"""With several samples, so that their answers can differ. One sample is asked at 0."""


@dataclass(frozen=True)
class CalibratedJudge:
    """A model that answers for reviewers, and how its answers are read."""

    config: ProviderConfig
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()
    """Of a fallback: lines for the cards that it answers for, with how it did on control tools."""


@dataclass(frozen=True, kw_only=True)
class ReviewPlan(ReviewChoices):
    """What a run reviews with. Made once, when its provider is opened, and passed whole."""

    personas: tuple[Persona, ...]
    judge: ProviderConfig
    """The model that answers for the personas, but for those of `judges`."""
    rule: Rule
    calibration: Calibration | None = None
    """The judge's calibration; None asks about an empty tool instead."""
    judges: Mapping[str, CalibratedJudge] = field(default_factory=dict)
    """By persona, where another model or provider answers for it."""
    fallbacks: tuple[CalibratedJudge, ...] = ()
    """In order: whoever is asked where a reviewer's own judge cannot answer; each of a provider of
    its own."""
    earlier_fallbacks: tuple[CalibratedJudge, ...] = ()
    """Those that answered for reviews of this run and are asked no more."""
    support: ProviderConfig | None = None
    """Who is asked whether cited passages support their findings; None: nobody."""
    calibrates: bool = False
    """The run measures its judge: written parts that cost calls of their own are left out, and
    facts that their passage does not show are counted and not made unclear."""
    secret: bytes = b""
    """Keys the marker of the evidence fence; not stored, and not part of a request's key."""
    warnings: tuple[str, ...] = ()
    """Lines that every scorecard of the run carries."""
    judge_note: str = ""
    """How the judge did on control tools and in a backtest, in one line, or that it was never
    measured."""

    def of(self, persona: str) -> Self:
        """Return the plan as one persona is asked by it: judge and calibration are its own."""
        if (own := self.judges.get(persona)) is None:
            return self
        return replace(self, judge=own.config, calibration=own.calibration)

    def chain(self, persona: str) -> tuple[str, ...]:
        """Return the fallbacks that are asked for a persona, in order, behind "" for its judge."""
        if not self.fallbacks:
            return ("",)
        own = self.of(persona).judge.provider
        names = (fallback.config.provider for fallback in self.fallbacks)
        return ("", *(name for name in names if name != own))

    def asking(self, fallbacks: Mapping[str, str]) -> Self:
        """Return the plan in which fallbacks answer, named by persona; "" is its own judge."""
        known = {f.config.provider: f for f in (*self.earlier_fallbacks, *self.fallbacks)}
        others = {persona: known[name] for persona, name in fallbacks.items() if name in known}
        return replace(self, judges={**self.judges, **others}) if others else self

    def furthest(self, fallbacks: Iterable[str]) -> str:
        """Return the last in order of the fallbacks named; "" comes before all."""
        known = (*self.earlier_fallbacks, *self.fallbacks)
        order = ["", *(fallback.config.provider for fallback in known)]
        return max((name for name in fallbacks if name in order), key=order.index, default="")

    @property
    def temperature(self) -> float:
        """The temperature that every question is asked at."""
        return SAMPLING_TEMPERATURE if self.samples > 1 else 0.0
