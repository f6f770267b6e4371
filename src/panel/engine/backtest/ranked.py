"""One number of each tool as a ranking of them. Pure."""

from collections.abc import Callable, Iterable, Sequence

from panel.engine.backtest.outcomes import BacktestCase
from panel.foundation.proportion import Share
from panel.foundation.ranking import TwoClasses, area_interval, area_under_curve, pairs_right
from panel.reviews.backtest.report import Area, RankedBy

Value = Callable[[BacktestCase], float | None]
"""A tool's number, of which more speaks for it; None where it has none."""


def two_classes(cases: Iterable[BacktestCase], value: Value) -> TwoClasses:
    """Return the numbers of tools that died and lived: by pair where both have one."""
    valued = [(case, number) for case in cases if (number := value(case)) is not None]
    partners: dict[str, dict[str, float]] = {}
    for case, number in valued:
        if case.pair is not None:
            partners.setdefault(case.pair, {})[case.fate] = number
    whole = {name: two for name, two in sorted(partners.items()) if len(two) == 2}
    single = [(case, number) for case, number in valued if case.pair not in whole]
    return TwoClasses(
        pairs=tuple((two["died"], two["lived"]) for two in whole.values()),
        low=tuple(number for case, number in single if case.fate == "died"),
        high=tuple(number for case, number in single if case.fate == "lived"),
    )


def ranked(name: str, label: str, cases: Sequence[BacktestCase], value: Value) -> RankedBy:
    """Return how a number ranks the tools."""
    classes = two_classes(cases, value)
    area = area_under_curve(classes)
    bounds = area_interval(classes) or (None, None)
    low, high = (None if bound is None else round(bound, 4) for bound in bounds)
    return RankedBy(
        name=name,
        label=label,
        tools=len(classes.all_low) + len(classes.all_high),
        pairs=Share.of(pairs_right(classes.pairs), len(classes.pairs)),
        area=None if area is None else Area(value=round(area, 4), low=low, high=high),
    )
