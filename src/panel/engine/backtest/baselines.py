"""Baselines: how the numbers of outcomes.csv rank the tools, each by itself. Pure."""

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from panel.engine.backtest.outcomes import NAMED, BacktestCase, number
from panel.engine.backtest.ranked import ranked, two_classes
from panel.foundation.ranking import area_under_curve
from panel.reviews.backtest.report import Baseline

Better = Literal["more", "fewer"]


class KnownDirection(NamedTuple):
    """A number whose direction is plain before any outcome is known."""

    better: Better
    label: str


KNOWN: Final = {
    "stars": KnownDirection("more", "the number of stars"),
    "forks": KnownDirection("more", "the number of forks"),
    "downloads": KnownDirection("more", "the number of downloads"),
    "days_since_commit": KnownDirection("fewer", "the age of the last commit"),
    "list_days_since_commit": KnownDirection("fewer", "the age of the last commit by the list"),
    "days_since_release": KnownDirection("fewer", "the age of the last release"),
    "days_since_tag": KnownDirection("fewer", "the age of the last tag"),
    "commits_365": KnownDirection("more", "the number of commits in a year"),
    "commits_365_without_bots": KnownDirection(
        "more", "the number of commits in a year without bots"
    ),
    "authors_365": KnownDirection("more", "the number of authors in a year"),
    "authors_365_without_bots": KnownDirection(
        "more", "the number of authors in a year without bots"
    ),
    "readme_chars": KnownDirection("more", "the length of the README"),
}
"""Columns by name. Of any other the direction is that which ranks these very tools better."""

LATER: Final = "after"
"""A column with this word in its name holds what came after the evidence: no baseline."""


def columns(cases: Sequence[BacktestCase]) -> tuple[str, ...]:
    """Return the columns that are baselines: numbers alone, of which two differ."""
    names = dict.fromkeys(name for case in cases for name in case.cells or {})
    return tuple(name for name in names if name not in NAMED and _is_baseline(name, cases))


def later_columns(cases: Sequence[BacktestCase]) -> tuple[str, ...]:
    """Return the columns that are left out because they hold what came later."""
    names = dict.fromkeys(name for case in cases for name in case.cells or {})
    return tuple(name for name in names if _is_later(name))


def baseline(column: str, cases: Sequence[BacktestCase]) -> Baseline:
    """Return how a column ranks the tools; a tool without the number ranks behind all others."""
    known = KNOWN.get(column)
    better: Better = known.better if known else _by_outcome(column, cases)

    def value(case: BacktestCase) -> float:
        if (cell := case.number(column)) is None:
            return -math.inf
        return cell if better == "more" else -cell

    row = ranked(column, known.label if known else column, cases, value)
    return Baseline(
        **dict(row),
        better=better,
        by_outcome=known is None,
        unknown=sum(case.number(column) is None for case in cases),
    )


def _by_outcome(column: str, cases: Sequence[BacktestCase]) -> Better:
    area = area_under_curve(two_classes(cases, lambda case: case.number(column)))
    return "fewer" if area is not None and area < 0.5 else "more"


def _is_later(name: str) -> bool:
    return LATER in name.casefold().split("_")


def _is_baseline(name: str, cases: Sequence[BacktestCase]) -> bool:
    cells = [text for case in cases if (text := (case.cells or {}).get(name))]
    numbers = {number(cell) for cell in cells}
    return not _is_later(name) and None not in numbers and len(numbers) > 1
