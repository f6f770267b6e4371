"""P11 and O4 on the wire: no endless reply is read to its end, no key comes out of it."""

import asyncio
import json
import sys

import pytest

from panel.foundation.errors import CallError, Truncated, Unreachable
from panel.llm.config import ProviderConfig
from panel.llm.openai_compat.client import OpenAICompatClient
from tests.llm.test_wire import asked, question
from tests.support.bombs import gzip_bomb
from tests.support.faultd import (
    JSON,
    SSE,
    FaultServer,
    answer,
    chunked,
    completion,
    endless,
    events,
    redirect,
    respond,
)
from tests.support.wires import wire_under_test

pytestmark = pytest.mark.usefixtures("wire")

OPEN = b'{"choices": [{"message": {"content": "'
DELTA = b'data: {"choices": [{"delta": {"content": "%s"}}]}\n\n'

BOMB = gzip_bomb(b"a" * 2**16, 1000, opening=b'{"choices": "')

ENDLESS = {
    "text in JSON": endless(b"word " * 1000, opening=OPEN),
    "blanks in JSON": endless(b"\\n" * 5000, opening=OPEN),
    "blanks for a body": endless(b" \n" * 5000),
    "one token again and again": endless(DELTA % b"no ", headers=(SSE,)),
    "blank tokens": endless(DELTA % b" \\n", headers=(SSE,)),
    "big tokens": endless(DELTA % (b"x" * 60_000), headers=(SSE,)),
    "thinking": endless(DELTA.replace(b"content", b"reasoning") % b"hm ", headers=(SSE,)),
    "an event without end": endless(b"x" * 5000, opening=b"data: ", headers=(SSE,)),
    "comments": endless(b": keep-alive\n\n", headers=(SSE,)),
    "gzip bomb": respond(200, BOMB, (JSON, ("Content-Encoding", "gzip"))),
    "gzip bomb in a stream": respond(200, BOMB, (SSE, ("Content-Encoding", "gzip"))),
}  # fmt: skip


@pytest.mark.parametrize("scenario", ENDLESS.values(), ids=ENDLESS.keys())
def test_p11_an_endless_reply_is_left_and_its_connection_closed(scenario):
    async def main():
        async with FaultServer([scenario]) as server:
            config = ProviderConfig(provider="x", kind="wire", model="m", wire_model="m",
                                    base_url=server.base_url, stream=True,
                                    wire=wire_under_test())  # fmt: skip
            wire = OpenAICompatClient(config)
            try:
                with pytest.raises(Truncated, match="did not end") as caught:
                    await wire.ask(question(), "prompt", deadline=40)
            finally:
                await wire.close()
            await asyncio.sleep(0.05)
            (request,) = server.requests
            small = request.sent < 1_000_000
            assert request.client_left or small
            assert request.sent < 20_000_000  # the cap, and what sockets hold in between
            return caught.value

    fault = asyncio.run(main())
    assert fault.reason == "truncated"
    assert len(fault.reply.text) <= 256_000 + 60_000


def test_p11_tokens_billed_before_a_stream_was_left_are_counted():
    fault, _ = asked([ENDLESS["blank tokens"]], stream=True)
    assert 1_000 <= fault.reply.usage.output_tokens <= 1_002
    usage = b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}\n\n'
    fault, _ = asked([endless(DELTA % (b" " * 500), opening=usage, headers=(SSE,))], stream=True)
    assert (fault.reply.usage.input_tokens, fault.reply.usage.output_tokens) == (9, 5)


def test_p11_a_whole_reply_of_blanks_is_no_answer_and_its_tokens_are_counted():
    blanks = completion("yes" + "\u00a0" * 2001)
    for script in ([respond(200, blanks)], [chunked(events(blanks, size=300))]):
        fault, _ = asked(script)
        assert type(fault) is Truncated
    assert asked([answer("yes" + " " * 1900)])[0].text.startswith("yes")


def test_p11_log_probabilities_of_a_long_answer_are_not_taken_for_endless():
    top = [{"token": f"token{n}", "logprob": -n, "bytes": list(b"token")} for n in range(20)]
    places = [{"token": "word", "logprob": -0.1, "top_logprobs": top}] * 400
    for stream in (False, True):
        reply, log = asked([answer("word " * 400, logprobs=places)],
                           question(logprobs=True, max_tokens=400), stream=stream)  # fmt: skip
        assert len(reply.top_logprobs) == 400
        assert log[0].sent > 256_000


CHILD = """
import asyncio, resource, sys
from panel.llm.types import ChatRequest as Question
from panel.llm.config import ProviderConfig as Target
from panel.llm.openai_compat.client import OpenAICompatClient as Wire

async def main():
    wire = Wire(Target(provider="x", kind="wire", model="m", wire_model="m", base_url=sys.argv[1],
                       wire=sys.argv[3]))
    asked = Question(system="s", shared="s", tail="t", max_tokens=50)
    await wire.ask(asked, "prompt", deadline=10)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(int(sys.argv[2])):
        try:
            await wire.ask(asked, "prompt", deadline=20)
        except Exception as fault:
            print(type(fault).__name__)
    await wire.close()
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)

asyncio.run(main())
"""


def test_p11_memory_grows_by_at_most_32_mib_over_all_endless_replies():
    async def main():
        async with FaultServer([answer("warm up"), *ENDLESS.values()]) as server:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", CHILD, server.base_url, str(len(ENDLESS)),
                wire_under_test(),
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, _ = await child.communicate()
            return out.decode().split()

    *kinds, grown = asyncio.run(main())
    assert kinds == ["Truncated"] * len(ENDLESS)
    assert int(grown) <= 32


def test_p11_an_endless_error_page_is_left_too():
    async def flood(request, line):
        await line.send(b"HTTP/1.1 503 Down\r\nContent-Length: 50000000\r\n\r\n")
        for _ in range(500):
            await line.send(b"<html>" * 16_000)

    fault, (request,) = asked([flood])
    assert type(fault) is Unreachable
    assert request.sent < 20_000_000


CANARY = "sk-canary/+0123456789abcdef=="
SECOND = "canary-header-98765"


def leaks(value):
    text = repr(value) + json.dumps(getattr(value, "raw", None) or {})
    reply = getattr(value, "reply", None)
    text += leaks(reply) if reply is not None else ""
    text += f"{getattr(value, 'message', '')}{getattr(value, 'hint', '')}"
    return text


ESCAPED = CANARY.replace("/", "\\/")
QUOTED = "sk-canary%2F%2B0123456789abcdef%3D%3D"

ECHOES = {
    "error string": respond(401, {"error": f"Invalid key {CANARY} and {SECOND}"}),
    "error object": respond(400, {"error": {"message": f"Bearer {CANARY}", "code": CANARY}}),
    "error page": respond(502, f"<html>{CANARY}"),
    "plain error": respond(500, CANARY),
    "escaped error": respond(403, f'{{"error": "key {ESCAPED}"}}'),
    "quoted error": respond(400, f"no access to /?key={QUOTED}"),
    "upstream's error": respond(400, {"error": {"message": "Provider returned error", "metadata": {
        "raw": json.dumps({"error": {"message": f"no such key {CANARY}"}})}}}),
    "upstream's error escaped": respond(400, {"error": {"message": "x " + json.dumps(
        {"error": {"message": f"no such key {CANARY}"}}).replace("/", "\\/")}}),
    "status 402": respond(402, {"message": CANARY}),
    "status 404": respond(404, {"detail": [{"input": CANARY}]}),
    "status 429": respond(429, {"error": CANARY}),
    "redirect": redirect(f"https://elsewhere.example/{CANARY}"),
    "redirect to a host": redirect(f"https://{SECOND}.example/"),
    "error in a 200": respond(200, {"error": {"message": CANARY}}),
    "not JSON": respond(200, CANARY),
    "text": answer(f"the key is {CANARY}, the other {SECOND}"),
    "text escaped": respond(200, json.dumps(completion("KEY")).replace("KEY", ESCAPED)),
    "odd places": respond(200, completion("x") | {CANARY: [{"a": CANARY}], "model": CANARY}),
    "headers": answer("x", headers=[("x-request-id", CANARY), ("x-inference-provider", CANARY)]),
    "refusal": respond(200, completion(None, refusal=CANARY)),
    "stream": chunked(events(completion(f"a {CANARY} b"), size=7)),
    "stream error": chunked([b'data: {"error": "%s"}\n\n' % CANARY.encode()]),
    "stream noise": chunked([b"data: %s\n\n" % CANARY.encode()]),
}  # fmt: skip


@pytest.mark.parametrize("scenario", ECHOES.values(), ids=ECHOES.keys())
def test_o4_a_key_that_a_server_echoes_comes_out_nowhere(scenario):
    found, log = asked([scenario], key=CANARY, key_from="THE_KEY", headers={"X-Secret": SECOND})
    assert log[0].headers["authorization"] == f"Bearer {CANARY}"
    text = leaks(found)
    for secret in (CANARY, SECOND, ESCAPED, QUOTED, "0123456789abcdef"):
        assert secret not in text
    if isinstance(found, CallError):
        assert "\n" not in found.message


def test_o4_a_rejected_key_is_named_by_its_variable():
    fault, _ = asked([respond(401)], key=CANARY, key_from="THE_KEY")
    assert "THE_KEY" in fault.message
    fault, _ = asked([respond(401)])
    assert "none is set" in fault.message
    assert "key_env" in fault.hint


def test_o3_what_a_server_says_is_one_printable_line():
    fault, _ = asked([respond(400, {"error": "\x1b[2J\u202eevil\r\nline two" + "x" * 5000})])
    assert "\x1b" not in fault.message
    assert "\u202e" not in fault.message
    assert "\n" not in fault.message
    assert len(fault.message) < 400


def test_o4_an_exception_carries_no_second_one_with_the_address_or_key():
    fault, _ = asked([respond(200, CANARY)], key=CANARY)
    assert fault.__cause__ is None
    assert fault.__suppress_context__ or fault.__context__ is None
