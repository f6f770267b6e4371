"""Progress events of a tool under review."""

from collections.abc import Callable
from dataclasses import dataclass

from panel.evidence.tools.tool import Tool
from panel.reviews.review import Missing, Review
from panel.reviews.verdict.scorecard import Scorecard


@dataclass(frozen=True)
class Started:
    """A tool's first question is about to be asked."""

    tool: Tool


@dataclass(frozen=True)
class Stepped:
    """A reviewer has one more answer."""

    tool: Tool
    persona: str
    step: str
    done: int
    total: int


@dataclass(frozen=True)
class Reviewed:
    """A reviewer has finished a tool, with a review or without."""

    tool: Tool
    review: Review | Missing


@dataclass(frozen=True)
class Decided:
    """A tool has its verdict."""

    tool: Tool
    card: Scorecard


@dataclass(frozen=True)
class LeftOut:
    """A tool of a list was left out: nothing could be read about it."""

    reason: str
    """One line; names the tool."""


@dataclass(frozen=True)
class JobMoved:
    """A batch job is further, or was looked at and is not."""

    host: str
    id: str
    status: str
    """As the provider says it."""
    done: int
    """Questions answered, with or without success."""
    total: int


@dataclass(frozen=True)
class WentOver:
    """A reviewer begins a tool again at a fallback: the provider before it could not answer."""

    tool: Tool
    persona: str
    provider: str
    """The one that could not answer."""
    reason: str
    """One line."""
    fallback: str


Event = Started | Stepped | Reviewed | Decided | LeftOut | JobMoved | WentOver
Watch = Callable[[Event], None]
"""Receives each event as it happens. Must not raise."""


def ignore(event: Event) -> None:
    """Watch nothing."""
