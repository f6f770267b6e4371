"""What a site is made from: the catalogue and what goes with it, at one moment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from panel.archive.entry import Entry
from panel.site.catalogue import Catalogue
from panel.site.forecasts import Resolution
from panel.site.item import Item
from panel.site.live import Tallied
from panel.verdict.scorecard import Scorecard


@dataclass(frozen=True)
class Subject:
    """Everything that pages are drawn from."""

    catalogue: Catalogue
    title: str
    base_url: str | None
    read: Callable[[Entry], Scorecard]
    """Fetches a whole card; raises `RunError` where it is gone."""
    tallies: Mapping[str, Tallied] = field(default_factory=dict)
    """Community votes by the tool's key."""
    resolutions: tuple[Resolution, ...] = ()
    """Which forecasts came true."""
    items: tuple[Item, ...] = ()
    """Entries of the feeds besides verdicts: editions of the digest."""
    day: date | None = None

    @property
    def today(self) -> date:
        """The day by which forecasts are due."""
        return self.day or datetime.now(UTC).date()
