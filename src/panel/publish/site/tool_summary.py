"""A verdict in short, from which tiles, lists, feeds, search and a tool's history are rendered.

Two other short forms stay apart. The API's `VerdictReply` sends texts as they were stored. The
mail's `ItemView` takes links out of texts and gives no numbers while a verdict does not count.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from panel.publish import page_urls
from panel.report.citations import line
from panel.report.reviewers import Hue, hue, signs
from panel.report.scorecard.view import headline, split
from panel.reviews.review import Vote
from panel.reviews.verdict.scorecard import Outcome
from panel.runs.history.entry import History

PriceClass = Literal["free", "paid"]
"""What an entry price asks for at the start."""

_FREE: Final = re.compile(
    r"(free|gratis|no cost|open[ -]source|[$€£]?\s?0(?![\d.,]))\b", re.IGNORECASE
)


@dataclass(frozen=True)
class ReviewerVote:
    """How one reviewer voted, with the reviewer's sign and colour."""

    persona: str
    title: str
    sign: str
    hue: Hue
    vote: Vote


@dataclass(frozen=True)
class ToolSummary:
    """One verdict on one tool. All texts are on one line, and untrusted."""

    key: str
    path: str
    name: str
    category: str
    kind: str
    """Empty where it is not known, as the tagline and the price."""
    tagline: str
    price: str
    outcome: Outcome
    headline: str
    ship_percent: float | None
    score: float | None
    interval: tuple[float, float] | None
    votes: tuple[tuple[str, int], ...]
    reviewer_votes: tuple[ReviewerVote, ...]
    """Who voted how; `missing` reviews are not in it."""
    ship_at: float
    """The score from which a reviewer shipped."""
    created: datetime
    before: Outcome | None
    """The outcome before, where it was another."""

    @property
    def settled(self) -> bool:
        """Whether its score counts: on hold and incomplete it does not."""
        return self.score is not None and self.outcome in ("ship", "skip", "split")

    @property
    def price_class(self) -> PriceClass | None:
        """What the price asks for at the start; None where it is not known or not understood."""
        if _FREE.match(self.price):
            return "free"
        return "paid" if any(letter.isdigit() for letter in self.price) else None


def tool_summary(history: History) -> ToolSummary:
    """Return the newest verdict of a history in short."""
    latest = history.latest
    tool, verdict = latest.tool, latest.verdict
    sign_of = signs(opinion.persona for opinion in latest.opinions)
    was = history.before.verdict.outcome if history.before else verdict.outcome
    return ToolSummary(
        key=history.key,
        path=page_urls.tool(history.key),
        name=line(tool.name) or history.key,
        category=line(tool.category),
        kind=tool.kind or "",
        tagline=line(tool.tagline),
        price=line(tool.price),
        outcome=verdict.outcome,
        headline=headline(verdict),
        ship_percent=verdict.ship_percent,
        score=verdict.score,
        interval=verdict.interval,
        votes=split(verdict),
        reviewer_votes=tuple(
            ReviewerVote(
                opinion.persona,
                line(opinion.title).removeprefix("The "),
                sign_of[opinion.persona],
                hue(opinion.persona),
                opinion.vote,
            )
            for opinion in latest.opinions
        ),
        ship_at=latest.ship_at,
        created=latest.created,
        before=was if was != verdict.outcome else None,
    )
