"""A second look: who is asked again about what, and that both answers are kept."""

import pytest

import panel
from panel.foundation.paths import data_folder
from panel.foundation.settings import PersonaSettings, ProviderSettings, Settings
from panel.reviews.personas import load_personas
from panel.testing import Failure, ScriptedProvider, ship, skip
from tests.cli.test_cli import one_line_error

PAGE = """# Widget

Widget cuts widgets from sheets of text.

## Upkeep

It is maintained by four people.
"""
LOOK = ("review", "Widget", "--evidence", "README.md", "--second-look")


def is_second(request):
    return "A second look at one question" in request.prompt


def skeptical(request):
    """The skeptic judges against the tool and changes its mind; the others ship."""
    contrary = request.persona == "skeptic" and not is_second(request)
    return skip(request) if contrary else ship(request)


@pytest.fixture
def page(desk):
    desk.write("README.md", PAGE)
    return desk


def finding(card, persona, criterion):
    (review,) = [review for review in card["reviews"] if review["persona"] == persona]
    return next(f for f in review["findings"] if f["criterion"] == criterion)


def test_who_is_contradicted_sees_the_other_passage_and_may_change_its_answer(page):
    with ScriptedProvider(skeptical) as provider:
        done = page.run(*LOOK, "--provider", provider.url)
        assert done.returncode == 0, done.stderr
        seconds = {request.persona: request for request in provider.requests if is_second(request)}
        assert len(provider.requests) == 4 + 4 + 4
        assert set(seconds) == {"builder", "skeptic", "business", "futurist"}
        asked = seconds["skeptic"].prompt
        assert "A second look at one question: Is the tool maintained today?" in asked
        assert "You answered no [E1.1].\nThe Builder answered active [E1.1].\nThe Business" in asked
        assert "The Skeptic answered no [E1.1]." in seconds["builder"].prompt
        assert "How is the tool's upkeep?" in seconds["builder"].prompt
        judged = next(r for r in provider.requests if r.persona == "builder" and not is_second(r))
        shared = judged.prompt.partition("The evidence ends here.")[0]
        assert seconds["builder"].prompt.startswith(shared)
        shown = " ".join(done.stdout.split())
        assert "A second look was taken at 4 answers: 1 was changed." in shown
        assert (
            "after a second look at “Is the tool maintained today?”, shown what another reviewer"
            " cites: no became yes"
        ) in shown
        (card,) = page.json("show", "latest")
        changed = finding(card, "skeptic", "maintained")
        assert (changed["answer"], changed["earlier"][0]["answer"]) == ("yes", "no")
        assert changed["earlier"][0]["cites"] == ["E1.1"]
        statuses = {r["persona"]: r.get("first_status") for r in card["reviews"]}
        assert statuses["builder"] == {"status": "active", "cites": ["E1.1"]}
        assert statuses["skeptic"] is None
        assert page.run("verify", "latest").returncode == 0
        before = len(provider.requests)
        (again,) = page.json(*LOOK, "--provider", "replay:latest")
        assert again["reviews"] == card["reviews"]
        assert len(provider.requests) == before
        # A rerun holds the second look that its run held.
        assert page.run("rerun", "latest", "--provider", provider.url, "--fresh").returncode == 0
        assert len(provider.requests) == before + 12


def test_without_it_nothing_is_asked_again(page):
    with ScriptedProvider(skeptical) as provider:
        (card,) = page.json(*LOOK[:-1], "--provider", provider.url)
        assert not any(map(is_second, provider.requests))
        assert len(provider.requests) == 8
    assert "earlier" not in finding(card, "skeptic", "maintained")


def test_a_second_look_without_an_answer_leaves_the_first_one(page):
    def script(request):
        return Failure(400, "no") if is_second(request) else skeptical(request)

    with ScriptedProvider(script) as provider:
        (card,) = page.json(*LOOK, "--provider", provider.url, "--no-write")
    skeptic = next(r for r in card["reviews"] if r["persona"] == "skeptic")
    assert skeptic["notes"] == ["a second look got no answer (invalid): the first one stays"]
    assert finding(card, "skeptic", "maintained")["answer"] == "no"
    assert page.run("verify", "latest").returncode == 0


def test_a_review_that_is_retried_looks_again_and_those_that_stood_do_not(page):
    def broken(request):
        return Failure(400, "no") if request.persona == "skeptic" else ship(request)

    with ScriptedProvider(broken) as provider:
        page.run(*LOOK, "--provider", provider.url)
        assert not any(map(is_second, provider.requests))
        provider._script = skeptical
        done = page.run("retry", "latest")
        assert done.returncode == 0, done.stderr
        assert {r.persona for r in provider.requests if is_second(r)} == {"skeptic"}
    (card,) = page.json("show", "latest")
    assert finding(card, "skeptic", "maintained")["earlier"][0]["answer"] == "no"
    assert page.run("verify", "latest").returncode == 0


def test_stepwise_reviewers_are_refused_in_one_line(page):
    done = page.run(
        *LOOK, "--provider", "http://127.0.0.1:9/v1", "--model", "m", "--ask", "stepwise"
    )
    one_line_error(done, 2, "a second look is for reviewers asked whole", "--ask whole")
    assert page.runs() == []


def twins(kind="fact"):
    """Return two reviewers that are asked one question in the same words."""
    builder = load_personas(names=["builder"], folders=(data_folder("personas"),))[0]
    question = {"id": "purpose", "question": "Does it say what it does?", "kind": kind}
    criterion = builder.criteria[0].model_validate(question)
    return [
        builder.model_copy(update={"name": name, "title": name.title(), "criteria": (criterion,)})
        for name in ("one", "two")
    ]


@pytest.mark.parametrize(
    ("kind", "first", "second", "looks"),
    [
        ("fact", "yes", "no", {"one", "two"}),
        ("fact", "yes", "unclear", {"two"}),
        ("fact", "unclear", "unclear", set()),
        ("fact", "no", "no", set()),
        ("judgement", "yes", "no", set()),
    ],
)
def test_only_facts_asked_in_the_same_words_are_compared(kind, first, second, looks):
    answers = {"one": first, "two": second}

    def script(request):
        reply = dict(ship(request))
        if "findings" in reply:
            answer = {"cites": ["E1.1"], "because": "So.", "answer": answers[request.persona]}
            reply["findings"] = {"purpose": answer}
        return reply

    with ScriptedProvider(script) as provider:
        panel.review(
            "Widget", evidence=panel.Document(name="page.md", text=PAGE), provider=provider.url,
            personas=twins(kind), write=False, second_look=True,
        )  # fmt: skip
        assert {r.persona for r in provider.requests if is_second(r)} == looks


def test_a_reviewer_whose_model_has_less_room_is_shown_the_other_passage_all_the_same(tmp_path):
    parts = [f"\n## Part {n}\n\nSaw number {n} cuts along a line.\n" for n in range(40)]

    def script(request):
        reply = dict(ship(request))
        if "findings" in reply:
            first = request.persona == "one"
            cites, answer = [request.passages[-1 if first else 0]], "no" if first else "yes"
            reply["findings"] = {"purpose": {"cites": cites, "because": "So.", "answer": answer}}
        elif is_second(request):
            reply |= {"answer": "no", "cites": [request.passages[-1]]}
        return reply

    with ScriptedProvider(script) as a, ScriptedProvider(script) as b:
        settings = Settings(
            runs=tmp_path,
            providers={
                "alpha": ProviderSettings(base_url=a.url),
                "beta": ProviderSettings(base_url=b.url, evidence_tokens=200),
            },
            personas={"two": PersonaSettings(provider="beta")},
        )
        document = panel.Document(name="page.md", text=PAGE + "".join(parts))
        with panel.Panel(
            provider="alpha", personas=twins(), second_look=True, settings=settings
        ) as client:
            card = client.review("Widget", evidence=document)
        judged, second, written = b.requests[:3]
    last = a.requests[0].passages[-1]
    assert last not in judged.passages
    assert second.passages == (*judged.passages, last)
    assert last in written.passages
    two = next(review for review in card.reviews if review.persona == "two")
    assert two.findings[0].cites == (last,)
    assert two.unknown_cites == 0
    assert panel.verify(card.run, runs=tmp_path).holds
