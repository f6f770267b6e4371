"""Asked again after a look-up: what changes, what stays, and what a failure leaves."""

import asyncio
import json

import pytest

from panel.evidence.source import Evidence, LookUp, Passage, Source
from panel.foundation.errors import KeyRejected, TimedOut
from panel.llm.calls import ChatClient
from panel.reviews.plan import ReviewPlan
from panel.reviews.review import Finding
from panel.reviews.score import Rule
from panel.reviews.strategies.ask import ask_review
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.excerpt import excerpt
from panel.reviews.strategies.judge_again import judge_again, missed_topics, with_cited
from panel.reviews.strategies.second_look import Looker, look_again
from tests.support.cards import NOW
from tests.support.reviewers import PERSONAS, brief_of, judged
from tests.support.scripted import TARGET, TODAY, Memory, Scripted

BY_FACT = next(persona for persona in PERSONAS if persona.name == "business")
"""Whose question about the cost is decided by the price, where code reads one."""
BUSINESS = BY_FACT.model_copy(
    update={
        "criteria": tuple(
            c.model_copy(update={"decided_by": ()}) if c.id == "cost" else c
            for c in BY_FACT.criteria
        )
    }
)
"""The same, asked about the cost whatever code reads."""
PRICE = "the price of a seat"
PAGE = Source(
    id="E2", source="https://httpx.example/pricing", retrieved=NOW, sha256="0" * 64, role="pricing",
    passages=(Passage(id="E2.1", text="A seat costs $9 a month."),),
)  # fmt: skip
READ = LookUp(topic="price", source="E2")
NOT_READ = LookUp(topic="price", problem="not found")


def evidence_with(look_up):
    first = Source(id="E1", source="page.md", retrieved=NOW, sha256="1" * 64,
                   passages=brief_of("httpx").passages)  # fmt: skip
    sources = (first, PAGE) if look_up.source else (first,)
    return Evidence(sources=sources, look_ups=(look_up,))


def asked_again(second, *, look_up=READ, missing=PRICE, persona=BUSINESS):
    """Judge by the book with the price unclear, then once more; `second` is a finding or an error.

    Returns both reviews and the second question, if there was one.
    """

    def answer(question):
        again = "looked up after" in question.shared
        if again and isinstance(second, Exception):
            return second
        reply = judged("httpx", persona)
        unclear = {"cites": [], "because": "", "answer": "unclear"}
        reply["findings"] = {"cost": second} if again else reply["findings"] | {"cost": unclear}
        return json.dumps(reply | {"missing": [missing]})

    brief = brief_of("httpx")
    evidence = evidence_with(look_up)
    endpoint = Scripted(answer)
    target = TARGET.model_copy(update={"ask": "whole"})
    plan = ReviewPlan(personas=(persona,), judge=target, rule=Rule())
    client = ChatClient(endpoint, target, Memory())

    async def work():
        before = await ask_review(ReviewContext(plan, persona, brief, client), today=TODAY)
        context = ReviewContext(plan, persona, brief, client)
        return before, await judge_again(context, before, evidence)

    before, after = asyncio.run(work())
    return before, after, endpoint.asked[1:]


def cost_of(review):
    return next(finding for finding in review.findings if finding.criterion == "cost")


@pytest.mark.parametrize("word", ["yes", "no"])
def test_a_clear_answer_takes_the_place_of_the_first_and_the_score_follows(word):
    reply = {"cites": ["E2.1"], "because": "Nine dollars.", "answer": word}
    before, after, _ = asked_again(reply)
    finding = cost_of(after)
    assert (finding.answer, finding.cites) == (word, ("E2.1",))
    assert [(e.until, e.answer) for e in finding.earlier] == [("look_up", "unclear")]
    assert [f for f in after.findings if f != finding] == [
        f for f in before.findings if f.criterion != "cost"
    ]
    assert (after.score > before.score) == (word == "yes")
    assert after.coverage > before.coverage
    assert after.usage.input_tokens == before.usage.input_tokens + 100
    assert after.looked_up[0].cites == ("E2.1",)


@pytest.mark.parametrize(
    "reply",
    [
        {"cites": ["E2.1"], "because": "", "answer": "unclear"},
        {"cites": [], "because": "It says so.", "answer": "yes"},
        {"cites": ["E1.1"], "because": "A passage of before.", "answer": "yes"},
    ],
    ids=["unclear", "uncited", "another passage"],
)
def test_an_answer_that_the_new_page_does_not_show_leaves_the_first(reply):
    before, after, _ = asked_again(reply)
    assert after.findings == before.findings
    assert (after.vote, after.score) == (before.vote, before.score)


def test_a_price_that_code_reads_on_the_new_page_is_not_asked_again():
    before, after, asked = asked_again(TimedOut("is never asked"), persona=BY_FACT)
    assert asked == []
    finding = cost_of(after)
    assert (cost_of(before).answer, finding.answer, finding.cites) == ("unclear", "yes", ("E2.1",))
    assert finding.decided_by == "price"
    assert [(e.until, e.answer) for e in finding.earlier] == [("look_up", "unclear")]
    assert after.score > before.score


def test_a_call_that_fails_leaves_the_first_answers_with_a_note_and_a_rejected_key_stops():
    before, after, _ = asked_again(TimedOut("too late"))
    assert after.findings == before.findings
    assert after.notes == ("what was looked up could not be asked about (timeout)",)
    with pytest.raises(KeyRejected):
        asked_again(KeyRejected("spent"))


@pytest.mark.parametrize(
    ("look_up", "missing", "outcomes"),
    [
        (NOT_READ, PRICE, [((), "not found")]),
        (READ, "a public roadmap", []),
        (READ, "who answers at night", []),
    ],
    ids=["not read", "another topic", "no topic"],
)
def test_what_was_not_read_is_asked_of_nobody(look_up, missing, outcomes):
    before, after, again = asked_again({}, look_up=look_up, missing=missing)
    assert again == []
    assert after.findings == before.findings
    assert [(o.cites, o.problem) for o in after.looked_up] == outcomes


def test_a_second_look_keeps_what_the_look_up_changed():
    yes = {"cites": ["E2.1"], "because": "Nine dollars.", "answer": "yes"}
    _, review, _ = asked_again(yes)
    denied = cost_of(review).model_copy(update={"answer": "no", "cites": ("E1.1",)})
    contrary = review.model_copy(update={"findings": (denied,)})
    brief = with_cited(brief_of("httpx"), evidence_with(READ), [review])
    target = TARGET.model_copy(update={"ask": "whole"})
    plan = ReviewPlan(personas=(BUSINESS,), judge=target, rule=Rule(), second_look=True)
    endpoint = Scripted(lambda question: json.dumps(yes | {"persona": "business"}))
    context = ReviewContext(plan, BUSINESS, brief, ChatClient(endpoint, target, Memory()))
    lookers = {"business": Looker(context, review), "rival": Looker(context, contrary)}
    looked = asyncio.run(look_again(plan, lookers, asks=lambda name, step: name == "business"))
    finding = cost_of(looked["business"])
    assert [(e.until, e.answer) for e in finding.earlier] == [
        ("look_up", "unclear"), ("second_look", "yes"),
    ]  # fmt: skip


def test_a_stored_answer_with_the_older_names_of_what_came_before_is_read():
    row = {"criterion": "cost", "question": "Is it free?", "kind": "fact", "answer": "yes"}
    first = {"answer": "no", "p": None, "cites": ["E1.1"], "because": "Nine dollars."}
    finding = Finding.model_validate(row | {"before": "unclear", "first": first})
    assert [(e.until, e.answer, e.cites) for e in finding.earlier] == [
        ("look_up", "unclear", ()), ("second_look", "no", ("E1.1",)),
    ]  # fmt: skip
    assert finding == Finding.model_validate_json(finding.model_dump_json())
    assert "earlier" not in Finding.model_validate(row | {"before": None}).model_dump()


def test_a_writer_sees_a_looked_up_passage_that_only_the_upkeep_cites():
    unclear = {"cites": [], "because": "", "answer": "unclear"}
    _, review, _ = asked_again(unclear)
    review = review.model_copy(update={"looked_up": (), "status_cites": ("E2.1",)})
    brief = with_cited(brief_of("httpx"), evidence_with(READ), [review])
    assert "E2.1" in {passage.id for passage in excerpt(brief.passages, BUSINESS, review, [])}


def test_topics_are_those_of_the_facts_each_once_in_the_order_of_the_reviewers():
    before, *_ = asked_again(TimedOut("too late"))
    facts = ("an audit", "the licence", "its price", "who answers at night")
    answers = [before.model_copy(update={"to_look_up": (fact, PRICE)}) for fact in facts]
    assert missed_topics(answers) == ["security", "price", "licence"]
