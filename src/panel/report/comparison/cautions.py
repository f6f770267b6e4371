"""What makes a comparison weaker: two tools that were not judged alike. Pure."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from panel.review.verdict.scorecard import Scorecard

Kind = Literal["model", "provider", "asked", "reviewers", "questions", "dates", "samples"]

UNLIKE: Final[frozenset[Kind]] = frozenset({"model", "asked", "reviewers"})
"""Kinds that make scores hard to compare: a lead must be larger then."""

SAME_DAY: Final = timedelta(hours=24)


class Caution(BaseModel):
    """One thing to know before the two are compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    text: str
    """One sentence without its full stop. Names in it are untrusted."""


def cautions(a: Scorecard, b: Scorecard, *, unpaired: int) -> tuple[Caution, ...]:
    """Return what differs in how the two were judged, what weighs most first.

    Args:
        a: One scorecard.
        b: The other.
        unpaired: Questions that only one of the two was asked, or that were worded otherwise.
    """
    return tuple(Caution(kind=kind, text=text) for kind, text in _found(a, b, unpaired))


def _found(a: Scorecard, b: Scorecard, unpaired: int) -> Iterator[tuple[Kind, str]]:
    one, two = a.tool.name, b.tool.name
    if _models(a) != _models(b):
        yield "model", f"Different models judged them: {one} by {a.model}, {two} by {b.model}"
    elif a.provider != b.provider:
        yield (
            "provider",
            f"The model was called at different providers: for {one} at {a.provider}, for {two} at"
            f" {b.provider}",
        )
    if a.asked != b.asked:
        yield "asked", f"They were asked in different ways: {one} {a.asked}, {two} {b.asked}"
    if _reviewers(a) != _reviewers(b):
        yield "reviewers", "Different reviewers judged them"
    if unpaired:
        what = "question was" if unpaired == 1 else "questions were"
        yield "questions", f"{unpaired} {what} put to one of them only"
    if abs(a.created - b.created) > SAME_DAY:
        yield (
            "dates",
            f"They were judged on different days: {one} on {a.created:%Y-%m-%d}, {two} on"
            f" {b.created:%Y-%m-%d}",
        )
    if once := [card.tool.name for card in (a, b) if card.verdict.interval is None]:
        whose = (
            "Each reviewer was asked once" if len(once) > 1 else f"On {once[0]} each was asked once"
        )
        yield "samples", f"{whose}, so how far a score may move by chance is not known"


def _models(card: Scorecard) -> frozenset[str]:
    return frozenset(review.model for review in card.reviews) | {card.model}


def _reviewers(card: Scorecard) -> frozenset[str]:
    return frozenset([*(r.persona for r in card.reviews), *(m.persona for m in card.missing)])
