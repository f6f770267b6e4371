"""The front page: newest verdicts, contested ones, what moved lately. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from panel.publish import page_urls
from panel.publish.site.catalog import Catalog, outcomes
from panel.publish.site.pair_page import PairSummary, pair_summaries
from panel.publish.site.tool_summary import ToolSummary, tool_summary
from panel.report import figures
from panel.runs.history.entry import History

NEWEST: Final = 9
CONTESTED: Final = 5
MOVED: Final = 6
COMPARED: Final = 8

NEAR: Final = 25.0
"""Contested: the panel's ship % is within this many points of one half."""

LATELY: Final = timedelta(days=7)
"""The period before the newest verdict in which movement is shown."""


@dataclass(frozen=True)
class Move:
    """A tool whose verdict or score is not what it was."""

    tile: ToolSummary
    was: str
    was_score: float | None
    by: str
    """Change of score as `+3.2`; empty where either is unknown."""


@dataclass(frozen=True)
class FrontPage:
    """What the front page shows."""

    tools: int
    verdicts: int
    outcomes: tuple[tuple[str, int], ...]
    """Outcome and how many tools have it; zero counts left out."""
    newest: tuple[ToolSummary, ...]
    contested: tuple[ToolSummary, ...]
    moved: tuple[Move, ...]
    since: str
    matches: tuple[PairSummary, ...]
    categories: tuple[tuple[str, str, int], ...]
    """Name, path, tools; the largest first."""


def front_page(catalogue: Catalog) -> FrontPage:
    """Return the front page."""
    histories = catalogue.newest
    sizes = sorted(catalogue.categories.values(), key=lambda category: -len(category.histories))
    return FrontPage(
        tools=len(histories),
        verdicts=sum(len(history.entries) for history in histories),
        outcomes=outcomes(histories),
        newest=tuple(tool_summary(history) for history in histories[:NEWEST]),
        contested=tuple(tool_summary(history) for history in contested(histories)),
        moved=moved(histories),
        since=figures.day(catalogue.day - LATELY) if catalogue.day else "",
        matches=pair_summaries(catalogue, catalogue.pairs[:COMPARED]),
        categories=tuple(
            (category.name, page_urls.category(category.slug), len(category.histories))
            for category in sizes[:24]
        ),
    )


def contested(histories: Sequence[History]) -> list[History]:
    """Return the tools on which the panel is most divided, the closest first."""
    near = [
        (abs(verdict.ship_percent - 50), abs((verdict.score or 0) - 60), number, history)
        for number, history in enumerate(histories)
        if (verdict := history.latest.verdict).ship_percent is not None
        and verdict.outcome in ("ship", "skip", "split")
        and abs(verdict.ship_percent - 50) < NEAR
    ]
    return [history for *_, history in sorted(near)[:CONTESTED]]


def moved(histories: Sequence[History]) -> tuple[Move, ...]:
    """Return what changed lately: other verdicts first, then the largest changes of score."""
    moves: list[tuple[bool, float, int, Move]] = []
    for history in histories:
        if history.before is None or histories[0].latest.created - history.latest.created > LATELY:
            continue
        now, before = history.latest.verdict, history.before.verdict
        known = now.score is not None and before.score is not None
        change = (now.score or 0) - (before.score or 0) if known else 0.0
        if now.outcome == before.outcome and abs(change) < 0.1:
            continue
        by = f"{change:+.1f}".replace("-", "−") if known else ""
        move = Move(tool_summary(history), before.outcome, before.score, by)
        moves.append((now.outcome == before.outcome, -abs(change), len(moves), move))
    return tuple(move for *_, move in sorted(moves)[:MOVED])
