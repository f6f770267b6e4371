"""What the API answers with, besides scorecards: frozen types, part of its contract. Pure.

`model_validate` reads each from the object that it shows: an `Entry`, a `Tally`, a queued request.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasPath, BaseModel, ConfigDict, Field

from panel.reviews.verdict.scorecard import Outcome, VoteTotals

Rounded = Annotated[float, AfterValidator(lambda number: round(number, 1))]


class _Reply(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", from_attributes=True, validate_by_name=True
    )


class CountReply(_Reply):
    """Votes of one kind of voter."""

    ship: int
    skip: int
    total: int
    ship_percent: Rounded | None = Field(validation_alias="share")
    """None without votes."""
    interval: tuple[Rounded, Rounded] | None
    """Where that percentage lies with 95 % certainty (Wilson); None without votes."""


class TallyReply(_Reply):
    """The community's votes on one tool; the two kinds are never added up."""

    verified: CountReply
    """Of voters who signed in by mail."""
    anonymous: CountReply


class VerdictReply(_Reply):
    """One verdict in short."""

    key: str
    """The tool's name in addresses."""
    name: str = Field(validation_alias=AliasPath("tool", "name"))
    url: str | None = Field(validation_alias=AliasPath("tool", "url"))
    category: str | None = Field(validation_alias=AliasPath("tool", "category"))
    outcome: Outcome = Field(validation_alias=AliasPath("verdict", "outcome"))
    ship_percent: float | None = Field(validation_alias=AliasPath("verdict", "ship_percent"))
    score: float | None = Field(validation_alias=AliasPath("verdict", "score"))
    interval: tuple[float, float] | None = Field(validation_alias=AliasPath("verdict", "interval"))
    votes: VoteTotals = Field(validation_alias=AliasPath("verdict", "votes"))
    created: datetime
    run: str
    provider: str
    model: str


class VerdictList(_Reply):
    """The newest verdict on each tool, newest first."""

    total: int
    """How many there are in all, of which this is a part."""
    verdicts: tuple[VerdictReply, ...]


class HistoryReply(_Reply):
    """Every verdict on one tool, oldest first."""

    key: str
    verdicts: tuple[VerdictReply, ...] = Field(validation_alias="entries")


class CategoryReply(_Reply):
    """A category and how many tools are in it."""

    name: str | None
    """None: tools without a category."""
    tools: int


class TalliesReply(_Reply):
    """Votes by the tool's key; tools without votes are left out."""

    tallies: dict[str, TallyReply]


class RequestReply(_Reply):
    """A request for a review."""

    id: int
    name: str
    state: Literal["queued", "running", "done", "failed"]
    key: str | None
    """The tool's name in addresses, once there is a verdict."""
    message: str | None
    """Why it failed."""
    created: datetime


class VoteReply(_Reply):
    """What a vote has led to."""

    choice: Literal["ship", "skip"] | None
    tally: TallyReply


class BatchReply(_Reply):
    """Votes that came from one network."""

    mark: str
    """Names the network; its address is not kept."""
    votes: int
    identities: int
    tools: int
    first: datetime
    last: datetime


class RemovedReply(_Reply):
    """How many votes were removed."""

    removed: int


class Problem(_Reply):
    """Why something was not done."""

    error: str
    """A code that stays the same across releases."""
    message: str
    """The same in one sentence."""
