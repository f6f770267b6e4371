"""Personas by criteria: every answer of a card as one picture. Pure; geometry, no markup."""

from dataclasses import dataclass
from typing import Final

from panel.report.scorecard.findings import FindingView
from panel.report.scorecard.view import CardView

MARKS: Final = {"yes": "✓", "no": "✕", "unclear": "?"}
"""A sign for each answer, so that no colour is needed to tell them apart."""


@dataclass(frozen=True)
class GridCell:
    """One answer; `fill` is how sure it is, 0–100, 0 where it is unclear."""

    answer: str
    mark: str
    fill: float
    told: str


@dataclass(frozen=True)
class GridRow:
    """One persona's answers in the order they were asked."""

    title: str
    vote: str
    score: float | None
    anchor: str
    cells: tuple[GridCell, ...]
    told: str


def answer_grid(card: CardView) -> tuple[GridRow, ...]:
    """Return a row a persona; a persona that answered nothing has no cells."""
    return tuple(
        GridRow(
            title=persona.title,
            vote=persona.vote,
            score=persona.score,
            anchor=f"r{number}",
            cells=tuple(_cell(each) for each in persona.findings),
            told=f"{persona.title}: {persona.tally}",
        )
        for number, persona in enumerate(card.personas, 1)
    )


def _cell(finding: FindingView) -> GridCell:
    sure = f", {finding.chance}" if finding.chance else ""
    return GridCell(
        answer=finding.answer,
        mark=MARKS[finding.answer],
        fill=0 if finding.answer == "unclear" else 50 + 100 * min(finding.strength, 0.5),
        told=f"{finding.question} {finding.answer}{sure}",
    )
