"""A tool's page: its newest scorecard, a grid of all answers, its history, a chart of its scores.

The grid and the chart are geometry; the templates draw them. Pure but for reading cards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from panel.foundation.errors import RunError
from panel.publish import page_urls
from panel.publish.site.catalog import NO_CATEGORY, Catalog
from panel.publish.site.tool_summary import ToolSummary, tool_summary
from panel.report import figures
from panel.report.changes.view import ToolChange, changes
from panel.report.citations import line
from panel.report.reviewers import Hue
from panel.report.scorecard.findings import FindingView
from panel.report.scorecard.view import CardView, view
from panel.reviews.evidence_changes import told
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.diff import compare
from panel.runs.history.entry import Entry, History

MARKS: Final = {"yes": "✓", "no": "✕", "unclear": "?"}
"""A sign for each answer, so that no colour is needed to tell them apart."""


@dataclass(frozen=True)
class GridCell:
    """One answer; `fill` is how sure it is, 0–100, 0 where it is unclear."""

    answer: str
    mark: str
    fill: float
    label: str


@dataclass(frozen=True)
class GridRow:
    """One persona's answers in the order they were asked."""

    title: str
    sign: str
    hue: Hue
    vote: str
    score: float | None
    anchor: str
    cells: tuple[GridCell, ...]
    label: str


def answer_grid(card: CardView) -> tuple[GridRow, ...]:
    """Return a row a persona; a persona that answered nothing has no cells."""
    return tuple(
        GridRow(
            title=persona.title,
            sign=persona.sign,
            hue=persona.hue,
            vote=persona.vote,
            score=persona.score,
            anchor=f"r{number}",
            cells=tuple(_cell(finding) for finding in persona.findings),
            label=f"{persona.title}: {persona.tally}",
        )
        for number, persona in enumerate(card.personas, 1)
    )


def _cell(finding: FindingView) -> GridCell:
    sure = f", {finding.chance}" if finding.chance else ""
    return GridCell(
        answer=finding.answer,
        mark=MARKS[finding.answer],
        fill=0 if finding.answer == "unclear" else 50 + 100 * min(finding.strength, 0.5),
        label=f"{finding.question} {finding.answer}{sure}",
    )


WIDTH: Final = 360
HEIGHT: Final = 190
LEFT, RIGHT, TOP, BOTTOM = 30, 14, 12, 160
"""The plot's edges in the picture; sized for a phone, as the plots of scorecards are."""


@dataclass(frozen=True)
class Dot:
    """One verdict; `low` and `high` are the ends of its interval, the same where it has none."""

    x: float
    y: float
    low: float
    high: float
    outcome: str


@dataclass(frozen=True)
class ScoreChart:
    """A chart of at least two scored verdicts."""

    dots: tuple[Dot, ...]
    lines: tuple[tuple[float, str], ...]
    """Height and label of the lines across."""
    mark: tuple[float, str]
    """The same of the score from which a reviewer ships today."""
    first: str
    last: str
    label: str

    @property
    def path(self) -> str:
        """The line through the dots, as points of SVG."""
        return " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in self.dots)


def score_chart(entries: Sequence[Entry]) -> ScoreChart | None:
    """Return the chart of a history, oldest first; None with fewer than two scores."""
    scored = [entry for entry in entries if entry.verdict.score is not None]
    if len(scored) < 2:
        return None
    start = scored[0].created.timestamp()
    span = scored[-1].created.timestamp() - start
    days = [figures.day(entry.created) for entry in scored]
    description = "; ".join(
        f"{day}: {entry.verdict.outcome}, {figures.score(entry.verdict.score)}"
        for day, entry in zip(days, scored, strict=True)
    )
    return ScoreChart(
        dots=tuple(
            _dot(
                entry, (entry.created.timestamp() - start) / span if span else number / len(scored)
            )
            for number, entry in enumerate(scored)
        ),
        lines=tuple((_y(value), str(value)) for value in (0, 50, 100)),
        mark=(_y(scored[-1].ship_at), f"{scored[-1].ship_at:g}"),
        first=days[0],
        last=days[-1],
        label=f"Score of 100 over time. {description}",
    )


def _dot(entry: Entry, share: float) -> Dot:
    score = entry.verdict.score or 0
    low, high = entry.verdict.interval or (score, score)
    x = LEFT + 8 + share * (WIDTH - LEFT - RIGHT - 16)
    return Dot(x, _y(score), _y(low), _y(high), entry.verdict.outcome)


def _y(score: float) -> float:
    return BOTTOM - score / 100 * (BOTTOM - TOP)


REST: Final = 24
"""Tools of the category named beside those it is compared with."""

EXPLAINED: Final = 8
"""Newest verdicts shown with their change from the one before; older ones are listed without."""

Read = Callable[[Entry], Scorecard]


@dataclass(frozen=True)
class Past:
    """One verdict of the history."""

    summary: ToolSummary
    judge: str
    run: str
    change: ToolChange | None
    """What changed from the verdict before; None for the first, and where a card is gone."""
    reasons: str = ""
    """What had changed in the evidence, where that is why the tool was reviewed again."""


@dataclass(frozen=True)
class OtherTool:
    """A tool of the same category that no page compares it with yet."""

    name: str
    path: str
    pair: str
    """Where a live server compares the two."""


@dataclass(frozen=True)
class ToolPage:
    """What a tool's page shows."""

    key: str
    card: CardView
    category: tuple[str, str]
    """Name and path."""
    grid: tuple[GridRow, ...]
    history: tuple[Past, ...]
    """Newest first."""
    chart: ScoreChart | None
    others: tuple[tuple[ToolSummary, str], ...]
    """Tools it is compared with, and the page that does."""
    rest: tuple[OtherTool, ...]
    """The other tools of its category by name, the first of them."""
    in_category: int
    """How many tools its category has."""


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
        category=(category.name, page_urls.category(category.slug)),
        grid=answer_grid(card),
        history=_history(history, newest, read),
        chart=score_chart(history.entries),
        others=tuple(
            (tool_summary(partner), page_urls.pair(history.key, partner.key))
            for partner in catalogue.partners(history.key)
        ),
        rest=rest(history, catalogue),
        in_category=len(category.histories),
    )


def rest(history: History, catalogue: Catalog) -> tuple[OtherTool, ...]:
    """Return the other tools of its category that it is not compared with, the first by name."""
    if (category := catalogue.category_of(history.key)).name == NO_CATEGORY:
        return ()
    known = {history.key, *(partner.key for partner in catalogue.partners(history.key))}
    names = {
        other.key: line(other.latest.tool.name) or other.key
        for other in category.histories
        if other.key not in known
    }
    in_order = sorted(names.items(), key=lambda item: (item[1].casefold(), item[0]))
    return tuple(_other(catalogue, history.key, key, name) for key, name in in_order[:REST])


def _other(catalogue: Catalog, key: str, other_key: str, name: str) -> OtherTool:
    path, pair = page_urls.tool(other_key), page_urls.pair(key, other_key)
    # The name of a pair that is cut for its length leads to a page only where the pair is listed.
    is_found = catalogue.pair(page_urls.name(page_urls.PAIR, pair) or "")
    return OtherTool(name, path, pair if is_found else path)


def _history(history: History, newest: Scorecard, read: Read) -> tuple[Past, ...]:
    past = []
    after: Scorecard | None = newest
    newest_first = history.entries[::-1]
    for number, entry in enumerate(newest_first):
        older = newest_first[number + 1] if number + 1 < len(newest_first) else None
        before = _card(older, read) if older and number < EXPLAINED else None
        past.append(_past(entry, _change(before, after)))
        after = before
    return tuple(past)


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
    return Past(
        summary=tool_summary(History(entry.key, (entry,))),
        judge=f"{line(entry.model)} at {line(entry.provider)}",
        run=line(entry.run),
        change=change,
        reasons=line(told(entry.reasons)),
    )
