"""The closed list of propositions that every reviewer who writes gives a probability for.

Each is decided by code where evidence shows it (`panel.reviews.resolvers`), else by a person. No
base rate is stated: none is published for tools of these kinds. Forecasts are held against the
share of resolved ones that came true.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final, Literal, get_args

PropositionId = Literal["release", "archived", "licence", "price", "successor"]


@dataclass(frozen=True)
class Proposition:
    """One kind of forecast."""

    id: PropositionId
    months: int
    """Until it is due, from the day on which the evidence was read."""
    asked: str
    """Its words in the prompt, behind "within N months"; they hold the id in backticks."""
    claim: str
    """The sentence that is true or false on its day."""
    label: str
    """The same on a card."""


PROPOSITIONS: Final = (
    Proposition("release", 6, "a `release`", "It has a new release", "a release"),
    Proposition("archived", 12, "`archived` or called unmaintained",
                "It is archived, or said to be unmaintained", "archived or unmaintained"),
    Proposition("licence", 12, "another `licence`", "It is under another licence",
                "another licence"),
    Proposition("price", 12, "another `price`", "Its price page states another price",
                "another price"),
    Proposition("successor", 12, "a named `successor`", "A successor to it is named",
                "a named successor"),
)  # fmt: skip
"""By horizon, the shortest first."""

_BY_ID: Final[dict[str, Proposition]] = {known.id: known for known in PROPOSITIONS}

ASKED: Final[tuple[str, ...]] = get_args(PropositionId)
"""The ids of those that new runs ask about."""


def proposition(ident: str) -> Proposition | None:
    """Return the proposition of that id; None of one that is known to another panel."""
    return _BY_ID.get(ident)


def propositions(idents: Iterable[str]) -> tuple[Proposition, ...]:
    """Return those of these ids, in the order of the list; unknown ones are left out."""
    wanted = {*idents}
    return tuple(known for known in PROPOSITIONS if known.id in wanted)


def asked(chosen: Sequence[Proposition]) -> str:
    """Return what a writer is asked, in one line: `within 6 months a new …; within 12 …, …`."""
    parts: list[str] = []
    for months, group in groupby(chosen, key=lambda proposition: proposition.months):
        unit = "" if parts else " months"
        parts.append(f"within {months}{unit} {', '.join(each.asked for each in group)}")
    return "; ".join(parts)


def resolve_date(day: date, months: int) -> date:
    """Return the same day of a later month, or the 28th where that month might not have it."""
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, min(day.day, 28))
