"""A reviewer's record and forecasts, and what verdicts cost by provider."""

from datetime import date

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.foundation.errors import InputError
from panel.publish.site.forecasts import FILE, read_forecasts, unmet
from panel.publish.site.provider_page import judges
from panel.publish.site.track_record import track_record
from panel.reviews.verdict.scorecard import RunUsage, Verdict, VoteTotals
from tests.support.cards import BUILDER, BUSINESS, FUTURIST, SKEPTIC, card, named
from tests.support.sites import TODAY, Held, later, site

ENDED = """\
- tool: Quillstore
  reviewer: skeptic
  by: 2027-11-22
  came_true: yes
  date: 2027-11-23
  note: No word of it in the manual.
- tool: quillstore
  reviewer: builder
  by: 2027-11-22
  claim: A 2.x release
  came_true: no
  date: 2027-11-24
"""


def text(page):
    tree = html5lib.parse(page.decode(), namespaceHTMLElements=False)
    return " ".join(" ".join(tree.itertext()).split())


@pytest.fixture
def ended(tmp_path):
    (tmp_path / FILE).write_text(ENDED)
    return read_forecasts(tmp_path)


def of(persona, cards, resolutions=(), today=TODAY):
    return track_record(persona, Held(cards).histories(), resolutions, today)


def test_votes_are_counted_on_each_tools_newest_verdict():
    cards = [card(), later(card(), 3), named("Parley")]
    assert of("skeptic", cards).votes == (("skip", 2),)
    assert of("builder", cards).ship_share == 100
    assert of("nobody", cards).reviewed == 0


def test_a_reviewer_stands_alone_against_all_other_voters():
    assert [history.key for history in of("skeptic", [card()]).alone] == ["quillstore"]
    assert of("builder", [card()]).alone == ()
    two = named("Halved", reviews=(BUILDER, SKEPTIC))
    assert of("skeptic", [two]).alone == ()
    held = Verdict(outcome="hold", ship_percent=75, score=66, votes=VoteTotals(ship=3, skip=1))
    assert of("skeptic", [card(verdict=held)]).alone == ()


def test_a_forecast_is_open_then_due_then_judged(ended):
    assert len(of("skeptic", [card()]).open) == 1
    past = of("skeptic", [card()], today=date(2027, 11, 22))
    assert (len(past.open), len(past.due)) == (0, 1)
    judged = of("skeptic", [card()], ended)
    assert (len(judged.open), len(judged.due), len(judged.resolved)) == (0, 0, 1)


def test_the_brier_score_is_the_mean_squared_error(ended):
    assert of("skeptic", [card()], ended).brier == pytest.approx((0.85 - 1) ** 2)
    assert of("builder", [card()], ended).brier == pytest.approx(0.15**2)
    assert of("business", [card()], ended).brier is None


def test_a_forecast_repeated_in_a_later_verdict_counts_once():
    assert len(of("skeptic", [card(), later(card(), 3)]).open) == 1


def test_a_reviewers_page_shows_record_method_and_forecasts(ended):
    made = site([card()], resolutions=ended)
    page = text(made.render("reviewers/skeptic.html"))
    assert "✓ came true Replication is still absent" in page
    assert "Brier score over 1" in page
    assert "Where it stood alone" in page
    assert "Dealbreaker" in page
    assert "0%" in page


def test_a_reviewers_page_says_about_which_kinds_of_tools_a_question_is_asked():
    told = text(site([card()]).render("reviewers/skeptic.html"))
    assert "Does the evidence say what the model is bad at? (model)" in told


def test_a_reviewers_page_says_what_code_answers_where_it_knows_the_fact():
    told = text(site([card()]).render("reviewers/skeptic.html"))
    decides = "facts that code reads (not archived, last_commit_age < 365 d)"
    assert f"{decides}, else the evidence, with a passage" in told


def test_without_persona_files_a_reviewer_has_a_record_and_no_method():
    page = text(site([card()], personas=()).render("reviewers/skeptic.html"))
    assert "The Skeptic" in page
    assert "Method As its file" not in page


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("tool: x", "must be a list"),
        ("- tool: x", "line 1: reviewer: Field required"),
        (ENDED.replace("came_true: yes", "came_true: maybe"), "line 1: came_true: say yes or no"),
        (ENDED.replace("came_true: no", "came_true: no\n  who: me"), "line 7: unknown key 'who'"),
        (ENDED.replace("2027-11-22", "soon"), "line 1: by"),
        ("- x", "line 1"),
        ("- [", "not valid YAML"),
    ],
)
def test_a_forecast_file_that_cannot_be_used_is_named_with_its_line(tmp_path, yaml, message):
    (tmp_path / FILE).write_text(yaml)
    with pytest.raises(InputError) as caught:
        read_forecasts(tmp_path)
    assert message in caught.value.message
    assert FILE in caught.value.message


def test_no_file_and_an_empty_file_say_nothing(tmp_path):
    assert read_forecasts(tmp_path) == ()
    (tmp_path / FILE).write_text("")
    assert read_forecasts(tmp_path) == ()


def test_an_entry_that_meets_no_forecast_is_told_of(ended):
    assert unmet(ended, Held([card()]).histories()) == ()
    assert unmet(ended, Held([named("Parley")]).histories()) == (
        f"{FILE}: no forecast of skeptic on Quillstore by 2027-11-22",
        f"{FILE}: no forecast of builder on quillstore by 2027-11-22",
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.booleans())
def test_the_brier_score_stays_between_0_and_1(chances, came_true):
    cards, ended = [], []
    for number, chance in enumerate(chances):
        forecast = SKEPTIC.forecast.model_copy(update={"probability": chance})
        reviewed = SKEPTIC.model_copy(update={"forecast": forecast})
        cards.append(named(f"Tool {number}", reviews=(BUILDER, reviewed, BUSINESS, FUTURIST)))
        ended.append(
            _ended(tool=f"tool-{number}", by="2027-11-22", came_true="yes" if came_true else "no")
        )
    score = of("skeptic", cards, ended).brier
    assert 0 <= score <= 1


def _ended(**forecast):
    from panel.publish.site.forecasts import Resolution

    return Resolution.model_validate({"reviewer": "skeptic", "date": "2027-11-23", **forecast})


def test_judges_are_told_by_medians_over_what_was_asked_in_full():
    usage = {"calls": 10, "input_tokens": 100, "output_tokens": 10, "unpriced_calls": 0}
    cards = [
        named(f"Tool {n}", usage=RunUsage(seconds=n, cost_usd=n / 100, **usage)) for n in (1, 2, 9)
    ]
    reused = RunUsage(seconds=500, cost_usd=9, reused_calls=3, **usage)
    (judge,) = judges(Held([*cards, named("Reused", usage=reused)]).histories())
    assert (judge.verdicts, judge.asked, judge.priced) == (4, 3, 3)
    assert (judge.seconds, judge.cost) == (2, 0.02)


def test_an_unknown_cost_is_never_nothing():
    (judge,) = judges(Held([card()]).histories())
    assert (judge.cost, judge.money) == (None, "unknown")
