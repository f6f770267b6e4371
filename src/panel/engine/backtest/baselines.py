"""Baselines: how the numbers of outcomes.csv rank the tools, each by itself. Pure."""

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from panel.engine.backtest.folds import folds, split
from panel.engine.backtest.outcomes import NAMED, BacktestCase, number
from panel.engine.backtest.ranked import Value, ranked, two_classes
from panel.foundation.proportion import Share
from panel.foundation.ranking import area_under_curve, pairs_right
from panel.reviews.backtest.report import Baseline, RankedBy

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

FOLDS: Final = 10
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
    better = _better(column, cases)
    row = ranked(column, known.label if known else column, cases, _value(column, better))
    return Baseline(
        **dict(row),
        better=better,
        by_outcome=known is None,
        unknown=sum(case.number(column) is None for case in cases),
    )


def chosen_baseline(cases: Sequence[BacktestCase]) -> RankedBy | None:
    """Return how the best number alone ranks pairs that it was not chosen on.

    Each fold of pairs is ranked by the number, in the direction, that ranks most pairs of the other
    folds right; of equal ones by the first column. None without pairs or numbers. It has no AUC:
    numbers of different columns cannot be compared.
    """
    paired = [case for case in cases if case.pair is not None]
    names, right, counted = columns(cases), 0.0, 0
    for held in folds(paired, FOLDS):
        others = [paired[place] for place in split(len(paired), held)]
        values = [_value(name, _better(name, others)) for name in names]
        if not others or not values:
            continue
        chosen = max(values, key=lambda value: _right(others, value))
        tested = [paired[place] for place in held]
        right += _right(tested, chosen)
        counted += len(two_classes(tested, chosen).pairs)
    if not counted:
        return None
    label = "the best number, chosen by cross-validation"
    return RankedBy(
        name="chosen", label=label, tools=2 * counted, pairs=Share.of(right, counted), area=None
    )


def _right(cases: Sequence[BacktestCase], value: Value) -> float:
    return pairs_right(two_classes(cases, value).pairs)


def _value(column: str, better: Better) -> Value:
    def value(case: BacktestCase) -> float:
        if (cell := case.number(column)) is None:
            return -math.inf
        return cell if better == "more" else -cell

    return value


def _better(column: str, cases: Sequence[BacktestCase]) -> Better:
    known = KNOWN.get(column)
    return known.better if known else _by_outcome(column, cases)


def _by_outcome(column: str, cases: Sequence[BacktestCase]) -> Better:
    area = area_under_curve(two_classes(cases, lambda case: case.number(column)))
    return "fewer" if area is not None and area < 0.5 else "more"


def _is_later(name: str) -> bool:
    return LATER in name.casefold().split("_")


def _is_baseline(name: str, cases: Sequence[BacktestCase]) -> bool:
    cells = [text for case in cases if (text := (case.cells or {}).get(name))]
    numbers = {number(cell) for cell in cells}
    return not _is_later(name) and None not in numbers and len(numbers) > 1
