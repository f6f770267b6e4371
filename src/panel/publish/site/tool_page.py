"""A tool's page: its newest scorecard, its answers at a glance, its history. Pure but for cards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from panel.foundation.errors import RunError
from panel.publish.site import urls
from panel.publish.site.answer_grid import GridRow, answer_grid
from panel.publish.site.catalog import Catalog
from panel.publish.site.score_chart import ScoreChart, score_chart
from panel.publish.site.tool_summary import ToolSummary, tool_summary
from panel.report import figures
from panel.report.changes.view import ToolChange, changes
from panel.report.citations import line
from panel.report.scorecard.view import CardView, view
from panel.review.verdict.scorecard import Outcome, Scorecard
from panel.runs.diff import compare
from panel.runs.history.entry import Entry, History

EXPLAINED: Final = 8
"""Newest verdicts whose change from the one before is told; older ones are listed without."""

Read = Callable[[Entry], Scorecard]


@dataclass(frozen=True)
class Past:
    """One verdict of the history."""

    day: str
    iso: str
    outcome: Outcome
    score: float | None
    interval: tuple[float, float] | None
    ship_percent: float | None
    votes: tuple[tuple[str, int], ...]
    judge: str
    run: str
    change: ToolChange | None
    """What changed from the verdict before; None for the first, and where a card is gone."""


@dataclass(frozen=True)
class ToolPage:
    """What a tool's page shows."""

    key: str
    card: CardView
    tile: ToolSummary
    category: tuple[str, str]
    """Name and path."""
    grid: tuple[GridRow, ...]
    history: tuple[Past, ...]
    """Newest first."""
    chart: ScoreChart | None
    others: tuple[tuple[ToolSummary, str], ...]
    """Tools it is compared with, and the page that does."""


def tool_page(history: History, catalogue: Catalog, read: Read) -> ToolPage:
    """Return the page of one tool; `read` fetches a whole card.

    Raises `RunError` where the newest card cannot be read.
    """
    newest = read(history.latest)
    card = view(newest)
    category = catalogue.category_of(history.key)
    return ToolPage(
        key=history.key,
        card=card,
        tile=tool_summary(history),
        category=(category.name, urls.category(category.slug)),
        grid=answer_grid(card),
        history=_history(history, newest, read),
        chart=score_chart(history.entries),
        others=tuple(
            (tool_summary(other), urls.pair(history.key, other.key))
            for other in catalogue.partners(history.key)
        ),
    )


def _history(history: History, newest: Scorecard, read: Read) -> tuple[Past, ...]:
    told = []
    after: Scorecard | None = newest
    newest_first = history.entries[::-1]
    for number, entry in enumerate(newest_first):
        older = newest_first[number + 1] if number + 1 < len(newest_first) else None
        before = _card(older, read) if older and number < EXPLAINED else None
        told.append(_past(entry, _change(before, after)))
        after = before
    return tuple(told)


def _card(entry: Entry, read: Read) -> Scorecard | None:
    try:
        return read(entry)
    except RunError:
        return None  # An old run may be gone; its verdict is still known.


def _change(before: Scorecard | None, after: Scorecard | None) -> ToolChange | None:
    if before is None or after is None:
        return None
    # The slug is the run's own: the same tool may have another in another run.
    same = before.model_copy(update={"tool": after.tool})
    return changes(compare([same], [after])).tools[0]


def _past(entry: Entry, change: ToolChange | None) -> Past:
    verdict = entry.verdict
    return Past(
        day=figures.day(entry.created),
        iso=entry.created.date().isoformat(),
        outcome=verdict.outcome,
        score=verdict.score,
        interval=verdict.interval,
        ship_percent=verdict.ship_percent,
        votes=tool_summary(History(entry.key, (entry,))).votes,
        judge=f"{line(entry.model)} at {line(entry.provider)}",
        run=line(entry.run),
        change=change,
    )
