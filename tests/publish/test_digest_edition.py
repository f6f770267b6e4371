"""What a week brought: new, changed, closest, boldest, by the rules that docs/digest.md states."""

import shutil
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.publish.newsletter.edition import UNDECIDED, Edition, edition
from panel.publish.newsletter.week import Week
from panel.reviews.review import Forecast
from panel.reviews.verdict.scorecard import Verdict, VoteTotals
from panel.runs.history.archive import Archive
from tests.support.cards import card, named, review
from tests.support.command import ROOT
from tests.support.shelf import shelve

WEEK = Week(2026, 47)
INSIDE = WEEK.start + timedelta(days=2)
BEFORE = WEEK.start - timedelta(days=9)


def tool(name, *, score=61.5, outcome="ship", category=None, votes=("ship", "ship"), **more):
    """A card of two reviewers, with what an edition looks at."""
    reviews = tuple(
        review(persona, f"The {persona.title()}", vote, 60.0)
        for persona, vote in zip(("builder", "skeptic"), votes, strict=True)
    )
    counts = VoteTotals(ship=votes.count("ship"), skip=votes.count("skip"))
    made = named(
        name,
        reviews=more.pop("reviews", reviews),
        verdict=Verdict(
            outcome=outcome, ship_percent=50, score=score, votes=counts,
            interval=more.pop("interval", None),
        ),
        **more,
    )  # fmt: skip
    return made.model_copy(update={"tool": made.tool.model_copy(update={"category": category})})


def forecasting(name, *probabilities, by=date(2027, 11, 22), **more):
    reviews = tuple(
        review(f"persona{n}", f"The {n}", "ship", 60.0,
               forecast=Forecast(claim=f"claim {n}", probability=p, resolve_by=by))
        for n, p in enumerate(probabilities)
    )  # fmt: skip
    return tool(name, reviews=reviews, **more)


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


def found(runs, week=WEEK) -> Edition:
    return edition(Archive.open(runs), week)


def keys(entries):
    return [entry.key for entry in entries]


def test_a_tools_first_verdict_is_new_and_its_next_is_not(runs):
    shelve(runs, [tool("Old")], created=BEFORE)
    shelve(runs, [tool("Old"), tool("New")], created=INSIDE)
    assert keys(found(runs).new) == ["new"]
    assert found(runs).confirmed == 1
    assert found(runs).changed == ()


def test_new_verdicts_stand_by_score_and_those_that_do_not_count_yet_last(runs):
    cards = [tool("Low", score=20), tool("Held", score=99, outcome="hold"), tool("High", score=90),
             tool("Unscored", score=None, outcome="incomplete")]  # fmt: skip
    shelve(runs, cards, created=INSIDE)
    assert keys(found(runs).new) == ["high", "low", "held", "unscored"]


def test_a_changed_outcome_and_changed_votes_are_changes_a_changed_score_is_none(runs):
    shelve(runs, [tool("A", outcome="ship"), tool("B"), tool("C", score=50)], created=BEFORE)
    after = [
        tool("A", outcome="skip"),
        tool("B", votes=("ship", "skip")),
        tool("C", score=55),
    ]
    shelve(runs, after, created=INSIDE)
    changes = found(runs).changed
    assert [(c.now.key, c.outcome) for c in changes] == [("a", True), ("b", False)]
    (turn,) = changes[1].turns
    assert (turn.persona, turn.before, turn.now) == ("skeptic", "ship", "skip")
    assert found(runs).confirmed == 1


def test_a_reviewer_who_gave_no_review_this_time_has_changed_its_vote(runs):
    shelve(runs, [tool("A")], created=BEFORE)
    alone = tool("A", reviews=(review("builder", "The Builder", "ship", 60.0),))
    shelve(runs, [alone], created=INSIDE)
    (change,) = found(runs).changed
    assert [(t.persona, t.before, t.now) for t in change.turns] == [("skeptic", "ship", None)]


def test_several_verdicts_of_one_week_count_once_by_the_last_against_the_week_before(runs):
    shelve(runs, [tool("A", outcome="ship")], created=BEFORE)
    shelve(runs, [tool("A", outcome="skip")], created=INSIDE)
    shelve(runs, [tool("A", outcome="ship")], created=INSIDE + timedelta(days=1))
    assert found(runs).changed == ()
    assert found(runs).confirmed == 1


def test_another_model_is_told_where_the_verdict_changed(runs):
    shelve(runs, [tool("A", outcome="ship")], created=BEFORE)
    shelve(runs, [tool("A", outcome="skip", model="other")], created=INSIDE)
    assert found(runs).changed[0].judge


def test_an_entry_knows_what_each_reviewers_vote_counts(runs):
    shutil.copytree(ROOT / "runs" / "sample", runs / "sample")
    opinions = Archive.open(runs).history("httpx").latest.opinions
    assert {opinion.persona: opinion.weight for opinion in opinions} == {
        "builder": 1.0, "skeptic": 2.0, "business": 1.0, "futurist": 1.0,
    }  # fmt: skip


def test_an_edition_of_a_week_that_is_over_never_changes(runs):
    shelve(runs, [tool("A"), tool("B", category="x"), tool("C", category="x")], created=INSIDE)
    before = found(runs)
    shelve(runs, [tool("A", outcome="skip"), tool("D")], created=WEEK.end)
    assert found(runs) == before
    assert keys(found(runs, Week(2026, 48)).new) == ["d"]


def test_r10_the_week_ends_with_its_last_microsecond(runs):
    shelve(runs, [tool("Last")], created=WEEK.end - timedelta(microseconds=1))
    shelve(runs, [tool("Next")], created=WEEK.end)
    shelve(runs, [tool("First")], created=WEEK.start)
    assert sorted(keys(found(runs).new)) == ["first", "last"]


def test_r10_new_year_is_in_the_week_that_iso_says(runs):
    shelve(runs, [tool("Party")], created=datetime(2027, 1, 1, tzinfo=UTC))
    assert keys(found(runs, Week(2026, 53)).new) == ["party"]
    assert found(runs, Week(2027, 1)).empty


def test_a_week_without_verdicts_is_empty(runs):
    shelve(runs, [tool("A")], created=BEFORE)
    assert found(runs).empty
    assert found(runs).closest is None
    assert found(runs).boldest is None


def test_the_closest_comparison_is_within_a_category_however_it_is_spelt(runs):
    cards = [
        tool("A", score=80, category="Databases"),
        tool("B", score=70, category="databases "),
        tool("C", score=69.5, category="Editors"),
        tool("D", score=69.4),
        tool("E", score=69.4),
    ]
    shelve(runs, cards, created=INSIDE)
    closest = found(runs).closest
    assert (closest.first.key, closest.second.key, closest.tenths) == ("a", "b", 100)
    assert not closest.tie


def test_a_tie_is_a_tie_as_the_scores_are_shown(runs):
    cards = [tool("A", score=61.54, category="x"), tool("B", score=61.59, category="x")]
    shelve(runs, cards, created=INSIDE)
    assert found(runs).closest.tie


def test_ranges_that_overlap_are_told(runs):
    cards = [
        tool("A", score=62, category="x", interval=(58, 66)),
        tool("B", score=60, category="x", interval=(55, 59)),
    ]
    shelve(runs, cards, created=INSIDE)
    assert found(runs).closest.overlap is True


@pytest.mark.parametrize("outcome", sorted(UNDECIDED))
def test_a_verdict_that_does_not_count_yet_is_neither_close_nor_bold(runs, outcome):
    cards = [
        forecasting("A", 0.99, outcome=outcome, category="x", score=60),
        forecasting("B", 0.6, category="x", score=60),
    ]
    shelve(runs, cards, created=INSIDE)
    assert found(runs).closest is None
    assert found(runs).boldest.entry.key == "b"


@given(st.lists(st.tuples(st.sampled_from("xy"), st.integers(0, 1000)), max_size=12))
def test_no_pair_of_a_category_is_closer_than_the_closest(scores):
    entries = [tool(f"T{n}", score=s / 10, category=c) for n, (c, s) in enumerate(scores)]
    pairs = [
        abs(a[1] - b[1]) for n, a in enumerate(scores) for b in scores[n + 1 :] if a[0] == b[0]
    ]
    closest = edition(_shelf(entries), WEEK).closest
    if not pairs:
        assert closest is None
    else:
        assert closest.tenths == min(pairs)
        assert closest.others == pairs.count(min(pairs)) - 1
        assert closest.first.tool.category == closest.second.tool.category


class _shelf:
    """An archive of cards made in the week, without a disk."""

    def __init__(self, cards):
        from panel.runs.history.entry import History, entry

        self._histories = tuple(
            History(c.tool.slug, (entry(c.model_copy(update={"created": INSIDE}), c.tool.slug),))
            for c in cards
        )

    def histories(self):
        return self._histories


def test_the_boldest_forecast_is_furthest_from_one_half_on_either_side(runs):
    cards = [forecasting("A", 0.8, None), forecasting("B", 0.15), forecasting("C", None, 0.5)]
    shelve(runs, cards, created=INSIDE)
    boldest = found(runs).boldest
    assert (boldest.entry.key, boldest.probability) == ("b", 0.15)


def test_of_equally_bold_forecasts_the_one_that_is_resolved_first_stands(runs):
    cards = [
        forecasting("A", 0.9),
        forecasting("B", 0.1, by=date(2027, 1, 1)),
        forecasting("C", 0.1, 0.9, by=date(2027, 1, 1)),
    ]
    shelve(runs, cards, created=INSIDE)
    boldest = found(runs).boldest
    assert (boldest.entry.key, boldest.opinion.persona) == ("b", "persona0")


def test_forecasts_without_a_probability_or_at_one_half_are_never_bold(runs):
    shelve(runs, [forecasting("A", None, 0.5), tool("B")], created=INSIDE)
    assert found(runs).boldest is None


def test_the_order_of_runs_and_tools_does_not_matter(runs, tmp_path):
    cards = [tool(n, score=60, category="x") for n in "ABC"] + [card()]
    shelve(runs, cards, created=INSIDE)
    shelve(tmp_path / "other", cards[::-1], created=INSIDE)
    one, two = found(runs), found(tmp_path / "other")
    assert keys(one.new) == keys(two.new)
    assert (one.closest.first.key, one.closest.second.key) == (
        two.closest.first.key, two.closest.second.key,
    )  # fmt: skip
