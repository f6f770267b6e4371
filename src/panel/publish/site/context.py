"""What pages are rendered from: the site's data at one moment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property

from panel.publish.community.tally import Tally
from panel.publish.newsletter.edition import Edition
from panel.publish.site.catalog import Catalog
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.forecasts.made import made_forecasts
from panel.runs.forecasts.resolutions import KnownForecast, Resolution, known_forecasts
from panel.runs.history.entry import Entry


@dataclass(frozen=True)
class SiteContext:
    """The data that pages are rendered from."""

    catalogue: Catalog
    title: str
    base_url: str | None
    read: Callable[[Entry], Scorecard]
    """Fetches a whole card; raises `RunError` where it is gone."""
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    """Community votes by the tool's key."""
    resolutions: tuple[Resolution, ...] = ()
    """What became of forecasts."""
    editions: tuple[Edition, ...] = ()
    """The weekly editions, newest first."""
    day: date | None = None

    @property
    def today(self) -> date:
        """The day by which forecasts are due."""
        return self.day or datetime.now(UTC).date()

    @cached_property
    def forecasts(self) -> tuple[KnownForecast, ...]:
        """All forecasts, with what became of them."""
        return known_forecasts(made_forecasts(self.catalogue.newest), self.resolutions)
