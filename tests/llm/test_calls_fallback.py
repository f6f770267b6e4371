"""A model that thinks or talks before a short answer: given room, once a run; else told so."""

import asyncio
import re

import pytest

from panel.foundation.errors import NeedsRoom
from panel.llm.calls.fallback import ROOMS
from panel.reviews.strategies.ask import ask_review
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.yes_no import read_yes_no
from tests.llm.test_calls import bench, question
from tests.support.faultd import answer, completion, reply_to, respond
from tests.support.scripted import BRIEF, PERSONA, TODAY, plan

SHORT = {"logprobs": True, "max_tokens": 1}


def thinker(tokens, *, mark="<think>", close="</think>", separate=False):
    """Return a script that thinks for so many tokens before it answers as `reply_to` does."""

    def script(request):
        body = request.json()
        text, places = reply_to(body)
        if body["max_tokens"] <= tokens:
            thought = {"reasoning": "Okay"} if separate else {}
            return respond(200, completion("" if separate else mark, finish="length", **thought))
        if separate:
            return answer(text, logprobs=places, reasoning="Okay, so yes or no")
        return answer(f"{mark}Is it yes? No, {{ {close}\n\n{text}")

    return script


def rooms_asked(made):
    return [request.json()["max_tokens"] - 1 for request in made.server.requests]


THINKERS = {
    "a mark": (thinker(16), [0, 1_024, 1_024, 1_024]),
    "Kimi's mark": (thinker(16, mark="◁think▷", close="◁/think▷"), [0, 1_024, 1_024, 1_024]),
    "reasoning apart": (thinker(16, separate=True), [0, 1_024, 1_024, 1_024]),
    "long thinking": (thinker(2_000), [0, 1_024, 4_096, 4_096, 4_096]),
    "a preamble": (thinker(16, mark="Based on it: ", close=""), [0, 64, 64, 64]),
    "a line break": (thinker(1, mark="\n", close=""), [0, 64, 64, 64]),
}


@pytest.mark.parametrize(("script", "rooms"), THINKERS.values(), ids=THINKERS.keys())
def test_room_is_given_after_the_first_answer_and_remembered(script, rooms):
    async def scenario(made):
        for n in range(3):
            result = await made.ask(question(tail=f"T{n}?", **SHORT), read_yes_no)
            assert result.value.greedy in ("yes", "no", "unclear")
        return rooms_asked(made)

    assert bench(script, scenario) == rooms


def test_calls_under_way_together_learn_it_once_each():
    async def scenario(made):
        calls = [made.ask(question(tail=f"T{n}?", **SHORT), read_yes_no) for n in range(4)]
        await asyncio.gather(*calls)
        await made.ask(question(tail="later?", **SHORT), read_yes_no)
        return sorted(rooms_asked(made))

    assert bench(thinker(16), scenario) == [0] * 4 + [1_024] * 5


def test_the_room_is_no_part_of_what_a_question_means():
    async def scenario(made):
        first = await made.ask(question(**SHORT), read_yes_no)
        repeated = await made.ask(question(**SHORT), read_yes_no)
        assert {call.key for call in made.memory.calls} == {made.memory.calls[0].key}
        return first.reused, repeated.reused, len(made.server.requests)

    assert bench(thinker(16), scenario) == (False, True, 2)


def test_a_model_that_never_ends_its_thinking_is_told_of():
    async def scenario(made):
        with pytest.raises(NeedsRoom, match=r"thinks first, and .* 4,097 tokens: use --ask whole"):
            await made.ask(question(**SHORT), read_yes_no)
        return rooms_asked(made)

    assert bench(thinker(9_999), scenario) == [0, *ROOMS[1:]]


def test_a_long_answer_with_room_enough_is_not_asked_for_in_vain():
    async def scenario(made):
        with pytest.raises(NeedsRoom, match=r"thinking in panel\.toml"):
            await made.ask(question(max_tokens=900))
        return len(made.server.requests)

    assert bench(thinker(9_999), scenario, thinking=4_000) == 1


def test_a_review_by_a_model_that_thinks_first_is_whole_and_shows_no_thinking():
    async def scenario(made):
        got = await ask_review(ReviewContext(plan(), PERSONA, BRIEF, made.calls), today=TODAY)
        text = " ".join([got.summary, *got.fields.values()])
        assert not re.search("think|Is it yes", text)
        assert len(got.findings) == len(PERSONA.criteria)
        return [call.reason for call in made.memory.calls if call.reason]

    assert bench(thinker(16), scenario) == ["invalid"]
