"""Judged by all, then written: the command, a kill between both, samples, verdicts only."""

import json
import re
import threading
import time

import pytest

import panel
from panel.testing import Failure, ScriptedProvider, ship

PAGE = """# Widget

Widget cuts widgets from sheets of text.

## Install

Install it with `pip install widget`.

## Upkeep

It is maintained by four people.
"""
LONG = PAGE + "".join(
    f"\n## Part {n}\n\nThe saw number {n} cuts along the line that the caller draws on its sheet.\n"
    for n in range(80)
)


def is_write(request):
    return "beats" in request.schema["properties"]


def counts(provider):
    writes = sum(map(is_write, provider.requests))
    return len(provider.requests) - writes, writes


@pytest.fixture
def page(desk):
    return desk.write("README.md", PAGE)


def test_the_command_prints_each_reviewers_steps_as_one_paragraph(desk):
    page = desk.write("README.md", LONG)
    with ScriptedProvider() as provider:
        done = desk.run("review", "Widget", "--evidence", page, "--provider", provider.url)
        assert done.returncode == 0, done.stderr
        assert counts(provider) == (4, 4)
        passages = {is_write(q): len(q.passages) for q in provider.requests}
        assert passages[True] < passages[False] / 3
        shown = " ".join(done.stdout.split())
        (card,) = desk.json("show", "latest")
        assert card["schema"] == "panel.scorecard/2"
        for review in card["reviews"]:
            assert len(review["beats"]) == 5
            assert review["summary"] == " ".join(review["beats"].values())
            assert " ".join(review["summary"].split()) in shown
            assert review["forecast"]["claim"] == "By 2027 a team at Initech will run it."
            assert review["turns_on"] == "A second maintainer would turn it."
            assert review["status"] == "active"
        assert desk.run("verify", "latest").returncode == 0
        before = len(provider.requests)
        (again,) = desk.json("review", "Widget", "--evidence", page, "--provider", "replay:latest")
        assert [r["summary"] for r in again["reviews"]] == [r["summary"] for r in card["reviews"]]
        assert len(provider.requests) == before


def test_verdicts_only_ask_no_writer_and_a_rerun_stays_so(desk, page):
    with ScriptedProvider() as provider:
        asked = ("--evidence", page, "--provider", provider.url)
        (card,) = desk.json("review", "Widget", *asked, "--no-write")
        assert counts(provider) == (4, 0)
        for review in card["reviews"]:
            assert review["composed"] is True
            assert "beats" not in review
            assert re.match(r".*Widget.*: ", review["summary"])
            assert review["forecast"] is None
        (run,) = desk.runs()
        assert json.loads((run / "run.json").read_text())["write"] is False
        assert desk.run("verify", run.name).returncode == 0
        assert desk.run("rerun", run.name, "--fresh", "--provider", provider.url).returncode == 0
        assert counts(provider) == (8, 0)
        # Answers are used again: a run that writes asks the writers alone.
        (card,) = desk.json("review", "Widget", *asked)
        assert counts(provider) == (8, 4)
        assert all(len(review["beats"]) == 5 for review in card["reviews"])
    with ScriptedProvider() as provider:
        panel.review("Widget", evidence=page, provider=provider.url, write=False)
        assert counts(provider) == (4, 0)


def test_a_kill_between_the_votes_and_the_texts_loses_nothing(desk, page):
    hung, release = threading.Event(), threading.Event()

    def script(request):
        if is_write(request) and not release.is_set():
            hung.set()
            release.wait(30)
            return Failure(503)
        return ship(request)

    with ScriptedProvider(script) as provider:
        process = desk.start("review", "Widget", "--evidence", page, "--provider", provider.url)
        assert hung.wait(30)
        process.kill()
        process.communicate()
        release.set()
        judged, written = counts(provider)
        assert judged == 4
        (run,) = desk.runs()
        done = desk.run("resume", run.name)
        assert done.returncode == 0, done.stderr
        assert counts(provider) == (4, written + 4)
    (card,) = desk.json("show", run.name)
    assert all(len(review["beats"]) == 5 for review in card["reviews"])
    assert desk.run("verify", run.name).returncode == 0


def test_each_sample_is_judged_and_one_is_written(desk, page):
    def script(request):
        seed = request.body.get("seed") or 0
        return ship(request) if is_write(request) or seed < 2 else panel.testing.skip(request)

    with ScriptedProvider(script) as provider:
        (card,) = desk.json(
            "review", "Widget", "--evidence", page, "--provider", provider.url, "--samples", 3
        )
        assert counts(provider) == (12, 4)
    for review in card["reviews"]:
        assert review["vote"] == "ship"
        assert review["flip_rate"] == pytest.approx(1 / 3)
        assert len(review["beats"]) == 5
    assert desk.run("verify", "latest").returncode == 0


def test_a_judgement_that_is_lost_is_told_to_the_writers_as_such(desk, page):
    def script(request):
        return Failure(400, "no") if request.persona == "skeptic" else ship(request)

    with ScriptedProvider(script) as provider:
        (card,) = desk.json("review", "Widget", "--evidence", page, "--provider", provider.url)
        tails = [request.prompt for request in provider.requests if is_write(request)]
    assert [missing["persona"] for missing in card["missing"]] == ["skeptic"]
    assert len(tails) == 3
    assert all("- The Skeptic: gave no review." in tail for tail in tails)


@pytest.mark.parametrize("long", [True, False])
def test_of_a_long_prompt_the_first_reviewer_goes_ahead(long):
    alone, lock, begun = [], threading.Lock(), []

    def script(request):
        with lock:
            begun.append(request.persona)
        if len(begun) == 1:
            time.sleep(0.5)
            alone.append(len(begun) == 1)
        return ship(request)

    document = panel.Document(name="page.md", text=LONG if long else PAGE)
    with ScriptedProvider(script) as provider:
        panel.review("Widget", evidence=document, provider=provider.url)
    assert alone == [long]
    assert not long or begun[0] == "builder"
