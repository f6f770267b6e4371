"""Both tools' answers to the same questions, side by side. Pure; knows no format."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from panel.report import figures
from panel.report.citations import line
from panel.report.comparison.comparison import ComparedAnswer, Difference
from panel.report.comparison.preference import Side
from panel.report.scorecard.findings import FindingView, Known, Quote, findings
from panel.review.verdict.scorecard import Scorecard

ANSWER_GLYPHS: Final = {"yes": "✓", "no": "✗", "unclear": "?"}
"""A shape for each answer, so that no colour is needed to tell them apart."""


@dataclass(frozen=True)
class AnswerView:
    """One tool's answer to a criterion."""

    answer: str
    glyph: str
    chance: str
    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class DifferenceView:
    """A criterion that was answered otherwise for the two."""

    question: str
    title: str
    kind: str
    favours: Side
    decides: bool
    dealbreaker: bool
    a: AnswerView
    b: AnswerView


@dataclass(frozen=True)
class AnswerRow:
    """One question; None where that tool was not asked it."""

    question: str
    a: FindingView | None
    b: FindingView | None


def difference_view(found: Difference, known: dict[Side, Known]) -> DifferenceView:
    """Return what is shown of a difference, each side's answer with its first quote."""
    return DifferenceView(
        question=line(found.question),
        title=line(found.title),
        kind=found.kind,
        favours=found.favours,
        decides=found.decides,
        dealbreaker=found.dealbreaker,
        a=_answer(found.a, known["a"]),
        b=_answer(found.b, known["b"]),
    )


def _answer(given: ComparedAnswer, known: Known) -> AnswerView:
    p = given.p if given.answer == "yes" else None if given.p is None else 1 - given.p
    quotes = [known.quote(cite) for cite in given.cites]
    return AnswerView(
        answer=given.answer,
        glyph=ANSWER_GLYPHS[given.answer],
        chance="" if given.answer == "unclear" else figures.probability(p),
        quotes=tuple(quote for quote in quotes if quote)[:1],
    )


def answer_rows(persona: str, a: Scorecard, b: Scorecard) -> Iterator[AnswerRow]:
    """Yield the questions of a reviewer in the order they were asked."""
    one, two = _answers(persona, a), _answers(persona, b)
    for key in one | two:
        yield AnswerRow(line(key[1]), one.get(key), two.get(key))


def _answers(persona: str, card: Scorecard) -> dict[tuple[str, str], FindingView]:
    known = Known(card.evidence)
    return {
        (finding.criterion, finding.question): shown
        for review in card.reviews
        if review.persona == persona
        for finding, shown in zip(review.findings, findings(review, card, known), strict=True)
    }
