"""What does not apply to a tool is not asked and counts nowhere; answers are statements."""

import pytest

from panel.llm.calls import ChatClient
from panel.reviews.personas import Criterion, Statements, applicable
from panel.reviews.prompts import Brief
from tests.support.scripted import BRIEF, PERSONA, TARGET, Memory, Scripted, reply_of, review
from tests.support.scripted import stepwise as stepwise_rule

SAYS = Statements(yes="It can", no="It cannot", unclear="Nothing shows it")
WEIGHTS = Criterion(
    id="weights",
    question="Are the weights licensed?",
    kind="fact",
    weight=10,
    dealbreaker=True,
    applies_to=("model",),
)


def with_criteria(*more, says=None):
    criteria = [c.model_copy(update={"says": says}) for c in PERSONA.criteria]
    return PERSONA.model_copy(update={"criteria": (*more, *criteria)})


def rule(ask):
    return stepwise_rule(install=-3.0) if ask == "stepwise" else lambda q: reply_of()


@pytest.mark.parametrize("ask", ["whole", "stepwise"])
def test_a_criterion_that_does_not_apply_changes_no_score_and_is_named(ask):
    plain, asked = review(rule(ask), ask=ask)
    more, asked_more = review(rule(ask), ask=ask, persona=with_criteria(WEIGHTS))
    assert [q.tail for q in asked_more] == [q.tail for q in asked]
    assert more.not_applicable == ("weights",)
    assert more == plain.model_copy(update={"not_applicable": ("weights",)})
    assert "not_applicable" not in plain.model_dump()


def test_the_same_criterion_counts_where_it_applies():
    tool = BRIEF.tool.model_copy(update={"kind": "model"})
    said = reply_of(findings__weights={"because": "It says so.", "cites": ["E1.1"], "answer": "no"})
    got, _ = review(
        lambda q: said,
        ask="whole",
        persona=with_criteria(WEIGHTS),
        brief=Brief(tool=tool, passages=BRIEF.passages),
    )
    assert (got.vote, got.not_applicable) == ("skip", ())
    assert got.findings[0].criterion == "weights"


@pytest.mark.parametrize("ask", ["whole", "stepwise"])
def test_a_finding_says_its_answer_as_a_statement_also_where_nothing_supports_it(ask):
    persona = with_criteria(says=SAYS)
    got, _ = review(rule(ask), ask=ask, persona=persona)
    assert {f.says for f in got.findings} <= {"It can", "It cannot"}
    assert all(f.says == getattr(SAYS, f.answer) for f in got.findings)
    checker = ChatClient(Scripted(lambda q: -2.0), TARGET, Memory())
    doubted, _ = review(rule(ask), ask=ask, persona=persona, support=checker)
    assert [f.says for f in doubted.findings if f.kind == "fact"] == ["Nothing shows it"] * 2


def test_a_reviewer_without_statements_says_none():
    got, _ = review(rule("whole"), ask="whole")
    assert all("says" not in f.model_dump() for f in got.findings)


def test_a_library_is_asked_what_a_tool_of_unknown_kind_is_asked():
    persona = with_criteria(WEIGHTS)
    assert applicable(persona, None) == applicable(persona, "library")
    assert applicable(persona, "model") == persona
