"""Rankings: areas, intervals and errors against references of other hands, and ties."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.foundation.proportion import Share, wilson
from panel.foundation.ranking import (
    TwoClasses,
    area_interval,
    area_under_curve,
    brier_score,
    pairs_right,
    roc_curve,
)

# Few different numbers, so that ties are common; minus infinity stands for "none".
NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.just(-math.inf))
GROUP = st.lists(NUMBERS, min_size=1, max_size=12)


@given(GROUP, GROUP)
def test_the_area_is_the_rank_statistic_of_mann_and_whitney(low, high):
    from scipy.stats import mannwhitneyu  # type: ignore[import-untyped]  # a second to import

    statistic = mannwhitneyu(high, low, method="asymptotic").statistic
    area = area_under_curve(TwoClasses(low=tuple(low), high=tuple(high)))
    assert area == pytest.approx(statistic / (len(low) * len(high)))


@given(GROUP, GROUP)
def test_the_area_is_what_lies_under_the_curve(low, high):
    corners = roc_curve(low, high)
    assert (corners[0], corners[-1]) == ((0, 0), (1, 1))
    under = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(corners))
    assert under == pytest.approx(area_under_curve(TwoClasses(low=tuple(low), high=tuple(high))))


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_that_of_scipy(count_of_total):
    from scipy.stats import binomtest

    count, total = count_of_total
    found = binomtest(count, total).proportion_ci(method="wilson")
    assert wilson(count, total) == pytest.approx((found.low, found.high), abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from([0, 0.2, 0.5, 0.8, 1]), st.booleans()), min_size=1))
def test_the_brier_score_is_reliability_less_resolution_plus_uncertainty(forecasts):
    """A. H. Murphy's decomposition (1973), summed by other hands."""
    total = len(forecasts)
    base = sum(happened for _, happened in forecasts) / total
    parts = 0.0
    for p in {p for p, _ in forecasts}:
        group = [happened for q, happened in forecasts if q == p]
        rate = sum(group) / len(group)
        parts += len(group) * ((p - rate) ** 2 - (rate - base) ** 2)
    assert brier_score(forecasts) == pytest.approx(parts / total + base * (1 - base))


def bootstrapped(pairs):
    """The percentile bootstrap over pairs in plain loops: what the arrays must come to."""
    draws, source, areas = 2000, random.Random(1), []
    for _ in range(draws):
        drawn = [source.choice(pairs) for _ in pairs]
        wins = [
            1 if high > low else 0.5 if high == low else 0 for low, _ in drawn for _, high in drawn
        ]
        areas.append(sum(wins) / len(wins))
    areas.sort()
    return areas[50], areas[1949]


def test_the_interval_is_the_percentile_bootstrap_over_whole_pairs():
    source = random.Random(7)
    pairs = tuple((source.choice([-math.inf, 1, 2, 3]), source.choice([1, 2, 4])) for _ in range(9))
    assert area_interval(TwoClasses(pairs=pairs)) == pytest.approx(bootstrapped(pairs))


def test_members_without_a_pair_are_drawn_within_their_class():
    classes = TwoClasses(pairs=((1, 2),), low=(1.0, 3.0, 2.0), high=(2.0, 5.0, 3.0))
    low, high = area_interval(classes)
    assert 0 <= low < area_under_curve(classes) < high <= 1
    assert area_interval(classes) == (low, high)


def test_what_cannot_be_told_is_none():
    assert area_under_curve(TwoClasses(low=(1.0,))) is None
    assert area_interval(TwoClasses(pairs=((1, 2),))) is None
    assert brier_score([]) is None


def test_a_tie_is_half_a_pair_right_and_a_share_says_so():
    right = pairs_right([(1, 2), (2, 2), (3, 2)])
    assert right == 1.5
    assert str(Share.of(right, 3)) == "1.5 of 3"
    assert Share.of(2.0, 3).model_dump_json().startswith('{"count":2,')
    assert Share.model_validate_json(Share.of(right, 3).model_dump_json()).count == 1.5
