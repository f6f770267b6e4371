"""The composed review: every clause is a finding's statement, a quote, or the vote."""

import pytest
from benchmarks.stepwise import contradictions
from hypothesis import given
from hypothesis import strategies as st

from panel.evidence.source import Passage
from panel.evidence.tools.tool import Tool
from panel.reviews.compose import compose, guessed, noticed, quoted, turning_fact
from panel.reviews.personas import Persona
from panel.reviews.prompts import Brief
from panel.reviews.review import Finding, Review
from panel.reviews.score import Rule, score_findings

PERSONA = Persona.model_validate(
    {
        "name": "tester",
        "title": "The Tester",
        "lens": "You try it.",
        "voice": "You have tried many.",
        "opening": {"ship": "I would sail with {tool}", "skip": "I would leave {tool} ashore"},
        "criteria": [
            {"id": "install", "question": "Does it give an install command?", "kind": "fact",
             "cues": "get pip",
             "says": {"yes": "It gives the command that installs it",
                      "no": "It gives no command that installs it",
                      "unclear": "Nothing shows how it is installed"}},
            {"id": "alive", "question": "Is the tool maintained?", "kind": "fact", "weight": 2,
             "dealbreaker": True,
             "says": {"yes": "It is maintained", "no": "It is no longer maintained",
                      "unclear": "Nothing shows whether it is maintained"}},
            {"id": "like", "question": "Would you use it again?", "kind": "judgement",
             "says": {"yes": "I would use it again", "no": "I would not use it again",
                      "unclear": "I cannot say whether I would use it again"}},
        ],
        "beats": [{"id": "primitive", "ask": "What is the one thing that it gives?"}],
        "forecast": {"ask": "one sentence on next year.", "horizon_months": 15},
    }
)  # fmt: skip

BRIEF = Brief(
    tool=Tool(name="Widget", slug="widget"),
    passages=(
        Passage(id="E1.1", text="Widgets are hard. Install it with: get widget. Then go."),
        Passage(id="E1.2", text="Widget 3 is kept up by four people."),
    ),
)


def findings(**answers):
    """Return the tester's findings by criterion: an answer, or an answer and a cited passage."""
    made = []
    for criterion in PERSONA.criteria:
        answer, *cites = answers[criterion.id].split()
        made.append(
            Finding(
                criterion=criterion.id, question=criterion.question, kind=criterion.kind,
                answer=answer, cites=tuple(cites), says=criterion.statement(answer),
                p={"yes": 0.9, "no": 0.1, "unclear": 0.5}[answer],
            )
        )  # fmt: skip
    return made


def text(**answers):
    made = findings(**answers)
    vote = score_findings(PERSONA, made, Rule()).vote
    return compose(PERSONA, made, vote=vote, brief=BRIEF, rule=Rule())


def test_a_vote_to_ship_begins_with_the_personas_words_and_quotes_its_first_reason():
    assert text(install="unclear", alive="yes E1.2", like="yes") == (
        "I would sail with Widget: it is maintained (“Widget 3 is kept up by four people.”)"
        " [E1.2], and I would use it again."
        " Not settled: nothing shows how it is installed."
    )


def test_what_is_unclear_is_told_of_the_reviewer_and_of_neither_search_nor_page():
    criteria = [
        c.model_copy(update={"kind": "fact"}) if c.id in ("install", "alive") else c
        for c in PERSONA.criteria
    ]
    says = {"install": "how it is installed", "alive": "whether it is maintained"}
    made = [
        f.model_copy(update={"says": f"I could not tell {says[f.criterion]}"})
        if f.criterion in says
        else f
        for f in findings(install="unclear", alive="unclear", like="yes")
    ]
    persona = PERSONA.model_copy(update={"criteria": tuple(criteria)})
    composed = compose(persona, made, vote="ship", brief=BRIEF, rule=Rule())
    assert composed.endswith(" I could not tell how it is installed, nor whether it is maintained.")


def test_the_quote_is_the_sentence_that_is_nearest_to_the_question():
    long = "Widgets are hard. Install it with: get widget. Then go." + " Nobody knows why." * 20
    brief = Brief(tool=BRIEF.tool, passages=(Passage(id="E1.1", text=long),))
    made = findings(install="yes E1.1", alive="unclear", like="yes")
    composed = compose(PERSONA, made, vote="ship", brief=brief, rule=Rule())
    assert "(“Install it with: get widget.”) [E1.1]" in composed


def test_a_sentence_on_the_end_of_something_is_no_reason_for_the_tool():
    text = "Others build on it. Some have since moved to a successor named widget2."
    brief = Brief(tool=BRIEF.tool, passages=(Passage(id="E1.1", text=text),))
    made = findings(install="yes E1.1", alive="unclear", like="yes")
    composed = compose(PERSONA, made, vote="ship", brief=brief, rule=Rule())
    assert "(“Others build on it.”) [E1.1]" in composed
    brief = Brief(tool=BRIEF.tool, passages=(Passage(id="E1.1", text=text[20:]),))
    composed = compose(PERSONA, made, vote="ship", brief=brief, rule=Rule())
    assert "successor" not in composed
    assert "installs it [E1.1]" in composed


def test_a_finding_that_forces_the_skip_is_the_reason_and_the_rest_speaks_for_the_tool():
    assert text(install="yes E1.1", alive="no E1.2", like="no") == (
        "I would leave Widget ashore: it is no longer maintained"
        " (“Widget 3 is kept up by four people.”) [E1.2], and I would not use it again."
        " For it: it gives the command that installs it [E1.1]."
    )


def test_what_follows_from_a_notice_says_so_once_in_a_sentence():
    over = [
        f.model_copy(update={"says": noticed(f.says)}) if f.cites else f
        for f in findings(install="unclear", alive="no E1.2", like="no E1.2")
    ]
    sentence = told(over)[1].split(". Not")[0]
    assert sentence == (
        "I would leave Widget ashore: it is no longer maintained"
        " (“Widget 3 is kept up by four people.”) [E1.2], and I would not use it again, since the"
        " evidence says that it is deprecated or replaced [E1.2]"
    )


def guessing(*ids, **answers):
    """Return findings of which those with these ids are guesses."""
    return [
        f.model_copy(update={"says": guessed(f.says)}) if f.criterion in ids else f
        for f in findings(**answers)
    ]


def told(made):
    vote = score_findings(PERSONA, made, Rule()).vote
    return vote, compose(PERSONA, made, vote=vote, brief=BRIEF, rule=Rule())


def test_what_no_passage_shows_is_told_as_a_guess_and_is_no_reason():
    made = guessing("like", install="no E1.1", alive="no E1.2", like="yes")
    assert told(made)[1] == (
        "I would leave Widget ashore: it is no longer maintained"
        " (“Widget 3 is kept up by four people.”) [E1.2], and it gives no command that installs it"
        " [E1.1]. My guess, from no passage: I would use it again."
    )


@pytest.mark.parametrize(
    ("answers", "vote", "words"),
    [
        ({"install": "yes E1.1", "alive": "unclear", "like": "no"}, "skip",
         "I would leave Widget ashore: my guesses decide it, and from passages alone I would ship"
         " it. For it: it gives the command that installs it [E1.1]. My guess, from no passage: I"
         " would not use it again. Not settled: nothing shows whether it is maintained."),
        ({"install": "no E1.1", "alive": "unclear", "like": "no"}, "skip",
         "I would leave Widget ashore: it gives no command that installs it (“Widgets are hard."
         " Install it with: get widget. Then go.”) [E1.1]. My guess, from no passage: I would not"
         " use it again. Not settled: nothing shows whether it is maintained."),
        ({"install": "no E1.1", "alive": "yes E1.2", "like": "yes"}, "ship",
         "I would sail with Widget: it is maintained (“Widget 3 is kept up by four"
         " people.”) [E1.2]. My guesses decide it: from passages alone I would skip it. Against it:"
         " it gives no command that installs it [E1.1]. My guess, from no passage: I"
         " would use it again."),
        ({"install": "unclear", "alive": "unclear", "like": "yes"}, "ship",
         "I would sail with Widget: my guesses decide it, and from passages alone I would not vote."
         " My guess, from no passage: I would use it again. Not settled: nothing shows how it is"
         " installed, and nothing shows whether it is maintained."),
    ],
)  # fmt: skip
def test_a_vote_that_guesses_make_says_so(answers, vote, words):
    assert told(guessing("like", **answers)) == (vote, words)


def test_what_speaks_for_it_is_not_enough_only_where_passages_alone_come_to_the_skip():
    made = guessing("like", install="yes E1.1", alive="yes E1.2", like="no")
    weak = [f.model_copy(update={"p": 0.62}) if f.cites else f for f in made]
    assert told(weak)[1].startswith(
        "I would leave Widget ashore: what speaks for it is not enough. For it: "
    )


def test_no_vote_turns_on_a_guess():
    made = guessing("like", install="yes E1.1", alive="yes E1.2", like="yes")
    assert score_findings(PERSONA, made, Rule()).vote == "ship"
    assert turning_fact(PERSONA, made, Rule())
    made = guessing("like", install="yes E1.1", alive="unclear", like="no")
    assert turning_fact(PERSONA, findings(install="yes E1.1", alive="unclear", like="no"),
                        Rule()) == "I would not use it again"  # fmt: skip
    # Guesses make this vote, so it turns on them and on no fact.
    assert turning_fact(PERSONA, made, Rule()) == ""


def test_an_abstention_says_so_and_gives_no_reason_for_a_vote():
    assert text(install="unclear", alive="unclear", like="unclear").startswith(
        "I cannot say whether to ship with Widget: too few of my questions could be answered."
    )


def test_reviewers_without_statements_are_composed_from_their_questions():
    made = [f.model_copy(update={"says": ""}) for f in findings(
        install="unclear", alive="yes E1.2", like="yes")]  # fmt: skip
    composed = compose(PERSONA, made, vote="ship", brief=BRIEF, rule=Rule())
    assert "asked “Is the tool maintained?”, I answer yes" in composed
    assert "nothing shows the answer to “Does it give an install command?”." in composed


ANSWERS = st.sampled_from(["yes E1.1", "no E1.2", "unclear"])


@given(install=ANSWERS, alive=ANSWERS, like=ANSWERS)
def test_no_composed_sentence_contradicts_a_finding(install, alive, like):
    made = findings(install=install, alive=alive, like=like)
    scored = score_findings(PERSONA, made, Rule())
    review = Review(
        persona="tester", title="The Tester", vote=scored.vote, score=scored.score,
        coverage=scored.coverage, stance=None, findings=tuple(made), forecast=None,
        summary=compose(PERSONA, made, vote=scored.vote, brief=BRIEF, rule=Rule()),
        provider="p", model="m",
    )  # fmt: skip
    assert contradictions(review, PERSONA) == []
    assert 1 <= review.summary.count(". ") + 1 <= 6
    if scored.vote != "abstain":
        answers = {"ship": "yes", "skip": "no"}
        reasons = [f.says for f in made if f.answer == answers[scored.vote]]
        first = review.summary.partition(" For it:")[0].partition(" Against it:")[0].lower()
        assert not reasons or any(words.lower() in first for words in reasons)


def test_the_check_finds_a_sentence_that_a_finding_denies():
    made = findings(install="yes E1.1", alive="no E1.2", like="no")
    review = Review(
        persona="tester", title="The Tester", vote="skip", score=10, coverage=1, stance=None,
        findings=tuple(made), forecast=None, provider="p", model="m",
        summary="I would sail with Widget: it is maintained.",
    )  # fmt: skip
    assert len(contradictions(review, PERSONA)) == 2


@pytest.mark.parametrize(
    ("answers", "fact"),
    [
        ({"install": "yes E1.1", "alive": "yes E1.2", "like": "yes"}, "It is maintained [E1.2]"),
        ({"install": "yes E1.1", "alive": "no E1.2", "like": "yes"},
         "It is no longer maintained [E1.2]"),
        ({"install": "no E1.1", "alive": "unclear", "like": "no"}, ""),
    ],
)  # fmt: skip
def test_the_vote_turns_on_the_finding_that_alone_would_turn_it(answers, fact):
    assert turning_fact(PERSONA, findings(**answers), Rule()) == fact


def test_a_vote_that_several_answers_would_turn_says_how_many():
    made = [
        f.model_copy(update={"p": 0.8})
        for f in findings(install="yes E1.1", alive="yes E1.2", like="yes")
    ]
    words = "It is maintained [E1.2]; 2 other answers would turn it, too"
    assert turning_fact(PERSONA, made, Rule()) == words


def test_a_passage_is_quoted_word_for_word():
    passage = Passage(id="E1.3", text="  pip install widget\n  widget run\n")
    assert quoted(passage) == "“pip install widget\n  widget run” [E1.3]"
