"""Which of two tools to ship with, as every format shows it. Pure; knows no format.

Both tools' passages start at E1.1, so a citation here names its side, with the tool's name beside
it wherever the words before it do not say which tool is meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from panel.report import figures
from panel.report.citations import Cite, Own, cut, line, lines, parts
from panel.report.comparison.comparison import Comparison
from panel.report.comparison.preference import Side
from panel.report.comparison.statement import Advice, Pointer, Statement
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


Told = str | PassageRef | Own
"""A piece of a statement."""


@dataclass(frozen=True)
class AdviceView:
    """Which one to ship with."""

    headline: str
    winner: Side | None
    verdict: tuple[tuple[Told, ...], ...]
    """How the verdicts stand, or the whole paragraph where a model wrote it."""
    reasons: tuple[tuple[str, Side, tuple[tuple[Told, ...], ...]], ...]
    """A heading, the tool it is about, and the statements that speak for it."""
    prices: tuple[tuple[Told, ...], ...]
    by: str
    """Who wrote the words."""
    reply: str
    """A model's reply as it came, used or not; empty where none was asked."""


def advice_view(
    comparison: Comparison, advice: Advice, names: dict[Side, str], known: dict[Side, Known]
) -> AdviceView:
    """Return what is shown of an advice; `names` are the tools' as shown.

    A pointer at a passage that is not `known` is left out.
    """

    def told(*about: str) -> tuple[tuple[Told, ...], ...]:
        return tuple(
            tuple(_pieces(statement, advice, names, known))
            for statement in advice.statements
            if statement.about in about
        )

    first = advice.preference.winner or advice.preference.higher or "a"
    order: tuple[Side, ...] = (first, "b" if first == "a" else "a")
    return AdviceView(
        headline=_headline(advice, names, comparison),
        winner=advice.preference.winner,
        verdict=told("verdict", "written"),
        reasons=tuple(
            (_speaks(side, names, advice.preference.winner), side, found)
            for side in order
            if (found := told(side))
        ),
        prices=told("price"),
        by=_by(advice),
        reply=lines(advice.written.text) if advice.written else "",
    )


def _headline(advice: Advice, names: dict[Side, str], comparison: Comparison) -> str:
    chosen = advice.preference
    if chosen.winner:
        return f"Ship with {names[chosen.winner]}"
    outcomes = [comparison.card(side).verdict.outcome for side in SIDES]
    held = [names[s] for s, o in zip(SIDES, outcomes, strict=True) if o == "hold"]
    skips = outcomes == ["skip", "skip"]
    return {
        "margin": "A tie: neither is ahead",
        "interval": "A tie: neither is ahead",
        "neither": "Neither: the panel " + ("skips both" if skips else "does not ship either"),
        "contradiction": "No winner: scores and votes disagree",
        "hold": f"No winner while {' and '.join(held)} is on hold",
        "incomplete": "No winner: too few reviewers voted",
    }[chosen.reason]


def _speaks(side: Side, names: dict[Side, str], winner: Side | None) -> str:
    if winner is None or winner == side:
        return f"What speaks for {names[side]}"
    return f"When to take {names[side]} instead: if this decides for you"


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
) -> Iterator[Told]:
    before = ""
    for piece in statement.pieces:
        if isinstance(piece, Pointer):
            if piece.passage in known[piece.side]:
                yield _ref(piece, names[piece.side], before)
            continue
        words = _words(piece)
        before = words or before
        # No id is a citation here: pointers stand beside the words, never in them.
        yield from (p for p in parts(words, (), advice.own_claims) if not isinstance(p, Cite))


def _ref(pointer: Pointer, name: str, before: str) -> PassageRef:
    named = before.rstrip().endswith(name)
    label = pointer.passage if named else f"{cut(name, NAMED)} {pointer.passage}"
    return PassageRef(pointer.side, line(pointer.passage), label, name)


def _words(text: str) -> str:
    """Return a piece on one line, its blanks at both ends kept: other pieces follow."""
    inner = line(text)
    return f"{' ' if text[:1].isspace() else ''}{inner}{' ' if text[-1:].isspace() else ''}"
