"""Stepwise: one token a question, citations checked, the vote computed from what was read."""

import pytest

from panel.evidence.fence import marker
from panel.foundation.errors import BadReply, Truncated, Unreachable
from panel.llm.types import ChatResponse, Usage
from panel.reviews import prompts
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.strategies.ask import steps
from panel.reviews.strategies.calibrated import NO_FIT, NO_PROBABILITIES
from panel.reviews.strategies.version1.written_parts import MISSING_PART, NO_WORDS
from tests.support.scripted import BRIEF, PERSONA, Memory, plan, review, stepwise


def calibration(**rows):
    return Calibration.model_validate(
        {
            "model": "m",
            "made": "by hand for a test",
            "criteria": {
                f"tester.{c.id}": {"offset": 0.0, "slope": 1.0, "source": "fitted"} | rows
                for c in PERSONA.criteria
            },
        }
    )


FLAT = calibration()


def answers(got):
    return {f.criterion: f.answer for f in got.findings}


def test_yes_no_and_unclear_are_read_from_the_log_probabilities():
    got, _ = review(stepwise(install=3.0, alive=0.1, like=-3.0), calibration=FLAT)
    assert answers(got) == {"install": "yes", "alive": "unclear", "like": "no"}
    assert got.findings[0].p == pytest.approx(0.9526, abs=0.001)


def test_every_spelling_of_a_word_counts():
    got, _ = review(stepwise(like=2.0), calibration=FLAT)
    assert got.findings[2].p == pytest.approx(0.8808, abs=0.001)


def test_what_was_learned_of_the_judge_moves_its_answers():
    got, _ = review(stepwise(like=1.0), calibration=calibration(offset=3.0, slope=2.0))
    assert answers(got)["like"] == "no"
    assert got.findings[2].p == pytest.approx(0.018, abs=0.001)


def test_an_unknown_judge_is_asked_about_an_empty_tool_and_the_card_says_so():
    got, asked = review(stepwise(like=1.0, empty=1.0))
    assert answers(got)["like"] == "unclear"
    assert got.findings[2].p == pytest.approx(0.5)
    assert NO_FIT in got.notes
    empty = [q for q in asked if "no evidence was found" in q.shared]
    assert len(empty) == len(PERSONA.criteria)
    assert not any("Widget" in q.shared for q in empty)


def test_the_empty_tool_is_asked_about_once_a_run():
    memory = Memory()
    review(stepwise(), recorder=memory)
    _, asked = review(stepwise(), recorder=memory)
    assert asked == []


def test_a_reworded_question_is_not_read_with_the_old_fit():
    old = calibration(offset=9.0, question="Was it ever so?")
    got, asked = review(stepwise(like=3.0, empty=0.0), calibration=old)
    assert answers(got)["like"] == "yes"
    assert any("no evidence was found" in q.shared for q in asked)


def test_without_log_probabilities_the_plain_word_counts_and_the_card_says_so():
    rule = stepwise()

    def plain(question):
        said = rule(question)
        return said if isinstance(said, str) else ("Yes." if said > 0 else "No.")

    got, _ = review(plain, calibration=FLAT)
    assert all(f.p is None for f in got.findings)
    assert got.score == pytest.approx(80.0)
    assert NO_PROBABILITIES in got.notes


def test_all_questions_share_one_beginning_and_ask_for_one_token():
    _, asked = review(stepwise(), calibration=FLAT)
    assert len({q.system + q.shared for q in asked}) == 1
    questions = [q for q in asked if q.logprobs]
    assert len(questions) == len(PERSONA.criteria) + 2  # and stance and odds
    assert {q.max_tokens for q in questions} == {1}
    assert {q.marker for q in asked} == {marker(plan().secret, prompts.shared(BRIEF))}
    assert [q.messages()[0]["role"] for q in asked] == ["system"] * len(asked)


def test_a_review_takes_no_more_steps_than_were_announced():
    done = []
    review(stepwise(like=0.0), calibration=FLAT, steps=done)
    assert len(done) == steps(plan(), PERSONA) == 10


def test_j3_a_passage_that_does_not_exist_is_dropped_counted_and_leaves_the_fact_unclear():
    got, _ = review(stepwise(cite="E9.9"), calibration=FLAT)
    assert answers(got) == {"install": "unclear", "alive": "unclear", "like": "yes"}
    assert got.unknown_cites == 3  # two facts, and one in the summary
    assert got.uncited_facts == 2


@pytest.mark.parametrize("cite", ["none", "None of them.", "I cannot say"])
def test_a_no_to_a_fact_needs_a_passage_as_well(cite):
    got, _ = review(stepwise(alive=-5.0, cite=cite), calibration=FLAT)
    assert answers(got)["alive"] == "unclear"
    assert got.uncited_facts == 2
    assert got.vote == "ship"


def test_a_supported_no_to_a_dealbreaker_skips():
    got, _ = review(stepwise(alive=-5.0, cite="[E1.2]"), calibration=FLAT)
    assert got.findings[1].cites == ("E1.2",)
    assert got.vote == "skip"


@pytest.mark.parametrize("cite", ["e1.2", "E1.2.", "Passage E 1.2 says so", "E1:2, E1.3"])
def test_an_id_is_read_however_it_is_written_and_one_is_kept(cite):
    got, _ = review(stepwise(cite=cite), calibration=FLAT)
    assert got.findings[0].cites == ("E1.2",)


def test_nothing_shown_means_nothing_can_be_cited():
    got, _ = review(stepwise(empty=3.0), calibration=FLAT, brief=type(BRIEF)(tool=BRIEF.tool))
    assert answers(got) == {"install": "unclear", "alive": "unclear", "like": "yes"}


def test_the_written_parts_are_asked_one_by_one_and_made_fit_to_print():
    got, _ = review(stepwise(odds=1.0), calibration=FLAT)
    assert got.fields == {
        "first_try": "I installed it in a minute [E1.1].",
        "trouble": "I found no trouble worth a line.",
    }
    assert got.forecast.claim == "Widget 4 will be out."
    assert got.forecast.probability == pytest.approx(0.73)
    assert got.summary == "I would ship with it [E1.2]. It is kept up by four people."
    assert got.unknown_cites == 1
    assert got.notes == ()


def test_the_conclusion_is_told_the_vote_and_what_decided_it():
    got, asked = review(stepwise(like=3.0, install=2.0, alive=-0.1), calibration=FLAT)
    tail = asked[-1].tail
    assert got.vote == "ship"
    assert "You vote to ship" in tail
    assert "Would you use it again? Yes. Does it give an install command? Yes." in tail
    assert 'beginning with "I would ship with this tool because"' in tail


def test_the_stance_is_asked_after_the_findings_and_does_not_vote():
    got, asked = review(stepwise(stance=-2.0), calibration=FLAT)
    assert (got.vote, got.stance) == ("ship", "skip")
    place = next(n for n, q in enumerate(asked) if "yourself ship" in q.tail)
    assert place == len(PERSONA.criteria) + 2  # after every question and both citations
    assert "Does it give an install command? Yes. [E1.1]" in asked[place].tail


def test_what_one_part_has_said_another_does_not_repeat():
    same = "I installed it in a minute [E1.1]."
    got, _ = review(stepwise(trouble=same, summary=f"{same} I ship it."), calibration=FLAT)
    assert set(got.fields) == {"first_try"}
    assert got.summary == "I ship it."
    assert MISSING_PART in got.notes


@pytest.mark.parametrize(
    "text",
    ["As The Tester, I like it.", "Conclusion: I like it.", "**Summary:** I like it.",
     "Overall, I like it. I like it.", "- I like it."],
)  # fmt: skip
def test_what_a_model_says_before_its_answer_goes(text):
    got, _ = review(stepwise(summary=text), calibration=FLAT)
    assert got.summary == "I like it."


def test_a_part_that_ran_into_its_limit_ends_at_its_last_sentence():
    def cut(text):
        fault = Truncated("cut off")
        fault.reply = ChatResponse(text, "length", Usage(), "m")
        return fault

    answer = stepwise(summary=cut("I like it. It is al"), trouble=cut(""))
    got, _ = review(answer, calibration=FLAT)
    assert got.summary == "I like it."
    assert "trouble" not in got.fields


@pytest.mark.parametrize("text", ["...", "42", "[E1.1]"])
def test_text_that_cannot_be_used_leaves_the_votes_standing(text):
    got, _ = review(stepwise(summary=text, forecast=text), calibration=FLAT)
    assert got.vote == "ship"
    assert NO_WORDS in got.notes
    assert "3 were answered yes" in got.summary
    assert got.forecast is None


def test_an_answer_that_is_neither_yes_nor_no_is_no_answer():
    with pytest.raises(BadReply):
        review(stepwise(install="Perhaps"), calibration=FLAT)


def test_a_server_that_is_gone_is_no_vote():
    with pytest.raises(Unreachable):
        review(stepwise(summary=Unreachable("gone")), calibration=FLAT)


def test_several_samples_are_asked_differently():
    _, first = review(stepwise(), calibration=FLAT, sample=0, samples=2)
    _, second = review(stepwise(), calibration=FLAT, sample=1, samples=2)
    assert first[0].temperature > 0
    assert first[0].tail != second[0].tail
