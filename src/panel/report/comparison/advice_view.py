"""What is shown of an advice: which one to ship with, in words with their citations. Pure.

Both tools' passages start at E1.1, so a citation here names its side, with the tool's name beside
it wherever the words before it do not say which tool is meant.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from panel.report import figures
from panel.report.citations import Cite, Own, cut, line, lines, parts
from panel.report.comparison.advice import answer
from panel.report.comparison.cautions import differ_in_category
from panel.report.comparison.comparison import Advice, Comparison, Pointer, Statement
from panel.report.comparison.preference import Side, other_side
from panel.report.scorecard.findings import Known

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
    both = "Both ship" if differ_in_category(comparison.a, comparison.b) else "Either: both ship"
    return {
        "margin": f"{both}, too close to call",
        "interval": f"{both}, too close to call",
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
