"""A week of the digest: an ISO 8601 week in UTC, from Monday 00:00 up to the next Monday.

Pure; the clock is given. UTC knows no daylight saving time, so every week has 168 hours.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from panel.foundation.errors import InputError

_FORM: Final = re.compile(r"(\d{4})-W(\d{2})", re.ASCII | re.IGNORECASE)
_YEARS: Final = range(1970, 9999)


@dataclass(frozen=True, order=True)
class Week:
    """One ISO week; `year` is the ISO year, which at its ends is not that of every day."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Week":
        """Read `2026-W47`. Raises `InputError` where that is no week."""
        found = _FORM.fullmatch(text.strip())
        if not found:
            raise InputError("a week is written like 2026-W47", hint="--week 2026-W47")
        year, number = int(found[1]), int(found[2])
        if year not in _YEARS:
            raise InputError(f"no verdict is from {year}", hint="--week 2026-W47")
        if not 1 <= number <= weeks_of(year):
            last = cls(year, weeks_of(year))
            raise InputError(f"there is no week {number} in {year}", hint=f"its last is {last}")
        return cls(year, number)

    @classmethod
    def of(cls, moment: datetime) -> "Week":
        """Return the week a moment with a time zone falls into."""
        year, number, _ = moment.astimezone(UTC).isocalendar()
        return cls(year, number)

    @classmethod
    def last_complete(cls, now: datetime) -> "Week":
        """Return the newest week that is over."""
        return cls.of(now).before

    @property
    def start(self) -> datetime:
        """Its first moment."""
        monday = date.fromisocalendar(self.year, self.number, 1)
        return datetime(monday.year, monday.month, monday.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.start + timedelta(days=7)

    @property
    def before(self) -> "Week":
        """The week before."""
        return Week.of(self.start - timedelta(days=1))

    @property
    def days(self) -> str:
        """Its first and last day as people write them: `16–22 November 2026`."""
        first, last = self.start, self.end - timedelta(days=1)
        head = f"{first.day}"
        if first.month != last.month:
            head += f" {first:%B}"
        if first.year != last.year:
            head += f" {first.year}"
        blank = "" if first.month == last.month else " "
        return f"{head}{blank}–{blank}{last.day} {last:%B} {last.year}"

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return f"{self.year:04d}-W{self.number:02d}"


def weeks_of(year: int) -> int:
    """Return how many ISO weeks a year has: 52 or 53."""
    return date(year, 12, 28).isocalendar().week
