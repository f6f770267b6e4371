"""The findings that decided a review, each with the passages it quotes. Pure; knows no format.

A quote is always taken from the stored passage, never from what a model wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from panel.evidence.source import Source
from panel.report import figures
from panel.report.citations import Part, cut, is_passage, line, parts
from panel.reviews.review import Answer, Finding, Review
from panel.reviews.verdict.scorecard import Scorecard

SHOWN: Final = 3
"""Deciding findings shown for each persona."""

QUOTED: Final = 2
"""Quotes shown with one finding."""

_TOWARDS: Final[dict[str, tuple[Answer, ...]]] = {
    "ship": ("yes",),
    "skip": ("no", "unclear"),
    "abstain": ("unclear",),
}
ANSWER_GLYPHS: Final = {"yes": "✓", "no": "✗", "unclear": "?"}
"""A shape for each answer, so that no colour is needed to tell them apart."""

_AGAINST: Final[dict[str, Answer]] = {"ship": "no", "skip": "yes"}


class Known:
    """The passages of a card by id: what a citation may refer to."""

    def __init__(self, evidence: Sequence[Source]) -> None:
        self._quotes = {
            p.id: Quote(line(p.id), cut(line(p.text)), line(s.source))
            for s in evidence
            for p in s.passages
            if is_passage(p.id)
        }

    def __contains__(self, cite: object) -> bool:
        return cite in self._quotes

    def quote(self, cite: str) -> "Quote | None":
        """Return the stored passage's quote, or None where there is no such passage."""
        return self._quotes.get(cite)


@dataclass(frozen=True)
class Quote:
    """The beginning of a stored passage."""

    id: str
    text: str
    source: str


@dataclass(frozen=True)
class FindingView:
    """A persona's answer to one question."""

    question: str
    kind: str
    answer: Answer
    chance: str
    """Probability of the answer as text; empty for `unclear` and where the provider gave none."""
    strength: float
    """How far from undecided: |p − 0.5|, one half where only the answer is known."""
    dealbreaker: bool
    """A note of the verdict names it as what forced the vote."""
    because: tuple[Part, ...]
    cites: tuple[str, ...]
    quotes: tuple[Quote, ...]


def findings(review: Review, card: Scorecard, known: Known) -> tuple[FindingView, ...]:
    """Return all findings of a review in the order they were asked."""
    notes = [n for n in card.verdict.notes if review.persona in n or review.title in n]
    return tuple(finding_view(f, known, notes, review.own_claims) for f in review.findings)


def deciding(views: Sequence[FindingView], vote: str) -> tuple[FindingView, ...]:
    """Return the strongest findings towards the vote, dealbreakers first.

    A skip without a `no` was decided by what the evidence leaves open, so `unclear` comes next.
    """
    towards = _TOWARDS[vote]
    pool = sorted((f for f in views if f.answer in towards), key=_rank)
    pool.sort(key=lambda f: towards.index(f.answer))
    return tuple((pool or sorted(views, key=_rank))[:SHOWN])


def against(views: Sequence[FindingView], vote: str) -> tuple[FindingView, ...]:
    """Return the strongest finding that speaks against the vote, if there is one."""
    pool = [f for f in views if f.answer == _AGAINST.get(vote)]
    return tuple(sorted(pool, key=_rank)[:1])


def _rank(finding: FindingView) -> tuple[bool, float, bool]:
    return (not finding.dealbreaker, -finding.strength, not finding.quotes)


def finding_view(
    finding: Finding, known: Known, notes: Sequence[str] = (), own: Sequence[str] = ()
) -> FindingView:
    """Return what is shown of one finding.

    Args:
        finding: An answer to a criterion.
        known: The passages of its card.
        notes: Notes of the verdict about its persona; they name dealbreakers.
        own: Claims of the review that no passage contains.
    """
    answered = finding.answer != "unclear"
    quotes = [known.quote(cite) for cite in finding.cites]
    return FindingView(
        question=line(finding.question),
        kind=finding.kind,
        answer=finding.answer,
        chance=_chance(finding),
        strength=abs(finding.p - 0.5) if finding.p is not None else 0.5 * answered,
        dealbreaker=answered and any(finding.criterion in note for note in notes),
        because=parts(line(finding.because), known, own),
        cites=tuple(line(c) for c in finding.cites if c in known),
        quotes=tuple(q for q in quotes if q)[:QUOTED],
    )


def _chance(finding: Finding) -> str:
    if finding.p is None or finding.answer == "unclear":
        return ""
    return figures.probability(finding.p if finding.answer == "yes" else 1 - finding.p)
