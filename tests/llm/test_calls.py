"""Calls against a real server: what is repeated, what is kept, what is found again."""

import asyncio
import json
from dataclasses import replace

import pytest

from panel.foundation.errors import (
    BadReply,
    CallError,
    Empty,
    Filtered,
    KeyRejected,
    ModelNotFound,
    NotStored,
    PanelError,
    QuotaSpent,
    Refused,
    RunStopped,
    TimedOut,
    Truncated,
    Unreachable,
)
from panel.llm.calls import ChatClient, Pacing, request_digest, request_key
from panel.llm.config import ProviderConfig
from panel.llm.json_reply import last_json_object
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.types import FENCE, CallTag, ChatRequest
from panel.reviews.prompts import repair_tail
from tests.support.faultd import FaultServer, answer, completion, drip, hang, raw, respond
from tests.support.wires import wire_under_test

pytestmark = pytest.mark.usefixtures("wire")

QUICK = Pacing(first_wait=0.01, last_wait=0.02, probe_every=0.05)
TAG = CallTag(tool="t", persona="p", step="review")
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
          "additionalProperties": False}  # fmt: skip


class Memory:
    """A recorder that keeps calls in a list."""

    def __init__(self):
        self.calls = []

    def find(self, key):
        return next((c.reply for c in self.calls if c.key == key and c.usable), None)

    async def record(self, call):
        await asyncio.sleep(0)
        self.calls.append(call)


def question(tail="T?", **changes):
    plain = {"system": "S", "shared": f"about {FENCE} ", "tail": tail, "max_tokens": 50}
    return ChatRequest(**plain | changes)


def text_of(reply):
    return reply.text


def object_of(reply):
    return last_json_object(reply.text)


class Bench:
    """A server, calls to it, and what they were recorded as."""

    def __init__(self, server, *, pacing=QUICK, **changes):
        plain = {"provider": "x", "kind": "wire", "model": "m", "wire_model": "m", "deadline": 5.0,
                 "base_url": server.base_url, "wire": wire_under_test()}  # fmt: skip
        self.server = server
        self.config = ProviderConfig(**plain | changes)
        self.memory = Memory()
        self.wire = OpenAICompatClient(self.config)
        self.calls = ChatClient(self.wire, self.config, self.memory, pacing=pacing)

    async def ask(self, request=None, parse=text_of, **options):
        return await self.calls.ask(request or question(), tag=TAG, parse=parse, **options)


def bench(script, scenario, **changes):
    """Run `work(bench)` against a server that plays the script; return what it returns."""

    async def main():
        async with FaultServer(script) as server:
            made = Bench(server, **changes)
            try:
                return await scenario(made)
            finally:
                await made.wire.close()

    return asyncio.run(main())


def outcome(script, *args, **changes):
    """Ask once; return the answer or the error, the server's log and the recorded calls."""
    pace = {
        k: changes.pop(k) for k in ("pacing", "deadline", "concurrency", "format") if k in changes
    }

    async def scenario(b):
        try:
            result = await b.ask(*args, **changes)
        except PanelError as error:
            result = error
        return result, b.server.requests, b.memory.calls

    return bench(script, scenario, **pace)


def test_an_answer_is_parsed_counted_and_recorded_once():
    result, log, calls = outcome([answer("hi")])
    assert (result.value, result.reused, result.response.attempts) == ("hi", False, 1)
    assert result.usage.input_tokens == 100
    assert len(log) == len(calls) == 1
    (call,) = calls
    assert (call.usable, call.reason, call.attempt, call.tag) == (True, None, 1, TAG)
    assert call.reply.text == "hi"


def test_i3_a_stored_answer_is_never_asked_for_again():
    async def scenario(b):
        first = await b.ask()
        second = await b.ask(question(marker="another marker"))
        return first, second, len(b.server.requests)

    first, second, requests = bench([answer("hi")], scenario)
    assert (second.value, second.reused, requests) == ("hi", True, 1)
    assert second.usage == first.usage


def test_a_stored_answer_that_reads_wrong_today_is_asked_for_again():
    async def scenario(b):
        await b.ask()
        result = await b.ask(parse=object_of)
        return result, len(b.server.requests)

    result, requests = bench([answer("hi"), answer('{"a": 1}')], scenario)
    assert (result.value, result.reused, requests) == ({"a": 1}, False, 2)


@pytest.mark.parametrize(
    "change",
    [{"system": "X"}, {"shared": "X"}, {"tail": "X"}, {"max_tokens": 9}, {"schema": SCHEMA},
     {"logprobs": True}, {"temperature": 0.5}, {"sample": 1}],
)  # fmt: skip
def test_a_key_changes_with_everything_that_can_change_the_answer(change):
    config = ProviderConfig(provider="x", kind="wire", model="m", wire_model="m")
    assert request_key(replace(question(), **change), config) != request_key(question(), config)
    assert request_digest(replace(question(), **change)) != request_digest(question())


def test_r6_a_key_ignores_marker_address_secret_and_pace():
    config = ProviderConfig(provider="x", kind="wire", model="m", wire_model="m")
    moved = config.model_copy(update={"base_url": "http://b", "concurrency": 3, "deadline": 1.0})
    request = question(marker="m2")
    assert request_key(request, moved) == request_key(question(), config)
    for change in ({"provider": "y"}, {"wire_model": "m:groq"}):
        assert request_key(request, config.model_copy(update=change)) != request_key(
            request, config
        )


CUT = {
    "reset before a byte": raw(b"", reset=True),
    "closed before a byte": raw(b""),
    "reset in the head": raw(b"HTTP/1.1 200 O", reset=True),
    "reset in the body": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", reset=True),
    "wrong length": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"choices": []}'),
    "broken chunk": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello"),
    "cut chunk": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello"),
    "cut stream": raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
                      b'data: {"choices": [{"delta": {"content": "hal'),
    "stream without end": raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
                              b'data: {"choices": [{"delta": {"content": "half"}}]}\n\n'),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "endless header": raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n"),
    "half a gzip": raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n"
                       b"Connection: close\r\n\r\n\x1f\x8b\x08"),
    "500": respond(500),
    "503": respond(503, "<html>"),
}  # fmt: skip


@pytest.mark.parametrize("error", CUT.values(), ids=CUT.keys())
def test_p5_a_cut_reply_is_asked_for_exactly_three_times_then_one_clear_code(error):
    result, log, calls = outcome([error])
    assert type(result) is Unreachable
    assert result.reason == "unreachable"
    assert len(log) == 3
    assert [(c.attempt, c.reason, c.usable) for c in calls] == [
        (n, "unreachable", False) for n in (1, 2, 3)
    ]


def test_p5_a_cut_reply_followed_by_a_whole_one_is_answered():
    result, log, _ = outcome([raw(b"", reset=True), respond(503), answer("at last")])
    assert (result.value, len(log), result.response.attempts) == ("at last", 3, 3)


@pytest.mark.parametrize(
    ("url", "what"),
    [("https://127.0.0.1:{port}/v1", "no connection"), ("http://127.0.0.1:1/v1", "no connection"),
     ("http://nowhere.invalid/v1", "no such host")],
)  # fmt: skip
def test_p5_bad_tls_refused_connection_and_dns_failure_are_three_tries_and_one_code(url, what):
    async def scenario(b):
        url_with_port = url.format(port=b.server.port)
        config = b.config.model_copy(update={"base_url": url_with_port})
        wire = OpenAICompatClient(config)
        calls = ChatClient(wire, config, b.memory, pacing=QUICK)
        try:
            await calls.ask(question(), tag=TAG, parse=text_of)
        except Unreachable as error:
            return error.message, len(b.memory.calls)
        finally:
            await wire.close()

    message, attempts = bench([answer("no")], scenario)
    assert attempts == 3
    assert what in message


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(400, "no", BadReply), (401, "no", KeyRejected), (402, "no", QuotaSpent),
     (403, "no", KeyRejected), (404, "no", ModelNotFound),
     (400, {"error": {"code": "model_not_supported"}}, ModelNotFound)],
)  # fmt: skip
def test_p6_permanent_errors_are_one_request(status, body, error):
    result, log, calls = outcome([respond(status, body)], format="prompt")
    assert type(result) is error
    assert len(log) == 1
    assert calls[0].reason == error.reason


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_p6_a_hopeless_target_is_not_asked_again_by_anybody(status):
    async def scenario(b):
        asks = [b.ask(question(str(n))) for n in range(50)]
        result = await asyncio.gather(*asks, return_exceptions=True)
        with pytest.raises(CallError):
            await b.ask(question("later"))
        return {type(f) for f in result}, len(b.server.requests)

    kinds, requests = bench([respond(status)], scenario, concurrency=2)
    assert len(kinds) == 1
    assert requests <= 2


@pytest.mark.parametrize(
    ("body", "error", "requests"),
    [
        (completion(None, refusal="no"), Refused, 2),
        (completion(None), Empty, 2),
        (completion("", finish="content_filter"), Filtered, 2),
        (completion("cut", finish="length"), Truncated, 1),
    ],
)
def test_p10_refused_empty_and_filtered_are_repeated_once_and_never_kept_as_answers(
    body, error, requests
):
    async def scenario(b):
        for _ in range(2):
            with pytest.raises(error):
                await b.ask()
        return b.server.requests, b.memory.calls

    log, calls = bench([respond(200, body)], scenario)
    assert len(log) == 2 * requests  # the second time it was asked anew: nothing was cached
    assert {(c.usable, c.reason) for c in calls} == {(False, error.reason)}
    assert all(c.reply.usage.output_tokens == 7 for c in calls)


def test_p10_a_repeat_that_is_answered_counts_the_tokens_of_both():
    result, _, _ = outcome([answer(None), answer("now")])
    assert result.value == "now"
    assert result.usage.input_tokens == 200


def test_p8_a_reply_that_cannot_be_read_is_shown_its_fault_and_asked_once_more():
    script = [answer("{broken <|im_start|>"), answer('{"a": "b"}')]
    result, log, calls = outcome(script, question(schema=SCHEMA), object_of, repair=repair_tail)
    assert result.value == {"a": "b"}
    assert result.usage.output_tokens == 14
    first, second = (r.json()["messages"][1]["content"] for r in log)
    assert second.startswith(first)
    assert "no JSON object" in second
    assert "<|im_start|>" not in second
    assert [(c.usable, c.reason, c.tag.step) for c in calls] == [
        (False, "invalid", "review"), (True, None, "repair")
    ]  # fmt: skip
    assert calls[0].key == calls[1].key


def test_p8_the_repaired_answer_is_found_again_under_the_questions_own_key():
    async def scenario(b):
        request = question(schema=SCHEMA)
        await b.ask(request, object_of, repair=repair_tail)
        repeated = await b.ask(request, object_of, repair=repair_tail)
        return repeated, len(b.server.requests)

    repeated, requests = bench([answer("{broken"), answer('{"a": "b"}')], scenario)
    assert (repeated.reused, repeated.value, requests) == (True, {"a": "b"}, 2)


@pytest.mark.parametrize("repair", [None, repair_tail], ids=["no", "yes"])
def test_p8_at_most_one_repair_then_a_bad_reply(repair):
    result, log, calls = outcome([answer("never JSON")], question(), object_of, repair=repair)
    assert type(result) is BadReply
    assert len(log) == len(calls) == (2 if repair else 1)


def test_a_refused_request_is_not_taken_for_a_reply_to_repair():
    for script in ([respond(400, "no")], [respond(200, {"error": "no"})], [respond(200, "soup")]):
        result, log, _ = outcome(script, question(), object_of, repair=repair_tail)
        assert type(result) is BadReply
        assert len(log) == 1


def refuses(*formats):
    def script(request):
        format = (request.json().get("response_format") or {}).get("type", "prompt")
        if format in formats:
            return respond(
                400, {"error": {"message": f"response_format {format} is not supported"}}
            )
        return answer('{"a": "b"}')

    return script


@pytest.mark.parametrize(
    ("refused", "rungs"),
    [
        ((), ["json_schema"]),
        (("json_schema",), ["json_schema", "json_object"]),
        (("json_schema", "json_object"), ["json_schema", "json_object", "prompt"]),
    ],
)
def test_the_ladder_steps_down_when_the_format_is_named_and_remembers(refused, rungs):
    async def scenario(b):
        result = await b.ask(question(schema=SCHEMA), object_of)
        await b.ask(question("again?", schema=SCHEMA), object_of)
        formats = [(r.json().get("response_format") or {}).get("type", "prompt")
                for r in b.server.requests]  # fmt: skip
        return result, formats

    result, formats = bench(refuses(*refused), scenario)
    assert formats == [*rungs, rungs[-1]]
    assert result.response.format == rungs[-1]


def test_the_ladder_ends_at_its_lowest_rung():
    script = [respond(400, "response_format json_schema unsupported")]
    result, log, _ = outcome(script, question(schema=SCHEMA), object_of)
    assert type(result) is BadReply
    assert len(log) == 3


def test_other_errors_do_not_step_down():
    for status, body in ((401, "schema"), (400, {"error": {"code": "model_not_supported"}})):
        _, log, _ = outcome([respond(status, body)], question(schema=SCHEMA), object_of)
        assert len(log) == 1


def test_parameters_a_server_does_not_take_cost_one_request_each_and_no_try():
    def script(request):
        parameters = set(request.json())
        for name in ("max_tokens", "seed", "logprobs", "temperature"):
            if name in parameters:
                return respond(400, f"Unsupported parameter: {name}")
        return answer("yes")

    result, log, _ = outcome(script, question(logprobs=True))
    assert result.value == "yes"
    assert len(log) == 5


def test_a_server_that_refuses_for_ever_is_asked_a_bounded_number_of_times():
    _, log, _ = outcome([respond(400, "Unsupported parameter: seed")])
    assert len(log) <= 7


HUNG = {
    "accept only": hang(),
    "header drip": drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 4000, every=0.02),
    "body drip": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b" " * 4000, every=0.02),
    "stall in the stream": drip(
        b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {"choices": []}\n\n'
        + b": keep-alive\n\n" * 500, every=0.02),
}  # fmt: skip


@pytest.mark.parametrize("error", HUNG.values(), ids=HUNG.keys())
def test_p4_one_total_deadline_ends_a_call_that_hangs_or_drips(error):
    async def scenario(b):
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimedOut):
            await b.ask()
        return asyncio.get_running_loop().time() - began, len(b.server.requests)

    took, requests = bench([error], scenario, deadline=0.4)
    assert 0.35 <= took < 5
    assert requests == 1


def test_p4_tries_after_cut_replies_share_the_same_deadline():
    async def scenario(b):
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimedOut):
            await b.ask()
        return asyncio.get_running_loop().time() - began

    assert bench([respond(503), hang()], scenario, deadline=0.4) < 5


def test_the_number_of_calls_under_way_keeps_to_the_targets_concurrency():
    peak = now = 0

    def script(request):
        async def respond_late(request, line):
            nonlocal peak, now
            now += 1
            peak = max(peak, now)
            await asyncio.sleep(0.01)
            now -= 1
            await answer("hi")(request, line)

        return respond_late

    async def scenario(b):
        await asyncio.gather(*(b.ask(question(str(n))) for n in range(30)))

    bench(script, scenario, concurrency=3)
    assert peak == 3


def test_r7_after_stop_nothing_new_is_asked_and_what_is_under_way_is_kept():
    release = asyncio.Event()

    def script(request):
        async def respond_late(request, line):
            await release.wait()
            await answer("kept")(request, line)

        return respond_late

    async def scenario(b):
        tasks = [asyncio.create_task(b.ask(question(str(n)))) for n in range(5)]
        await b.server.received(2)
        b.calls.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(RunStopped):
            await b.ask(question("new"))
        release.set()
        await b.calls.drain(5)
        return len(b.server.requests), [c.reply.text for c in b.memory.calls]

    assert bench(script, scenario, concurrency=2) == (2, ["kept", "kept"])


def test_r7_drain_gives_up_what_does_not_come_in_time():
    async def scenario(b):
        task = asyncio.create_task(b.ask())
        await b.server.received(1)
        b.calls.stop()
        task.cancel()
        await b.calls.drain(0.05)
        return b.memory.calls

    assert bench([hang()], scenario) == []


def test_a_call_given_up_by_who_asked_frees_its_turn():
    async def scenario(b):
        task = asyncio.create_task(b.ask())
        await b.server.received(1)
        waiting = asyncio.create_task(b.ask(question("waiting")))
        await asyncio.sleep(0.01)
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)
        return (await b.ask(question("next"))).value

    assert bench([hang(), answer("next")], scenario, concurrency=1) == "next"


def test_an_endpoint_that_holds_no_answer_stops_the_run():
    class Absent:
        async def ask(self, question, format, *, deadline):
            raise NotStored("not there")

        async def close(self):
            pass

    async def main():
        config = ProviderConfig(provider="x", kind="replay", model="m", wire_model="m")
        calls = ChatClient(Absent(), config, Memory())
        for _ in range(2):
            with pytest.raises(NotStored):
                await calls.ask(question(), tag=TAG, parse=text_of)

    asyncio.run(main())


def test_a_recorded_call_can_be_written_as_json_without_nan():
    body = completion("hi")
    body["choices"][0]["score"] = float("nan")
    _, _, (call,) = outcome([respond(200, json.dumps(body).encode())])
    json.dumps(call.reply.raw, allow_nan=False)
