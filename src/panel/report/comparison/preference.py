"""Which of two tools is ahead: the rule, in code. No model has a say in it. Pure.

What ships is ahead of what does not, whatever the scores. A tie is a tie between two that ship:
where the numbers do not tell them apart, none is named.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from panel.reviews.verdict.scorecard import Verdict

Side = Literal["a", "b"]

Reason = Literal["ahead", "margin", "interval", "neither", "hold", "incomplete"]

MARGIN: Final = 5.0
"""Points a lead must have: one answer moves the score of a panel of four by about two."""

ACROSS: Final = 10.0
"""The same where the tools were not judged alike: models differ in how lenient they are."""


class Preference(BaseModel):
    """Which of two tools is ahead, by rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    winner: Side | None = None
    """The tool to ship with; None where the rule names none."""
    reason: Reason
    """`ahead` where there is a winner, else why there is none."""
    higher: Side | None = None
    """Who has the higher score; None where they are equal or one is not known."""
    margin: float
    """Points a lead had to have."""


def prefer(a: Verdict, b: Verdict, *, alike: bool = True) -> Preference:
    """Return which tool is ahead.

    The winner is the one tool of the two that the panel ships; of two that it ships, the one whose
    score leads by the margin at least, outside the interval of the other's.

    Args:
        a: One verdict.
        b: The other.
        alike: Whether the same reviewers judged both, by one model asked in one way.
    """
    margin = MARGIN if alike else ACROSS
    higher = _higher(a, b)
    reason = _undecided(a, b, margin)
    winner: Side | None = None
    if reason is None:
        winner = higher if a.outcome == b.outcome else "a" if a.outcome == "ship" else "b"
    return Preference(winner=winner, reason=reason or "ahead", higher=higher, margin=margin)


def other_side(side: Side) -> Side:
    """Return the side that this one is not."""
    return "b" if side == "a" else "a"


def _higher(a: Verdict, b: Verdict) -> Side | None:
    if a.score is None or b.score is None or a.score == b.score:
        return None
    return "a" if a.score > b.score else "b"


def _undecided(a: Verdict, b: Verdict, margin: float) -> Reason | None:
    outcomes = {a.outcome, b.outcome}
    if "hold" in outcomes:
        return "hold"
    if "incomplete" in outcomes or a.score is None or b.score is None:
        return "incomplete"
    if "ship" not in outcomes:
        return "neither"
    if len(outcomes) > 1:
        return None
    if (a.interval or b.interval) and _overlap(_range(a), _range(b)):
        return "interval"
    # Rounded, so that a lead of the margin counts whatever the binary digits of the scores.
    return "margin" if round(abs(a.score - b.score), 6) < margin else None


def _range(verdict: Verdict) -> tuple[float, float]:
    score = verdict.score or 0.0
    low, high = verdict.interval or (score, score)
    return min(low, score), max(high, score)


def _overlap(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return max(a[0], b[0]) <= min(a[1], b[1])
