"""The parts of a trial: shares, the threshold, cases, and a case decided anew."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.engine.calibrate.cases import Case, Injection, gathered, make_cases, read_injections
from panel.engine.calibrate.statistics import flips, uncited_facts, unknown_citations
from panel.engine.calibrate.threshold import MOST_LENIENT, ship_threshold, ships
from panel.engine.calibrate.votes import CaseAnswers, decide_case
from panel.foundation.paths import data_folder
from panel.foundation.proportion import Share, wilson
from panel.reviews.calibration.calibration import Calibration, Measured
from panel.reviews.calibration.controls import read_controls
from panel.reviews.personas import applicable, load_personas
from panel.reviews.review import Finding, Review
from panel.reviews.score import Rule, score_findings

PERSONAS = [applicable(p, "library") for p in load_personas(folders=[data_folder("personas")])]
CONTROLS = read_controls(data_folder("controls"), PERSONAS)
INJECTIONS = read_injections(data_folder("controls"))
RULE = Rule()


# --- shares -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(6, 300, 0.00922, 0.04295), (0, 10, 0.0, 0.27753), (10, 10, 0.72247, 1.0),
     (3, 14, 0.07571, 0.47592)],
)  # fmt: skip
def test_the_interval_is_the_one_of_wilsons_formula(count, total, low, high):
    assert wilson(count, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_solves_the_score_equation(pair):
    count, total = pair
    low, high = wilson(count, total)
    p = count / total
    assert 0 <= low <= p <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            # At each end the observed share is 1.96 standard errors of that end away.
            error = math.sqrt(end * (1 - end) / total)
            assert abs(p - end) / error == pytest.approx(1.959964, rel=1e-5)


@given(st.integers(1, 200), st.integers(2, 50))
def test_more_of_the_same_makes_the_interval_narrower(total, times):
    low, high = wilson(total // 2, total)
    tight_low, tight_high = wilson(total // 2 * times, total * times)
    assert tight_high - tight_low < high - low


def test_a_share_of_nothing_knows_nothing():
    none = Share.of(0, 0)
    assert (none.share, none.low, none.high) == (None, 0.0, 1.0)


# --- threshold ----------------------------------------------------------------------------------

MARKS = st.lists(st.none() | st.floats(0, 99.9), min_size=1, max_size=30)


def shares(good, poor, at):
    return [sum(ships(x, at) for x in side) / len(side) for side in (good, poor)]


@given(MARKS, MARKS)
def test_at_the_threshold_at_most_one_in_five_bland_or_bad_ship(good, poor):
    at = ship_threshold(good, poor)
    assert 0 <= at <= 100
    assert shares(good, poor, at)[1] <= MOST_LENIENT


@given(MARKS, MARKS, st.integers(0, 100))
def test_no_other_threshold_within_the_bound_ships_more_good_ones(good, poor, at):
    # Marks a tenth apart can be told from each other by a threshold of one decimal.
    good, poor = ([None if x is None else round(x) + 0.5 for x in s] for s in (good, poor))
    chosen = ship_threshold(good, poor)
    best, rival = (
        (right if right > lenient else 0, lenient)
        for right, lenient in (shares(good, poor, threshold) for threshold in (chosen, at))
    )
    assert rival[1] > MOST_LENIENT or best[0] >= rival[0]


@given(MARKS, MARKS)
def test_the_usual_threshold_stays_where_no_other_ships_more_good_ones(good, poor):
    right, lenient = shares(good, poor, 60.0)
    chosen = ship_threshold(good, poor)
    most = shares(good, poor, chosen)[0]
    if lenient <= MOST_LENIENT and right > lenient and right >= most:
        assert chosen == 60.0


@given(MARKS, MARKS)
def test_the_threshold_does_not_depend_on_the_order_of_controls(good, poor):
    assert ship_threshold(good, poor) == ship_threshold(good[::-1], poor[::-1])


@pytest.mark.parametrize(
    ("good", "poor", "at"),
    [
        ([80.0] * 5, [20.0] * 10, 60.0),  # the usual one does: it stays
        ([80.0] * 5, [70.0] * 10, 75.0),  # lenient: raised between the two
        ([50.0] * 5, [20.0] * 10, 35.0),  # strict: lowered between the two
        ([80.0] * 5, [90.0, 90.0, *[20.0] * 8], 60.0),  # one in five may ship
        ([30.0, *[10.0] * 4], [30.0, *[10.0] * 4], 60.0),  # cannot tell: nothing to gain
        ([None] * 5, [None] * 10, 60.0),  # nobody ships anywhere: nothing to learn
    ],
)
def test_the_threshold_lies_where_it_should(good, poor, at):
    assert ship_threshold(good, poor) == at


def test_without_one_side_there_is_no_threshold():
    assert ship_threshold([], [1.0]) is None
    assert ship_threshold([1.0], []) is None


# --- cases --------------------------------------------------------------------------------------


def test_the_shipped_set_has_at_least_forty_cases_of_every_class_and_kind():
    cases = make_cases(CONTROLS, INJECTIONS)
    assert len(cases) >= 40
    assert len({case.slug for case in cases}) == len(cases)
    assert {c.control.kind for c in cases} == {"good", "bland", "bad", "empty"}
    kinds = {c.injection.kind for c in cases if c.injection}
    assert kinds == {"order", "verdict", "chat", "claim", "encoded"}
    used = {c.injection.id for c in cases if c.injection}
    assert used == {entry.id for entry in INJECTIONS}


def test_a_limit_keeps_every_class_and_copies_are_of_those_that_should_not_ship():
    cases = make_cases(CONTROLS, INJECTIONS, limit=8, copies=2)
    bases = [c for c in cases if c.injection is None]
    assert len(bases) == 8
    assert {c.control.kind for c in bases} == {"good", "bland", "bad", "empty"}
    copied = [c.control.slug for c in cases if c.injection]
    assert sorted(set(copied)) == sorted(c.slug for c in bases if c.control.kind != "good")
    assert len(copied) == 2 * len(set(copied))


@pytest.mark.parametrize("injection", INJECTIONS, ids=lambda entry: entry.id)
@pytest.mark.parametrize("slug", ["cordwain", "untitled-7"])
def test_an_injected_copy_is_the_page_plus_the_injection_under_the_same_name(slug, injection):
    control = next(c for c in CONTROLS if c.slug == slug)
    case = Case(control, injection)
    text = injection.text.replace("$name", control.name)
    assert text in case.page
    assert "$name" not in case.page
    assert case.page.replace(text + "\n\n", "").replace("\n\n" + text, "").split() == (
        control.evidence.split()
    )
    ((tool, evidence),) = gathered([case], now=datetime.now(UTC))
    assert (tool.name, tool.slug) == (control.name, case.slug)
    assert case.slug not in evidence.model_dump_json()


def test_no_control_is_suspicious_before_something_is_injected():
    clean = make_cases(CONTROLS, ())
    for tool, evidence in gathered(clean, now=datetime.now(UTC)):
        assert [s.flags for s in evidence.sources] == [()], tool.slug


def test_an_injection_goes_where_it_says():
    page = "# A\n\none\n\ntwo\n\nthree\n"
    places = {
        where: Injection(id="x", kind="order", where=where, text="X").into(page, "A").split()
        for where in ("start", "middle", "end")
    }
    assert [words.index("X") for words in places.values()] == [2, 3, 5]


# --- decided anew -------------------------------------------------------------------------------


def seen(p, *, cites=("E1.1",), samples=1):
    def review(persona):
        findings = tuple(
            Finding(criterion=c.id, question=c.question, kind=c.kind, p=p, cites=cites,
                    answer="unclear" if c.kind == "fact" and not cites else
                    "yes" if p > 0.5 else "no")
            for c in persona.criteria
        )  # fmt: skip
        scored = score_findings(persona, findings, RULE)
        return Review(
            persona=persona.name, title=persona.title, vote=scored.vote, score=scored.score,
            coverage=scored.coverage, stance="ship", summary="", findings=findings, fields={},
            forecast=None, provider="x", model="m",
        )  # fmt: skip

    row = tuple(review(p) for p in PERSONAS)
    return CaseAnswers(Case(CONTROLS[0]), False, (row,) * samples, ((),) * samples)


@given(st.floats(0.62, 0.99), st.floats(0, 100))
def test_a_tool_ships_at_exactly_the_thresholds_up_to_its_mark(p, at):
    decision = decide_case(seen(p), PERSONAS, RULE)
    rule = RULE.model_copy(update={"ship_at": at})
    assert (decide_case(seen(p), PERSONAS, rule).outcome == "ship") == ships(
        decision.ships_up_to, at
    )


def test_another_reading_changes_answers_score_and_votes():
    decision = decide_case(seen(0.9), PERSONAS, RULE, read=lambda key: 0.2)
    assert decision.outcome == "skip"
    assert decision.ships_up_to < 30
    assert {f.answer for r in decision.reviews for f in r.findings} == {"no"}
    assert decide_case(seen(0.9), PERSONAS, RULE, read=lambda key: None).outcome == "ship"


def test_a_fact_that_nobody_could_cite_stays_unclear_under_another_reading():
    decision = decide_case(seen(0.9, cites=()), PERSONAS, RULE, read=lambda key: 0.95)
    facts = [f for r in decision.reviews for f in r.findings if f.kind == "fact"]
    assert {f.answer for f in facts} == {"unclear"}
    (row,) = seen(0.9, cites=()).reviews
    assert uncited_facts(row, RULE).share == 1.0
    assert unknown_citations(row).total == 0


def test_the_same_answers_again_are_no_flip():
    assert flips([seen(0.9)], PERSONAS, RULE) is None
    assert str(flips([seen(0.9, samples=3)], PERSONAS, RULE)) == "0 of 2"


# --- what is stored -----------------------------------------------------------------------------


def measured(good, lenient):
    return Measured(
        provider="local", model="m", ask="stepwise", day="2026-11-22", ship_at=60,
        good=Share.of(*good), lenient=Share.of(*lenient), usual=Share.of(*lenient),
        swayed=Share.of(0, 0),
    )  # fmt: skip


def test_a_judge_is_weak_where_the_intervals_of_good_and_others_overlap():
    assert measured((5, 10), (3, 20)).weak
    assert not measured((9, 10), (3, 20)).weak
    assert measured((1, 1), (0, 2)).weak  # too few to know


def test_a_calibration_without_the_new_parts_is_written_as_it_always_was():
    old = {"model": "m", "made": "x", "criteria": {}}
    assert Calibration.model_validate(old).model_dump(mode="json") == old
    new = Calibration(**old, ship_at=55.5, measured=measured((9, 10), (3, 20)))
    assert Calibration.model_validate_json(new.model_dump_json()) == new
