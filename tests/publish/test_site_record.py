"""A reviewer's record and forecasts, and what verdicts cost by provider."""

from datetime import date

import html5lib
import pytest

from panel.foundation.errors import InputError
from panel.publish.site.provider_page import judges
from panel.publish.site.track_record import track_record
from panel.reviews.propositions import PROPOSITIONS
from panel.reviews.verdict.scorecard import RunUsage, Verdict, VoteTotals
from panel.runs.forecasts.made import made_forecasts
from panel.runs.forecasts.resolutions import (
    FILE,
    Resolution,
    ResolutionFile,
    known_forecasts,
    read_resolutions,
    unmet,
)
from tests.support.cards import BUILDER, NOW, SKEPTIC, card, named
from tests.support.forecasts import reviewer
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
    return read_resolutions(tmp_path)


def of(persona, cards, resolutions=(), today=TODAY):
    histories = Held(cards).histories()
    known = known_forecasts(made_forecasts(histories), resolutions)
    return track_record(persona, histories, known, today)


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


def test_a_score_counts_sentences_and_propositions_and_stands_from_ten_on(ended):
    few = of("skeptic", [card()], ended).score
    assert (few.resolved, few.came_true, few.brier) == (1, 1, None)
    assert of("business", [card()], ended).score.resolved == 0
    record = of("builder", *resolved_widely())
    assert record.score.resolved == 12
    assert record.score.brier == pytest.approx((0.64 + 11 * 0.04) / 12)
    assert [(p.given, dict(p.states)) for p in record.propositions] == [
        (2, {"came true": 1, "did not": 1}), *[(2, {"did not": 2})] * 4,
    ]  # fmt: skip


def resolved_widely():
    """Two tools with all forecasts of one reviewer resolved: a release of one came true."""
    day = NOW.date()
    cards = [named(name, reviews=(reviewer("builder", day),), missing=()) for name in ("A", "B")]
    made = made_forecasts(Held(cards).histories())
    ends = [
        Resolution(
            tool=f.key, by=f.by, date=TODAY, proposition=f.proposition,
            reviewer="" if f.proposition else f.reviewer,
            came_true="yes" if (f.proposition, f.key) == ("release", "a") else "no",
        )
        for f in made
    ]  # fmt: skip
    return cards, ends


def test_a_reviewers_page_has_its_propositions_and_from_ten_on_a_plot_with_its_numbers():
    cards, ends = resolved_widely()
    page = site(cards, resolutions=lambda: ends).render("reviewers/builder.html")
    said = text(page)
    for each in PROPOSITIONS:
        assert f"{each.claim} within {each.months} months; 2 tools 20% " in said
    assert "0.09 Brier score over 12: 0 is perfect, 0.25 a coin; skill −1.16 against" in said
    assert "20–40% 12 20% 8%" in said
    assert page.decode().count('<svg class="plot"') == 1
    assert "Share of forecasts that came true, by the probability given" in page.decode()
    fewer = text(site(cards, resolutions=lambda: ends[:9]).render("reviewers/builder.html"))
    assert "9 resolved: a score is given from 10 on" in fewer
    assert "Calibration" not in fewer


def test_a_reviewers_page_shows_the_passage_that_decided_a_proposition_and_its_address():
    cards, ends = resolved_widely()
    release, *others = (end for end in ends if end.proposition)
    code = {"decided": "code", "read": date(2027, 11, 20)}
    told = [
        release.model_copy(
            update=code
            | {"passage": "Release: 2.1 <b>of</b> May.", "source": "https://api.example/acme/a"}
        ),
        others[0].model_copy(
            update=code | {"passage": "BUSL-1.1", "source": "javascript:alert(1)"}
        ),
    ]
    page = site(cards, resolutions=lambda: told).render("reviewers/builder.html")
    said = text(page)
    assert "What decided: 2" in said
    assert "“Release: 2.1 <b>of</b> May.” https://api.example/acme/a, read 20 Nov 2027" in said
    assert "by code" in said
    assert 'href="https://api.example/acme/a"' in page.decode()
    assert "“BUSL-1.1” javascript:alert(1), read 20 Nov 2027" in said
    assert 'href="javascript' not in page.decode()
    assert b"<b>of</b>" not in page


def test_a_site_takes_in_what_is_decided_while_it_stands(tmp_path):
    said = []
    file = ResolutionFile(tmp_path, on_trouble=said.append)
    made = site([card()], resolutions=file.read)
    assert not made.refresh()
    (tmp_path / FILE).write_text(ENDED)
    assert made.refresh()
    assert not made.refresh()
    assert "✓ came true Replication" in text(made.render("reviewers/skeptic.html"))
    (tmp_path / FILE).write_text(f"{ENDED}- tool: x\n")
    assert not made.refresh()
    assert not made.refresh()
    assert "✓ came true Replication" in text(made.render("reviewers/skeptic.html"))
    (line,) = said
    assert f"{FILE} line 13: by: " in line
    assert "what it said before still counts" in line
    (tmp_path / FILE).unlink()
    assert made.refresh()
    assert "came true" not in text(made.render("reviewers/skeptic.html"))


def test_a_forecast_repeated_in_a_later_verdict_counts_once():
    assert len(of("skeptic", [card(), later(card(), 3)]).open) == 1


def test_a_reviewers_page_shows_record_method_and_forecasts(ended):
    made = site([card()], resolutions=lambda: ended)
    page = text(made.render("reviewers/skeptic.html"))
    assert "✓ came true Replication is still absent" in page
    assert "1 resolved: a score is given from 10 on" in page
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
        (
            "- {tool: x, by: 2027-11-22, came_true: no, date: 2027-11-22}",
            "line 1: name the reviewer, or the proposition",
        ),
        (
            ENDED.replace("came_true: yes", "came_true: maybe"),
            "line 1: came_true: say yes, no or void",
        ),
        (ENDED.replace("came_true: no", "came_true: no\n  who: me"), "line 7: unknown key 'who'"),
        (ENDED.replace("2027-11-22", "soon"), "line 1: by"),
        ("- x", "line 1"),
        ("- [", "not valid YAML"),
    ],
)
def test_a_forecast_file_that_cannot_be_used_is_named_with_its_line(tmp_path, yaml, message):
    (tmp_path / FILE).write_text(yaml)
    with pytest.raises(InputError) as caught:
        read_resolutions(tmp_path)
    assert message in caught.value.message
    assert FILE in caught.value.message


def test_no_file_and_an_empty_file_say_nothing(tmp_path):
    assert read_resolutions(tmp_path) == ()
    (tmp_path / FILE).write_text("")
    assert read_resolutions(tmp_path) == ()


def test_an_entry_that_meets_no_forecast_is_told_of(ended):
    def told(*cards):
        return unmet(ended, made_forecasts(Held(cards).histories()))

    assert told(card()) == ()
    assert told(named("Parley")) == (
        f"{FILE}: the forecast of skeptic on Quillstore by 2027-11-22 does not exist",
        f"{FILE}: the forecast of builder on quillstore by 2027-11-22 does not exist",
    )


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
