"""A reviewer's page: its method, from its file, and its record. Pure."""

from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final

from panel.foundation.urls import https
from panel.publish.site.context import SiteContext
from panel.publish.site.tool_summary import ToolSummary, tool_summary
from panel.publish.site.track_record import track_record
from panel.report import figures, plots
from panel.report.citations import line, paragraphs
from panel.report.reviewers import Hue
from panel.reviews.personas import Persona
from panel.runs.forecasts.resolutions import KnownForecast, Resolution, State
from panel.runs.forecasts.scores import FEWEST, ForecastScore

_JUDGES: Final = {"code": "code", "person": "a person"}
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
    state: State
    judged: str
    """The day, and by whom."""
    note: str
    passage: str
    """The words that decided."""
    source: str
    """Where they were read, and when."""
    address: str | None
    """The same, where it is safe to link to."""


@dataclass(frozen=True)
class ShownProposition:
    """A row of the table of propositions."""

    claim: str
    months: int
    given: int
    mean: str
    states: str


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
    """Sentences due, judged and open: how many, and the first of them."""
    decided: int
    """Its propositions that are resolved; `decided_on` shows the newest."""
    decided_on: tuple[ShownForecast, ...]
    propositions: tuple[ShownProposition, ...]
    score: ForecastScore
    fewest: int
    """Resolved forecasts from which on a figure is given."""
    calibration: plots.Plot | None


def reviewer_page(context: SiteContext, address: str) -> ReviewerPage | None:
    """Return the page of one reviewer, None where there is no such reviewer."""
    reviewer = context.catalogue.reviewers.get(address)
    if reviewer is None:
        return None
    record = track_record(reviewer.name, context.catalogue.newest, context.forecasts, context.today)
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
            (name, len(made), tuple(_shown(each, context.today) for each in made[:SHOWN]))
            for name, made in (
                ("Due", record.due), ("Judged", record.resolved), ("Open", record.open),
            )
        ),
        decided=len(record.decided),
        decided_on=tuple(_shown(each, context.today) for each in record.decided[:SHOWN]),
        propositions=tuple(
            ShownProposition(
                line(each.claim), each.months, each.given, figures.probability(each.mean),
                ", ".join(f"{count} {state}" for state, count in each.states),
            )
            for each in record.propositions
        ),
        score=record.score,
        fewest=FEWEST,
        calibration=_calibration(record.score),
    )  # fmt: skip


def _shown(known: KnownForecast, today: date) -> ShownForecast:
    made, end = known.forecast, known.resolution
    return ShownForecast(
        tool=line(made.tool) or made.key,
        key=made.key,
        claim=line(made.claim),
        chance=figures.probability(made.probability),
        by=figures.day(made.by),
        made=figures.day(made.made),
        state=known.state(today),
        judged=f"{figures.day(end.date)} by {_JUDGES[end.decided]}" if end else "",
        note=line(end.note) if end else "",
        passage=line(end.passage) if end else "",
        source=_read_from(end) if end else "",
        address=https(end.source) if end else None,
    )


def _read_from(end: Resolution) -> str:
    words = line(end.source)
    return f"{words}, read {figures.day(end.read)}" if words and end.read else words


def _calibration(score: ForecastScore) -> plots.Plot | None:
    """Return the plot of what was given against what came true; None where too few are resolved."""
    if not score.bins:
        return None
    label = "Share of forecasts that came true, by the probability given"
    return plots.Plot(
        title="Calibration",
        svg=plots.reliability([], [(b.mean, b.share, b.forecasts) for b in score.bins], label),
        caption="Across: the mean probability given. Up: the share that came true. On the diagonal"
        " both agree; a larger disc is more forecasts.",
        legend=(),
        head=("Given", "Forecasts", "Mean given", "Came true"),
        rows=tuple(
            (f"{100 * b.low:.0f}–{b.high:.0%}", str(b.forecasts), f"{b.mean:.0%}", f"{b.share:.0%}")
            for b in score.bins
        ),
    )
