"""Which one to ship with, and when the other: a paragraph put together by rule. Pure.

Every statement about a tool is a reviewer's stored answer to a stored question, with the passages
that the answer cites. A question that was answered without a passage is not used here.
"""

import math
from collections.abc import Iterator
from typing import Final

from panel.report.comparison.comparison import (
    Advice,
    ComparedAnswer,
    Comparison,
    Difference,
    Piece,
    Pointer,
    Statement,
)
from panel.report.comparison.preference import Side, other_side
from panel.reviews.verdict.scorecard import Scorecard

MOST: Final = 3
"""Statements at most for what speaks for one tool."""

SURE: Final = 2 / 3
"""Probability of yes from which an answer is used: nearer to even, it is no ground for advice."""

QUOTED: Final = 2
"""Passages named at most behind one answer."""


def advise(comparison: Comparison) -> Advice:
    """Return the advice by rule: the verdicts, what speaks for each tool, and their prices."""
    return Advice(
        preference=comparison.preference, by="rule", statements=tuple(_statements(comparison))
    )


def with_advice(comparison: Comparison) -> Comparison:
    """Return the comparison with its advice, by rule where it has none yet."""
    if comparison.advice is not None:
        return comparison
    return comparison.model_copy(update={"advice": advise(comparison)})


def backed(comparison: Comparison, side: Side) -> tuple[Difference, ...]:
    """Return the differences that speak for one tool: a sure yes with a passage behind it."""
    return tuple(
        difference
        for difference in comparison.differences
        if difference.favours == side
        and difference.decides
        and _is_backed(_answer(difference, side))
    )[:MOST]


def _is_backed(answer: ComparedAnswer) -> bool:
    return bool(answer.cites) and (answer.p is None or answer.p >= SURE)


def _statements(comparison: Comparison) -> Iterator[Statement]:
    yield Statement(about="verdict", pieces=(_verdicts(comparison),))
    # What is on hold, or judged by too few, must not be praised meanwhile.
    if comparison.preference.reason not in ("hold", "incomplete"):
        yield from _reasons(comparison)
    if prices := tuple(_prices(comparison)):
        yield Statement(about="price", pieces=prices)


def _reasons(comparison: Comparison) -> Iterator[Statement]:
    silent = []
    for side in _order(comparison):
        differences = backed(comparison, side)
        silent += [] if differences else [comparison.card(side).tool.name]
        for difference in differences:
            yield Statement(about=side, pieces=tuple(_answers(comparison, difference, side)))
    if len(silent) == 1:
        text = f"No sure answer with a passage behind it speaks for {silent[0]} over the other."
        yield Statement(about="verdict", pieces=(text,))
    elif silent:
        text = "No sure answer with a passage behind it tells the two apart."
        yield Statement(about="verdict", pieces=(text,))


def _order(comparison: Comparison) -> tuple[Side, Side]:
    first = comparison.preference.winner or comparison.preference.higher or "a"
    return first, other_side(first)


def _verdicts(comparison: Comparison) -> str:
    """Return the verdicts in one sentence, with the reason where no tool is named."""
    preference = comparison.preference
    first, second = (comparison.card(side) for side in _order(comparison))
    name_1, name_2 = first.tool.name, second.tool.name
    scores = f"{name_1} scores {_score(first)} of 100 and {name_2} {_score(second)}"
    if preference.reason in ("hold", "incomplete"):
        return _unsettled(comparison, preference.reason)
    if preference.reason == "interval":
        return (
            f"{name_1} scores {_spread(first)} of 100 over samples and {name_2} {_spread(second)}:"
            " the ranges overlap, so neither is ahead."
        )
    close = f"closer than the {preference.margin:g} points that a lead must have"
    if preference.reason == "margin":
        return f"{scores}: {close}."
    votes = f"{_voted(first)} ship {name_1}, and {_voted(second)} ship {name_2}"
    if preference.reason == "neither":
        apart = abs((first.verdict.score or 0.0) - (second.verdict.score or 0.0))
        return f"{votes}. {scores}{f', {close}' if apart < preference.margin else ''}."
    if preference.reason == "contradiction":
        return f"{scores}, but {votes}: scores and votes point in different directions."
    return f"{scores}; {votes}."


def _unsettled(comparison: Comparison, reason: str) -> str:
    cards = [comparison.a, comparison.b]
    if reason == "hold":
        names = " and ".join(c.tool.name for c in cards if c.verdict.outcome == "hold")
        return f"The evidence about {names} is suspicious: a person must look before this counts."
    lacking = [c for c in cards if c.verdict.outcome == "incomplete" or c.verdict.score is None]
    names = " and ".join(card.tool.name for card in lacking)
    return f"Too few reviewers voted on {names} for a verdict."


def _answers(comparison: Comparison, difference: Difference, favoured: Side) -> Iterator[Piece]:
    """Say how one question was answered for both, first for the tool it speaks for."""
    yield f"{difference.title} asks: “{difference.question}” "
    for number, side in enumerate((favoured, other_side(favoured))):
        answer = _answer(difference, side)
        word = f", {answer.answer}" if number else answer.answer.capitalize()
        yield f"{word} for {comparison.card(side).tool.name}"
        yield from (Pointer(side=side, passage=cite) for cite in answer.cites[:QUOTED])
    yield "."


def _answer(difference: Difference, side: Side) -> ComparedAnswer:
    return difference.a if side == "a" else difference.b


def _prices(comparison: Comparison) -> Iterator[Piece]:
    """Say which entry prices were read from the evidence, and where none was."""
    facts = {side: comparison.card(side).facts.entry_price for side in _order(comparison)}
    if not any(fact.passage for fact in facts.values()):
        return
    yield "Entry price as the evidence words it: "
    for number, (side, fact) in enumerate(facts.items()):
        lead = "; " if number else ""
        worded = f"“{fact.value}”" if fact.passage else "not stated"
        yield f"{lead}{worded} for {comparison.card(side).tool.name}"
        if fact.passage:
            yield Pointer(side=side, passage=fact.passage)
    yield "."


def _voted(card: Scorecard) -> str:
    votes = card.verdict.votes
    return f"{votes.ship} of {votes.ship + votes.skip} voting reviewers"


def _score(card: Scorecard) -> str:
    return _number(card.verdict.score or 0.0)


def _spread(card: Scorecard) -> str:
    bounds = card.verdict.interval
    return "–".join(_number(bound) for bound in bounds) if bounds else _score(card)


def _number(score: float) -> str:
    # Cut and not rounded, as everywhere: 59.96 has not reached 60.
    return f"{math.floor(score * 10 + 1e-6) / 10:.1f}"
