"""Many scorecards in short: a row a tool, so that lists of thousands fit in memory. Pure.

Text is on one line and free of what a screen would obey or hide; a format escapes it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from sys import intern

from panel.report.citations import line
from panel.report.reviewers import Hue, hue, signs
from panel.report.scorecard.remarks import label
from panel.report.scorecard.view import ranked
from panel.reviews.verdict.scorecard import Outcome, Scorecard


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One tool's verdict in short."""

    name: str
    slug: str
    category: str
    outcome: Outcome
    ship_percent: float | None
    score: float | None
    votes: dict[str, tuple[str, float | None]]
    """Vote and score by persona; a missing review has the vote `missing`."""


@dataclass(frozen=True)
class SummarySeat:
    """A reviewer, as the head of its column."""

    name: str
    title: str
    sign: str
    hue: Hue


@dataclass(frozen=True)
class Summary:
    """The rows of a list and its reviewers."""

    rows: tuple[SummaryRow, ...]
    """In the order of lists: those that ship first, then by score."""
    seats: tuple[SummarySeat, ...]


def row(card: Scorecard) -> SummaryRow:
    """Return a scorecard in short; its evidence is not needed."""
    tool, verdict = card.tool, card.verdict
    votes: dict[str, tuple[str, float | None]] = {
        intern(line(review.persona)): (review.vote, review.score) for review in card.reviews
    }
    votes |= {intern(line(missing.persona)): ("missing", None) for missing in card.missing}
    return SummaryRow(
        name=line(tool.name) or tool.slug,
        slug=line(tool.slug),
        category=intern(line(tool.category)),
        outcome=verdict.outcome,
        ship_percent=verdict.ship_percent,
        score=verdict.score,
        votes=votes,
    )


def summarise(cards: Iterable[Scorecard]) -> Summary:
    """Return the summary of scorecards, which are read one at a time."""
    titles: dict[str, str] = {}
    absent: dict[str, str] = {}
    rows = []
    for card in cards:
        rows.append(row(card))
        for review in card.reviews:
            name = line(review.persona)
            titles.setdefault(name, line(review.title) or label(name))
        for missing in card.missing:
            absent.setdefault(line(missing.persona), label(missing.persona))
    return Summary(
        tuple(ranked(rows)), seats(titles | {n: t for n, t in absent.items() if n not in titles})
    )


def seats(titles: dict[str, str]) -> tuple[SummarySeat, ...]:
    """Return the reviewers with their signs, from their titles by name."""
    by_name = signs(titles)
    return tuple(SummarySeat(n, title, by_name[n], hue(n)) for n, title in titles.items())
