"""Factors of pairwise comparisons: against scipy's optimum, at both ends of the shrinking."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.foundation.pairwise import (
    FLOOR,
    LEAST,
    MOST,
    RIDGE,
    common_factor,
    common_factors,
    fit_factors,
    mean_loss,
)
from panel.foundation.ranking import (
    TwoClasses,
    area_difference_interval,
    area_interval,
    mean_interval,
)


def comparisons(seed, rows=12, columns=5):
    source = np.random.default_rng(seed)
    terms = source.normal(0.1, 1, (rows, columns)) / math.sqrt(columns)
    return terms, source.uniform(0.2, 1.5, rows)


def objective(factors, terms, weights, common, strength):
    penalty = strength * ((factors / common - 1) ** 2).sum()
    return (weights * np.logaddexp(0, -(terms @ factors))).sum() + penalty / 2


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.03, 0.3, 3.0, 100.0]))
def test_the_optimum_is_scipys_and_no_factor_is_negative(seed, strength):
    from scipy.optimize import minimize  # type: ignore[import-untyped]  # a second to import

    terms, weights = comparisons(seed)
    common = common_factor(terms, weights) * np.array([1, 1, 0.5, 1, 2])
    factors = fit_factors(terms, weights, common, strength)
    assert factors.min() >= 0
    reference = minimize(
        objective, np.ones(5), (terms, weights, common, strength), method="L-BFGS-B",
        bounds=[(0, None)] * 5, options={"ftol": 1e-15, "gtol": 1e-10},
    )  # fmt: skip
    assert objective(factors, terms, weights, common, strength) <= reference.fun + 1e-9
    assert factors == pytest.approx(reference.x, abs=2e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_common_factor_is_that_of_the_plain_sum_within_its_bounds(seed):
    from scipy.optimize import minimize_scalar

    terms, weights = comparisons(seed)
    sums = terms.sum(axis=1)
    reference = minimize_scalar(
        lambda f: (weights * np.logaddexp(0, -f * sums)).sum(), bounds=(LEAST, MOST)
    )
    assert common_factor(terms, weights) == pytest.approx(reference.x, abs=1e-3)


def test_it_ends_where_it_ends_from_anywhere_also_with_more_factors_than_comparisons():
    terms, weights = comparisons(3, rows=8, columns=40)
    half = np.full(40, 0.5)
    one = fit_factors(terms, weights, half, 0.01)
    other = fit_factors(terms, weights, half, 0.01, start=np.linspace(0, 30, 40))
    assert (one == 0).any()
    assert other == pytest.approx(one, abs=1e-4)


def test_infinite_shrinking_leaves_the_plain_sum_and_a_strong_one_nearly():
    terms, weights = comparisons(4, rows=40)
    common = common_factor(terms, weights)
    every = np.full(5, common)
    assert fit_factors(terms, weights, every, math.inf).tolist() == [common] * 5
    assert fit_factors(terms, weights, every, 1e7) == pytest.approx([common] * 5, abs=1e-4)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_two_common_factors_are_those_of_the_sums_of_two_groups(seed):
    from scipy.optimize import minimize

    terms, weights = comparisons(seed)
    first = [True, False, True, False, False]
    factors = common_factors(terms, weights, first)
    one = common_factor(terms, weights)
    sums = np.stack([terms[:, first].sum(axis=1), terms[:, np.logical_not(first)].sum(axis=1)], 1)
    reference = minimize(
        objective, np.ones(2), (sums, weights, one, RIDGE), method="L-BFGS-B",
        bounds=[(0, None)] * 2, options={"ftol": 1e-15, "gtol": 1e-10},
    )  # fmt: skip
    expected = np.maximum(reference.x, FLOOR * one)
    assert factors[first] == pytest.approx([expected[0]] * 2, abs=2e-3)
    assert factors[np.logical_not(first)] == pytest.approx([expected[1]] * 3, abs=2e-3)
    for alike in (None, [True] * 5, [False] * 5):
        assert common_factors(terms, weights, alike).tolist() == [one] * 5


def test_a_term_that_speaks_against_gets_nothing_and_one_that_tells_gets_more():
    source = np.random.default_rng(5)
    terms = source.normal(0, 0.3, (40, 3))
    terms[:, 0] += 0.4
    terms[:, 1] += 0.2
    terms[:, 2] -= 0.4
    first, second, third = fit_factors(terms, np.ones(40), np.ones(3), 0.1)
    assert first > second > third == 0


def test_comparisons_that_are_all_right_have_an_optimum():
    terms = np.ones((6, 2))
    common = np.full(2, common_factor(terms, np.ones(6)))
    factors = fit_factors(terms, np.ones(6), common, 1.0)
    assert np.isfinite(factors).all()
    assert mean_loss(factors, terms, np.ones(6)) < 0.1 < math.log(2)
    assert mean_loss(np.zeros(2), terms, np.ones(6)) == pytest.approx(math.log(2))


def test_the_difference_of_two_areas_has_the_interval_of_one_where_the_other_is_fixed():
    pairs = tuple((float(n % 4), float(n % 3 + 1)) for n in range(12))
    low = tuple((0.0, 1.0) for _ in pairs)
    varied, right = TwoClasses(pairs=pairs), TwoClasses(pairs=low)
    start, end = area_interval(varied)
    assert area_difference_interval(varied, right) == pytest.approx((start - 1, end - 1))
    assert area_difference_interval(varied, varied) == (0, 0)
    assert area_difference_interval(TwoClasses(pairs=pairs[:1]), TwoClasses(pairs=low[:1])) is None


def test_the_interval_of_a_mean_holds_it_and_narrows_with_more_members():
    few = TwoClasses(low=(0.0, 1.0) * 5, high=(0.0, 1.0) * 5)
    many = TwoClasses(low=(0.0, 1.0) * 50, high=(0.0, 1.0) * 50)
    (low, high), (closer, near) = mean_interval(few), mean_interval(many)
    assert low < closer < 0.5 < near < high
    assert mean_interval(TwoClasses(pairs=((1.0, 1.0),) * 3)) == (1, 1)
