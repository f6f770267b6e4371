"""A reviewer's page: its method, from its file, and its record. Pure."""

from dataclasses import dataclass
from statistics import median
from typing import Final

from panel.publish.site.context import SiteContext
from panel.publish.site.tool_summary import ToolSummary, tool_summary
from panel.publish.site.track_record import Prediction, track_record
from panel.report import figures
from panel.report.citations import line, paragraphs
from panel.report.reviewers import Hue
from panel.reviews.personas import Persona

SHOWN: Final = 20
"""Tools and forecasts listed of each kind."""


@dataclass(frozen=True)
class ShownForecast:
    """A forecast fit to show."""

    tool: str
    key: str
    claim: str
    chance: str
    by: str
    made: str
    came_true: bool | None
    judged: str
    note: str


@dataclass(frozen=True)
class ReviewerPage:
    """What a reviewer's page shows; counts are of the newest verdict on each tool."""

    slug: str
    name: str
    title: str
    sign: str
    hue: Hue
    persona: Persona | None
    method: tuple[str, ...]
    votes: tuple[tuple[str, int], ...]
    reviewed: int
    ship_share: float | None
    middle: float | None
    """The median of its scores."""
    differs: int
    alone: int
    alone_on: tuple[ToolSummary, ...]
    forecasts: tuple[tuple[str, int, tuple[ShownForecast, ...]], ...]
    """Due, open and judged: how many, and the first of them."""
    brier: float | None
    scored: int


def reviewer_page(context: SiteContext, address: str) -> ReviewerPage | None:
    """Return the page of one reviewer, None where there is no such reviewer."""
    reviewer = context.catalogue.reviewers.get(address)
    if reviewer is None:
        return None
    record = track_record(
        reviewer.name, context.catalogue.newest, context.resolutions, context.today
    )
    return ReviewerPage(
        slug=reviewer.slug,
        name=line(reviewer.name),
        title=reviewer.title,
        sign=reviewer.sign,
        hue=reviewer.hue,
        persona=reviewer.persona,
        method=paragraphs(reviewer.persona.voice) if reviewer.persona else (),
        votes=record.votes,
        reviewed=record.reviewed,
        ship_share=record.ship_share,
        middle=median(record.scores) if record.scores else None,
        differs=record.differs,
        alone=len(record.alone),
        alone_on=tuple(tool_summary(history) for history in record.alone[:SHOWN]),
        forecasts=tuple(
            (name, len(made), tuple(_shown(prediction) for prediction in made[:SHOWN]))
            for name, made in (
                ("Due", record.due), ("Judged", record.resolved), ("Open", record.open),
            )
        ),
        brier=record.brier,
        scored=record.scored,
    )  # fmt: skip


def _shown(made: Prediction) -> ShownForecast:
    end = made.resolution
    return ShownForecast(
        tool=line(made.tool) or made.key,
        key=made.key,
        claim=line(made.claim),
        chance=figures.probability(made.probability),
        by=figures.day(made.by),
        made=figures.day(made.made),
        came_true=end.came_true if end else None,
        judged=figures.day(end.date) if end else "",
        note=line(end.note) if end else "",
    )
