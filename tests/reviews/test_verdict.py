"""The verdict rule, as properties: what must hold for every panel, not for examples."""

import itertools
import math
from datetime import date
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.reviews.personas import Criterion
from panel.reviews.review import Finding, Forecast, Missing, Review
from panel.reviews.score import Rule, answer_of, score_findings
from panel.reviews.verdict.decide import decide, quorum_of
from panel.reviews.verdict.samples import effective_votes, merge, score_interval

NAMES = ("builder", "skeptic", "business", "futurist")
RULE = Rule()


def review(persona, vote="ship", score=70.0, stance=None, **more):
    return Review(
        persona=persona, title=f"The {persona}", vote=vote, score=score, coverage=0.9,
        stance=stance, summary="I say so.", findings=(), fields={},
        forecast=Forecast(claim="It lasts", probability=0.5, resolve_by=date(2027, 11, 22)),
        provider="local", model="m", **more,
    )  # fmt: skip


def missing(persona):
    return Missing(persona=persona, reason="timeout", detail="120 s")


reviews = st.builds(
    lambda vote, score: (vote, score),
    st.sampled_from(["ship", "skip", "abstain", "missing"]),
    st.floats(0, 100, allow_nan=False),
)
panels = st.lists(reviews, min_size=4, max_size=4)
weights = st.lists(st.floats(0.1, 10), min_size=4, max_size=4).map(
    lambda ws: dict(zip(NAMES, ws, strict=True))
)


def panel_of(rows):
    had = [review(n, v, s) for n, (v, s) in zip(NAMES, rows, strict=True) if v != "missing"]
    gone = [missing(n) for n, (v, _) in zip(NAMES, rows, strict=True) if v == "missing"]
    return had, gone


@settings(max_examples=300)
@given(panels, weights, st.randoms(use_true_random=False))
def test_p13_the_order_of_reviews_never_changes_the_verdict(rows, weights, random):
    had, gone = panel_of(rows)
    shuffled = random.sample(had, len(had))
    assert decide(had, gone, weights=weights, rule=RULE) == decide(
        shuffled, gone, weights=weights, rule=RULE
    )


@settings(max_examples=300)
@given(panels, weights)
def test_p13_a_missing_or_abstaining_review_is_never_a_vote(rows, weights):
    had, gone = panel_of(rows)
    verdict = decide(had, gone, weights=weights, rule=RULE)
    voting = [r for r in had if r.vote != "abstain"]
    without = decide(voting, gone, weights=weights, rule=RULE)
    assert (verdict.outcome, verdict.ship_percent, verdict.score) == (
        without.outcome, without.ship_percent, without.score,
    )  # fmt: skip
    assert sum(verdict.votes.model_dump().values()) == 4


@settings(max_examples=300)
@given(panels, weights)
def test_p13_below_quorum_is_incomplete_and_never_ship_or_skip(rows, weights):
    had, gone = panel_of(rows)
    voting = sum(r.vote != "abstain" for r in had)
    verdict = decide(had, gone, weights=weights, rule=RULE)
    assert (verdict.outcome == "incomplete") == (voting < 3)


@given(panels, weights)
def test_p13_one_persona_moves_the_mean_by_at_most_its_weight(rows, weights):
    had, gone = panel_of([("ship", s) for _, s in rows])
    low = decide([*had[:3], review(NAMES[3], score=0.0)], gone, weights=weights, rule=RULE)
    high = decide([*had[:3], review(NAMES[3], score=100.0)], gone, weights=weights, rule=RULE)
    share = weights[NAMES[3]] / sum(weights.values())
    assert high.score - low.score <= 100 * share + 1e-6


@given(panels, weights)
def test_a_vote_changed_from_skip_to_ship_never_makes_the_outcome_worse(rows, weights):
    rank = {"skip": 0, "split": 1, "ship": 2}
    rows = [("skip" if v in ("abstain", "missing") else v, s) for v, s in rows]
    before = decide(*panel_of(rows), weights=weights, rule=RULE)
    for index in range(4):
        better = [*rows[:index], ("ship", rows[index][1]), *rows[index + 1 :]]
        after = decide(*panel_of(better), weights=weights, rule=RULE)
        assert rank[after.outcome] >= rank[before.outcome]
        assert after.ship_percent >= before.ship_percent - 1e-9


@pytest.mark.parametrize("present", list(itertools.product([True, False], repeat=4)))
def test_p13_every_partial_panel_states_its_quorum(present):
    had = [review(n) for n, p in zip(NAMES, present, strict=True) if p]
    gone = [missing(n) for n, p in zip(NAMES, present, strict=True) if not p]
    verdict = decide(had, gone, weights=dict.fromkeys(NAMES, 1.0), rule=RULE)
    assert verdict.outcome == ("ship" if sum(present) >= 3 else "incomplete")
    assert verdict.votes.missing == 4 - sum(present)
    assert any("3 are needed" in note for note in verdict.notes) == (sum(present) < 3)


def test_suspicious_evidence_always_holds():
    had = [review(n) for n in NAMES]
    verdict = decide(had, [], weights=dict.fromkeys(NAMES, 1.0), rule=RULE, suspicious=True)
    assert verdict.outcome == "hold"


def test_two_against_two_is_a_split_at_exactly_half():
    had = [review(n, "ship" if i < 2 else "skip") for i, n in enumerate(NAMES)]
    verdict = decide(had, [], weights=dict.fromkeys(NAMES, 0.1), rule=RULE)
    assert (verdict.outcome, verdict.ship_percent) == ("split", 50.0)


@pytest.mark.parametrize(("asked", "needed"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (8, 6)])
def test_quorum_is_three_of_four_and_scales(asked, needed):
    assert quorum_of(asked, RULE) == needed


def test_a_stance_against_its_findings_is_noted_and_does_not_vote():
    had = [review(n, "ship", stance="skip") for n in NAMES]
    verdict = decide(had, [], weights=dict.fromkeys(NAMES, 1.0), rule=RULE)
    assert verdict.outcome == "ship"
    assert len(verdict.notes) == 4


CRITERIA = tuple(
    Criterion(id=f"c{i}x", question="Is it so or not?", kind="judgement", weight=w)
    for i, w in enumerate([1, 2, 3, 1.5, 0.5, 2])
)


class Asked(NamedTuple):
    """A reviewer as far as a score knows it."""

    name: str
    criteria: tuple[Criterion, ...]


ASKED = Asked("builder", CRITERIA)


def finding(criterion, answer, p=None, cites=()):
    return Finding(
        criterion=criterion.id, question=criterion.question, kind="judgement",
        answer=answer, p=p, cites=cites,
    )  # fmt: skip


answers = st.lists(
    st.sampled_from(["yes", "no", "unclear"]), min_size=len(CRITERIA), max_size=len(CRITERIA)
)


def findings_of(row):
    return [finding(c, a) for c, a in zip(CRITERIA, row, strict=True)]


@settings(max_examples=150)
@given(answers)
def test_a_finding_changed_from_no_to_yes_never_lowers_a_score(row):
    before = score_findings(ASKED, findings_of(row), RULE)
    for index, answer in enumerate(row):
        if answer == "no":
            better = [*row[:index], "yes", *row[index + 1 :]]
            after = score_findings(ASKED, findings_of(better), RULE)
            assert after.score >= before.score


@settings(max_examples=150)
@given(answers)
def test_scores_stay_between_their_bounds_and_coverage_is_a_share(row):
    score, coverage, vote = score_findings(ASKED, findings_of(row), RULE)
    assert 0 <= coverage <= 1
    if score is None:
        assert vote == "abstain"
    else:
        # One pseudo-yes and one pseudo-no keep even a unanimous panel off both ends.
        assert 0 < score < 100


@given(answers, st.randoms(use_true_random=False))
def test_the_order_of_findings_never_changes_a_score(row, random):
    findings = findings_of(row)
    shuffled = random.sample(findings, len(findings))
    one = score_findings(ASKED, findings, RULE)
    two = score_findings(ASKED, shuffled, RULE)
    assert one.vote == two.vote
    assert one.score is two.score is None or math.isclose(one.score, two.score)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_probability_never_lowers_a_score(low, high):
    low, high = sorted((low, high))
    scores = [
        score_findings(Asked("one", CRITERIA[:1]), [finding(CRITERIA[0], "yes", p)], RULE).score
        for p in (low, high)
    ]
    assert scores[0] <= scores[1]


def test_the_score_follows_the_published_formula():
    row = [finding(CRITERIA[0], "yes", 0.9), finding(CRITERIA[2], "no", 0.2)]
    mean = 10 / 6
    expected = 100 * (1 * 0.9 + 3 * 0.2 + mean) / (4 + 2 * mean)
    scored = score_findings(ASKED, row, RULE)
    assert scored.score == pytest.approx(expected)
    assert scored.coverage == pytest.approx(0.4)


def test_a_supported_dealbreaker_no_forces_skip_and_an_unsupported_one_does_not():
    breaker = CRITERIA[0].model_copy(update={"dealbreaker": True})
    asked = Asked("builder", (breaker, *CRITERIA[1:]))
    good = [finding(c, "yes") for c in CRITERIA[1:]]
    assert (
        score_findings(asked, [finding(breaker, "no", cites=("E1.1",)), *good], RULE).vote == "skip"
    )
    assert score_findings(asked, [finding(breaker, "no"), *good], RULE).vote == "ship"
    assert score_findings(asked, [finding(breaker, "unclear"), *good], RULE).vote == "ship"


def test_thin_coverage_abstains():
    scored = score_findings(ASKED, [finding(CRITERIA[0], "yes")], RULE)
    assert scored.vote == "abstain"


@pytest.mark.parametrize(
    ("p", "answer"),
    [(0.0, "no"), (0.39, "no"), (0.4, "unclear"), (0.6, "unclear"), (0.61, "yes"), (1.0, "yes")],
)
def test_a_probability_near_one_half_is_unclear(p, answer):
    assert answer_of(p, RULE) == answer


def test_samples_merge_by_majority_and_count_flips():
    samples = [
        review("builder", "ship", 70.0),
        review("builder", "ship", 64.0),
        review("builder", "skip", 50.0),
    ]
    merged = merge(samples)
    assert merged.vote == "ship"
    assert merged.score == pytest.approx(184 / 3)
    assert merged.flip_rate == pytest.approx(1 / 3)
    assert merge([samples[0], samples[2]]).vote == "abstain"


def test_identical_personas_are_worth_one_vote_and_independent_ones_all_four():
    path = [50.0, 60.0, 70.0, 80.0]
    same = {n: [review(n, score=s) for s in path] for n in NAMES}
    assert effective_votes(same) == pytest.approx(1.0)
    opposed = {
        "builder": [review("builder", score=s) for s in path],
        "skeptic": [review("skeptic", score=s) for s in reversed(path)],
    }
    assert effective_votes(opposed) == pytest.approx(2.0)
    assert effective_votes({n: rows[:2] for n, rows in same.items()}) is None


def test_the_interval_is_the_range_over_samples():
    rows = {n: [review(n, score=s) for s in (50.0, 62.0)] for n in NAMES}
    assert score_interval(rows, dict.fromkeys(NAMES, 1.0)) == (50.0, 62.0)
    assert score_interval({n: r[:1] for n, r in rows.items()}, dict.fromkeys(NAMES, 1.0)) is None
