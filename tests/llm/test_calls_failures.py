"""Calls against a server that says what it does not take: what is asked next, and how often."""

import asyncio
import json

import pytest

from panel.foundation.errors import (
    BadReply,
    Filtered,
    KeyRejected,
    QuotaSpent,
    RunStopped,
    TimedOut,
    Unreachable,
    Untrusted,
)
from panel.llm.calls import Pacing, request_key
from panel.llm.openai_compat.certificates import certificate_hint
from tests.llm.test_calls import SCHEMA, Bench, bench, object_of, outcome, question
from tests.support.faultd import (
    FaultServer,
    after,
    answer,
    drip,
    hang,
    panel_answers,
    raw,
    respond,
)

OUTAGE = Pacing(first_wait=0.02, last_wait=0.05, probe_every=0.1)

PAGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"

SHAPES = {
    "5xx": respond(503),
    "reset": raw(b"", reset=True),
    "cut body": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", reset=True),
    "hang": hang(),
    "drip": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b" " * 4000, every=0.02),
    "bot filter": respond(403, PAGE),
    "error in a 200": respond(200, {"error": {"message": "overloaded", "code": 503}}),
    "503 with a wait": respond(503, "", (("Retry-After", "0.1"),)),
}


async def ask_all(b, count=40):
    asks = (b.ask(question(str(n))) for n in range(count))
    return await asyncio.gather(*asks, return_exceptions=True)


@pytest.mark.parametrize("concurrency", [8, 10])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_an_outage_uses_up_nobodys_tries_whatever_its_shape(shape, concurrency):
    bad = 40

    def script(request):
        # Well again after so many requests: enough for a breaker that opens, and for many probes.
        nonlocal bad
        bad -= 1
        return shape if bad > 0 else answer("ok")

    pacing = Pacing(first_wait=0.01, last_wait=0.02, probe_every=0.02)
    result = bench(script, ask_all, concurrency=concurrency, pacing=pacing, deadline=0.25)
    assert [getattr(f, "value", f) for f in result] == ["ok"] * 40


def test_a_question_that_times_out_while_others_are_answered_has_a_few_tries():
    def script(request):
        slow = request.json()["messages"][1]["content"].endswith(" slow")
        return hang() if slow else after(0.05, answer("ok"))

    async def scenario(b):
        slow = asyncio.create_task(b.ask(question("slow")))
        other_requests = []
        while not slow.done():
            other_requests.append(await b.ask(question(f"other {len(other_requests)}")))
        requests = [r for r in b.server.requests if b" slow" in r.body]
        return slow.exception(), other_requests, len(requests)

    error, other_requests, tries = bench(
        script, scenario, concurrency=4, deadline=0.3, pacing=OUTAGE
    )
    assert type(error) is TimedOut
    assert {result.value for result in other_requests} == {"ok"}
    assert tries == 3


def test_a_time_out_that_is_followed_by_an_answer_is_answered():
    def script(request):
        body = request.json()["messages"][1]["content"]
        attempts[body] = attempts.get(body, 0) + 1
        return hang() if body.endswith(" one") and attempts[body] == 1 else after(0.1, answer("ok"))

    attempts: dict[str, int] = {}

    async def scenario(b):
        return await asyncio.gather(*(b.ask(question(t)) for t in ("one", "two", "three", "four")))

    result = bench(script, scenario, concurrency=1, deadline=0.5, pacing=OUTAGE)
    assert [f.value for f in result] == ["ok"] * 4


@pytest.mark.usefixtures("wire")
def test_the_wait_of_a_loading_server_is_kept_by_all_and_uses_up_no_try():
    began: list[float] = []

    def script(request):
        began.append(request.at)
        loading = request.at < began[0] + 1.0
        return respond(503, {"error": "loading"}, (("Retry-After", "1.0"),)) if loading else answer(
            "ok")  # fmt: skip

    async def scenario(b):
        return await ask_all(b, 6), b.server.requests

    result, log = bench(script, scenario, concurrency=4, deadline=0.9)
    assert [getattr(f, "value", f) for f in result] == ["ok"] * 6
    assert len(log) == 4 + 6


def test_a_loading_server_is_waited_for_though_it_has_never_answered():
    pace = Pacing(first_wait=0.01, last_wait=0.02, first_patience=0.1, patience=5.0)
    loading = respond(503, {"error": "Model m is currently loading", "estimated_time": 0.15})
    result, log, _ = outcome([loading] * 4 + [answer("ok")], pacing=pace)
    assert (result.value, len(log)) == ("ok", 5)


def test_a_question_that_is_told_to_wait_while_others_are_answered_is_given_up_in_the_end():
    def script(request):
        if request.json()["messages"][1]["content"].endswith(" sick"):
            return after(0.05, respond(503, {"error": "x"}, (("Retry-After", "0.01"),)))
        return answer("ok")

    async def scenario(b):
        sick = asyncio.create_task(b.ask(question("sick")))
        count = 0
        while not sick.done():
            await b.ask(question(str(count := count + 1)))
        return sick.exception()

    assert type(bench(script, scenario, concurrency=4)) is Unreachable


@pytest.mark.usefixtures("wire")
def test_a_wait_over_the_cap_stops_the_run_with_the_servers_words():
    result, log, _ = outcome([respond(503, {"error": "down until noon, try again in 2 hours"})])
    assert type(result) is RunStopped
    assert "down until noon" in result.message
    assert "7,200 s, until 20" in result.message
    assert len(log) == 1


def test_a_server_that_turns_all_away_is_given_up_with_its_words():
    pace = Pacing(first_wait=0.02, last_wait=0.02, first_patience=0.1)
    result, _, _ = outcome([respond(429, {"error": "the queue is full"})], pacing=pace)
    assert type(result) is RunStopped
    assert "the queue is full" in result.message


@pytest.mark.usefixtures("wire")
def test_spent_credit_stops_everybody_at_once_in_a_429_too():
    body = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}

    async def scenario(b):
        return await ask_all(b, 20), len(b.server.requests)

    result, requests = bench([respond(429, body)], scenario, concurrency=2)
    assert {type(f) for f in result} == {QuotaSpent}
    assert requests <= 2


FLAGGED = {"error": {"message": "Your input was flagged", "code": 403}}


@pytest.mark.usefixtures("wire")
def test_a_flagged_input_is_asked_once_and_everything_else_is_answered():
    def script(request):
        flagged = request.json()["messages"][1]["content"].endswith(" 3")
        return respond(403, FLAGGED) if flagged else answer("ok")

    async def scenario(b):
        return await ask_all(b, 8), len(b.server.requests)

    result, requests = bench(script, scenario)
    assert [type(f).__name__ for f in result].count("ParsedAnswer") == 7
    assert type(result[3]) is Filtered
    assert requests == 8


def test_a_403_without_a_reason_is_about_one_question_once_the_key_was_good():
    def script(request):
        number = int(request.json()["messages"][1]["content"].rpartition(" ")[2])
        return respond(403, {"message": "Forbidden"}) if number in refused else answer("ok")

    async def scenario(b):
        kinds = []
        for number in range(12):
            try:
                kinds.append((await b.ask(question(str(number)))).value)
            except (BadReply, KeyRejected) as error:
                kinds.append(type(error))
        return kinds

    refused = {2, 5}
    assert bench(script, scenario).count("ok") == 10
    refused = {2, 5, 7, 8, 9}
    kinds = bench(script, scenario)
    assert kinds[2] == kinds[5] == kinds[7] == kinds[8] == BadReply
    assert kinds[9:] == [KeyRejected] * 3  # three in a row: the key was taken away
    refused = set(range(12))
    assert bench(script, scenario) == [KeyRejected] * 12


def refusing(check, words, *, status=400):
    def script(request):
        body = request.json()
        return respond(status, {"error": {"message": words}}) if check(body) else answer("yes")

    return script


def bodies(log):
    return [request.body for request in log]


@pytest.mark.usefixtures("wire")
def test_a_refused_system_message_goes_before_the_users_once_for_the_run():
    script = refusing(lambda b: b["messages"][0]["role"] == "system", "System role not supported")

    async def scenario(b):
        first = await b.ask()
        await b.ask(question("more"))
        return first, b.server.requests, b.memory.calls, b.config

    first, log, calls, target = bench(script, scenario)
    assert first.value == "yes"
    assert len(log) == 3
    for request in log[1:]:
        (message,) = request.json()["messages"]
        assert message["role"] == "user"
        assert message["content"].startswith("S\n\nabout ")
    assert calls[1].key == request_key(question(), target)  # the same question, asked differently


def test_questions_under_way_together_do_not_lose_more_than_was_refused():
    script = refusing(lambda b: b.get("top_logprobs", 0) > 5, "top_logprobs must be at most 5")

    async def scenario(b):
        asks = (b.ask(question(str(n), logprobs=True, max_tokens=1)) for n in range(4))
        return await asyncio.gather(*asks), b.server.requests

    result, log = bench(script, scenario, concurrency=4)
    assert [f.value for f in result] == ["yes"] * 4
    assert sorted(r.json().get("top_logprobs") for r in log) == [5] * 4 + [20] * 4


@pytest.mark.usefixtures("wire")
def test_less_room_is_asked_for_and_remembered_and_no_refused_body_is_sent_again():
    script = refusing(
        lambda b: b["max_tokens"] > 4096,
        "max_tokens is too large: 5750. This model supports at most 4096 completion tokens.",
    )

    async def scenario(b):
        await b.ask(question(max_tokens=1750))
        await b.ask(question("more", max_tokens=1750))
        return b.server.requests

    log = bench(script, scenario, thinking=4000)
    assert [r.json()["max_tokens"] for r in log] == [5750, 4096, 4096]


def test_a_context_that_question_and_answer_share_leaves_room_for_each_question():
    def script(request):
        body = request.json()
        prompt = len("".join(m["content"] for m in body["messages"])) // 4
        room = body["max_tokens"]
        if prompt + room <= 8192:
            return answer("ok")
        words = (f"maximum context length is 8192 tokens. However, you requested {prompt + room}"
                 f" tokens ({prompt} in the messages, {room} in the completion).")  # fmt: skip
        return respond(400, {"error": {"message": words}})

    async def scenario(b):
        result = [await b.ask(question("x" * n, max_tokens=1750)) for n in (16_000, 16_400, 400)]
        return result, [r.json()["max_tokens"] for r in b.server.requests]

    result, rooms = bench(script, scenario, thinking=4000)
    assert [f.value for f in result] == ["ok"] * 3
    assert len(rooms) == 4
    assert rooms[0] == rooms[3] == 5750
    assert 3900 < rooms[2] < rooms[1] < 4200


def test_room_is_halved_where_no_number_is_told_and_a_question_too_long_is_said():
    async def scenario(b):
        with pytest.raises(BadReply, match="longer than the model can read"):
            await b.ask(question(max_tokens=1750))
        return [r.json()["max_tokens"] for r in b.server.requests]

    words = "Please reduce the length of the messages or completion."
    rooms = bench(refusing(lambda b: True, words), scenario, thinking=4000)
    assert rooms == sorted(set(rooms), reverse=True)
    assert len(rooms) <= 5


@pytest.mark.usefixtures("wire")
def test_max_tokens_is_renamed_where_the_name_is_refused_and_lowered_where_the_number_is():
    def script(request):
        body = request.json()
        if "max_tokens" in body:
            return respond(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.")
        if body["max_completion_tokens"] > 1000:
            return respond(400, "max_completion_tokens must be less than or equal to 1000")
        return answer("ok")

    result, log, _ = outcome(script, question(max_tokens=1750))
    assert result.value == "ok"
    assert log[-1].json()["max_completion_tokens"] == 1000
    assert len(set(bodies(log))) == len(log) == 3


MISMADE = respond(400, {"error": {"message": "Failed to generate JSON.",
                                  "code": "json_validate_failed"}})  # fmt: skip


def formats(log):
    return [(r.json().get("response_format") or {}).get("type", "prompt") for r in log]


@pytest.mark.parametrize(("bad", "last"), [(1, "json_schema"), (3, "json_object")])
def test_one_failed_generation_does_not_lower_the_format_of_the_run(bad, last):
    remaining = bad

    def script(request):
        nonlocal remaining
        if formats([request]) == ["json_schema"] and remaining > 0:
            remaining -= 1
            return MISMADE
        return answer('{"a": "b"}')

    async def scenario(b):
        for number in range(5):
            await b.ask(question(str(number), schema=SCHEMA), object_of)
        return b.server.requests

    log = bench(script, scenario)
    assert formats(log)[-1] == last
    assert len(log) == 5 + bad


@pytest.mark.usefixtures("wire")
def test_parameters_that_nobody_names_are_left_out_one_after_the_other():
    def script(request):
        if {"response_format", "logprobs", "seed"} & set(request.json()):
            return respond(404, "No endpoints found that can handle the requested parameters.")
        return answer('{"a": "b"}')

    result, log, _ = outcome(script, question(schema=SCHEMA, logprobs=True), object_of)
    assert result.value == {"a": "b"}
    assert len(set(bodies(log))) == len(log) == 5


@pytest.mark.usefixtures("wire")
def test_an_untrusted_certificate_is_said_after_one_try(tls):
    async def main():
        async with FaultServer([answer("no")], tls=tls[1]) as server:
            b = Bench(server)
            try:
                with pytest.raises(Untrusted, match=f"127.0.0.1:{server.port}.*self") as caught:
                    await b.ask()
                with pytest.raises(Untrusted):
                    await b.ask(question("another"))
                return caught.value, b.memory.calls, server.connections
            finally:
                await b.wire.close()

    error, calls, connections = asyncio.run(main())
    assert "SSL_CERT_FILE" in error.hint
    assert error.stops_run
    assert (len(calls), connections) == (1, 0)
    assert calls[0].reason == "unreachable"


def test_the_variable_that_is_named_is_the_one_that_helps(tls, desk):
    evidence = desk.write("README.md", "Quill is a tool. Run `pip install quill`.")

    async def main(**env):
        async with FaultServer(panel_answers(), tls=tls[1]) as server:
            args = ("review", "Quill", "--evidence", evidence, "--provider", server.base_url,
                    "--model", "m", "--format", "json")  # fmt: skip
            return await asyncio.to_thread(desk.run, *args, **env)

    bundle = str(tls[0])
    refused = asyncio.run(main(REQUESTS_CA_BUNDLE=bundle))
    assert refused.returncode == 3
    assert "certificate is not trusted" in refused.stderr
    assert "REQUESTS_CA_BUNDLE is set but not read" in refused.stderr
    process = asyncio.run(main(SSL_CERT_FILE=bundle))
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["missing"] == []


@pytest.mark.parametrize(
    ("wrong", "environ", "hint"),
    [
        ("certificate has expired", {}, "clock"),
        ("Hostname mismatch, certificate is not valid for 'x'.", {}, "address"),
        ("unable to get local issuer certificate", {"SSL_CERT_FILE": "/a.pem"}, "/a.pem must hold"),
        ("self-signed certificate", {"CURL_CA_BUNDLE": "x"}, "CURL_CA_BUNDLE is set but not read"),
        ("self-signed certificate", {}, "export SSL_CERT_FILE"),
    ],
)
def test_the_next_step_is_that_of_what_is_wrong_with_the_certificate(wrong, environ, hint):
    assert hint in certificate_hint(wrong, environ)
