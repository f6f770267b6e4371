"""Counts of community votes, as whoever compares hands them in. Pure; knows no database."""

import math
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

_Z: Final = 1.959964
"""Of the normal distribution at 95 %, two-sided."""


class Ballot(BaseModel):
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
        n, p = self.total, self.ship / self.total
        middle = p + _Z * _Z / (2 * n)
        reach = _Z * math.sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n))
        scale = 1 + _Z * _Z / n
        return max(0.0, 100 * (middle - reach) / scale), min(100.0, 100 * (middle + reach) / scale)


class Community(BaseModel):
    """The community's votes on one tool; never part of the panel's numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verified: Ballot = Ballot()
    anonymous: Ballot = Ballot()
