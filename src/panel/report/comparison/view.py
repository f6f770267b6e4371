"""What a comparison of two tools shows, computed once: pure, and ignorant of any format."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from panel.report import figures
from panel.report.citations import Cite, line
from panel.report.comparison.advice import advise
from panel.report.comparison.advice_view import SIDES, AdviceView, advice_view
from panel.report.comparison.answers_view import (
    AnswerRow,
    DifferenceView,
    answer_rows,
    difference_view,
)
from panel.report.comparison.comparison import Comparison
from panel.report.comparison.preference import Side
from panel.report.comparison.statement import Advice
from panel.report.comparison.votes import CommunityCount, CommunityVotes
from panel.report.scorecard.findings import Known
from panel.report.scorecard.made import provenance
from panel.report.scorecard.view import CardView, MissingView, PersonaView, view
from panel.review.verdict.scorecard import Scorecard

SHOWN: Final = 8
"""Differences shown at once; the others follow on demand."""

BOTH: Final = "Both"


@dataclass(frozen=True)
class CommunityView:
    """The community's votes of one kind on both tools."""

    label: str
    a: str
    b: str


@dataclass(frozen=True)
class SideView:
    """One of the two tools."""

    side: Side
    name: str
    card: CardView
    community: str
    """The verified votes in words, short."""


@dataclass(frozen=True)
class ScoreRow:
    """Both tools' scores by one reviewer, or by the panel."""

    label: str
    a: float | None
    b: float | None
    text: str


@dataclass(frozen=True)
class PersonaPair:
    """One reviewer on both tools; None where it was not asked about that one."""

    title: str
    a: PersonaView | MissingView | None
    b: PersonaView | MissingView | None
    answers: tuple[AnswerRow, ...]


@dataclass(frozen=True)
class PairView:
    """Two tools side by side."""

    title: str
    category: str
    summary: str
    """One line for lists and for `description`."""
    a: SideView
    b: SideView
    advice: AdviceView
    cautions: tuple[str, ...]
    """What makes the comparison weaker, and what each card warns of."""
    scores: tuple[ScoreRow, ...]
    differences: tuple[DifferenceView, ...]
    more: tuple[DifferenceView, ...]
    counted: str
    """How many questions were answered alike."""
    personas: tuple[PersonaPair, ...]
    read: tuple[tuple[str, tuple[str, Cite | None], tuple[str, Cite | None]], ...]
    """Price, licence and upkeep: label, and what was read about each tool."""
    community: tuple[CommunityView, ...]
    made: tuple[tuple[str, str, str], ...]

    @property
    def sides(self) -> tuple[SideView, SideView]:
        """Both tools."""
        return self.a, self.b


def pair_view(comparison: Comparison) -> PairView:
    """Compute what is shown of a comparison; the advice is the rule's where it has none."""
    advice = comparison.advice or advise(comparison)
    a, b = _side(comparison, advice, "a"), _side(comparison, advice, "b")
    known = {side: Known(comparison.card(side).evidence) for side in SIDES}
    shown = tuple(difference_view(each, known) for each in comparison.differences)
    told = advice_view(comparison, advice, {"a": a.name, "b": b.name}, known)
    return PairView(
        title=f"{a.name} vs {b.name}",
        category=a.card.category if a.card.category == b.card.category else "",
        summary=f"{a.name} or {b.name}? {told.headline}",
        a=a,
        b=b,
        advice=told,
        cautions=tuple(_cautions(comparison, a, b)),
        scores=tuple(_scores(comparison, a, b)),
        differences=shown[:SHOWN],
        more=shown[SHOWN:],
        counted=_counted(comparison),
        personas=tuple(_personas(comparison, a.card, b.card)),
        read=tuple(_read(a.card, b.card)),
        community=tuple(_community(comparison.community_a, comparison.community_b)),
        made=tuple(_made(comparison.a, comparison.b)),
    )


def _side(comparison: Comparison, advice: Advice, side: Side) -> SideView:
    cites = [cite for statement in advice.statements for cite in statement.cites]
    also = {cite.passage for cite in cites if cite.side == side}
    card = view(comparison.card(side), also=also)
    votes = comparison.community_a if side == "a" else comparison.community_b
    return SideView(side, card.name, card, _ballot(votes.verified) if votes else "")


def _cautions(comparison: Comparison, a: SideView, b: SideView) -> Iterator[str]:
    yield from (line(caution.text) for caution in comparison.cautions)
    for text in a.card.warnings:
        whose = BOTH if text in b.card.warnings else a.name
        yield f"{whose}: {text}"
    yield from (f"{b.name}: {text}" for text in b.card.warnings if text not in a.card.warnings)


def _scores(comparison: Comparison, a: SideView, b: SideView) -> Iterator[ScoreRow]:
    rows = [("Panel", comparison.a.verdict.score, comparison.b.verdict.score)]
    rows += [(line(s.title), s.score_a, s.score_b) for s in comparison.standings]
    for label, one, two in rows:
        text = f"{label}: {a.name} {figures.score(one)}, {b.name} {figures.score(two)} of 100"
        yield ScoreRow(label, one, two, text)


def _counted(comparison: Comparison) -> str:
    if not comparison.asked:
        return "No question was put to both"
    decides = sum(d.decides for d in comparison.differences)
    return (
        f"{comparison.asked} questions were put to both: {comparison.same} were answered alike,"
        f" {len(comparison.differences)} were not, and {decides} of these are yes for one only"
    )


def _personas(comparison: Comparison, a: CardView, b: CardView) -> Iterator[PersonaPair]:
    both = zip((comparison.a, comparison.b), (a, b), strict=True)
    one, two = (_by_persona(card, shown) for card, shown in both)
    for standing in comparison.standings:
        name = standing.persona
        yield PersonaPair(
            title=line(standing.title),
            a=one.get(name),
            b=two.get(name),
            answers=tuple(answer_rows(name, comparison.a, comparison.b)),
        )


def _by_persona(card: Scorecard, shown: CardView) -> dict[str, PersonaView | MissingView]:
    missing = zip(card.missing, shown.missing, strict=True)
    found: dict[str, PersonaView | MissingView] = {m.persona: seen for m, seen in missing}
    return found | {r.persona: p for r, p in zip(card.reviews, shown.personas, strict=True)}


def _read(
    a: CardView, b: CardView
) -> Iterator[tuple[str, tuple[str, Cite | None], tuple[str, Cite | None]]]:
    yield "Price as listed", (a.price, None), (b.price, None)
    one, two = ({label: (text, cite) for label, text, cite in card.read} for card in (a, b))
    nothing = (figures.UNKNOWN, None)
    for label in one or two:
        left, right = one.get(label, nothing), two.get(label, nothing)
        if left[1] or right[1]:
            yield label, left, right


def _community(a: CommunityVotes | None, b: CommunityVotes | None) -> Iterator[CommunityView]:
    if a is None and b is None:
        return
    one, two = a or CommunityVotes(), b or CommunityVotes()
    yield CommunityView("Verified", _ballot(one.verified), _ballot(two.verified))
    yield CommunityView("Anonymous", _ballot(one.anonymous), _ballot(two.anonymous))


def _ballot(votes: CommunityCount) -> str:
    if votes.share is None or votes.interval is None:
        return "no votes"
    low, high = votes.interval
    voters = f"{votes.total:,} vote{'' if votes.total == 1 else 's'}"
    return f"{figures.percent(votes.share)} ship of {voters} ({low:.0f}–{high:.0f}%)"


def _made(a: Scorecard, b: Scorecard) -> Iterator[tuple[str, str, str]]:
    for (label, one), (_, two) in zip(provenance(a), provenance(b), strict=True):
        yield label, one, two
