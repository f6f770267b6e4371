"""Two scorecards side by side: who is ahead by rule, what decides, and what the rule says of it."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.foundation.paths import data_folder
from panel.report.comparison.advice import SURE, advise, backed, with_advice
from panel.report.comparison.comparison import (
    OWN,
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
from panel.reviews.verdict.scorecard import CardTool, VoteTotals
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


def test_what_forced_a_skip_decides_where_the_other_tools_answer_was_left_open():
    a, b = (
        card(reviews=(answered(SKEPTIC, alive=given).model_copy(update={"composed": True}),))
        for given in (("unclear", 0.5, ""), ("no", None, "E1.5"))
    )
    (plain,) = compare(a, b).differences
    assert not plain.decides
    found = verdict("skip", 20.0).model_copy(
        update={"notes": ("The Skeptic skips: alive is a dealbreaker",)}
    )
    comparison = compare(a, b.model_copy(update={"verdict": found}))
    assert comparison.differences[0].decides
    assert backed(comparison, "a") == (), "what is unclear speaks for nothing"


def test_questions_left_open_for_both_are_counted_apart():
    a, b = pair()
    comparison = compare(a, b)
    both = sum(
        one.answer == two.answer == "unclear"
        for first, second in zip(a.reviews, b.reviews, strict=True)
        for one, two in zip(first.findings, second.findings, strict=True)
    )
    assert comparison.left_open == both > 0
    assert "left_open" not in compare(a, a.model_copy(update={"reviews": ()})).model_dump()


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


def categorised(name, category, **changes):
    return card(tool=CardTool(name=name, slug=name.lower(), category=category), **changes)


def installed(name, command):
    """Return a card whose reviewer cites a passage with this command for how it is installed."""
    made = card(tool=CardTool(name=name, slug=name.lower()))
    first = made.reviews[0]
    finding = first.findings[0].model_copy(
        update={"criterion": "install", "answer": "yes", "cites": ("E1.2",)}
    )
    source = made.evidence[0].model_copy(update={"passages": tuple(
        p.model_copy(update={"text": command}) if p.id == "E1.2" else p
        for p in made.evidence[0].passages
    )})  # fmt: skip
    reviews = (first.model_copy(update={"findings": (finding,)}), *made.reviews[1:])
    return made.model_copy(update={"reviews": reviews, "evidence": (source, *made.evidence[1:])})


def test_tools_of_different_languages_are_no_alternatives():
    ebb, silt = installed("Ebb", "$ pip3 install ebb"), installed("Silt", "npm install silt")
    assert "They are installed for different languages, one with pip and the other with npm" in (
        compare(ebb, silt).cautions[0].text
    )
    for other in ("uv pip install silt", "curl silt | sh"):
        kinds = {c.kind for c in compare(ebb, installed("Silt", other)).cautions}
        assert "managers" not in kinds


def test_tools_of_different_categories_are_no_alternatives():
    a, b = (categorised(*row, verdict=verdict("ship", 66.0, (60, 70)))
            for row in (("Ebb", "Databases"), ("Silt", "HTTP clients")))  # fmt: skip
    comparison = compare(a, b)
    assert [c.text for c in comparison.cautions] == [
        "They are of different categories, Databases and HTTP clients: neither may replace the "
        "other"
    ]
    assert texts(comparison)[0].startswith("Both ship, and their scores")
    alike = compare(a, categorised("Silt", " databases", verdict=a.verdict))
    assert alike.cautions == ()
    assert texts(alike)[0].startswith("Either will do: both ship, and their scores")


ABSTAINS = SKEPTIC.model_copy(update={"vote": "abstain", "score": 50.0})
ONE_AWAY = VoteTotals(ship=3, abstain=1)


def test_a_review_that_is_in_one_mean_only_is_said_with_the_score_that_counts_it():
    reviews = (BUILDER, ABSTAINS, BUSINESS, FUTURIST)
    weights = {("builder", OWN): 1.0, ("skeptic", OWN): 2.0, ("business", OWN): 1.0,
               ("futurist", OWN): 1.0}  # fmt: skip
    scores = [r.score for r in reviews if r.vote != "abstain"]
    counted = verdict("ship", sum(scores) / 3, (50, 60)).model_copy(update={"votes": ONE_AWAY})
    b = tool(reviews=reviews, verdict=counted)
    (caution,) = compare(card(), b, weights=weights).cautions
    with_it = (sum(scores) + 2 * 50.0) / 5
    assert caution.text == (
        "The Skeptic abstains on Parley, whose score leaves its 50.0 out and would be "
        f"{int(with_it * 10) / 10:.1f} with it: the two scores are not of the same reviewers"
    )
    (unweighted,) = compare(card(), b).cautions
    assert "leaves its 50.0 out: the two" in unweighted.text
    assert compare(b, b.model_copy(update={"tool": card().tool})).cautions == ()


def test_questions_of_one_kind_of_tool_only_are_told_with_the_kinds():
    a, b = (card(tool=CardTool(name=name, slug=name.lower(), kind=kind))
            for name, kind in (("Ebb", "service"), ("Silt", "model")))  # fmt: skip
    fewer = b.reviews[0].model_copy(update={"findings": b.reviews[0].findings[1:]})
    comparison = compare(a, b.model_copy(update={"reviews": (fewer, *b.reviews[1:])}))
    assert [c.text for c in comparison.cautions if c.kind == "questions"] == [
        "1 question was put to one of them only, since one is a service and the other a model"
    ]


def test_those_who_abstain_are_counted_among_the_reviewers():
    away = verdict("ship", 71.2).model_copy(update={"votes": ONE_AWAY})
    a, b = pair(first=card(verdict=away))
    assert texts(compare(a, b))[0] == (
        "Ship with Quillstore: 3 of 4 reviewers ship it (1 abstains), and 1 of 4 reviewers ships "
        "Parley."
    )


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
        "Ship with Quillstore: 3 of 4 reviewers ship it, and 1 of 4 reviewers ships Parley.",
        "Quillstore scores 71.2 of 100 and Parley 48.0; 3 of 4 reviewers ship Quillstore, "
        "and 1 of 4 reviewers ships Parley.",
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


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"installs": ("yes", 0.62, "E1.2")}, "the yes for Parley is not sure"),
        ({"installs": ("yes", 0.9, "")}, "the yes for Parley is without a passage"),
        ({"installs": ("yes", 0.9, ""), "docs": ("yes", 0.61, "E1.1")},
         "every yes for Parley is without a passage or not sure"),
    ],
)  # fmt: skip
def test_a_yes_that_decides_and_is_no_ground_to_take_the_tool_is_said_to_be_none(change, why):
    no = dict.fromkeys(change, ("no", 0.1, "E1.2"))
    a, b = card(reviews=(answered(BUILDER, **no),)), tool(reviews=(answered(BUILDER, **change),))
    assert (
        texts(compare(a, b))[-1]
        == f"Where the answer is yes for one tool and no for the other, {why}."
    )


def test_where_no_answer_decides_for_a_tool_nothing_is_said_of_its_answers():
    a, b = pair()
    same = b.model_copy(update={"reviews": a.reviews})
    assert texts(compare(a, same))[2:] == []


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
        "none was read for Parley."
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
        "Ship with Tidewater: Silt is no longer maintained[b-E1.4]; Tidewater is "
        "maintained[a-E1.4], and it installs with one command[a-E1.2]."
    )
    assert said[2] == "It is maintained[a-E1.4]; Silt: it is no longer maintained[b-E1.4]."
    assert said[4] == "It names who runs it[b-E1.1]; Tidewater: nothing shows who runs it."


def test_beside_what_forced_a_vote_nothing_else_speaks_against_the_loser(monkeypatch):
    monkeypatch.setitem(FLIPPED, "install", ("no", "It takes a day to install", "E1.2"))
    both = texts(compare(written(), rival()))[0]
    assert "Silt takes a day to install[b-E1.2], and it is no longer maintained[b-E1.4]" in both
    notes = tuple(f"{r.title} skips: maintained is a dealbreaker" for r in rival().reviews)
    forced = verdict("skip", 44.0, ship=1, skip=3).model_copy(update={"notes": notes})
    shown = rival().model_copy(update={"verdict": forced})
    said = texts(compare(written(), shown))[0]
    assert said.startswith("Ship with Tidewater: Silt is no longer maintained[b-E1.4]; ")


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
        "Ship neither: 3 of 4 reviewers ship Quillstore, and 3 of 4 reviewers ship Parley."
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
        "Ship neither: the panel skips both, and the model's guesses make each skip. "
        "From passages alone no reviewer would vote on either."
    )
    mixed = texts(compare(guessed_skip("Ebb"), rival()))[0]
    assert "not Ebb, by answers that are the model's guesses" in mixed
    assert "not Silt, because it is not presented as ready for production[b-E1.4]" in mixed
    assert "would not skip" not in mixed, "it is said already"


def by_guesses(card, *personas):
    """The card with votes that the named personas base on guesses alone."""

    def guess(finding):
        says = guessed(finding.says or "It is so")
        return finding.model_copy(update={"says": says, "cites": (), "p": 0.95, "answer": "yes"})

    reviews = tuple(
        r.model_copy(update={"vote": "ship", "findings": tuple(map(guess, r.findings))})
        if r.persona in personas else r
        for r in card.reviews
    )  # fmt: skip
    return card.model_copy(update={"reviews": reviews})


def test_who_would_not_ship_without_guesses_is_said_and_whether_a_verdict_is_left():
    won = by_guesses(written(), "futurist")
    assert texts(compare(won, rival()))[0].endswith(
        ". Without the model's guesses the Futurist would not ship Tidewater."
    )
    two = by_guesses(written(), "futurist", "builder")
    assert texts(compare(two, rival()))[0].endswith(
        ". Without the model's guesses the Builder and the Futurist would not ship Tidewater, "
        "which leaves too few votes for a verdict on it."
    )
    near = verdict("ship", 64.0, ship=4, skip=0)
    tie = compare(two, by_guesses(rival(), "business").model_copy(update={"verdict": near}))
    assert texts(tie)[0].endswith(
        ". Without the model's guesses the Builder and the Futurist would not ship Tidewater, "
        "which leaves too few votes for a verdict, and the Business would not ship Silt."
    )


def test_where_guesses_make_every_skip_the_votes_of_passages_alone_are_counted():
    a, b = guessed_skip("Silt"), guessed_skip("Ebb")
    shipping = [r.model_copy(update={"vote": "ship"}) for r in written().reviews[:1]]
    one = b.model_copy(update={"reviews": (*shipping, *b.reviews[1:]),
                               "verdict": verdict("skip", 45.0, ship=1, skip=3)})  # fmt: skip
    assert texts(compare(a, one))[0] == (
        "Ship neither: the panel skips both, and the model's guesses make each skip. From passages "
        "alone 1 of 4 reviewers would ship Ebb and none would vote on Silt: too few for a verdict."
    )


def test_guesses_make_a_skip_only_where_they_make_every_vote_for_it():
    a = guessed_skip("Silt")
    one = a.reviews[0].model_copy(update={"findings": ()})
    some = a.model_copy(update={"reviews": (one, *a.reviews[1:])})
    assert "make each skip" not in texts(compare(some, guessed_skip("Ebb")))[0]


@pytest.mark.parametrize(
    "found", ["could not tell how it is installed", "found no passage that shows how to install it"]
)
def test_what_is_unclear_is_told_of_the_reviewer_and_is_no_reason(found):
    says = f"I {found}"
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
    assert found not in said[0]
    assert f"; Silt: the Builder {found}." in " ".join(said)


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
