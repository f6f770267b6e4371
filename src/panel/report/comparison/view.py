"""What a comparison of two tools shows, computed once: pure, and ignorant of any format.

A comparison is a card with two columns: each tool's own card and findings are those that its
scorecard shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from panel.report import figures
from panel.report.citations import Cite, line
from panel.report.comparison.advice import advise
from panel.report.comparison.advice_view import SIDES, AdviceView, advice_view
from panel.report.comparison.ask_model import composed_by_code
from panel.report.comparison.comparison import (
    Advice,
    CommunityCount,
    CommunityVotes,
    ComparedAnswer,
    Comparison,
    Difference,
)
from panel.report.comparison.preference import Side
from panel.report.comparison.votes import weighing
from panel.report.reviewers import Hue, hue, signs
from panel.report.scorecard.answer import voted
from panel.report.scorecard.findings import FindingView, Known, finding_view, findings
from panel.report.scorecard.remarks import COMPOSED, PRICE, is_record, label, provenance
from panel.report.scorecard.view import CardView, MissingView, PersonaView, view
from panel.reviews.compose import NOTICED, prose_quotes, statement
from panel.reviews.review import Finding, Review
from panel.reviews.verdict.scorecard import Scorecard

SHOWN: Final = 8
"""Differences shown at once; the others follow on demand."""

BOTH: Final = "Both"

LISTED: Final = "Price as listed"

UNCOUNTED: Final = "abstains: not counted"
"""Beside the score of a review that is in no mean."""

CONTROLS: Final = (
    "Control tools are invented tools of known worth: good, bad, or bland, whose pages say little."
    " Injected text is text that tries to talk the reviewer round."
)


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
    headline: str
    """The votes in one sentence without a full stop."""
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
    note_a: str
    """Why the first tool's score is in no mean; empty where it is."""
    note_b: str
    text: str


@dataclass(frozen=True)
class ComparedView:
    """One tool's answer to a criterion."""

    finding: FindingView
    sure: str
    """How sure the answer is, or where it is from where no probability came; in brackets."""


@dataclass(frozen=True)
class DifferenceView:
    """A criterion that was answered otherwise for the two."""

    subject: str
    """What it is about: the question, or in few words where the answers are statements."""
    title: str
    kind: str
    dealbreaker: str
    """The tool whose answer forced a reviewer's skip; empty where it forced none."""
    a: ComparedView
    b: ComparedView


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
    weighing: str
    """Whom shares and scores count, and how; empty where every reviewer counts the same."""
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
    names: dict[Side, str] = {"a": a.name, "b": b.name}
    differences = tuple(difference_view(d, comparison, names) for d in comparison.differences)
    advised = advice_view(comparison, advice, names, known)
    return PairView(
        title=f"{a.name} vs {b.name}",
        category=a.card.category if a.card.category == b.card.category else "",
        summary=f"{a.name} or {b.name}? {advised.headline}",
        a=a,
        b=b,
        advice=advised,
        cautions=tuple(_cautions(comparison, a, b)),
        scores=tuple(_scores(comparison, a, b)),
        weighing=line(weighing(comparison)),
        differences=differences[:SHOWN],
        more=differences[SHOWN:],
        counted=_counted(comparison),
        personas=tuple(_personas(comparison, a.card, b.card)),
        read=tuple(_read(a.card, b.card)),
        community=tuple(_community(comparison.community_a, comparison.community_b)),
        made=tuple(_made(comparison.a, comparison.b)),
        notes=tuple(_notes(a, b)),
    )


def _side(comparison: Comparison, advice: Advice, side: Side) -> SideView:
    cites = [cite for statement in advice.statements for cite in statement.cites]
    also = {cite.passage for cite in cites if cite.side == side}
    card = view(comparison.card(side), also=also)
    votes = comparison.community_a if side == "a" else comparison.community_b
    verdict = comparison.card(side).verdict
    headline = card.headline
    if verdict.outcome == "ship" or verdict.outcome == "skip":
        headline = voted(verdict.votes, verdict.outcome, "it")
    return SideView(side, card.name, card, headline, _ballot(votes.verified) if votes else "")


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


def _notes(a: SideView, b: SideView) -> Iterator[str]:
    """Yield what the cards say at their foot, each with whose it is, then what its words mean."""
    shared = [text for text in a.card.notes if text in b.card.notes]
    yield from map(_of_both, shared)
    for side in (a, b):
        yield from (f"{side.name}: {text}" for text in side.card.notes if text not in shared)
    if any("control tools" in text for text in (*a.card.notes, *b.card.notes)):
        yield CONTROLS


def _of_both(text: str) -> str:
    """Return a note that both cards have; what code and judge do needs no word whose it is."""
    label, colon, rest = text.partition(": ")
    if colon and label == "Judges":
        return f"Judges of both tools: {rest}"
    return text if text == COMPOSED or is_record(text) else f"{BOTH}: {text}"


def _scores(comparison: Comparison, a: SideView, b: SideView) -> Iterator[ScoreRow]:
    seats = signs(standing.persona for standing in comparison.standings)
    panel = comparison.a.verdict.score, comparison.b.verdict.score
    names = a.name, b.name
    yield _score_row("Panel", names, panel)
    for s in comparison.standings:
        votes, scores = (s.a, s.b), (s.score_a, s.score_b)
        row = _score_row(line(s.title), names, scores, votes)
        yield replace(row, sign=seats[s.persona], hue=hue(s.persona))


def _score_row(
    label: str,
    names: tuple[str, str],
    scores: tuple[float | None, float | None],
    votes: tuple[str | None, str | None] = (None, None),
) -> ScoreRow:
    """Return the row of the panel, or of a reviewer without its sign."""
    notes = [
        UNCOUNTED if vote == "abstain" and score is not None else ""
        for vote, score in zip(votes, scores, strict=True)
    ]
    told = [
        f"{name} {figures.score(score)}{f' ({note})' if note else ''}"
        for name, score, note in zip(names, scores, notes, strict=True)
    ]
    text = f"{label}: {', '.join(told)} of 100"
    return ScoreRow(label, "", None, *scores, notes[0], notes[1], text)


def _counted(comparison: Comparison) -> str:
    if not comparison.asked:
        return "No question was put to both"
    left = f" ({comparison.left_open} of them left open for both)" if comparison.left_open else ""
    return (
        f"{comparison.asked} questions were put to both: {comparison.same} were answered"
        f" alike{left}, {len(comparison.differences)} were not{_deciding(comparison)}"
    )


def _deciding(comparison: Comparison) -> str:
    """Return how many of the differences stand against each other, and what forced a skip."""
    forced = sum(d.dealbreaker for d in comparison.differences)
    against = sum(d.decides and not d.dealbreaker for d in comparison.differences)
    other = "no" if all(map(composed_by_code, (comparison.a, comparison.b))) else "not"
    clauses = []
    if against or not forced:
        is_are = "is" if against in (0, 1) else "are"
        clauses.append(
            f"{against or 'none'} of these {is_are} yes for one and {other} for the other"
        )
    if forced:
        clauses.append(f"{forced} forced a skip")
    return f": {' and '.join(clauses)}"


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
        yield LISTED, (a.price or "–", None), (b.price or "–", None)
    facts_a, facts_b = ({name: (text, cite) for name, text, cite in v.read} for v in (a, b))
    for name in facts_a | facts_b:
        # A list has an entry price too, so that this one says where it is from.
        label = f"{PRICE}, read" if name == PRICE else name
        yield label, facts_a.get(name, nothing), facts_b.get(name, nothing)


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


def difference_view(
    difference: Difference, comparison: Comparison, names: dict[Side, str]
) -> DifferenceView:
    """Return what is shown of a difference; `names` are the tools' as shown."""
    # Where the answers differ, one alone is a no.
    broken: Side = "a" if difference.a.answer == "no" else "b"
    return DifferenceView(
        subject=label(difference.criterion)
        if difference.a.says and difference.b.says
        else line(difference.question),
        title=line(difference.title),
        kind=difference.kind,
        dealbreaker=names[broken] if difference.dealbreaker else "",
        a=_compared(difference, difference.a, comparison.a),
        b=_compared(difference, difference.b, comparison.b),
    )


def _compared(difference: Difference, answer: ComparedAnswer, card: Scorecard) -> ComparedView:
    """Return one tool's answer, with the words that its review quotes for it."""
    known = Known(card.evidence)
    for review in (review for review in card.reviews if review.persona == difference.persona):
        for finding in review.findings:
            if (finding.criterion, finding.question) == (difference.criterion, difference.question):
                prose = _quoted_for(finding, review) if review.composed else {}
                shown = finding_view(finding, known, prose=prose)
                return ComparedView(shown, _sure(finding, shown, review))
    # A comparison that was read may hold an answer without its review.
    told = {"criterion": difference.criterion, "question": difference.question}
    alone = Finding(**told, kind=difference.kind, **answer.model_dump())
    return ComparedView(finding_view(alone, known), "")


def _quoted_for(finding: Finding, review: Review) -> dict[str, str]:
    """Return by passage what the prose quotes for this finding, and not for another."""
    says = statement(finding).removesuffix(NOTICED)[1:]
    return {
        passage: words
        for passage, words in prose_quotes(review.summary).items()
        if f"{says} (“{words}”)" in review.summary
        or f"{says}{NOTICED} (“{words}”)" in review.summary
    }


def _sure(finding: Finding, shown: FindingView, review: Review) -> str:
    """Return how sure an answer is; where code or a notice answered, that it did."""
    if finding.decided_by:
        return "(by rule)"
    if shown.chance:
        return f"({shown.chance} sure)"
    # A judge whose answers have probabilities answers without one where a notice does.
    judged = review.composed and any(other.p is not None for other in review.findings)
    noticed = judged and finding.answer == "no" and NOTICED not in finding.says
    return "(by a notice on its page)" if noticed else ""


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
