"""`panel.testing`: the provider that other programs' tests use, with every way of asking."""

import subprocess
import sys

import pytest

import panel
from panel.testing import Failure, ScriptedProvider, ship, skip


def reviewed(provider, **options):
    return panel.review("Widget", description="It cuts widgets.", provider=provider.url, **options)


@pytest.mark.parametrize("ask", ["whole", "stepwise"])
@pytest.mark.parametrize(("script", "outcome"), [(ship, "ship"), (skip, "skip")])
def test_it_answers_both_ways_of_asking(ask, script, outcome):
    with ScriptedProvider(script) as provider:
        card = reviewed(provider, ask=ask)
    assert card.verdict.outcome == outcome
    assert card.missing == ()
    assert panel.verify("latest").holds


def test_it_answers_the_check_of_citations(provider):
    assert reviewed(provider, check_support=True).missing == ()


def test_it_keeps_every_request(provider):
    reviewed(provider)
    judged, written = provider.requests[:4], provider.requests[4:]
    for requests in (judged, written):
        assert sorted(request.persona for request in requests) == [
            "builder", "business", "futurist", "skeptic",
        ]  # fmt: skip
    assert ["beats" in request.schema["properties"] for request in provider.requests] == [
        *[False] * 4, *[True] * 4
    ]  # fmt: skip
    assert {request.passages for request in provider.requests} == {("E1.1",)}
    assert all("It cuts widgets." in request.prompt for request in provider.requests)
    assert all("authorization" not in request.headers for request in provider.requests)


def test_a_script_may_give_text_numbers_objects_and_failures():
    def script(request):
        if request.persona == "skeptic":
            return Failure(400, "not today")
        if request.persona == "builder":
            return "no JSON at all"
        return ship(request)

    with ScriptedProvider(script) as provider:
        card = reviewed(provider)
    assert {missing.persona for missing in card.missing} == {"skeptic", "builder"}

    def stepwise(request):
        if request.is_notice:
            return 0.1
        return 0.5 if request.is_baseline else 0.8

    with ScriptedProvider(stepwise) as p:
        card = reviewed(p, ask="stepwise", personas="builder")
    assert {round(finding.p, 3) for finding in card.reviews[0].findings} == {0.8}


def test_a_failure_that_passes_is_asked_again():
    answers = [Failure(429, "slow down", retry_after=0), Failure(503)]
    with ScriptedProvider(lambda r: answers.pop() if answers else ship(r)) as provider:
        assert reviewed(provider, personas="builder").missing == ()
    assert len(provider.requests) == 4


def test_what_a_script_raises_is_raised_at_the_end_of_the_block():
    def script(request):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), ScriptedProvider(script) as provider:
        assert len(reviewed(provider).missing) == 4


def test_the_command_can_use_it(provider, desk):
    done = desk.run("review", "Widget", "--description", "It works.", "--provider", provider.url)
    assert done.returncode == 0, done.stderr


def test_it_serves_only_within_its_block():
    provider = ScriptedProvider()
    with pytest.raises(RuntimeError):
        _ = provider.url
    with provider:
        assert provider.url.startswith("http://127.0.0.1:")
    with pytest.raises(RuntimeError):
        _ = provider.url


def test_importing_it_needs_nothing_heavy():
    check = (
        "import sys, panel.testing\nassert not {'aiohttp', 'pydantic', 'pytest'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], check=True, timeout=30)
