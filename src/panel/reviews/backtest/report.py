"""The result of a backtest: the JSON contract `panel.backtest/1`. Types only."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from panel.foundation.proportion import Share
from panel.llm.config import Ask
from panel.reviews.calibration.report import Bin
from panel.reviews.verdict.scorecard import Outcome, RunUsage

Fate = Literal["lived", "died"]
"""What became of a tool."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Area(_Part):
    """The area under the ROC curve, 0–1, with its 95 % interval; None where too few were drawn."""

    value: float
    low: float | None
    high: float | None


class RankedBy(_Part):
    """How one number ranks the tools: those that lived should have the better one."""

    name: str
    """`score`, `ship_percent`, a persona, `persona.criterion` or a column of outcomes.csv."""
    label: str
    """The same for people."""
    tools: int
    """Tools that have the number; a pair counts where both have it."""
    pairs: Share
    """Pairs ranked right; equal numbers count one half."""
    area: Area | None
    """None where all tools with the number share one fate."""


class Baseline(RankedBy):
    """How a column of outcomes.csv ranks the tools by itself."""

    better: Literal["more", "fewer"]
    """Which numbers speak for a tool."""
    by_outcome: bool
    """`better` is not known beforehand: it is the direction that ranks these very tools better."""
    unknown: int
    """Tools without the number, which rank behind all others."""


class Stratum(_Part):
    """The figures over some of the tools."""

    name: str
    """`all`, `without a label note` or `known after DATE`."""
    lived: int
    died: int
    shipped_lived: Share
    """Tools that lived whose verdict was ship."""
    shipped_died: Share
    undecided: int
    """Tools whose verdict is neither ship nor skip: split, hold or incomplete."""
    brier: float | None
    """Mean squared error of ship % as a probability of living; None where no tool has one."""
    brier_base: float | None
    """The same of the share that lived, said of each of these tools."""
    forecasts: int
    """Tools with a ship %, over which both are taken."""
    score: RankedBy
    ship_percent: RankedBy
    personas: tuple[RankedBy, ...]
    """By the personas' scores."""
    criteria: tuple[RankedBy, ...]
    """By probability of yes, or by the answer: yes 1, unclear ½, no 0."""
    baselines: tuple[Baseline, ...]
    chosen_baseline: RankedBy | None = None
    """The best column alone, for each fold of pairs chosen on the others; None without pairs."""

    @property
    def tools(self) -> int:
        """Tools of this stratum that were reviewed."""
        return self.lived + self.died


class BacktestTool(_Part):
    """One tool: what the panel said, and what became of it."""

    slug: str
    name: str
    pair: str | None
    fate: Fate
    outcome: Outcome
    score: float | None
    ship_percent: float | None
    why: str = Field(default="", exclude_if=lambda text: not text)
    label_note: str = Field(default="", exclude_if=lambda text: not text)


class BacktestReport(BaseModel):
    """A judge, held against what became of the tools of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["panel.backtest/1"] = Field(default="panel.backtest/1", alias="schema")
    run: str
    created: datetime
    folder: str
    """The name of the folder of the list and its outcomes."""
    shown: str
    """`as listed`, or what was masked and left out."""
    provider: str
    model: str
    asked: Ask
    samples: int
    personas: tuple[str, ...]
    as_of: tuple[date, date] | None
    """The first and last day of which the evidence is; None where no row tells."""
    listed: int
    """Tools of the list; fewer were reviewed with a limit, or where a run was stopped."""
    missing: Share
    """Reviews that could not be had."""
    strata: tuple[Stratum, ...]
    """`all` first."""
    roc: tuple[tuple[float, float], ...]
    """Corners of the curve by score: share of the died, share of the lived at or above it."""
    reliability: tuple[Bin, ...]
    """Share of tools that lived, by ship %."""
    tools: tuple[BacktestTool, ...]
    """Those of pairs first, by pair."""
    usage: RunUsage
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> Stratum:
        """The figures over all tools."""
        return self.strata[0]
