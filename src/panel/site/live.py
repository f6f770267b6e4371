"""What a running server adds to a page: votes as they stand now, and who is looking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol


class Counted(Protocol):
    """Votes of one kind of voter."""

    @property
    def ship(self) -> int:
        """Votes to ship."""

    @property
    def skip(self) -> int:
        """Votes to skip."""

    @property
    def total(self) -> int:
        """All votes."""

    @property
    def share(self) -> float | None:
        """Percent that ship, None without votes."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where that percentage lies with 95 % certainty, None without votes."""


class Tallied(Protocol):
    """The community's votes on one tool."""

    @property
    def verified(self) -> Counted:
        """Votes of those who signed in by mail."""

    @property
    def anonymous(self) -> Counted:
        """Votes of everybody else."""


@dataclass(frozen=True)
class Live:
    """The visitor's side of a live page. Without it a page has no forms."""

    tallies: Mapping[str, Tallied] = field(default_factory=dict)
    """Votes by the tool's key; they go over those the site was made with."""
    choice: Literal["ship", "skip"] | None = None
    """How this visitor voted on the page's tool."""
    signed_in: bool = False
    notice: str | None = None
    """One sentence on what the visitor's last action did."""
