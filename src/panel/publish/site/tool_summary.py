"""A verdict in short, from which tiles, lists, feeds, search and a tool's history are rendered.

Two other short forms stay apart. The API's `VerdictReply` sends texts as they were stored. The
mail's `ItemView` takes links out of texts and gives no numbers while a verdict does not count.
"""

from dataclasses import dataclass
from datetime import datetime

from panel.publish import page_urls
from panel.report import figures
from panel.report.citations import line
from panel.report.scorecard.view import headline, split
from panel.reviews.verdict.scorecard import Outcome
from panel.runs.history.entry import History


@dataclass(frozen=True)
class ToolSummary:
    """One verdict on one tool. All texts are on one line, and untrusted."""

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
    created: datetime
    before: Outcome | None
    """The outcome before, where it was another."""


def tool_summary(history: History) -> ToolSummary:
    """Return the newest verdict of a history in short."""
    latest = history.latest
    tool, verdict = latest.tool, latest.verdict
    was = history.before.verdict.outcome if history.before else verdict.outcome
    return ToolSummary(
        key=history.key,
        path=page_urls.tool(history.key),
        name=line(tool.name) or history.key,
        category=line(tool.category),
        tagline=line(tool.tagline),
        price=line(tool.price) or figures.UNKNOWN,
        outcome=verdict.outcome,
        headline=headline(verdict),
        ship_percent=verdict.ship_percent,
        score=verdict.score,
        interval=verdict.interval,
        votes=split(verdict),
        opinions={opinion.persona: opinion.vote for opinion in latest.opinions},
        created=latest.created,
        before=was if was != verdict.outcome else None,
    )
