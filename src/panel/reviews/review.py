"""A review: one persona's findings, written fields, stance and forecast on one tool."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from panel.foundation.errors import MissingReason
from panel.llm.types import Usage
from panel.reviews.fact_rules import PSource

Answer = Literal["yes", "no", "unclear"]
Stance = Literal["ship", "skip"]
Vote = Literal["ship", "skip", "abstain"]


Status = Literal["active", "maintenance", "deprecated", "unknown"]


def _is_empty(value: object) -> bool:
    """Tell what is not written: stored cards without it stay what they were, byte for byte."""
    return value is None or value == "" or value == () or value == {} or value is False


class EarlierAnswer(BaseModel):
    """An answer that the reviewer gave before it was asked again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until: Literal["look_up", "second_look"]
    """Why it was asked again: a missing fact was looked up, or another reviewer contradicted it."""
    answer: Answer
    p: float | None = Field(default=None, ge=0, le=1)
    cites: tuple[str, ...] = ()
    because: str = ""


class FirstStatus(BaseModel):
    """A reviewer's statement about upkeep before a second look."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    cites: tuple[str, ...] = ()


class Finding(BaseModel):
    """A persona's answer to one criterion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    criterion: str
    question: str
    kind: Literal["fact", "judgement"]
    answer: Answer
    p: float | None = Field(default=None, ge=0, le=1)
    """Probability of yes where the provider gives log-probabilities, else None."""
    cites: tuple[str, ...] = ()
    """Passage ids, all valid: unknown ones were dropped and counted."""
    because: str = ""
    says: str = Field(default="", exclude_if=_is_empty)
    """The answer as a statement about the tool; empty in runs before 0.2."""
    weight: float | None = Field(default=None, exclude_if=_is_empty)
    """Of the criterion, to rank findings by; None in runs before 0.2."""
    earlier: tuple[EarlierAnswer, ...] = Field(default=(), exclude_if=_is_empty)
    """The answers before this one, the oldest first; empty where it was not asked again."""
    decided_by: str = Field(default="", exclude_if=_is_empty)
    """The condition on a fact by which code answered, without a model: `last_commit_age < 365 d`.
    Empty where a model answered."""
    p_source: PSource | None = Field(default=None, exclude_if=_is_empty)
    """Where `p` comes from in an answer of code; None where a model gave it."""

    @model_validator(mode="before")
    @classmethod
    def _earlier_in_one_field(cls, data: Any) -> Any:
        """Read runs in which the answer before a look-up and that before a second look stood apart.

        They are `before`, an answer alone, and `first`.
        """
        if not isinstance(data, dict) or not data.keys() & {"before", "first"}:
            return data
        rest = {key: value for key, value in data.items() if key not in ("before", "first")}
        looked_up = data.get("before") and {"until": "look_up", "answer": data["before"]}
        looked = data.get("first") and {"until": "second_look", **data["first"]}
        return {**rest, "earlier": [answer for answer in (looked_up, looked) if answer]}

    def answer_until(self, again: Literal["look_up", "second_look"]) -> EarlierAnswer | None:
        """Return the answer that was given until it was asked again for this reason."""
        return next((answer for answer in self.earlier if answer.until == again), None)


def with_earlier(
    finding: Finding, until: Literal["look_up", "second_look"]
) -> tuple[EarlierAnswer, ...]:
    """Return the earlier answers of the finding that takes the place of this one."""
    answer = EarlierAnswer(
        until=until,
        answer=finding.answer,
        p=finding.p,
        cites=finding.cites,
        because=finding.because,
    )
    return (*finding.earlier, answer)


class LookedUp(BaseModel):
    """What became of a fact that the reviewer missed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fact: str
    """In the reviewer's words, one of `to_look_up`."""
    cites: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    """Passages of the page that was read which are nearest to it."""
    problem: str = Field(default="", exclude_if=_is_empty)
    """Why none was read."""


class Forecast(BaseModel):
    """What the persona predicts, so that time can tell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: str
    probability: float | None = Field(default=None, ge=0, le=1)
    resolve_by: date


class PropositionForecast(BaseModel):
    """The probability that a persona gives one proposition of the closed list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    proposition: str
    """Its id; of a run of another panel it may be one that is not known here."""
    probability: float = Field(ge=0, le=1)
    resolve_by: date


class Review(BaseModel):
    """One persona's review. `vote` and `score` come from code (`verdict`), never from the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    persona: str
    title: str
    vote: Vote
    score: float | None = Field(ge=0, le=100)
    """None when nothing was answered."""
    coverage: float = Field(ge=0, le=1)
    stance: Stance | None
    """The persona's own ship or skip, asked after the findings; reported, never counted."""
    summary: str
    """First person; passage ids in square brackets behind statements of fact: `… [E1.4]`."""
    findings: tuple[Finding, ...]
    fields: dict[str, str] = {}
    """Written parts by id, in runs before 0.2."""
    beats: dict[str, str] = Field(default_factory=dict, exclude_if=_is_empty)
    """The steps of the argument by id, in the persona's order; `summary` is them joined."""
    composed: bool = Field(default=False, exclude_if=_is_empty)
    """Code put the words together from findings and quotes; the model wrote none."""
    turns_on: str = Field(default="", exclude_if=_is_empty)
    """The one fact which, were it otherwise, would turn the vote."""
    status: Status | None = Field(default=None, exclude_if=_is_empty)
    """The tool's upkeep as the persona reads it, with `status_cites` behind it."""
    status_cites: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    first_status: FirstStatus | None = Field(default=None, exclude_if=_is_empty)
    """The status before a second look; None where there was none."""
    to_look_up: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    """Facts that the evidence lacks and somebody could look up, in the persona's words."""
    looked_up: tuple[LookedUp, ...] = Field(default=(), exclude_if=_is_empty)
    """Those of them that were looked up after the judging."""
    not_applicable: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    """Ids of the criteria that a tool of this kind is not asked; they count nowhere."""
    stance_log_odds: float | None = Field(default=None, exclude_if=_is_empty)
    """ln p(ship) − ln p(skip) of the stance, where log-probabilities came."""
    forecast: Forecast | None
    propositions: tuple[PropositionForecast, ...] = Field(default=(), exclude_if=_is_empty)
    """In the order of the list; empty where it was not asked for them, or gave none."""
    provider: str
    model: str
    fallback: str = Field(default="", exclude_if=_is_empty)
    """The provider where it answered because the reviewer's own could not; else empty."""
    usage: Usage = Usage()
    unknown_cites: int = 0
    """Citations of passages that do not exist: dropped."""
    uncited_facts: int = 0
    """Facts answered without a valid citation: made unclear."""
    unsupported: int = 0
    """Facts whose cited passage does not show them, by the second pass: made unclear."""
    own_claims: tuple[str, ...] = ()
    """Figures and names in its words that stand in no passage it was shown: not in evidence."""
    flip_rate: float | None = None
    """With `--samples K`: share of samples whose vote differs from the majority."""
    notes: tuple[str, ...] = ()
    """What the card must say about how this was asked, for instance without log-probabilities."""


class Missing(BaseModel):
    """A review that could not be had. Counted, never a vote."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    persona: str
    reason: MissingReason
    detail: str
    fallback: str = Field(default="", exclude_if=_is_empty)
    """The provider that was asked because the reviewer's own could not answer; else empty."""
