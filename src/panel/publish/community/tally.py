"""Counts of votes, with their share and its interval. Pure; knows no database."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from panel.foundation.proportion import wilson

Choice = Literal["ship", "skip"]
Kind = Literal["anonymous", "verified"]


@dataclass(frozen=True)
class VoteCount:
    """Votes of one kind on one tool."""

    ship: int = 0
    skip: int = 0

    @property
    def total(self) -> int:
        """How many voted."""
        return self.ship + self.skip

    @property
    def share(self) -> float | None:
        """Percent that would ship, None without votes."""
        return 100 * self.ship / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the share, in percent, None without votes."""
        if not self.total:
            return None
        low, high = wilson(self.ship, self.total)
        return 100 * low, 100 * high


@dataclass(frozen=True)
class Tally:
    """All votes on one tool; the two kinds are never added up."""

    verified: VoteCount = VoteCount()
    anonymous: VoteCount = VoteCount()


def tallies(groups: Iterable[tuple[str, str, str, int]]) -> dict[str, Tally]:
    """Return the tallies of (tool, kind of identity, choice, votes) groups, by tool."""
    counts: dict[str, dict[tuple[str, str], int]] = {}
    for tool, kind, choice, number in groups:
        by_kind = counts.setdefault(tool, {})
        by_kind[kind, choice] = by_kind.get((kind, choice), 0) + number
    return {
        tool: Tally(
            verified=VoteCount(
                by_kind.get(("verified", "ship"), 0), by_kind.get(("verified", "skip"), 0)
            ),
            anonymous=VoteCount(
                by_kind.get(("anonymous", "ship"), 0), by_kind.get(("anonymous", "skip"), 0)
            ),
        )
        for tool, by_kind in sorted(counts.items())
    }
