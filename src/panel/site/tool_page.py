"""A tool's page: its newest scorecard, its answers at a glance, its history. Pure but for cards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from panel.archive.entry import Entry, History
from panel.errors import RunError
from panel.render import figures
from panel.render.changes import ToolChange, changes
from panel.render.citations import line
from panel.render.view import CardView, view
from panel.runs.compare import compare
from panel.site import addresses
from panel.site.catalogue import Catalogue
from panel.site.grid import Row, grid
from panel.site.tile import Tile, tile
from panel.site.timeline import Timeline, timeline
from panel.verdict.scorecard import Outcome, Scorecard

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
    tile: Tile
    category: tuple[str, str]
    """Name and path."""
    grid: tuple[Row, ...]
    history: tuple[Past, ...]
    """Newest first."""
    chart: Timeline | None
    others: tuple[tuple[Tile, str], ...]
    """Tools it is compared with, and the page that does."""


def tool_page(history: History, catalogue: Catalogue, read: Read) -> ToolPage:
    """Return the page of one tool; `read` fetches a whole card.

    Raises `RunError` where the newest card cannot be read.
    """
    newest = read(history.latest)
    card = view(newest)
    category = catalogue.category_of(history.key)
    return ToolPage(
        key=history.key,
        card=card,
        tile=tile(history),
        category=(category.name, addresses.category(category.slug)),
        grid=grid(card),
        history=_history(history, newest, read),
        chart=timeline(history.entries),
        others=tuple(
            (tile(other), addresses.pair(history.key, other.key))
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
        votes=tile(History(entry.key, (entry,))).votes,
        judge=f"{line(entry.model)} at {line(entry.provider)}",
        run=line(entry.run),
        change=change,
    )
