"""A tool in short, as lists and cards of all pages show it. Pure; knows no format."""

from dataclasses import dataclass

from panel.publish import page_urls
from panel.report import figures
from panel.report.citations import cut, line
from panel.report.scorecard.view import headline, split
from panel.reviews.verdict.scorecard import Outcome
from panel.runs.history.entry import Entry, History

_TAGLINE = 140


@dataclass(frozen=True)
class ToolSummary:
    """One tool's newest verdict in short."""

    key: str
    path: str
    name: str
    category: str
    tagline: str
    price: str
    outcome: Outcome
    headline: str
    ship_percent: float | None
    score: float | None
    interval: tuple[float, float] | None
    votes: tuple[tuple[str, int], ...]
    opinions: dict[str, str]
    """Vote by persona; `missing` reviews are not in it."""
    day: str
    iso: str
    times: int
    """How many verdicts there are on it."""
    before: Outcome | None
    """The outcome before, where it was another."""


def tool_summary(history: History) -> ToolSummary:
    """Return what is shown of a tool in lists."""
    latest = history.latest
    tool, verdict = latest.tool, latest.verdict
    was = history.before.verdict.outcome if history.before else verdict.outcome
    return ToolSummary(
        key=history.key,
        path=page_urls.tool(history.key),
        name=name_of(latest),
        category=line(tool.category),
        tagline=cut(line(tool.tagline), _TAGLINE),
        price=line(tool.price) or figures.UNKNOWN,
        outcome=verdict.outcome,
        headline=headline(verdict),
        ship_percent=verdict.ship_percent,
        score=verdict.score,
        interval=verdict.interval,
        votes=split(verdict),
        opinions={each.persona: each.vote for each in latest.opinions},
        day=figures.day(latest.created),
        iso=latest.created.date().isoformat(),
        times=len(history.entries),
        before=was if was != verdict.outcome else None,
    )


def name_of(entry: Entry) -> str:
    """Return a tool's name fit to show."""
    return line(entry.tool.name) or entry.key
