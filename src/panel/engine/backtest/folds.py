"""Folds for cross-validation: parts of a list, of which no pair is divided. Pure."""

import random
from collections.abc import Sequence
from typing import Final

from panel.engine.backtest.outcomes import BacktestCase

SEED: Final = 1


def folds(cases: Sequence[BacktestCase], count: int, seed: int = SEED) -> list[list[int]]:
    """Return the places of the cases in `count` parts of about one size, by one seed.

    Both of a pair are in one part; tools without a partner among the cases are dealt out by fate,
    so that each part has its share of both. Parts that would be empty are left out.
    """
    partners: dict[str, list[int]] = {}
    for place, case in enumerate(cases):
        if case.pair is not None:
            partners.setdefault(case.pair, []).append(place)
    pairs = [places for places in partners.values() if len(places) == 2]
    paired = {place for places in pairs for place in places}
    single = [place for place in range(len(cases)) if place not in paired]
    source = random.Random(seed)
    dealt: list[list[int]] = []
    for group in (
        pairs,
        *([[p] for p in single if cases[p].fate == fate] for fate in ("lived", "died")),
    ):
        dealt += source.sample(group, len(group))
    parts: list[list[int]] = [[] for _ in range(count)]
    for turn, places in enumerate(dealt):
        parts[turn % count] += places
    return [part for part in parts if part]


def split(total: int, held: Sequence[int]) -> list[int]:
    """Return the places that are not held out."""
    left_out = set(held)
    return [place for place in range(total) if place not in left_out]
