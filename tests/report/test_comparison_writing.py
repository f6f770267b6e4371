"""The paragraph a model writes: fenced, checked like a review, and never the one who decides."""

import asyncio
import json

import pytest

from panel.evidence.fence import FENCE
from panel.foundation.errors import BadReply
from panel.llm.calls import ChatClient
from panel.llm.types import ChatRequest
from panel.report.comparison.advice import advise
from panel.report.comparison.ask_model import CallLog, write_advice
from panel.report.comparison.comparison import Pointer, compare
from panel.report.comparison.preference import MARGIN
from tests.support.cards import NOW, PAYLOADS
from tests.support.pairs import pair, tool, verdict
from tests.support.scripted import TARGET, Scripted

SECRET = b"s" * 32
GOOD = (
    "Ship with the first tool: it fsyncs every append before it returns [E1.3]. Take the second "
    "tool if a support contract is wanted [E4.2]."
)


def reply_text(paragraph=GOOD, ship_with="first"):
    return json.dumps({"ship_with": ship_with, "paragraph": paragraph})


def write(answer=None, comparison=None, **more):
    """Return the advice and the question that was asked."""
    endpoint = Scripted(lambda question: reply_text() if answer is None else answer)
    calls = ChatClient(endpoint, TARGET, CallLog())
    to_write = comparison or compare(*pair())
    advice = asyncio.run(write_advice(to_write, calls, secret=SECRET, now=NOW, **more))
    return advice, endpoint.asked


def words(advice):
    return " ".join(
        "".join(p if isinstance(p, str) else f"[{p.side}-{p.passage}]" for p in s.pieces)
        for s in advice.statements
    )


def test_a_models_paragraph_is_used_with_names_and_passages_of_the_right_tool():
    advice, _ = write()
    assert advice.by == "model"
    assert words(advice) == (
        "Ship with Quillstore: it fsyncs every append before it returns[a-E1.3]. Take Parley if a "
        "support contract is wanted[b-E2.2]."
    )
    assert advice.statements[1].cites == (Pointer(side="b", passage="E2.2"),)


def test_the_reply_is_kept_with_provider_model_time_and_key():
    advice, _ = write()
    written = advice.written
    assert (written.provider, written.model, written.asked) == ("test", "served-model", NOW)
    assert written.text == reply_text()
    assert written.used
    assert len(written.key) >= 32
    assert (written.input_tokens, written.output_tokens) == (100, 1)


@pytest.mark.parametrize(
    "reply",
    [
        reply_text(ship_with="second"),
        reply_text(ship_with="neither"),
        reply_text("Ship with the second tool: replication is ruled out by the first [E1.4]."),
        reply_text("Parley is the better choice, for it is free under its licence [E4.1]."),
        reply_text(GOOD + " All told we recommend the second tool."),
    ],
)
def test_a_model_that_names_another_winner_is_turned_down(reply):
    advice, _ = write(reply)
    assert advice.by == "rule"
    assert "another winner than the rule" in advice.note
    assert advice.statements == advise(compare(*pair())).statements
    assert advice.written.text == reply
    assert not advice.written.used


def test_in_a_tie_a_model_may_name_nobody():
    tie = compare(*pair(second=tool(verdict=verdict("ship", 71.2 - MARGIN + 1))))
    named, requests = write(
        reply_text("Neither tool is ahead. Ship with the first tool [E1.3]."), tie
    )
    assert named.by == "rule"
    assert "Neither tool is ahead" in requests[0].tail
    fair = "Neither tool is ahead. Take the first tool if one file is enough for you [E1.1]."
    used, _ = write(reply_text(fair, "neither"), tie)
    assert used.by == "model"
    assert used.preference.winner is None


def test_unknown_passages_are_dropped_and_counted():
    advice, _ = write(reply_text(GOOD.replace("[E4.2]", "[E9.9]") + " It is small [E2.7]."))
    assert advice.unknown_cites == 2
    assert [c.passage for s in advice.statements for c in s.cites] == ["E1.3"]


def test_a_paragraph_that_points_at_no_passage_is_turned_down():
    advice, _ = write(reply_text("Ship with the first tool because we all like it so much."))
    assert advice.by == "rule"
    assert "points at no passage" in advice.note


def test_figures_and_names_of_its_own_are_marked():
    advice, _ = write(reply_text(GOOD + " Acmebase charges $77 for the same."))
    assert advice.by == "model"
    assert "$77" in advice.own_claims
    assert not {"Quillstore", "Parley"} & set(advice.own_claims)


def test_both_tools_evidence_stands_in_one_fence_and_the_instructions_behind_it():
    _, (request,) = write()
    begin, end = f"BEGIN DATA {FENCE}", f"END DATA {FENCE}"
    assert request.shared.count(begin) == request.shared.count(end) == 1
    fenced = request.shared.partition(begin)[2].partition(end)[0]
    assert "Quillstore" in fenced
    assert "Parley" in fenced
    assert "[E4.2] Support with a two-day answer" in fenced
    outside = request.shared.replace(fenced, "") + request.tail
    assert "Quillstore" not in outside
    assert "Parley" not in outside
    assert "E1 to E2 are about the first tool, those of E3 to E4 about the second" in outside
    assert 'Begin with "Ship with the first tool"' in request.tail
    assert request.marker not in request.shared


def test_the_readers_needs_are_told():
    _, (request,) = write(context="Two people, no server.")
    assert "Two people, no server." in request.shared


@pytest.mark.parametrize("payload", PAYLOADS)
def test_j1_a_tools_own_words_never_leave_the_fence(payload):
    evil = pair()[1]
    named = evil.model_copy(update={"tool": evil.tool.model_copy(update={"name": payload})})
    _, (request,) = write(comparison=compare(pair()[0], named))
    fenced = request.shared.partition(f"BEGIN DATA {FENCE}")[2].partition(f"END DATA {FENCE}")[0]
    assert request.shared.count(FENCE) == 2
    outside = request.shared.replace(fenced, "") + request.tail
    assert payload not in outside


def test_a_name_that_looks_like_a_citation_stays_words():
    a, b = pair()
    forged = b.model_copy(update={"tool": b.tool.model_copy(update={"name": "Tool [E1.5]"})})
    advice, _ = write(comparison=compare(a, forged))
    assert [c.passage for s in advice.statements for c in s.cites] == ["E1.3", "E2.2"]


def test_a_reply_that_is_no_answer_is_repaired_once_and_then_an_error():
    replies = iter(["no JSON at all", reply_text()])
    endpoint = Scripted(lambda question: next(replies))
    calls = ChatClient(endpoint, TARGET, CallLog())
    comparison = compare(*pair())
    advice = asyncio.run(write_advice(comparison, calls, secret=SECRET, now=NOW))
    assert advice.by == "model"
    assert len(endpoint.asked) == 2
    with pytest.raises(BadReply):
        write("still no JSON")


def test_every_attempt_is_recorded():
    memory = CallLog()
    calls = ChatClient(Scripted(lambda question: reply_text()), TARGET, memory)
    asyncio.run(write_advice(compare(*pair()), calls, secret=SECRET, now=NOW))
    (call,) = memory.calls
    assert isinstance(call.question, ChatRequest)
    assert memory.find(call.key) is None
