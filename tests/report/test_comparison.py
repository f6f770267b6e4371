"""Two scorecards side by side: who is ahead by rule, what decides, and what the rule says of it."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.foundation.paths import data_folder
from panel.report.comparison.advice import SURE, advise, backed, with_advice
from panel.report.comparison.comparison import (
    CommunityCount,
    NearestTool,
    between,
    compare,
    weights_of,
)
from panel.report.comparison.lookup import nearest
from panel.report.comparison.preference import ACROSS, MARGIN, prefer
from panel.reviews.compose import guessed
from panel.reviews.personas import load_personas
from panel.reviews.verdict.scorecard import CardTool
from panel.runs.history.entry import History, entry
from tests.support.cards import BUILDER, BUSINESS, FUTURIST, NOW, SKEPTIC, card
from tests.support.pairs import answered, cards, pair, tool, verdict
from tests.support.statements import written

OTHER = {"a": "b", "b": "a", None: None}


def mirrored(side):
    return OTHER[side]


# --- who is ahead ----------------------------------------------------------------------------


def test_the_tool_that_ships_with_a_clear_lead_is_ahead():
    preference = prefer(verdict("ship", 71.2), verdict("skip", 48.0))
    assert (preference.winner, preference.reason) == ("a", "ahead")


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (verdict("ship", 66.0), verdict("ship", 61.1), "margin"),
        (verdict("ship", 66.0), verdict("ship", 66.0), "margin"),
        (verdict("ship", 80.0, (70, 88)), verdict("ship", 65.0, (60, 71)), "interval"),
        (verdict("ship", 80.0, (70, 88)), verdict("ship", 71.0), "interval"),
        (verdict("hold", 92.0), verdict("ship", 62.0), "hold"),
        (verdict("ship", 92.0), verdict("hold", 62.0), "hold"),
        (verdict("incomplete", 92.0), verdict("ship", 62.0), "incomplete"),
        (verdict("ship", None), verdict("ship", 62.0), "incomplete"),
        (verdict("skip", 55.0), verdict("skip", 20.0), "neither"),
        (verdict("split", 58.0), verdict("skip", 20.0), "neither"),
    ],
)
def test_a_tie_is_a_tie(a, b, reason):
    for first, second in ((a, b), (b, a)):
        preference = prefer(first, second)
        assert preference.winner is None
        assert preference.reason == reason


@pytest.mark.parametrize(
    ("score", "other"),
    [
        (62.0, verdict("skip", 75.0)),
        (61.0, verdict("skip", 59.9)),
        (62.0, verdict("split", 61.0)),
        (62.0, verdict("skip", 61.0, (50, 70))),
    ],
)
def test_what_ships_is_ahead_of_what_does_not_whatever_the_scores(score, other):
    for alike in (True, False):
        assert prefer(verdict("ship", score), other, alike=alike).winner == "a"
        found = prefer(other, verdict("ship", score), alike=alike)
        assert (found.winner, found.reason) == ("b", "ahead")


@given(st.floats(0, 95), st.floats(0, 100))
def test_a_lead_of_the_margin_counts_and_a_smaller_one_never_does(low, lead):
    high = min(100.0, low + lead)
    preference = prefer(verdict("ship", high), verdict("ship", low))
    assert (preference.winner == "a") == (round(high - low, 6) >= MARGIN)


def test_tools_that_were_not_judged_alike_need_a_larger_lead():
    a, b = verdict("ship", 70.0), verdict("ship", 62.0)
    assert prefer(a, b).winner == "a"
    assert prefer(a, b, alike=False).winner is None
    assert prefer(a, b, alike=False).margin == ACROSS


# --- permutation -----------------------------------------------------------------------------


@settings(max_examples=40)
@given(cards("Alpha"), cards("Beta"))
def test_swapping_the_tools_mirrors_the_comparison(a, b):
    first, second = compare(a, b), compare(b, a)
    assert first.preference.winner == mirrored(second.preference.winner)
    assert first.preference.reason == second.preference.reason
    assert first.preference.higher == mirrored(second.preference.higher)
    assert [(d.persona, d.criterion, d.favours, d.pull) for d in first.differences] == [
        (d.persona, d.criterion, mirrored(d.favours), d.pull) for d in second.differences
    ]
    assert [(d.a, d.b) for d in first.differences] == [(d.b, d.a) for d in second.differences]
    assert [(s.persona, s.a, s.b) for s in first.standings] == [
        (s.persona, s.b, s.a) for s in second.standings
    ]
    assert [c.kind for c in first.cautions] == [c.kind for c in second.cautions]
    assert (first.asked, first.same) == (second.asked, second.same)


@settings(max_examples=40)
@given(cards("Alpha"), cards("Beta"), st.randoms(use_true_random=False))
def test_the_order_of_reviews_changes_nothing(a, b, luck):
    reviews = list(a.reviews)
    luck.shuffle(reviews)
    again = compare(a.model_copy(update={"reviews": tuple(reviews)}), b)
    first = compare(a, b)
    assert again.differences == first.differences
    assert again.preference == first.preference
    assert again.standings == first.standings


@settings(max_examples=40)
@given(cards("Alpha"), cards("Beta"))
def test_every_statement_points_at_passages_that_exist_and_about_its_own_tool(a, b):
    comparison = compare(a, b)
    shown = {side: {p.id for s in comparison.card(side).evidence for p in s.passages}
             for side in ("a", "b")}  # fmt: skip
    advice = advise(comparison)
    for statement in advice.statements:
        assert all(cite.passage in shown[cite.side] for cite in statement.cites)
        if statement.about in ("a", "b"):
            assert any(cite.side == statement.about for cite in statement.cites)


@settings(max_examples=40)
@given(cards("Alpha"), cards("Beta"))
def test_words_about_a_finding_are_the_stored_answers(a, b):
    comparison = compare(a, b)
    answers = {
        (d.question, side): getattr(d, side).answer
        for d in comparison.differences
        for side in ("a", "b")
    }
    for statement in advise(comparison).statements:
        if statement.about not in ("a", "b"):
            continue
        text = "".join(p for p in statement.pieces if isinstance(p, str))
        question = text.partition("“")[2].partition("”")[0]
        for side, name in (("a", "Alpha"), ("b", "Beta")):
            assert f"{answers[question, side]} for {name}" in text.lower().replace(
                name.lower(), name
            )


@settings(max_examples=40)
@given(cards("Alpha"), cards("Beta"))
def test_the_advice_never_names_a_winner_the_rule_does_not(a, b):
    comparison = compare(a, b)
    advice = advise(comparison)
    assert advice.preference == comparison.preference
    winner = advice.preference.winner
    if winner is None:
        return
    won, lost = comparison.card(winner).verdict, comparison.card(OTHER[winner]).verdict
    assert won.outcome == "ship"
    assert lost.outcome not in ("hold", "incomplete")
    if lost.outcome == "ship":
        assert won.score - lost.score >= MARGIN - 1e-6


# --- what decides ----------------------------------------------------------------------------


def test_what_is_yes_for_one_only_comes_first():
    a, b = pair()
    differences = compare(a, b).differences
    assert [(d.criterion, d.favours, d.decides) for d in differences] == [
        ("installs", "a", True),
        ("escape", "b", True),
        ("alive", "a", True),
    ]
    b = b.model_copy(
        update={"reviews": (answered(BUILDER, docs=("no", 0.01, "")), SKEPTIC, BUSINESS, FUTURIST)}
    )
    (only,) = compare(a, b).differences
    assert (only.criterion, only.decides) == ("docs", False)


def test_weight_and_difference_of_p_order_the_differences():
    a, b = pair()
    heavy = compare(a, b, weights={("skeptic", "alive"): 9.0, ("builder", "installs"): 1.0})
    first = heavy.differences[0]
    assert (first.criterion, first.weight) == ("alive", 9.0)
    assert first.pull == pytest.approx(9.0 * (0.95 - 0.5))
    assert [d.weight for d in heavy.differences if d.criterion == "escape"] == [None]


def test_weights_are_those_of_criterion_times_persona():
    weights = weights_of(load_personas(folders=[data_folder("personas")]))
    assert weights["skeptic", "maintained"] == 4.0
    assert weights["builder", "install"] == 0.5
    assert between({("x", "y"): 1.0}, {("x", "y"): 3.0, ("x", "z"): 5.0}) == {
        ("x", "y"): 2.0,
        ("x", "z"): 5.0,
    }


def test_a_question_worded_otherwise_is_not_compared_but_counted():
    a, b = pair()
    changed = BUSINESS.findings[0].model_copy(update={"question": "Is the price on the page?"})
    business = BUSINESS.model_copy(update={"findings": (changed, *BUSINESS.findings[1:])})
    comparison = compare(a, b.model_copy(update={"reviews": (*b.reviews[:2], business, FUTURIST)}))
    assert comparison.asked == 13
    assert [c.text for c in comparison.cautions if c.kind == "questions"] == [
        "2 questions were put to one of them only"
    ]


def test_a_dealbreaker_of_a_verdict_is_marked():
    a, b = pair()
    note = "The Builder skips: installs is a dealbreaker"
    b = b.model_copy(update={"verdict": b.verdict.model_copy(update={"notes": (note,)})})
    first = compare(a, b).differences[0]
    assert (first.criterion, first.dealbreaker) == ("installs", True)


# --- cautions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("model", {"model": "m2"}, "Quillstore by qwen2.5-1.5b, Parley by m2"),
        ("provider", {"provider": "groq"}, "for Quillstore at local, for Parley at groq"),
        ("asked", {"asked": "whole"}, "Quillstore stepwise, Parley whole"),
        ("reviewers", {"reviews": (BUILDER, SKEPTIC, BUSINESS)}, "Different reviewers"),
        ("dates", {"created": NOW + timedelta(days=7)}, "2026-11-22, Parley on 2026-11-29"),
        ("samples", {"verdict": verdict(interval=None)}, "asked once"),
    ],
)
def test_what_was_not_judged_alike_is_said(kind, change, words):
    cautions = {c.kind: c.text for c in compare(card(), tool(**change)).cautions}
    assert words in cautions[kind]


def test_two_that_were_judged_alike_need_no_caution():
    assert compare(card(), tool()).cautions == ()


def test_another_model_makes_a_small_lead_a_tie():
    a, b = card(verdict=verdict("ship", 70.0)), tool(verdict=verdict("ship", 63.0))
    assert compare(a, b).preference.winner == "a"
    other = compare(a, b.model_copy(update={"model": "m2"}))
    assert other.preference.winner is None
    assert "10 points" in advise(other).statements[1].pieces[0]


# --- the paragraph ---------------------------------------------------------------------------


def texts(comparison):
    return [
        "".join(p if isinstance(p, str) else f"[{p.side}-{p.passage}]" for p in s.pieces)
        for s in advise(comparison).statements
    ]


def test_the_rules_paragraph_in_full():
    assert texts(compare(*pair())) == [
        "Ship with Quillstore: 3 of 4 voting reviewers ship it, and 1 of 4 Parley.",
        "Quillstore scores 71.2 of 100 and Parley 48.0; 3 of 4 voting reviewers ship Quillstore, "
        "and 1 of 4 voting reviewers ship Parley.",
        "The Builder asks: “Does it install with one command?” Yes for Quillstore[a-E1.2], "
        "no for Parley[b-E1.2].",
        "The Skeptic asks: “Is it maintained today?” Yes for Quillstore[a-E1.5], "
        "unclear for Parley.",
        "The Builder asks: “Can the data be read without the tool?” Yes for Parley[b-E1.4], "
        "no for Quillstore[a-E1.4].",
    ]


def test_an_unsure_yes_is_no_ground_for_advice():
    a, b = pair()
    b = b.model_copy(
        update={"reviews": (answered(BUILDER, escape=("yes", SURE - 0.01, "E1.4")), *b.reviews[1:])}
    )
    comparison = compare(a, b)
    assert "escape" in {d.criterion for d in comparison.differences}
    assert backed(comparison, "b") == ()


def test_where_nothing_speaks_for_a_tool_that_is_said():
    a, b = pair()
    same = b.model_copy(update={"reviews": a.reviews})
    assert texts(compare(a, same))[2:] == [
        "Of the answers that decide, no yes rests on a sure passage."
    ]
    one = b.model_copy(update={"reviews": (answered(BUILDER, installs=("no", 0.1, "E1.2")),)})
    assert texts(compare(a, one))[-1] == (
        "Of the answers that decide, no yes for Parley rests on a sure passage."
    )


def test_a_single_sample_is_said_of_the_tool_it_is_true_of():
    (caution,) = compare(card(), tool(verdict=verdict("skip", 40.0))).cautions
    assert caution.text.startswith("On Parley each was asked once")


def test_a_held_tool_is_not_praised_meanwhile():
    a, b = pair()
    b = b.model_copy(update={"verdict": verdict("hold", 99.0)})
    (only,) = texts(compare(a, b))
    assert only == (
        "No winner: the evidence about Parley is suspicious, and a person must look before this "
        "counts."
    )


def test_prices_are_told_with_their_passages():
    a, b = pair()
    facts = a.facts.model_copy(
        update={
            "entry_price": a.facts.entry_price.model_copy(
                update={"value": "Free plan", "passage": "E2.1"}
            )
        }
    )
    written = texts(compare(a.model_copy(update={"facts": facts}), b))
    assert written[-1] == (
        "Entry price as the evidence words it: “Free plan” for Quillstore[a-E2.1]; "
        "not stated for Parley."
    )


def test_a_comparison_holds_its_advice_once_it_was_given():
    comparison = with_advice(compare(*pair()))
    assert comparison.advice == advise(comparison)
    assert with_advice(comparison) is comparison


# --- by statements ---------------------------------------------------------------------------

FLIPPED = {
    "maintained": ("no", "It is no longer maintained", "E1.4"),
    "install": ("unclear", "Nothing shows how to install it", ""),
    "users": ("yes", "It names who runs it", "E1.1"),
}


def rival(outcome="skip", score=44.0, **changes):
    """Silt: like Tidewater, but for three answers; one reviewer ships it."""
    reviews = tuple(
        review.model_copy(
            update={
                "vote": "ship" if review.persona == "futurist" else "skip",
                "findings": tuple(map(flipped, review.findings)),
            }
        )
        for review in written().reviews
    )
    named = CardTool(name="Silt", slug="silt", category="Databases")
    found = verdict(outcome, score, ship=1, skip=3)
    return written(tool=named, reviews=reviews, verdict=found, **changes)


def flipped(finding):
    answer, says, cites = FLIPPED.get(finding.criterion, (finding.answer, finding.says, None))
    kept = finding.cites if cites is None else tuple(cites.split())
    return finding.model_copy(update={"answer": answer, "says": says, "cites": kept})


def test_the_answer_names_what_differs_and_decides_then_when_the_other():
    said = texts(compare(written(), rival()))
    assert said[0] == (
        "Ship with Tidewater: as for Silt, it is no longer maintained[b-E1.4]; as for Tidewater, "
        "it is maintained[a-E1.4], and it installs with one command[a-E1.2]."
    )
    assert said[2] == "It is maintained[a-E1.4]; Silt: it is no longer maintained[b-E1.4]."
    assert said[4] == "It names who runs it[b-E1.1]; Tidewater: nothing shows who runs it."


def test_beside_what_forced_a_vote_nothing_else_speaks_against_the_loser(monkeypatch):
    monkeypatch.setitem(FLIPPED, "install", ("no", "It takes a day to install", "E1.2"))
    both = texts(compare(written(), rival()))[0]
    assert "it takes a day to install[b-E1.2], and it is no longer maintained[b-E1.4]" in both
    notes = tuple(f"{r.title} skips: maintained is a dealbreaker" for r in rival().reviews)
    forced = verdict("skip", 44.0, ship=1, skip=3).model_copy(update={"notes": notes})
    shown = rival().model_copy(update={"verdict": forced})
    said = texts(compare(written(), shown))[0]
    assert said.startswith("Ship with Tidewater: as for Silt, it is no longer maintained[b-E1.4]; ")


def test_what_a_small_model_could_not_tell_decides_nothing():
    def by_code(card):
        reviews = tuple(r.model_copy(update={"composed": True}) for r in card.reviews)
        return card.model_copy(update={"reviews": reviews})

    found = {d.criterion: d.decides for d in compare(written(), rival()).differences}
    assert found["maintained"]
    assert found["install"]
    left = {d.criterion: d.decides for d in compare(written(), by_code(rival())).differences}
    assert left["maintained"], "a no is an answer"
    assert not left["install"], "another passage may show it"


def test_of_two_that_ship_and_are_too_close_each_is_taken_for_what_it_is_ahead_in():
    near = compare(written(verdict=verdict("ship", 66.0)), rival("ship", 63.0))
    assert texts(near)[0] == (
        "Either will do: both ship, and their scores are too close to call, 66.0 for Tidewater and "
        "63.0 for Silt; take Tidewater if it matters that it is maintained[a-E1.4], and Silt if it "
        "matters that it names who runs it[b-E1.1]."
    )


def test_where_neither_ships_the_reasons_are_said_and_what_ships_in_their_category():
    a, b = written(verdict=verdict("skip", 51.0)), rival()
    best = NearestTool(name="Ebb", score=71.06)
    assert texts(compare(a, b, nearest=best))[0] == (
        "Ship neither: not Tidewater, because it is not presented as ready for production[a-E1.4], "
        "and not Silt, because it is not presented as ready for production[b-E1.4]; in their "
        "category the panel ships Ebb, 71.0 of 100."
    )
    assert "in their category" not in texts(compare(a, b))[0]
    assert compare(written(), b, nearest=best).nearest is None
    old = compare(card(verdict=verdict("skip", 30.0)), tool(verdict=verdict("skip", 20.0)))
    assert texts(old)[0] == (
        "Ship neither: 3 of 4 voting reviewers ship Quillstore, and 3 of 4 Parley."
    )


def guessed_skip(name):
    """A card that every reviewer skips, by guesses alone."""
    reviews = tuple(
        review.model_copy(
            update={
                "vote": "skip",
                "findings": tuple(
                    f.model_copy(update={"answer": "no", "p": 0.1, "says": guessed("It is slow"),
                                         "cites": (), "kind": "judgement"})
                    for f in review.findings
                ),
            }
        )
        for review in written().reviews
    )  # fmt: skip
    named = CardTool(name=name, slug=name.lower(), category="Databases")
    return written(tool=named, reviews=reviews, verdict=verdict("skip", 40.0, ship=0, skip=4))


def test_what_guesses_decide_has_no_passage_as_its_reason():
    assert texts(compare(guessed_skip("Silt"), guessed_skip("Ebb")))[0] == (
        "Ship neither: not Silt and not Ebb, both by answers that are the model's guesses; "
        "no passage decides it."
    )
    mixed = texts(compare(guessed_skip("Ebb"), rival()))[0]
    assert "not Ebb, by answers that are the model's guesses" in mixed
    assert "not Silt, because it is not presented as ready for production[b-E1.4]" in mixed


def test_what_is_unclear_is_told_of_the_reviewer_and_is_no_reason():
    says = "I could not tell how it is installed"
    other = tuple(
        r.model_copy(
            update={
                "findings": tuple(
                    f.model_copy(update={"says": says}) if f.criterion == "install" else f
                    for f in r.findings
                )
            }
        )
        for r in rival().reviews
    )
    said = texts(compare(written(), rival().model_copy(update={"reviews": other})))
    assert "could not tell" not in said[0]
    assert "; Silt: the Builder could not tell how it is installed." in " ".join(said)


def test_the_nearest_is_the_best_that_ships_in_the_category_of_both():
    def seen(name, category="databases", outcome="ship", score=70.0):
        made = written(tool=CardTool(name=name, slug=name.lower(), category=category),
                       verdict=verdict(outcome, score))  # fmt: skip
        return History(name, (entry(made, name),))

    shelf = [seen("Ebb"), seen("Flow", score=75.0), seen("Neap", outcome="skip", score=99.0),
             seen("Kite", category="Toys", score=90.0), seen("Silt", score=95.0)]  # fmt: skip
    assert nearest(shelf, written(), rival()) == NearestTool(name="Flow", score=75.0)
    assert nearest(shelf[2:], written(), rival()) is None
    assert nearest(shelf, written(), tool()) is None


# --- community -------------------------------------------------------------------------------


def test_a_ballot_without_votes_has_no_share():
    assert (CommunityCount().share, CommunityCount().interval) == (None, None)


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_a_ballots_interval_holds_its_share(ship, skip):
    votes = CommunityCount(ship=ship, skip=skip)
    if not votes.total:
        return
    low, high = votes.interval
    assert 0 <= low <= votes.share + 1e-9
    assert votes.share - 1e-9 <= high <= 100


def test_wilsons_interval_is_the_known_one():
    assert CommunityCount(ship=8, skip=2).interval == pytest.approx((49.0, 94.3), abs=0.1)
