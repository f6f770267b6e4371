"""A scorecard: a verdict with everything that backs it, the JSON contract `panel.scorecard/2`.

Cards of runs before 0.2 are `panel.scorecard/1`: the same without what came later, still read.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from panel.evidence.facts import Facts
from panel.evidence.source import Source
from panel.evidence.tools.tool import KindOrigin, ToolKind
from panel.llm.config import Ask
from panel.llm.types import Usage
from panel.reviews.review import Missing, Review

Outcome = Literal["ship", "skip", "split", "hold", "incomplete"]


class VoteTotals(BaseModel):
    """How the personas voted; the four counts add up to the personas asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ship: int = 0
    skip: int = 0
    abstain: int = 0
    missing: int = 0


class Verdict(BaseModel):
    """What the panel says about a tool."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")

    outcome: Outcome
    ship_percent: float | None = Field(default=None, ge=0, le=100)
    """Weighted share of ship among voting personas; None when none voted."""
    score: float | None = Field(default=None, ge=0, le=100)
    interval: tuple[float, float] | None = None
    """Range of the score over samples; None with one sample."""
    votes: VoteTotals
    effective_votes: float | None = None
    """Number of independent votes the personas are worth, from their correlation over samples."""
    notes: tuple[str, ...] = ()


class CardTool(BaseModel):
    """The tool as the contract shows it: a `Tool` without its local files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    slug: str
    url: str | None = None
    category: str | None = None
    kind: ToolKind | None = Field(default=None, exclude_if=lambda kind: kind is None)
    kind_origin: KindOrigin | None = Field(default=None, exclude_if=lambda origin: origin is None)
    """None where somebody stated the kind."""
    tagline: str | None = None
    price: str | None = None
    description: str | None = None


class CardJudge(BaseModel):
    """The model that answered for one persona."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    persona: str
    provider: str
    model: str
    asked: Ask


class RunUsage(Usage):
    """Usage of everything asked about one tool: sums of what is known, None where nothing is."""

    calls: int = 0
    unpriced_calls: int = 0
    uncounted_calls: int = 0
    """Calls whose tokens the server did not tell: the sums leave them out. Not written when 0."""
    reused_calls: int = 0
    """Answers taken from an earlier run instead of being asked again."""
    seconds: float = 0.0
    """Wall time from first question to verdict."""

    @model_serializer(mode="wrap")
    def _without_zero(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Left out where nothing is unknown: cards of earlier versions stay what they were.
        data: dict[str, Any] = handler(self)
        if not data.get("uncounted_calls"):
            data.pop("uncounted_calls", None)
        return data


def _sum_known(counts: Iterable[int | None]) -> int | None:
    """Return the sum of the counts that are known; None where there are some and none is known."""
    values = list(counts)
    known = [count for count in values if count is not None]
    return sum(known) if known or not values else None


def total_usage(usages: Iterable[RunUsage]) -> RunUsage:
    """Return the sums of what is known; a cost or tokens that no usage knows are None."""
    values = list(usages)
    costs = [usage.cost_usd for usage in values if usage.cost_usd is not None]
    return RunUsage(
        calls=sum(usage.calls for usage in values),
        input_tokens=_sum_known(usage.input_tokens for usage in values),
        cached_tokens=_sum_known(usage.cached_tokens for usage in values),
        output_tokens=_sum_known(usage.output_tokens for usage in values),
        cost_usd=round(sum(costs), 9) if costs else None,
        unpriced_calls=sum(usage.unpriced_calls for usage in values),
        uncounted_calls=sum(usage.uncounted_calls for usage in values),
        reused_calls=sum(usage.reused_calls for usage in values),
        seconds=round(sum(usage.seconds for usage in values), 3),
    )


class Scorecard(BaseModel):
    """One tool's verdict and all that backs it (DESIGN §10)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["panel.scorecard/1", "panel.scorecard/2"] = Field(
        default="panel.scorecard/2", alias="schema"
    )
    run: str
    created: datetime
    provider: str
    """Of several, all, with commas between them; likewise the model."""
    model: str
    asked: Ask
    """How the run's own model was asked; `judges` says it for each reviewer."""
    tool: CardTool
    verdict: Verdict
    ship_at: float | None = Field(default=None, exclude_if=lambda score: score is None)
    """The score from which a reviewer ships; None in cards before 0.2, which did not say."""
    judges: tuple[CardJudge, ...] = Field(default=(), exclude_if=lambda judges: not judges)
    """Who answered for whom, also for a missing review; empty in older cards: one model for all."""
    reviews: tuple[Review, ...]
    missing: tuple[Missing, ...]
    evidence: tuple[Source, ...]
    facts: Facts = Facts()
    """What code read from the evidence about price, licence and upkeep."""
    usage: RunUsage
    warnings: tuple[str, ...] = ()
