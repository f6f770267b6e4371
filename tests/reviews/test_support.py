"""The second pass: a fact its passage does not show becomes unclear, and is counted."""

import json
import time

import pytest

from panel.foundation.errors import BadReply, Refused, Unreachable
from panel.llm.calls import ChatClient
from panel.reviews.strategies.ask import steps
from tests.support.command import Desk, answering
from tests.support.scripted import (
    PERSONA,
    TARGET,
    Memory,
    Scripted,
    plan,
    reply_of,
    review,
    stepwise,
)

SAID = "and pointed at"
"""In every question of the second pass and in no other."""


def checker(answer):
    endpoint = Scripted(answer)
    return ChatClient(endpoint, TARGET.model_copy(update={"provider": "other"}), Memory()), endpoint


def answers(got):
    return {f.criterion: f.answer for f in got.findings}


@pytest.mark.parametrize("ask", ["whole", "stepwise"])
def test_an_unsupported_fact_is_unclear_and_counted_before_anything_is_scored(ask):
    rule = (lambda q: reply_of()) if ask == "whole" else stepwise()
    plain, _ = review(rule, ask=ask)
    support, asked = checker(lambda q: -2.0 if "install command" in q.tail else 2.0)
    got, _ = review(rule, ask=ask, support=support)
    assert answers(plain) == {"install": "yes", "alive": "yes", "like": "yes"}
    assert answers(got) == {"install": "unclear", "alive": "yes", "like": "yes"}
    assert (plain.unsupported, got.unsupported) == (0, 1)
    assert got.coverage < plain.coverage
    assert got.score < plain.score
    assert len(asked.asked) == 2, "a judgement is nobody's passage to show"


def test_the_second_pass_shows_the_cited_passages_and_no_others():
    support, asked = checker(lambda q: 2.0)
    review(lambda q: reply_of(findings__install__cites=["E1.1", "E1.3"]), ask="whole",
           support=support)  # fmt: skip
    first = asked.asked[0]
    assert "Install it with" in first.shared
    assert "It cuts widgets." in first.shared
    assert "maintained by four people" not in first.shared
    assert "passage E1.1 and passage E1.3" in first.tail
    assert first.logprobs


def test_a_dealbreaker_that_its_passage_does_not_show_breaks_nothing():
    support, _ = checker(lambda q: "no")
    rule = reply_of(findings__alive__answer="no")
    assert review(lambda q: rule, ask="whole")[0].vote == "skip"
    assert answers(review(lambda q: rule, ask="whole", support=support)[0])["alive"] == "unclear"


@pytest.mark.parametrize("fault", [Refused("no"), "perhaps"], ids=["refused", "unreadable"])
def test_a_check_without_an_answer_vouches_for_nothing(fault):
    support, _ = checker(lambda q: fault)
    got, _ = review(lambda q: reply_of(), ask="whole", support=support)
    assert got.unsupported == 2
    assert answers(got)["like"] == "yes"


def test_a_checker_that_cannot_be_reached_leaves_no_review_half_checked():
    support, _ = checker(lambda q: Unreachable("gone"))
    with pytest.raises(Unreachable):
        review(lambda q: reply_of(), ask="whole", support=support)


def test_the_review_names_who_judged_and_not_who_checked():
    class Other(Scripted):
        async def ask(self, question, format, *, deadline):
            reply = await super().ask(question, format, deadline=deadline)
            return type(reply)(**{**vars(reply), "model": "the-checker"})

    support = ChatClient(Other(lambda q: 1.0), TARGET, Memory())
    assert review(lambda q: reply_of(), ask="whole", support=support)[0].model == "served-model"


@pytest.mark.parametrize("ask", ["whole", "stepwise"])
def test_every_check_is_a_step_and_there_are_at_most_so_many(ask):
    done = []
    rule = (lambda q: reply_of()) if ask == "whole" else stepwise()
    support, _ = checker(lambda q: 1.0)
    review(rule, ask=ask, support=support, steps=done)
    assert len(done) == steps(plan(ask, support=TARGET), PERSONA)
    assert [s for s in done if s.endswith(": support")] == ["install: support", "alive: support"]


def test_a_reply_that_was_never_a_review_is_not_checked():
    support, asked = checker(lambda q: 1.0)
    with pytest.raises(BadReply):
        review(lambda q: "no", ask="whole", support=support)
    assert asked.asked == []


README = (
    "# Widget\n\nWidget sorts. Install it with `get widget`.\n\n## Status\n\nTwo maintainers.\n"
)


def calls_of(folder):
    from panel.runs.run import Run

    with Run.open(folder) as run:
        return [c["step"] for c in run.stored.calls()], run.manifest


def test_checks_are_kept_and_a_rerun_a_replay_and_another_provider_check_as_well(desk: Desk):
    page = desk.write("README.md", README)
    with answering() as url, answering() as other:
        desk.json("review", "Widget", "--evidence", page, "--provider", url, "--check-support")
        first = desk.runs()[0]
        steps_asked, told = calls_of(first)
        assert sum(step.startswith("support:") for step in steps_asked) > 0
        assert told.support.provider == url

        [again] = desk.json("review", "Widget", "--evidence", page, "--check-support",
                            "--provider", f"replay:{first.name}")  # fmt: skip
        [card] = [json.loads(line) for line in (first / "verdicts.jsonl").read_text().splitlines()]
        assert again["verdict"] == card["verdict"]

        desk.run("rerun", first.name, "--provider", url, "--support-provider", other)
        _, told = calls_of(desk.runs()[-1])
        assert told.support.provider == other
    last = desk.runs()[-1]
    done = desk.run("verify", last.name)
    assert done.returncode == 0, done.stdout


def test_resume_checks_as_the_run_was_begun(desk: Desk):
    page = desk.write("README.md", README)
    with answering("--latency", "0.4") as url:
        asked = ["--provider", url, "--check-support", "--concurrency", 1]
        process = desk.start("review", "Widget", "--evidence", page, *asked)
        deadline = time.monotonic() + 30
        while not desk.runs() or not (desk.runs()[0] / "journal.db").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1.5)
        process.kill()
        process.communicate()
        [run] = desk.runs()
        done = desk.run("resume", run.name, "--concurrency", 8)
    assert done.returncode in (0, 1), done.stderr
    steps_asked, told = calls_of(run)
    assert told.support is not None
    assert [steps_asked.count(step) for step in ("judge", "write")] == [4, 4]
    assert any(step.startswith("support:") for step in steps_asked)
    assert desk.run("verify", run.name).returncode == 0
