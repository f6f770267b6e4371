"""Yes or no, however it is said: one token, a preamble, thinking, a whole paragraph."""

import math

import pytest

from panel.foundation.errors import BadReply, NeedsRoom
from panel.llm.types import ChatResponse, Usage
from panel.reviews.strategies.yes_no import read_yes_no

YES = {"Yes": math.log(0.8), "No": math.log(0.1), "The": math.log(0.05)}
NO = {"no": math.log(0.7), "yes": math.log(0.2)}
BREAK = {"\n": -0.001, "\n\n": -7.0}
THINK = {"<think>": -0.01, "Yes": math.log(0.02), "Okay": -5.0}
OTHER = {"So": -0.1, "Well": -3.0}


def said(text, *places, finish="stop"):
    return ChatResponse(text, finish, Usage(), "m", top_logprobs=places)


STATED = {
    "Yes.": "yes",
    "no": "no",
    "**Yes**": "yes",
    '{"answer": "no"}': "no",
    "Yes, because it says so.": "yes",
    "No it does not": "no",
    "No doubt: yes": "yes",
    "No question about it, yes!": "yes",
    "There is no evidence against it. Yes.": "yes",
    "Answer: no": "no",
    "The docs show it. The answer is **Yes**.": "yes",
    "At first no, one would say. Final answer: yes": "yes",
    "Yes? It seems so, but no. So the answer is no.": "no",
    "It gives a command.\n\nYes": "yes",
    "You ask yes or no. No.": "no",
    "<think>No, wait. Yes?</think>No": "no",
    "<think>no</think>\n\nThe answer is yes.": "yes",
    "◁think▷no◁/think▷Yes": "yes",
    "<|channel|>analysis<|message|>no?<|end|><|channel|>final<|message|>Yes<|return|>": "yes",
    "Okay, it may be no.\n</think>\n\nYes": "yes",
    r"Hence \boxed{no}": "no",
    "<answer>yes</answer>": "yes",
    "Yes. The manual says so. No.": "unclear",
    "Yes and no.": "unclear",
    "No. It depends: for teams, yes.": "unclear",
}  # fmt: skip


@pytest.mark.parametrize(("text", "answer"), STATED.items(), ids=STATED.keys())
def test_a_text_is_read_by_what_it_states(text, answer):
    assert read_yes_no(said(text)) == (answer, None)


@pytest.mark.parametrize(
    "text", ["Perhaps", "There is no evidence for it", "It is known", "yes/no"]
)
def test_a_text_that_states_neither_is_no_answer(text):
    with pytest.raises(BadReply) as fault:
        read_yes_no(said(text))
    assert type(fault.value) is BadReply


@pytest.mark.parametrize(
    ("reply", "thinks"),
    [
        (said("<think>", THINK, finish="length"), True),
        (said("<think>Is it yes? No,", finish="length"), True),
        (said("<", {"<": -0.01}, finish="length"), True),
        (said("[THINK]", finish="length"), True),
        (said("Based", OTHER, finish="length"), False),
        (said("Okay, they ask whether yes, it", finish="length"), False),
        (said("\n", BREAK, finish="length"), False),
        (said(" ", BREAK), False),
    ],
    ids=["a mark", "in a thought", "half a mark", "brackets", "a preamble", "aloud", "a line break",
         "a blank"],
)  # fmt: skip
def test_a_reply_that_stops_before_its_answer_needs_room(reply, thinks):
    with pytest.raises(NeedsRoom) as fault:
        read_yes_no(reply)
    assert fault.value.thinks == thinks


@pytest.mark.parametrize(
    ("reply", "answer", "difference"),
    [
        (said("Yes", YES, finish="length"), "yes", math.log(8)),
        (said("No doubt: yes", NO, OTHER, OTHER, YES), "yes", math.log(8)),
        (said("\nYes", BREAK, YES), "yes", math.log(8)),
        (said("<think>so</think>no", THINK, YES, OTHER, NO), "no", math.log(2 / 7)),
        (said("\n", BREAK | {"Yes": math.log(0.04), "No": math.log(0.01)}), "yes", math.log(4)),
        (said("So yes", OTHER, OTHER), "yes", None),
    ],
    ids=["one token", "a sentence", "a line break", "thinking", "a line break alone", "untold"],
)
def test_the_difference_is_read_where_the_answer_stands(reply, answer, difference):
    got = read_yes_no(reply)
    assert got.greedy == answer
    assert got.difference == (None if difference is None else pytest.approx(difference))
