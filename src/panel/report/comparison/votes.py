"""What a panel's votes say of a tool, and what passages alone would come to, in words. Pure."""

from collections.abc import Iterable, Sequence

from panel.report.comparison.cautions import gives_score
from panel.report.comparison.comparison import Comparison
from panel.report.scorecard.answer import (
    Voter,
    names,
    reviewers,
    too_few,
    voter,
    votes_alone,
    weights_told,
)  # fmt: skip
from panel.report.scorecard.findings import Known, findings
from panel.reviews.verdict.scorecard import Scorecard


def voters(card: Scorecard) -> list[Voter]:
    """Return the reviewers of a card with their findings."""
    known = Known(card.evidence)
    return [
        voter(review, review.title, findings(review, card, known), card.ship_at)
        for review in card.reviews
    ]


def guess_note(cards: Iterable[Scorecard]) -> str:
    """Return who would not vote as the panel does without guesses, as a sentence without its stop.

    It is empty where all would.

    Args:
        cards: Scorecards that are told together.
    """
    told = []
    for card in cards:
        panel, outcome = voters(card), card.verdict.outcome
        guessing = [v for v in panel if v.guesses_decide and outcome in (v.vote, "split")]
        if guessing and outcome in ("ship", "skip", "split"):
            vote = "vote so on" if outcome == "split" else outcome
            clause = f"{names(v.title for v in guessing)} would not {vote} {card.tool.name}"
            told.append((clause, too_few(card.verdict.votes, panel)))
    few = [lacks for _, lacks in told]
    tail = ", which leaves too few votes for a verdict"
    clauses = [f"{clause}{tail if lacks and not all(few) else ''}" for clause, lacks in told]
    either = f"{tail} on {'either' if len(told) > 1 else 'it'}" if told and all(few) else ""
    joined = (", and " if few[:1] == [True] and not either else " and ").join(clauses)
    return f"Without the model's guesses {joined}{either}" if told else ""


def from_passages(cards: Sequence[Scorecard]) -> str:
    """Return what the reviewers of two tools would vote from passages alone, as a sentence."""
    panels = [(card, voters(card)) for card in cards]
    if not any({"ship", "skip"} & votes_alone(panel).keys() for _, panel in panels):
        return "From passages alone no reviewer would vote on either"
    few = [too_few(card.verdict.votes, panel) for card, panel in panels]
    clauses = [
        f"{_alone(card, panel)}{', too few for a verdict' if lacks and not all(few) else ''}"
        for (card, panel), lacks in zip(panels, few, strict=True)
    ]
    tail = ": too few for a verdict" if all(few) else ""
    return f"From passages alone {' and '.join(clauses)}{tail}"


def _alone(card: Scorecard, panel: Sequence[Voter]) -> str:
    votes, name = votes_alone(panel), card.tool.name
    asked = len(card.reviews) + len(card.missing)
    ship, skip = votes["ship"], votes["skip"]
    if not ship + skip:
        return f"none would vote on {name}"
    if not ship:
        return f"{skip} of {reviewers(asked)} would skip {name}"
    return f"{ship} of {reviewers(asked)} would ship {name}{f', {skip} would not' if skip else ''}"


def weighing(comparison: Comparison) -> str:
    """Return whom shares and scores count, and how; empty where every reviewer counts the same."""
    known = [(s, s.weight) for s in comparison.standings if s.weight is not None]
    cards = (comparison.a, comparison.b)
    votes = [card.verdict.votes for card in cards]
    voting = "of those who voted" if any(v.abstain or v.missing for v in votes) else ""
    weighted = ""
    by_name = {standing.persona: weight for standing, weight in known}
    if len({*by_name.values()}) > 1 and any(gives_score(card, by_name) for card in cards):
        told = weights_told({standing.title: weight for standing, weight in known})
        weighted = f"weighted: {told}"
    how = ", ".join(filter(None, [voting, weighted]))
    return f"Shares and scores are {how}" if how else ""
