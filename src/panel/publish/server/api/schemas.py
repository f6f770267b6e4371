"""What the API answers with, besides scorecards: frozen types, part of its contract. Pure."""

from dataclasses import asdict
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from panel.publish.community.requests import Request
from panel.publish.community.tally import Tally, VoteCount
from panel.publish.community.votes import VoteBatch
from panel.reviews.verdict.scorecard import Outcome, VoteTotals
from panel.runs.history.entry import Entry, History


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CountReply(_Reply):
    """Votes of one kind of voter."""

    ship: int
    skip: int
    total: int
    ship_percent: float | None
    """None without votes."""
    interval: tuple[float, float] | None
    """Where that percentage lies with 95 % certainty (Wilson); None without votes."""

    @classmethod
    def of(cls, count: VoteCount) -> Self:
        """Return the reply for a count."""
        return cls(
            ship=count.ship,
            skip=count.skip,
            total=count.total,
            ship_percent=_rounded(count.share),
            interval=_both(count.interval),
        )


class TallyReply(_Reply):
    """The community's votes on one tool; the two kinds are never added up."""

    verified: CountReply
    """Of voters who signed in by mail."""
    anonymous: CountReply

    @classmethod
    def of(cls, tally: Tally) -> Self:
        """Return the reply for a tally."""
        return cls(verified=CountReply.of(tally.verified), anonymous=CountReply.of(tally.anonymous))


class VerdictReply(_Reply):
    """One verdict in short."""

    key: str
    """The tool's name in addresses."""
    name: str
    url: str | None
    category: str | None
    outcome: Outcome
    ship_percent: float | None
    score: float | None
    interval: tuple[float, float] | None
    votes: VoteTotals
    created: datetime
    run: str
    provider: str
    model: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Return the reply for a verdict of the archive."""
        return cls(
            key=entry.key,
            name=entry.tool.name,
            url=entry.tool.url,
            category=entry.tool.category,
            outcome=entry.verdict.outcome,
            ship_percent=entry.verdict.ship_percent,
            score=entry.verdict.score,
            interval=entry.verdict.interval,
            votes=entry.verdict.votes,
            created=entry.created,
            run=entry.run,
            provider=entry.provider,
            model=entry.model,
        )


class VerdictList(_Reply):
    """The newest verdict on each tool, newest first."""

    total: int
    """How many there are in all, of which this is a part."""
    verdicts: tuple[VerdictReply, ...]


class HistoryReply(_Reply):
    """Every verdict on one tool, oldest first."""

    key: str
    verdicts: tuple[VerdictReply, ...]

    @classmethod
    def of(cls, history: History) -> Self:
        """Return the reply for a history."""
        return cls(key=history.key, verdicts=tuple(map(VerdictReply.of, history.entries)))


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

    @classmethod
    def of(cls, asked: Request) -> Self:
        """Return the reply for a request of the queue."""
        return cls(
            id=asked.id,
            name=asked.name,
            state=asked.state,
            key=asked.key,
            message=asked.message,
            created=asked.created,
        )


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

    @classmethod
    def of(cls, batch: VoteBatch) -> Self:
        """Return the reply for a batch."""
        return cls(**asdict(batch))


class RemovedReply(_Reply):
    """How many votes were removed."""

    removed: int


class Problem(_Reply):
    """Why something was not done."""

    error: str
    """A code that stays the same across releases."""
    message: str
    """The same in one sentence."""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _both(value: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if value is None else (round(value[0], 1), round(value[1], 1))
