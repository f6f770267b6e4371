"""Counts of community votes, as whoever compares hands them in. Pure; knows no database."""

from pydantic import BaseModel, ConfigDict, Field

from panel.foundation.proportion import wilson


class CommunityCount(BaseModel):
    """How many people would ship, and how many would skip."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ship: int = Field(default=0, ge=0)
    skip: int = Field(default=0, ge=0)

    @property
    def total(self) -> int:
        """All votes."""
        return self.ship + self.skip

    @property
    def share(self) -> float | None:
        """Share of ship in percent; None without votes."""
        return 100 * self.ship / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the share in percent; None without votes."""
        if not self.total:
            return None
        low, high = wilson(self.ship, self.total)
        return 100 * low, 100 * high


class CommunityVotes(BaseModel):
    """The community's votes on one tool; never part of the panel's numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verified: CommunityCount = CommunityCount()
    anonymous: CommunityCount = CommunityCount()
