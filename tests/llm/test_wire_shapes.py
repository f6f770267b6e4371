"""Shapes of replies that servers are known to send: errors inside a 200, streams, typed parts."""

import json

import pytest

from panel.foundation.errors import (
    BadReply,
    CallError,
    Filtered,
    KeyRejected,
    NeedsRoom,
    QuotaSpent,
    RateLimited,
    Truncated,
    Unreachable,
)
from tests.llm.test_wire import PLACES, asked, question
from tests.support.faultd import JSON, SSE, answer, chunked, completion, events, head, respond

pytestmark = pytest.mark.usefixtures("wire")

TEXT = ("Content-Type", "text/plain; charset=utf-8")


def failed(**changes):
    """Return a completion whose only choice is changed so."""
    body = completion("half an ans", finish="error")
    body["choices"][0] |= changes
    return body


INSIDE = {
    "object error": (
        {"object": "error", "message": "The engine is being restarted", "code": 500},
        Unreachable, "engine is being restarted",
    ),
    "object error without a code": (
        {"object": "error", "message": "The engine is being restarted", "type": "InternalError"},
        Unreachable, "engine is being restarted",
    ),
    "status and msg": (
        {"status": 435, "msg": "Model access is not activated", "choices": None},
        BadReply, "Model access is not activated",
    ),
    "code and msg": ({"code": 429, "msg": "slow down"}, RateLimited, "slow down"),
    "code in quotes": ({"code": "401", "message": "bad key"}, KeyRejected, "bad key"),
    "base_resp": (
        {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "try again later"}},
        Unreachable, "try again later",
    ),
    "success false": (
        {"success": False, "errors": [{"code": 402, "message": "out of credit"}], "code": 402},
        QuotaSpent, "out of credit",
    ),
    "error true": ({"error": True, "message": "no such deployment", "code": 400},
                   BadReply, "no such deployment"),
    "status beside the error": (
        {"status": 500, "error": "Internal Server Error", "message": "pool exhausted"},
        Unreachable, "Internal Server Error: pool exhausted",
    ),
    "a list of one": ([{"error": {"code": 429, "message": "quota a minute"}}],
                      RateLimited, "quota a minute"),
    "in the choice": (
        failed(error={"code": 502, "message": "Upstream idle timeout exceeded"}),
        Unreachable, "Upstream idle timeout exceeded",
    ),
    "in the choice without a code": (
        failed(error={"message": "it went away"}), Unreachable, "it went away",
    ),
    "finish error": (failed(), Unreachable, "broke the answer off: error"),
    "native network error": (
        failed(finish_reason="stop", native_finish_reason="network_error"),
        Unreachable, "network_error",
    ),
    "no resources": (failed(finish_reason="insufficient_system_resource"),
                     Unreachable, "insufficient_system_resource"),
    "a filter by another name": (failed(finish_reason="SAFETY"), Filtered, "content filter"),
    "a limit by another name": (failed(finish_reason="MAX_TOKENS"), Truncated, "cut off"),
    "detail": ({"detail": [{"loc": ["body"], "msg": "not for this tier"}]},
               BadReply, "not for this tier"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "error", "words"), INSIDE.values(), ids=INSIDE.keys())
def test_an_error_inside_a_200_is_that_error_in_the_servers_words(body, error, words):
    fault, log = asked([respond(200, body)])
    assert type(fault) is error
    assert words in fault.message
    assert len(log) == 1


@pytest.mark.parametrize("name", [n for n in INSIDE if "a list" not in n])
def test_the_same_error_in_a_stream_is_the_same(name):
    body, error, words = INSIDE[name]
    pieces = events(body) if body.get("choices") else [b"data: %s\n\n" % json.dumps(body).encode()]
    if body.get("choices"):
        extra = {k: v for k, v in body["choices"][0].items() if k not in ("message", "index")}
        last = {"choices": [{"index": 0, "delta": {}, **extra}]}
        pieces = [*events(body)[:3], b"data: %s\n\n" % json.dumps(last).encode()]
    fault, _ = asked([chunked(pieces)], stream=True)
    assert type(fault) is error
    assert words in fault.message


SAID = b'data: {"message": "Engine overloaded, please retry later", "code": 503}\n\n'


@pytest.mark.parametrize(
    ("pieces", "error", "words"),
    [
        ([b"event: error\n" + SAID], Unreachable, "overloaded"),
        ([b"event: error\ndata: the pipe is broken, retry\n\n"], Unreachable, "pipe is broken"),
        ([*events(completion("half an answer"))[:3], SAID], Unreachable, "overloaded"),
        ([b"data: upstream went away\n\n"], Unreachable, "upstream went away"),
        ([b'data: {"message": "not for you"}\n\n', b"data: [DONE]\n\n"], BadReply, "not for you"),
    ],
    ids=["an error event", "in plain words", "in the middle", "words as data", "words alone"],
)
def test_what_a_stream_says_instead_of_an_answer_reaches_the_user(pieces, error, words):
    fault, _ = asked([chunked(pieces)], stream=True)
    assert type(fault) is error
    assert words in fault.message


@pytest.mark.parametrize(
    ("text", "error"),
    [("upstream request timeout", Unreachable), ("model access denied by policy", BadReply)],
)
def test_a_line_of_text_for_a_reply_is_shown(text, error):
    fault, _ = asked([respond(200, text, (TEXT,))])
    assert type(fault) is error
    assert text in fault.message


def test_an_error_form_that_is_not_filled_in_is_no_error():
    body = completion("hi") | {"error": {"code": None, "message": ""}, "base_resp": {}}
    assert asked([respond(200, body | {"base_resp": {"status_code": 0}})])[0].text == "hi"


PARTS = {
    "text parts": [{"type": "text", "text": "ye"}, {"type": "text", "text": "s"}],
    "thinking first": [
        {"type": "thinking", "thinking": [{"type": "text", "text": '{"a": 1}'}]},
        {"type": "text", "text": "yes"},
    ],
    "output_text": [{"type": "reasoning", "text": "no?"}, {"type": "output_text", "text": "yes"}],
    "one part": {"type": "text", "text": "yes"},
    "plain strings": ["ye", "s"],
    "a value": [{"type": "text", "text": {"value": "yes"}}],
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS.keys())
def test_content_in_typed_parts_is_its_text(parts, stream):
    body = completion(None)
    body["choices"][0]["message"]["content"] = parts
    deltas = [
        {"delta": {"content": part}} for part in (parts if isinstance(parts, list) else [parts])
    ]
    lines = [{"choices": [each]} for each in [*deltas, {"delta": {}, "finish_reason": "stop"}]]
    pieces = [b"data: %s\n\n" % json.dumps(line).encode() for line in lines]
    reply, _ = asked([chunked(pieces) if stream else respond(200, body)], stream=stream)
    assert reply.text == "yes"


def test_other_answers_in_a_stream_are_not_mixed_in():
    other = b'data: {"choices": [{"index": 1, "delta": {"content": "XX"}}]}\n\n'
    pieces = [piece for event in events(completion("one answer")) for piece in (event, other)]
    assert asked([chunked(pieces)], stream=True)[0].text == "one answer"


STREAM = b"".join(events(completion("an answer")))
WHOLE = json.dumps(completion("an answer"), indent=1).encode()
LINES = b"\n".join(line.removeprefix(b"data: ") for line in STREAM.split(b"\n\n"))
DATA = STREAM.replace(b"data: [DONE]\n\n", b"")

STREAMS = {
    "events as text": (STREAM, TEXT),
    "events as JSON": (STREAM, JSON),
    "events without a label": (STREAM, ("X-A", "b")),
    "JSON as events": (WHOLE, SSE),
    "JSON after line ends as events": (b"\n" * 3_000 + WHOLE, SSE),
    "JSON after line ends": (b"\r\n" * 3_000 + WHOLE, JSON),
    "a byte order mark": (b"\xef\xbb\xbf" + STREAM, JSON),
    "blank lines first": (b"\n\n\n" + STREAM, JSON),
    "an event line first": (STREAM.replace(b"data: {", b"event: message\ndata: {"), JSON),
    "an id first": (STREAM.replace(b"data: {", b"id: 7\nretry: 100\ndata: {"), TEXT),
    "a comment first": (b": PROCESSING\n\n" + STREAM, JSON),
    "lines of JSON": (LINES, ("Content-Type", "application/x-ndjson")),
    "lines of JSON as events": (b": hello\n" + LINES, SSE),
    "empty data": (b"event: ping\ndata: \n\n" + STREAM.replace(b"\n\n", b"\n\ndata:\n\n"), SSE),
    "a comment as data": (b"data: : PROCESSING\n\n" + STREAM, SSE),
    "CR alone": (STREAM.replace(b"\n", b"\r"), SSE),
    "CR and LF": (STREAM.replace(b"\n", b"\r\n"), SSE),
    "no [DONE]": (DATA, SSE),
    "no blank lines": (STREAM.replace(b"\n\n", b"\n"), SSE),
    "no last line end": (DATA.rstrip(b"\n"), SSE),
    "no blank after the colon": (STREAM.replace(b"data: ", b"data:"), SSE),
    "wrapped": (
        json.dumps({"code": 0, "msg": "ok", "data": completion("an answer")}).encode(),
        JSON,
    ),
}


@pytest.mark.parametrize("size", [1, 100_000], ids=["byte by byte", "at once"])
@pytest.mark.parametrize(("body", "label"), STREAMS.values(), ids=STREAMS.keys())
def test_a_body_is_read_for_what_it_is_whatever_its_label(body, label, size):
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    reply, log = asked([chunked(pieces, headers=(label,))], stream=True)
    assert getattr(reply, "text", reply) == "an answer"
    assert reply.usage.input_tokens == 100
    assert len(log) == 1


def test_a_stream_that_ends_before_its_answer_is_cut_off_not_an_answer():
    for label in (SSE, JSON):
        fault, _ = asked(
            [chunked(events(completion("half an answer"))[:3], headers=(label,))], stream=True
        )
        assert type(fault) is Unreachable


def test_long_and_many_response_headers_are_read_and_longer_ones_named():
    long = [("Content-Security-Policy", "script-src " + "https://cdn.example.org " * 500)]
    many = [(f"X-Trace-{n}", "v" * 60) for n in range(100)]
    assert asked([answer("hi", headers=long + many)])[0].text == "hi"
    fault, _ = asked([answer("hi", headers=[("X-Trace", "v" * 70_000)])])
    assert type(fault) is Unreachable
    assert "header of its response is longer than 64 kB" in fault.message


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (None, (None, None, None)),
        ({"prompt_tokens": None, "total_tokens": 0}, (None, None, None)),
        ({"prompt_tokens": "900", "completion_tokens": 120.0}, (900, 0, 120)),
        ({"input_tokens": 900, "output_tokens": 120}, (900, 0, 120)),
        ({"input_tokens": 100, "cache_read_input_tokens": 800, "output_tokens": 1}, (900, 800, 1)),
        ({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}}, (9, 4, None)),
        ({"prompt_tokens": 9, "completion_tokens": 1.5}, (9, 0, None)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, (0, 0, 0)),
    ],
    ids=["none", "null", "quotes and floats", "other names", "cached beside", "other details",
         "half a token", "zero"],
)  # fmt: skip
def test_tokens_that_are_not_told_are_unknown_and_never_zero(usage, told):
    got = asked([respond(200, completion("hi") | {"usage": usage})])[0].usage
    assert (got.input_tokens, got.cached_tokens, got.output_tokens) == told


def test_a_price_without_tokens_gives_no_cost():
    reply, _ = asked([answer("x", usage={"prompt_tokens": 5})], prices={"": (1.0, 1.0)})
    assert reply.usage.cost_usd is None


SHORT = {"logprobs": True, "max_tokens": 1}


@pytest.mark.parametrize(
    "body",
    [
        completion("<think>", finish="length"),
        completion("◁think▷", finish="length"),
        completion("<|channel|>", finish="length"),
        completion("", finish="length", reasoning="Okay"),
        completion(None, finish="stop", reasoning_content="Okay"),
    ],
    ids=["a mark", "another", "half a mark", "reasoning", "reasoning that ends"],
)
def test_a_model_still_thinking_needs_room(body):
    fault, _ = asked([respond(200, body)], question(**SHORT))
    assert type(fault) is NeedsRoom
    assert fault.thinks


def test_a_long_answer_that_is_all_thinking_needs_room_and_a_cut_one_does_not():
    fault, _ = asked([respond(200, completion("", finish="length", reasoning="hm"))])
    assert type(fault) is NeedsRoom
    fault, _ = asked([respond(200, completion("I like", finish="length", reasoning="hm"))])
    assert type(fault) is Truncated


def test_room_is_asked_for_with_little_thinking_and_without_it_where_that_is_refused():
    def script(request):
        effort = request.json().get("reasoning_effort")
        if effort == "low":
            return respond(400, {"error": {"message": "Unsupported value: 'low'"}})
        if effort:
            return respond(422, {"detail": "reasoning_effort: unexpected value"})
        return answer("yes", logprobs=PLACES)

    sent = []

    def kept(request):
        sent.append(request.json())
        return script(request)

    import asyncio

    from panel.llm.openai_compat.client import OpenAICompatClient
    from tests.llm.test_wire import target
    from tests.support.faultd import FaultServer

    async def main():
        async with FaultServer(kept) as server:
            wire = OpenAICompatClient(target(server))
            for _ in range(2):
                with pytest.raises(CallError):
                    await wire.ask(question(**SHORT, room=64), "prompt", deadline=5)
            reply = await wire.ask(question(**SHORT, room=64), "prompt", deadline=5)
            await wire.close()
            return reply

    assert asyncio.run(main()).text == "yes"
    assert [b.get("reasoning_effort") for b in sent] == ["none", "low", None]
    assert {b["max_tokens"] for b in sent} == {65}


def test_a_question_without_room_asks_nothing_of_thinking():
    _, log = asked([answer("yes", logprobs=PLACES)], question(**SHORT))
    assert "reasoning_effort" not in log[0].json()
    assert head(200, []).startswith(b"HTTP/1.1 200")
