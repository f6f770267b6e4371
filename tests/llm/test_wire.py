"""The wire against a real loopback server: what is sent, what comes back, what faults mean."""

import asyncio
import json
import math

import pytest

from panel.foundation.errors import (
    BadReply,
    CallError,
    Empty,
    Filtered,
    FormatRefused,
    KeyRejected,
    ModelNotFound,
    ParameterRefused,
    QuotaSpent,
    RateLimited,
    Refused,
    Truncated,
    Unreachable,
)
from panel.llm.config import ProviderConfig
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.openai_compat.request import Payload
from panel.llm.types import FENCE, ChatRequest
from tests.support.faultd import (
    SSE,
    FaultServer,
    answer,
    chunked,
    completion,
    events,
    gzipped,
    panel_answers,
    raw,
    redirect,
    respond,
)
from tests.support.wires import wire_under_test

pytestmark = pytest.mark.usefixtures("wire")

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
          "additionalProperties": False}  # fmt: skip


def question(**changes):
    plain = {"system": "S", "shared": f"about {FENCE} ", "tail": "T?", "max_tokens": 50}
    return ChatRequest(**plain | changes)


def target(server, **changes):
    plain = {"provider": server.base_url, "kind": "wire", "model": "m", "wire_model": "m:p",
             "base_url": server.base_url, "wire": wire_under_test()}  # fmt: skip
    return ProviderConfig(**plain | changes)


async def ask_once(server, asked=None, *, format="json_schema", deadline=5.0, **changes):
    wire = OpenAICompatClient(target(server, **changes))
    try:
        return await wire.ask(asked or question(), format, deadline=deadline)
    finally:
        await wire.close()


def asked(script, *args, **kwargs):
    """Ask once; return the reply (or the error it raised) and the server's log."""

    async def main():
        async with FaultServer(script) as server:
            try:
                return await ask_once(server, *args, **kwargs), server.requests
            except CallError as fault:
                return fault, server.requests

    return asyncio.run(main())


def test_the_request_is_the_question_and_nothing_more():
    _, log = asked([answer("hi")], question(marker="abc", temperature=0.7, sample=3))
    (request,) = log
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.json() == {
        "model": "m:p", "max_tokens": 50, "temperature": 0.7, "seed": 3,
        "messages": [{"role": "system", "content": "S"},
                     {"role": "user", "content": "about abc T?"}],
    }  # fmt: skip
    assert set(request.headers) == {"host", "accept", "accept-encoding", "user-agent",
                                    "content-type", "content-length"}  # fmt: skip
    assert request.headers["accept-encoding"] == "gzip, identity"


@pytest.mark.parametrize(
    ("format", "sent"),
    [
        ("json_schema", {"type": "json_schema",
                         "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}),
        ("json_object", {"type": "json_object"}),
        ("prompt", None),
    ],
)  # fmt: skip
def test_each_rung_of_the_ladder_sends_its_own_response_format(format, sent):
    reply, log = asked([answer('{"a": "b"}')], question(schema=SCHEMA), format=format)
    assert log[0].json().get("response_format") == sent
    assert reply.format == format


def test_a_question_without_schema_never_sends_a_format():
    reply, log = asked([answer("hi")], format="json_schema")
    assert "response_format" not in log[0].json()
    assert reply.format == "prompt"


PLACES = [
    {
        "token": "yes",
        "logprob": -0.2,
        "bytes": [121],
        "top_logprobs": [
            {"token": "yes", "logprob": -0.2},
            {"token": " Yes", "logprob": -3},
            {"token": "no", "logprob": -1.5},
            {"token": "bad", "logprob": None},
            {"token": 7, "logprob": -1},
        ],
    }
]


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_carries_text_usage_headers_and_log_probabilities(stream):
    script = [
        answer(
            "yes",
            logprobs=PLACES,
            finish="length",
            headers=[("x-inference-provider", "groq"), ("x-request-id", "r1")],
        )
    ]
    reply, log = asked(script, question(logprobs=True, max_tokens=1), stream=stream)
    body = log[0].json()
    assert (body["logprobs"], body["top_logprobs"]) == (True, 20)
    assert body.get("stream_options") == ({"include_usage": True} if stream else None)
    assert (reply.text, reply.finish_reason, reply.model) == ("yes", "length", "scripted")
    assert (reply.served_by, reply.request_id) == ("groq", "r1")
    assert reply.usage.model_dump() == {"input_tokens": 100, "cached_tokens": 60,
                                        "output_tokens": 7, "cost_usd": None}  # fmt: skip
    assert reply.top_logprobs == ({"yes": -0.2, " Yes": -3.0, "no": -1.5},)
    assert reply.raw["choices"][0]["message"]["content"] == "yes"
    assert reply.seconds > 0


def test_a_stream_gives_the_same_reply_whatever_the_size_of_its_pieces():
    body = completion("ein längerer Text – mit Umlauten äöü 😀", reasoning_content="hm")
    for size in (1, 7, 1000):
        raw = b"".join(events(body, size=size))
        pieces = [raw[i : i + 3] for i in range(0, len(raw), 3)] if size == 7 else [raw]
        reply, _ = asked([chunked(pieces)], stream=True)
        assert reply.text == "ein längerer Text – mit Umlauten äöü 😀"
        assert reply.usage.output_tokens == 7


def test_comments_line_ends_and_a_missing_last_blank_line_do_not_matter():
    raw = b": keep-alive\r\n\r\n" + b"".join(events(completion("ok"))[:-1]).replace(b"\n", b"\r\n")
    reply, _ = asked([chunked([raw[:-2]])], stream=True)
    assert reply.text == "ok"


def test_json_is_understood_though_a_stream_was_asked_for_and_the_reverse():
    assert asked([respond(200, completion("hi"))], stream=True)[0].text == "hi"
    assert asked([chunked(events(completion("hi")))], stream=False)[0].text == "hi"


@pytest.mark.parametrize(
    ("extra", "cached"),
    [
        ({"timings": {"cache_n": 90}}, 90),
        ({"usage": {"prompt_tokens": 100, "prompt_cache_hit_tokens": 80}}, 80),
        ({"usage": {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 99}}}, 10),
        ({"usage": None}, None),
        ({"usage": {"prompt_tokens": True, "completion_tokens": -4}}, None),
        ({"usage": {"prompt_tokens": "7", "prompt_tokens_details": []}}, 0),
    ],
)
def test_cached_tokens_come_from_wherever_the_server_puts_them(extra, cached):
    body = completion("hi", usage={"prompt_tokens": 100, "completion_tokens": 1}) | extra
    assert asked([respond(200, body)])[0].usage.cached_tokens == cached


def test_a_cost_is_the_servers_own_or_the_price_of_who_served_or_unknown():
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    by = [("x-inference-provider", "groq")]
    prices = {"groq": (1.0, 10.0), "other": (9.0, 9.0)}
    assert asked([answer("x", usage=usage)], prices=prices)[0].usage.cost_usd is None
    assert asked([answer("x", usage=usage, headers=by)], prices=prices)[0].usage.cost_usd == 0.002
    assert asked([answer("x", usage=usage)], prices={"": (1.0, 0)})[0].usage.cost_usd == 0.001
    assert asked([answer("x", usage=usage | {"cost": 0.5})], prices=prices)[0].usage.cost_usd == 0.5
    assert asked([answer("x", usage={})], prices={"": (1.0, 1.0)})[0].usage.cost_usd is None


def test_the_older_shape_of_log_probabilities_and_typed_content_are_read():
    body = completion(None)
    body["choices"][0]["message"]["content"] = [
        {"type": "text", "text": "ye"},
        {"type": "text", "text": "s"},
    ]
    body["choices"][0]["logprobs"] = {
        "tokens": ["yes"],
        "token_logprobs": [-0.1],
        "top_logprobs": [{"yes": -0.1, "no": -2, "x": math.inf}],
    }
    reply, _ = asked([respond(200, json.dumps(body).encode())], question(logprobs=True))
    assert (reply.text, reply.top_logprobs) == ("yes", ({"yes": -0.1, "no": -2.0},))


NOT_SERVED = {
    "error": {
        "message": "The requested model 'm' is not supported by any provider.",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_supported",
    }
}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, NOT_SERVED, ModelNotFound),
        (404, {"error": "no such thing"}, ModelNotFound),
        (404, "<html>nginx</html>", ModelNotFound),
        (401, {"error": "Invalid credentials in Authorization header"}, KeyRejected),
        (403, {"error": "This token does not have sufficient permissions"}, KeyRejected),
        (402, {"error": "You have depleted your monthly included credits."}, QuotaSpent),
        (429, {"error": {"message": "slow down"}}, RateLimited),
        (429, "", RateLimited),
        (400, {"error": {"message": "response_format is not supported"}}, FormatRefused),
        (422, {"detail": [{"loc": ["body", "response_format"], "msg": "extra"}]}, FormatRefused),
        (400, {"error": "Invalid schema for response_format 'answer'"}, FormatRefused),
        (400, {"error": "failed to parse grammar"}, FormatRefused),
        (500, {"error": {"message": "failed to parse grammar"}}, FormatRefused),
        (
            400,
            {"error": {"message": "Failed to generate JSON", "code": "json_validate_failed"}},
            FormatRefused,
        ),
        (
            400,
            {"error": {"message": "Unsupported parameter: 'max_tokens'", "param": "max_tokens"}},
            ParameterRefused,
        ),
        (422, {"message": "seed: Extra inputs are not permitted"}, ParameterRefused),
        (
            400,
            {"error": "maximum context length is 4096 tokens, max_tokens must be less"},
            BadReply,
        ),
        (400, {"error": {"type": "exceed_context_size_error", "message": "grammar"}}, BadReply),
        (413, "", BadReply),
        (400, {"error": "something else"}, BadReply),
        (418, "", BadReply),
        (408, "", Unreachable),
        (500, "", Unreachable),
        (502, "<html><h1>Bad gateway</h1></html>", Unreachable),
        (503, {"error": "loading"}, Unreachable),
        (504, "<!DOCTYPE html>", Unreachable),
        (200, {"error": {"message": "too many", "code": 429}}, RateLimited),
        (200, {"error": {"message": "key", "code": "401"}}, KeyRejected),
        (200, {"error": "the server is overloaded"}, Unreachable),
        (200, NOT_SERVED, ModelNotFound),
        (200, {"error": "who knows"}, BadReply),
        (200, "<html>hello</html>", BadReply),
        (200, "not json", BadReply),
        (200, "[1]", BadReply),
        (200, "", BadReply),
        (200, '{"a":' * 20_000, BadReply),
        (200, '{"choices": [{"message": {"content": "x"}, "n": ' + "9" * 5000 + "}]}", BadReply),
        (200, {"choices": []}, Empty),
        (200, {"object": "x"}, Empty),
        (200, {"choices": "soup"}, Empty),
        (200, {"choices": [None]}, Empty),
        (200, completion("cut", finish="length"), Truncated),
        (200, completion("", finish="content_filter"), Filtered),
        (200, completion(None, refusal="I can't"), Refused),
        (200, completion(""), Empty),
        (200, completion(" \n "), Empty),
        (200, completion(None, reasoning_content="long thoughts"), Empty),
    ],
)
def test_every_fault_means_one_error_after_one_request(status, body, error):
    fault, log = asked([respond(status, body)], question(schema=SCHEMA, max_tokens=50))
    assert type(fault) is error
    assert len(log) == 1
    assert "127.0.0.1" in fault.message
    assert "\n" not in fault.message
    assert len(fault.message) < 400


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (completion("cut", finish="length"), Truncated),
        (completion(None, finish="content_filter"), Filtered),
        (completion(None, refusal="I can't"), Refused),
        (completion(None, reasoning_content="thoughts"), Empty),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_p10_refused_empty_filtered_and_cut_are_told_apart_and_keep_their_usage(
    body, error, stream
):
    script = [chunked(events(body))] if stream else [respond(200, body)]
    fault, _ = asked(script, stream=stream)
    assert type(fault) is error
    assert fault.reply.usage.output_tokens == 7


def test_an_error_in_the_middle_of_a_stream_is_that_error():
    first = events(completion("half an answer"))[:3]
    fault, _ = asked([chunked([*first, b'data: {"error": {"code": 503, "message": "gone"}}\n\n'])])
    assert type(fault) is Unreachable
    fault, _ = asked([chunked([*first, b"data: {not json\n\n"])])
    assert type(fault) is BadReply


@pytest.mark.parametrize(("asked", "sent"), [(50, 4050), (16, 16), (1, 1)])
def test_written_answers_have_room_to_think_and_one_word_answers_have_none(asked, sent):
    row = {"provider": "p", "kind": "wire", "model": "m", "wire_model": "m", "thinking": 4000}
    payload = Payload(ProviderConfig.model_validate(row))
    assert payload.of(question(max_tokens=asked), "prompt")["max_tokens"] == sent


@pytest.mark.parametrize("asked_for", [{"logprobs": True, "max_tokens": 1}, {"max_tokens": 32}])
def test_stopping_after_the_few_tokens_asked_for_is_no_truncation(asked_for):
    reply, _ = asked([answer("yes", finish="length")], question(**asked_for))
    assert reply.text == "yes"


def test_a_blank_token_with_log_probabilities_is_an_answer():
    reply, _ = asked([answer(" ", logprobs=PLACES)], question(logprobs=True, max_tokens=1))
    assert reply.top_logprobs


def test_a_status_counts_though_its_body_breaks_off_or_never_ends():
    head = b"HTTP/1.1 401 No\r\nContent-Length: 900\r\n\r\n{"
    for scenario in (raw(head, reset=True), raw(head), respond(401, "x" * 500_000)):
        assert type(asked([scenario])[0]) is KeyRejected


def test_a_redirect_is_not_followed_and_names_the_other_host():
    async def main():
        async with FaultServer([answer("stolen")]) as elsewhere:
            async with FaultServer([redirect(elsewhere.base_url)]) as server:
                with pytest.raises(BadReply, match=f"redirects to 127.0.0.1:{elsewhere.port}"):
                    await ask_once(server, key="canary-key")
            assert elsewhere.requests == []

    asyncio.run(main())


def test_keys_go_only_to_their_own_host():
    async def main():
        async with FaultServer([answer("a")]) as mine, FaultServer([answer("b")]) as other:
            await ask_once(mine, key="canary-mine")
            await ask_once(mine, key="canary-mine", key_header="api-key")
            await ask_once(other)
            first, second = (request.headers for request in mine.requests)
            assert first["authorization"] == "Bearer canary-mine"
            assert second["api-key"] == "canary-mine"
            assert "authorization" not in second
            told = str([r.header_list for r in other.requests]) + str(
                [r.body for r in other.requests]
            )
            assert "canary" not in told
            assert "authorization" not in other.requests[0].headers

    asyncio.run(main())


def test_nothing_of_the_environment_reaches_a_server(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login canary password canary")
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID",
                 "OPENAI_ADMIN_KEY", "OPENAI_WEBHOOK_SECRET", "OPENAI_API_VERSION"):  # fmt: skip
        monkeypatch.setenv(name, "canary")
    lines = ("Authorization: canary", "X-Canary: canary", "user-agent: canary", "Cookie: canary")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "\n".join(lines))
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/canary")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens: using it would fail
    for key in (None, "mine"):
        reply, log = asked([answer("hi")], key=key)
        assert reply.text == "hi"
        assert "canary" not in str(log[0].header_list).lower() + str(log[0].body)
        assert log[0].headers.get("authorization") == (key and "Bearer mine")


def test_a_proxy_that_the_target_names_is_used():
    async def main():
        async with FaultServer([answer("through the proxy")]) as proxy:
            far = ProviderConfig(
                provider="far",
                kind="wire",
                model="m",
                wire_model="m",
                base_url="http://far.invalid/v1",
                proxy=f"http://127.0.0.1:{proxy.port}",
                wire=wire_under_test(),
            )
            wire = OpenAICompatClient(far)
            reply = await wire.ask(question(), "prompt", deadline=5)
            await wire.close()
            assert reply.text == "through the proxy"
            assert proxy.requests[0].path == "http://far.invalid/v1/chat/completions"

    asyncio.run(main())


def test_a_parameter_that_a_server_does_not_take_is_left_out_from_then_on():
    def script(request):
        body = request.json()
        for name in ("max_tokens", "seed", "logprobs"):
            if name in body:
                return respond(400, {"error": {"message": f"Unsupported parameter: '{name}'"}})
        return answer("yes")

    async def main():
        async with FaultServer(script) as server:
            wire = OpenAICompatClient(target(server))
            for name in ("max_tokens", "seed", "logprobs"):
                with pytest.raises(ParameterRefused) as caught:
                    await wire.ask(question(logprobs=True), "prompt", deadline=5)
                assert caught.value.parameter == name
            assert (await wire.ask(question(logprobs=True), "prompt", deadline=5)).text == "yes"
            await wire.close()
            body = server.requests[-1].json()
            assert body["max_completion_tokens"] == 50
            assert not {"max_tokens", "seed", "logprobs", "top_logprobs"} & set(body)

    asyncio.run(main())


def test_fewer_log_probabilities_are_asked_for_before_none():
    def script(request):
        top = request.json().get("top_logprobs")
        return answer("yes") if top == 5 else respond(400, "top_logprobs must be less than 6")

    async def main():
        async with FaultServer(script) as server:
            wire = OpenAICompatClient(target(server))
            with pytest.raises(ParameterRefused):
                await wire.ask(question(logprobs=True), "prompt", deadline=5)
            assert (await wire.ask(question(logprobs=True), "prompt", deadline=5)).text == "yes"
            await wire.close()

    asyncio.run(main())


def test_one_connection_serves_call_after_call_streamed_or_not():
    async def main():
        async with FaultServer(panel_answers()) as server:
            for stream in (False, True):
                wire = OpenAICompatClient(target(server, stream=stream))
                for _ in range(5):
                    await wire.ask(question(), "prompt", deadline=5)
                await wire.close()
            assert server.connections == 2

    asyncio.run(main())


def test_a_wire_works_in_a_second_event_loop_and_after_being_closed():
    wire = None

    async def main():
        nonlocal wire
        async with FaultServer([answer("hi")]) as server:
            wire = wire or OpenAICompatClient(target(server))
            fresh = OpenAICompatClient(target(server))
            for _ in range(2):
                assert (await fresh.ask(question(), "prompt", deadline=5)).text == "hi"
                await fresh.close()

    asyncio.run(main())
    asyncio.run(main())


def test_gzip_is_understood_and_no_other_encoding():
    body = json.dumps(completion("zipped")).encode()
    assert asked([gzipped(body)])[0].text == "zipped"
    fault, _ = asked([respond(200, body, (("Content-Encoding", "br"),))])
    assert type(fault) is BadReply
    for broken in (b"not gzip", b""):
        fault, _ = asked([respond(200, broken, (("Content-Encoding", "gzip"),))])
        assert type(fault) is Unreachable
    streamed = b"".join(events(completion("zipped stream")))
    reply, _ = asked([gzipped(streamed, (SSE,))])
    assert reply.text == "zipped stream"
