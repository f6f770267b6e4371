"""What a comparison of two tools shows, computed once: pure, and ignorant of any format.

A comparison is a card with two columns: each tool's own card and findings are those that its
scorecard shows. Both tools' passages start at E1.1, so a citation here names its side, with the
tool's name beside it wherever the words before it do not say which tool is meant.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from panel.report import figures
from panel.report.citations import Cite, Own, cut, line, lines, parts
from panel.report.comparison.advice import advise, answer
from panel.report.comparison.comparison import (
    Advice,
    CommunityCount,
    CommunityVotes,
    ComparedAnswer,
    Comparison,
    Difference,
    Pointer,
    Statement,
)
from panel.report.comparison.preference import Side, other_side
from panel.report.reviewers import Hue, hue, signs
from panel.report.scorecard.findings import FindingView, Known, finding_view, findings
from panel.report.scorecard.remarks import label, provenance
from panel.report.scorecard.view import CardView, MissingView, PersonaView, view
from panel.reviews.review import Finding
from panel.reviews.verdict.scorecard import Scorecard

SHOWN: Final = 8
"""Differences shown at once; the others follow on demand."""

BOTH: Final = "Both"

SIDES: Final[tuple[Side, Side]] = ("a", "b")

NAMED: Final = 28
"""Characters of a tool's name beside a citation."""


@dataclass(frozen=True)
class PassageRef:
    """A reference to a passage of one of the two tools."""

    side: Side
    id: str
    label: str
    """The id, with the tool's name before it where the text does not name it."""
    tool: str


StatementPart = str | PassageRef | Own
"""A piece of a statement."""


@dataclass(frozen=True)
class AdviceView:
    """Which one to ship with."""

    headline: str
    winner: Side | None
    answer: tuple[StatementPart, ...]
    """The rule's answer in one sentence, whoever wrote the rest."""
    verdict: tuple[tuple[StatementPart, ...], ...]
    """How the verdicts stand, or the whole paragraph where a model wrote it."""
    reasons: tuple[tuple[str, Side, tuple[tuple[StatementPart, ...], ...]], ...]
    """A heading, the tool it is about, and the statements that speak for it."""
    prices: tuple[tuple[StatementPart, ...], ...]
    by: str
    """Who wrote the words."""
    reply: str
    """A model's reply as it came, used or not; empty where none was asked."""


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
    sign: str
    """The reviewer's; empty for the panel."""
    hue: Hue | None
    a: float | None
    b: float | None
    text: str


@dataclass(frozen=True)
class DifferenceView:
    """A criterion that was answered otherwise for the two."""

    subject: str
    """What it is about: the question, or in few words where the answers are statements."""
    title: str
    kind: str
    favours: Side
    dealbreaker: bool
    a: FindingView
    b: FindingView


@dataclass(frozen=True)
class AnswerRow:
    """One question; None where that tool was not asked it."""

    question: str
    a: FindingView | None
    b: FindingView | None


@dataclass(frozen=True)
class PersonaPair:
    """One reviewer on both tools; None where it was not asked about that one."""

    title: str
    sign: str
    hue: Hue
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
    notes: tuple[str, ...]
    """What both cards say at their foot, with the tool's name where only one does."""

    @property
    def ship_at(self) -> float | None:
        """The score from which a reviewer ships; None where the two runs had different ones."""
        return self.a.card.ship_at if self.a.card.ship_at == self.b.card.ship_at else None

    @property
    def sides(self) -> tuple[SideView, SideView]:
        """Both tools."""
        return self.a, self.b


def pair_view(comparison: Comparison) -> PairView:
    """Compute what is shown of a comparison; the advice is the rule's where it has none."""
    advice = comparison.advice or advise(comparison)
    a, b = _side(comparison, advice, "a"), _side(comparison, advice, "b")
    known = {side: Known(comparison.card(side).evidence) for side in SIDES}
    differences = tuple(difference_view(d, known) for d in comparison.differences)
    advised = advice_view(comparison, advice, {"a": a.name, "b": b.name}, known)
    return PairView(
        title=f"{a.name} vs {b.name}",
        category=a.card.category if a.card.category == b.card.category else "",
        summary=f"{a.name} or {b.name}? {advised.headline}",
        a=a,
        b=b,
        advice=advised,
        cautions=tuple(_cautions(comparison, a, b)),
        scores=tuple(_scores(comparison, a, b)),
        differences=differences[:SHOWN],
        more=differences[SHOWN:],
        counted=_counted(comparison),
        personas=tuple(_personas(comparison, a.card, b.card)),
        read=tuple(_read(a.card, b.card)),
        community=tuple(_community(comparison.community_a, comparison.community_b)),
        made=tuple(_made(comparison.a, comparison.b)),
        notes=tuple(_shared(a, b, a.card.notes, b.card.notes)),
    )


def _side(comparison: Comparison, advice: Advice, side: Side) -> SideView:
    cites = [cite for statement in advice.statements for cite in statement.cites]
    also = {cite.passage for cite in cites if cite.side == side}
    card = view(comparison.card(side), also=also)
    votes = comparison.community_a if side == "a" else comparison.community_b
    return SideView(side, card.name, card, _ballot(votes.verified) if votes else "")


def _cautions(comparison: Comparison, a: SideView, b: SideView) -> Iterator[str]:
    yield from (line(caution.text) for caution in comparison.cautions)
    yield from _shared(a, b, a.card.warnings, b.card.warnings)


def _shared(
    a: SideView, b: SideView, texts_a: Sequence[str], texts_b: Sequence[str]
) -> Iterator[str]:
    """Yield remarks on the two tools, each with whose it is."""
    for text in texts_a:
        yield f"{BOTH if text in texts_b else a.name}: {text}"
    yield from (f"{b.name}: {text}" for text in texts_b if text not in texts_a)


def _scores(comparison: Comparison, a: SideView, b: SideView) -> Iterator[ScoreRow]:
    seats = signs(standing.persona for standing in comparison.standings)
    panel = comparison.a.verdict.score, comparison.b.verdict.score
    yield ScoreRow("Panel", "", None, *panel, _scored("Panel", a.name, b.name, *panel))
    for s in comparison.standings:
        text = _scored(line(s.title), a.name, b.name, s.score_a, s.score_b)
        sign, colour = seats[s.persona], hue(s.persona)
        yield ScoreRow(line(s.title), sign, colour, s.score_a, s.score_b, text)


def _scored(title: str, name_a: str, name_b: str, a: float | None, b: float | None) -> str:
    return f"{title}: {name_a} {figures.score(a)}, {name_b} {figures.score(b)} of 100"


def _counted(comparison: Comparison) -> str:
    if not comparison.asked:
        return "No question was put to both"
    decides = sum(d.decides for d in comparison.differences)
    which = f"{decides or 'none'} of these decide{'' if decides > 1 else 's'}"
    return (
        f"{comparison.asked} questions were put to both: {comparison.same} were answered alike,"
        f" {len(comparison.differences)} were not, and {which}"
    )


def _personas(comparison: Comparison, a: CardView, b: CardView) -> Iterator[PersonaPair]:
    views_a, views_b = _by_persona(comparison.a, a), _by_persona(comparison.b, b)
    seats = signs(standing.persona for standing in comparison.standings)
    for standing in comparison.standings:
        name = standing.persona
        yield PersonaPair(
            title=line(standing.title),
            sign=seats[name],
            hue=hue(name),
            a=views_a.get(name),
            b=views_b.get(name),
            answers=tuple(answer_rows(name, comparison.a, comparison.b)),
        )


def _by_persona(card: Scorecard, card_view: CardView) -> dict[str, PersonaView | MissingView]:
    missing = zip(card.missing, card_view.missing, strict=True)
    views: dict[str, PersonaView | MissingView] = {m.persona: shown for m, shown in missing}
    return views | {r.persona: p for r, p in zip(card.reviews, card_view.personas, strict=True)}


def _read(
    a: CardView, b: CardView
) -> Iterator[tuple[str, tuple[str, Cite | None], tuple[str, Cite | None]]]:
    nothing = ("–", None)
    if a.price or b.price:
        yield "Price as listed", (a.price or "–", None), (b.price or "–", None)
    facts_a, facts_b = ({name: (text, cite) for name, text, cite in v.read} for v in (a, b))
    for name in facts_a | facts_b:
        yield name, facts_a.get(name, nothing), facts_b.get(name, nothing)


def _community(a: CommunityVotes | None, b: CommunityVotes | None) -> Iterator[CommunityView]:
    if a is None and b is None:
        return
    a, b = a or CommunityVotes(), b or CommunityVotes()
    yield CommunityView("Verified", _ballot(a.verified), _ballot(b.verified))
    yield CommunityView("Anonymous", _ballot(a.anonymous), _ballot(b.anonymous))


def _ballot(votes: CommunityCount) -> str:
    if votes.share is None or votes.interval is None:
        return "no votes"
    low, high = votes.interval
    voters = f"{votes.total:,} vote{'' if votes.total == 1 else 's'}"
    return f"{figures.percent(votes.share)} ship of {voters} ({low:.0f}–{high:.0f}%)"


def _made(a: Scorecard, b: Scorecard) -> Iterator[tuple[str, str, str]]:
    for (name, text_a), (_, text_b) in zip(provenance(a), provenance(b), strict=True):
        yield name, text_a, text_b


def advice_view(
    comparison: Comparison, advice: Advice, names: dict[Side, str], known: dict[Side, Known]
) -> AdviceView:
    """Return what is shown of an advice; `names` are the tools' as shown.

    A pointer to a passage that is not `known` is left out.
    """

    def statements(*about: str) -> tuple[tuple[StatementPart, ...], ...]:
        return tuple(
            tuple(_pieces(statement, advice, names, known))
            for statement in advice.statements
            if statement.about in about
        )

    first = advice.preference.winner or advice.preference.higher or "a"
    return AdviceView(
        headline=_headline(advice, names, comparison),
        winner=advice.preference.winner,
        answer=tuple(_pieces(answer(comparison), advice, names, known)),
        verdict=statements("verdict", "written"),
        reasons=tuple(
            (_speaks(side, names, advice.preference.winner), side, about)
            for side in (first, other_side(first))
            if (about := statements(side))
        ),
        prices=statements("price"),
        by=_by(advice),
        reply=lines(advice.written.text) if advice.written else "",
    )


def _headline(advice: Advice, names: dict[Side, str], comparison: Comparison) -> str:
    preference = advice.preference
    if preference.winner:
        return f"Ship with {names[preference.winner]}"
    outcomes = [comparison.card(side).verdict.outcome for side in SIDES]
    held = [names[s] for s, o in zip(SIDES, outcomes, strict=True) if o == "hold"]
    skips = outcomes == ["skip", "skip"]
    return {
        "margin": "Either: both ship, too close to call",
        "interval": "Either: both ship, too close to call",
        "neither": "Neither: the panel " + ("skips both" if skips else "does not ship either"),
        "hold": f"No winner while {' and '.join(held)} is on hold",
        "incomplete": "No winner: too few reviewers voted",
    }[preference.reason]


def _speaks(side: Side, names: dict[Side, str], winner: Side | None) -> str:
    if winner == side:
        return f"What speaks for {names[side]}"
    return f"When to take {names[side]}{' instead' if winner else ''}: if this decides for you"


def _by(advice: Advice) -> str:
    if advice.by == "model" and (written := advice.written):
        claims = len(advice.own_claims)
        own = f"; figures and names not in the evidence: {claims}" if claims else ""
        lost = f"; citations dropped: {advice.unknown_cites}" if advice.unknown_cites else ""
        return (
            f"Written by {line(written.model)} at {line(written.provider)},"
            f" {figures.moment(written.asked)}; who is ahead was decided by rule{own}{lost}"
        )
    note = f". {line(advice.note)}" if advice.note else ""
    return f"Put together by rule from the stored answers; no model wrote it{note}"


def _pieces(
    statement: Statement, advice: Advice, names: dict[Side, str], known: dict[Side, Known]
) -> Iterator[StatementPart]:
    # Whom the words are about: what a statement is listed under, then who was named last.
    meant: Side | None = {"a": "a", "b": "b"}.get(statement.about)  # type: ignore[assignment]
    for piece in statement.pieces:
        if isinstance(piece, Pointer):
            if piece.passage in known[piece.side]:
                yield _ref(piece, names[piece.side], named=meant == piece.side)
            continue
        words = _words(piece)
        meant = _named_last(words, names) or meant
        # No id is a citation here: pointers stand beside the words, never in them.
        yield from (p for p in parts(words, (), advice.own_claims) if not isinstance(p, Cite))


def _named_last(words: str, names: dict[Side, str]) -> Side | None:
    """Return which tool is named last; of two names that end alike, the longer is meant."""
    ends = [
        (match.end(), len(name), side)
        for side, name in names.items()
        for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", words)
    ]
    return max(ends)[2] if ends and names["a"] != names["b"] else None


def _ref(pointer: Pointer, name: str, *, named: bool) -> PassageRef:
    label = pointer.passage if named else f"{cut(name, NAMED)} {pointer.passage}"
    return PassageRef(pointer.side, line(pointer.passage), label, name)


def _words(text: str) -> str:
    """Return a piece on one line, its blanks at both ends kept: other pieces follow."""
    inner = line(text)
    return f"{' ' if text[:1].isspace() else ''}{inner}{' ' if text[-1:].isspace() else ''}"


def difference_view(difference: Difference, known: dict[Side, Known]) -> DifferenceView:
    """Return what is shown of a difference."""
    return DifferenceView(
        subject=label(difference.criterion)
        if difference.a.says and difference.b.says
        else line(difference.question),
        title=line(difference.title),
        kind=difference.kind,
        favours=difference.favours,
        dealbreaker=difference.dealbreaker,
        a=_compared(difference, difference.a, known["a"]),
        b=_compared(difference, difference.b, known["b"]),
    )


def _compared(difference: Difference, answer: ComparedAnswer, known: Known) -> FindingView:
    finding = Finding(
        criterion=difference.criterion,
        question=difference.question,
        kind=difference.kind,
        **answer.model_dump(),
    )
    return finding_view(finding, known)


def answer_rows(persona: str, a: Scorecard, b: Scorecard) -> Iterator[AnswerRow]:
    """Yield the questions of a reviewer in the order they were asked."""
    answers_a, answers_b = _answers(persona, a), _answers(persona, b)
    for key in answers_a | answers_b:
        yield AnswerRow(line(key[1]), answers_a.get(key), answers_b.get(key))


def _answers(persona: str, card: Scorecard) -> dict[tuple[str, str], FindingView]:
    known = Known(card.evidence)
    answers: dict[tuple[str, str], FindingView] = {}
    for review in (review for review in card.reviews if review.persona == persona):
        for finding, shown in zip(review.findings, findings(review, card, known), strict=True):
            # One finding a question, should a card hold two.
            answers.setdefault((finding.criterion, finding.question), shown)
    return answers
