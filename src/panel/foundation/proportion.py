"""Shares: so many of so many, with the interval that the count alone allows. Knows numbers only."""

import math
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field

Z95: Final = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""


class Share(BaseModel):
    """`count` of `total`, with its 95 % interval; of nothing, the interval is everything.

    A count may end in one half, where ties are counted so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int | float = Field(ge=0)
    total: int = Field(ge=0)
    share: float | None = Field(default=None, ge=0, le=1)
    low: float = Field(default=0.0, ge=0, le=1)
    high: float = Field(default=1.0, ge=0, le=1)

    @classmethod
    def of(cls, count: float, total: int) -> Self:
        """Return the share; `count` is at most `total`."""
        if not total:
            return cls(count=0, total=0)
        low, high = wilson(count, total)
        places = 4
        return cls(
            count=int(count) if count == int(count) else count,
            total=total,
            share=round(count / total, places),
            low=round(low, places),
            high=round(high, places),
        )

    def __str__(self) -> str:
        return f"{self.count} of {self.total}"


def wilson(count: float, total: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share, both ends within 0–1.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    Journal of the American Statistical Association 22 (1927), 209–212. `total` is at least 1.
    """
    p, zz = count / total, Z95 * Z95
    middle = (p + zz / (2 * total)) / (1 + zz / total)
    half = Z95 * math.sqrt(p * (1 - p) / total + zz / (4 * total * total)) / (1 + zz / total)
    # At the ends the formula gives 0 and 1 but for rounding.
    low = 0.0 if count == 0 else max(0.0, middle - half)
    high = 1.0 if count == total else min(1.0, middle + half)
    return low, high
