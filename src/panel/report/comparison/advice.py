"""Which one to ship with, and when the other: a sentence, then a paragraph, by rule. Pure.

Every statement about a tool is a reviewer's stored answer to a stored question, with the passages
that the answer cites. A question that was answered without a passage is not used here.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Final

from panel.report.comparison.cautions import differ_in_category
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
from panel.report.comparison.votes import from_passages, guess_note, voters
from panel.report.scorecard.answer import inside, strongest, voted
from panel.reviews.compose import GUESSED
from panel.reviews.verdict.scorecard import Scorecard

MOST: Final = 3
"""Statements at most for what speaks for one tool."""

SURE: Final = 2 / 3
"""Probability of yes from which an answer is used: nearer to even, it is no ground for advice."""

QUOTED: Final = 2
"""Passages named at most behind one answer."""

DECIDING: Final = 2
"""Statements about the winner at most in the one sentence that answers."""


GUESSES: Final = "by answers that are the model's guesses"


def advise(comparison: Comparison) -> Advice:
    """Return the advice by rule: answer, verdicts, what speaks for each tool, and their prices."""
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
    sure = answer.p is None or answer.p >= SURE
    return answer.answer == "yes" and bool(answer.cites) and sure


def answer(comparison: Comparison) -> Statement:
    """Return which one to ship with, in one sentence: the statements that differ and decide."""
    preference = comparison.preference
    if preference.reason in ("hold", "incomplete"):
        pieces: Iterable[Piece] = (_unsettled(comparison, preference.reason),)
    elif preference.winner:
        pieces = _ship_with(comparison, preference.winner)
    else:
        pieces = _neither(comparison) if preference.reason == "neither" else _either(comparison)
    return Statement(about="answer", pieces=tuple(pieces))


def _ship_with(comparison: Comparison, winner: Side) -> Iterator[Piece]:
    """Say what speaks against the other tool where a passage does, then what is ahead here."""
    loser = other_side(winner)
    name, other = (comparison.card(side).tool.name for side in (winner, loser))
    reasons = [d for d in backed(comparison, winner) if d.a.says and d.b.says][:DECIDING]
    # What holds for both tells them apart as little as what no passage shows.
    alike = {inside(f.says) for r in comparison.card(winner).reviews for f in r.findings}
    shown = [r for r in _against(comparison.card(loser), loser) if len(r) > 1]
    against = [reason for reason in shown if reason[0] not in alike][:DECIDING]
    yield f"Ship with {name}: "
    if not reasons and not against:
        votes = [comparison.card(side).verdict.votes for side in (winner, loser)]
        yield f"{voted(votes[0], 'ship', 'it')}, and {voted(votes[1], 'ship', other)}"
    for number, (words, *cites) in enumerate(against):
        yield f", and {words}" if number else _about(other, str(words))
        yield from cites
    for number, difference in enumerate(reasons):
        words = inside(_answer(difference, winner).says)
        lead = "; " if against else ""
        yield f", and {words}" if number else f"{lead}{_about(name, words)}"
        yield from _first_cite(difference, winner)
    yield from _guesses_told(comparison.card(side) for side in (winner, loser))
    yield "."


def _either(comparison: Comparison) -> Iterator[Piece]:
    scores = " and ".join(f"{_score(c)} for {c.tool.name}" for c in (comparison.a, comparison.b))
    alike = not differ_in_category(comparison.a, comparison.b)
    both = "Either will do: both ship" if alike else "Both ship"
    yield f"{both}, and their scores are too close to call, {scores}"
    lead = "; take"
    for side in _order(comparison):
        for difference in [d for d in backed(comparison, side) if _answer(d, side).says][:1]:
            name = comparison.card(side).tool.name
            words = inside(_answer(difference, side).says)
            yield f"{lead} {name} if it matters that {words}"
            yield from _first_cite(difference, side)
            lead = ", and"
    yield from _guesses_told(comparison.card(side) for side in _order(comparison))
    yield "."


def _neither(comparison: Comparison) -> Iterator[Piece]:
    yield "Ship neither: "
    order = _order(comparison)
    cards = [comparison.card(side) for side in order]
    reasons = [_reason_against(card, side) for card, side in zip(cards, order, strict=True)]
    guessed = [card for card, reason in zip(cards, reasons, strict=True) if reason == (GUESSES,)]
    if len(guessed) == len(cards):
        skips = all(card.verdict.outcome == "skip" for card in cards)
        both, each = ("skips both", "skip") if skips else ("ships neither", "verdict")
        yield f"the panel {both}, and the model's guesses make each {each}"
    elif all(reasons):
        for number, (card, reason) in enumerate(zip(cards, reasons, strict=True)):
            yield f"{', and ' if number else ''}not {card.tool.name}, "
            yield from reason
    else:
        yield ", and ".join(voted(card.verdict.votes, "ship", card.tool.name) for card in cards)
    if nearest := comparison.nearest:
        yield f"; in their category the panel ships {nearest.name}, {_number(nearest.score)} of 100"
    if len(guessed) == len(cards):
        yield f". {from_passages(cards)}"
    else:
        yield from _guesses_told(card for card in cards if card not in guessed)
    yield "."


def _reason_against(card: Scorecard, side: Side) -> tuple[Piece, ...]:
    """Return why a tool does not ship; empty where its reviewers say nothing against it."""
    if reasons := _against(card, side):
        return ("because ", *reasons[0])
    skipping = [voter for voter in voters(card) if voter.vote == "skip"]
    if skipping and all(voter.guesses_decide for voter in skipping):
        return (GUESSES,)
    return ()


def _against(card: Scorecard, side: Side) -> list[tuple[Piece, ...]]:
    """Return the statements that weigh most against a tool; none in cards before 0.2.

    What a passage shows comes first. Beside what forced a vote nothing else is a reason.
    """
    panel = voters(card)
    most = sum(len(voter.findings) for voter in panel)
    reasons = [finding for _, finding in strongest(panel, "skip", most)]
    reasons.sort(key=lambda finding: not finding.cites)
    reasons = [reason for reason in reasons if reason.dealbreaker] or reasons
    return [
        (inside(reason.statement), *(Pointer(side=side, passage=c) for c in reason.cites[:1]))
        for reason in reasons
    ]


def _guesses_told(cards: Iterable[Scorecard]) -> Iterator[str]:
    """Say of each tool who would not vote as the panel does without the model's guesses."""
    if note := guess_note(cards):
        yield f". {note}"


def _about(name: str, words: str) -> str:
    """Return a statement inside a sentence with the tool's name for what it begins with."""
    first, _, rest = words.partition(" ")
    if first == "it":
        return f"{name} {rest}"
    if first == "its":
        genitive = "'" if name.endswith("s") else "'s"
        return f"{name}{genitive} {rest}"
    return f"as for {name}, {words}"


def _first_cite(difference: Difference, side: Side) -> Iterator[Pointer]:
    cites = _answer(difference, side).cites[:1]
    yield from (Pointer(side=side, passage=cite) for cite in cites)


def _statements(comparison: Comparison) -> Iterator[Statement]:
    yield answer(comparison)
    if comparison.preference.reason not in ("hold", "incomplete"):
        yield Statement(about="verdict", pieces=(_verdicts(comparison),))
        # What is on hold, or judged by too few, must not be praised meanwhile.
        yield from _reasons(comparison)
    if prices := tuple(_prices(comparison)):
        yield Statement(about="price", pieces=prices)


def _reasons(comparison: Comparison) -> Iterator[Statement]:
    for side in _order(comparison):
        differences = backed(comparison, side)
        for difference in differences:
            yield Statement(about=side, pieces=tuple(_answers(comparison, difference, side)))
        if not differences and (why := _not_backed(comparison, side)):
            yield Statement(about="verdict", pieces=(why,))


def _not_backed(comparison: Comparison, side: Side) -> str:
    """Say why what decides for a tool is no ground to take it; empty where nothing does."""
    pairs = [
        (_answer(difference, side), _answer(difference, other_side(side)))
        for difference in comparison.differences
        if difference.decides and difference.favours == side
    ]
    yes = [(answer, other) for answer, other in pairs if answer.answer == "yes"]
    if not yes:
        return ""
    whys = dict.fromkeys(_weakness(answer) for answer, _ in yes)
    no = "no" if all(other.answer == "no" for _, other in yes) else "not"
    which = "the yes" if len(yes) == 1 else "every yes"
    told = f"{which} for {comparison.card(side).tool.name} is {' or '.join(whys)}"
    return f"Where the answer is yes for one tool and {no} for the other, {told}."


def _weakness(answer: ComparedAnswer) -> str:
    if answer.says.startswith(GUESSED):
        return "a guess of the model"
    return "not sure" if answer.cites else "without a passage"


def _order(comparison: Comparison) -> tuple[Side, Side]:
    first = comparison.preference.winner or comparison.preference.higher or "a"
    return first, other_side(first)


def _verdicts(comparison: Comparison) -> str:
    """Return the verdicts in one sentence, with the reason where no tool is named."""
    preference = comparison.preference
    first, second = (comparison.card(side) for side in _order(comparison))
    name_1, name_2 = first.tool.name, second.tool.name
    scores = f"{name_1} scores {_score(first)} of 100 and {name_2} {_score(second)}"
    if preference.reason == "interval":
        return (
            f"{name_1} scores {_spread(first)} of 100 over samples and {name_2} {_spread(second)}:"
            " the ranges overlap, so neither is ahead."
        )
    if preference.reason == "margin":
        return f"{scores}: closer than the {preference.margin:g} points that a lead must have."
    votes = ", and ".join(
        voted(card.verdict.votes, "ship", card.tool.name) for card in (first, second)
    )
    if preference.reason == "neither":
        return f"{votes}. {scores}."
    return f"{scores}; {votes}."


def _unsettled(comparison: Comparison, reason: str) -> str:
    cards = [comparison.a, comparison.b]
    if reason == "hold":
        names = " and ".join(c.tool.name for c in cards if c.verdict.outcome == "hold")
        return (
            f"No winner: the evidence about {names} is suspicious, and a person must look before"
            " this counts."
        )
    lacking = [c for c in cards if c.verdict.outcome == "incomplete" or c.verdict.score is None]
    names = " and ".join(card.tool.name for card in lacking)
    return f"No winner yet: too few reviewers voted on {names} for a verdict."


def _answers(comparison: Comparison, difference: Difference, favoured: Side) -> Iterator[Piece]:
    """Say how one question was answered for both, first for the tool it speaks for."""
    other = other_side(favoured)
    if difference.a.says and difference.b.says:
        yield from _cited(_answer(difference, favoured).says.rstrip(". "), difference, favoured)
        name = comparison.card(other).tool.name
        says = _of_reviewer(_answer(difference, other).says, difference.title)
        yield from _cited(f"; {name}: {says}", difference, other)
        yield "."
        return
    yield f"{difference.title} asks: “{difference.question}” "
    for number, side in enumerate((favoured, other)):
        word = _answer(difference, side).answer
        text = f", {word}" if number else word.capitalize()
        yield from _cited(f"{text} for {comparison.card(side).tool.name}", difference, side)
    yield "."


def _of_reviewer(says: str, title: str) -> str:
    """Return a statement inside a sentence; what a reviewer says of itself names the reviewer."""
    first, _, rest = says.partition(" ")
    return f"{inside(title)} {rest.rstrip('. ')}" if first == "I" else inside(says)


def _cited(text: str, difference: Difference, side: Side) -> Iterator[Piece]:
    yield text
    cites = _answer(difference, side).cites[:QUOTED]
    yield from (Pointer(side=side, passage=cite) for cite in cites)


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
        worded = f"“{fact.value}”" if fact.passage else "none was read"
        yield f"{lead}{worded} for {comparison.card(side).tool.name}"
        if fact.passage:
            yield Pointer(side=side, passage=fact.passage)
    yield "."


def _score(card: Scorecard) -> str:
    return _number(card.verdict.score or 0.0)


def _spread(card: Scorecard) -> str:
    bounds = card.verdict.interval
    return "–".join(_number(bound) for bound in bounds) if bounds else _score(card)


def _number(score: float) -> str:
    # Cut and not rounded, as everywhere: 59.96 has not reached 60.
    return f"{math.floor(score * 10 + 1e-6) / 10:.1f}"
