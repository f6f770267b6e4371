"""Two wires that nobody can tell apart: what they send, what they go through, and which is taken.

That they read replies and errors alike is held by the tests with the fixture `wire`.
"""

import asyncio
import base64
import subprocess
import sys

import pytest

from panel.engine.open_provider import open_provider, provider_config
from panel.engine.options import Options
from panel.foundation.errors import Unreachable
from panel.foundation.settings import ProviderSettings, Settings
from panel.llm.config import ProviderConfig
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.providers.wires import LONG_LIST, choose_wire
from tests.llm.test_wire import SCHEMA, asked, question, target
from tests.support.faultd import FaultServer, answer, raw, respond
from tests.support.wires import WIRES

QUESTIONS = {
    "plain": ({}, {}),
    "a schema": ({"schema": SCHEMA}, {}),
    "a schema in a stream": ({"schema": SCHEMA, "max_tokens": 900}, {"stream": True}),
    "log-probabilities": ({"logprobs": True, "max_tokens": 1}, {}),
    "room to think": ({"room": 64, "max_tokens": 1}, {"thinking": 4000}),
    "a sample": ({"temperature": 0.7, "sample": 3, "marker": "f00d"}, {}),
    "every sign": ({"tail": "äöü 😀 \u2028 \x7f <b> \\u0041 \ud800"}, {}),
    "a key": ({}, {"key": "canary"}),
    "a key of its own header": ({}, {"key": "canary", "key_header": "api-key"}),
    "headers": ({}, {"key": "canary", "headers": {"X-HF-Bill-To": "org", "X-Two": "a, b"}}),
}


@pytest.mark.parametrize(("changes", "config"), QUESTIONS.values(), ids=QUESTIONS.keys())
def test_both_wires_send_the_same_request(changes, config):
    (one,), (two,) = (
        asked([answer('{"a": "b"}')], question(**changes), wire=wire, **config)[1] for wire in WIRES
    )
    assert (one.method, one.path) == (two.method, two.path)
    assert one.json() == two.json()
    first, second = one.headers, two.headers
    for headers in (first, second):  # they write the same JSON with other blanks, to other ports
        del headers["content-length"], headers["host"]
    assert first == second
    assert len(one.header_list) == len(two.header_list) == len(first) + 2


@pytest.mark.usefixtures("wire")
def test_what_sends_is_told_to_nobody():
    (request,) = asked([answer("hi")])[1]
    assert request.headers["user-agent"] == "panel-verdict"
    text = str(request.header_list).lower()
    assert not any(word in text for word in ("stainless", "python", "linux", "x86", "httpx"))


@pytest.mark.usefixtures("wire")
def test_a_cookie_is_not_sent_back():
    async def main():
        async with FaultServer([answer("hi", headers=[("Set-Cookie", "id=7; Path=/")])]) as server:
            client = OpenAICompatClient(target(server))
            for _ in range(2):
                await client.ask(question(), "prompt", deadline=5)
            await client.close()
            return server.requests

    assert ["cookie" in request.headers for request in asyncio.run(main())] == [False, False]


def far(wire, proxy, scheme="http"):
    url = f"{scheme}://far.invalid/v1"
    return ProviderConfig(provider="far", kind="wire", model="m", wire_model="m", wire=wire,
                          base_url=url, proxy=proxy, key="canary")  # fmt: skip


async def refused(config):
    client = OpenAICompatClient(config)
    try:
        with pytest.raises(Unreachable) as caught:
            await client.ask(question(), "prompt", deadline=5)
    finally:
        await client.close()
    return caught.value.message


def test_a_proxys_password_goes_to_the_proxy_alone(wire):
    async def main():
        async with FaultServer([answer("hi")]) as proxy:
            at = f"http://me:PASSWORD@127.0.0.1:{proxy.port}"
            client = OpenAICompatClient(far(wire, at))
            await client.ask(question(), "prompt", deadline=5)
            await client.close()
            return proxy.requests[0].headers

    sent = asyncio.run(main())["proxy-authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"me:PASSWORD"


def test_a_proxy_that_refuses_or_is_away_is_named_and_gets_no_key(wire):
    async def main():
        turned_down = raw(b"HTTP/1.1 407 Sign in\r\nContent-Length: 0\r\n\r\n")
        async with FaultServer([turned_down]) as proxy:
            message = await refused(far(wire, f"http://a:PASSWORD@127.0.0.1:{proxy.port}", "https"))
            request = proxy.requests[0]
        assert (request.method, request.path) == ("CONNECT", "far.invalid:443")
        assert "canary" not in str(request.header_list)
        away = await refused(far(wire, "http://a:PASSWORD@127.0.0.1:1", "https"))
        return message, away

    message, away = asyncio.run(main())
    assert message == "far.invalid: the proxy answers 407"
    assert away == "far.invalid: the proxy cannot be reached"


def test_many_calls_at_once_have_a_connection_each(wire):
    async def main():
        async with FaultServer([respond(503)]) as server:
            client = OpenAICompatClient(target(server, wire=wire))
            calls = [client.ask(question(), "prompt", deadline=20) for _ in range(150)]
            faults = await asyncio.gather(*calls, return_exceptions=True)
            await client.close()
            return {type(fault) for fault in faults}, server.connections

    assert asyncio.run(main()) == ({Unreachable}, 150)


LEAN = """
import asyncio, sys
from tests.llm.test_wire import ask_once, question
from tests.support.faultd import FaultServer, answer
async def main():
    async with FaultServer([answer("hi")]) as server:
        for wire in ("lean", "openai"):
            await ask_once(server, wire=wire)
            print(wire, {"openai", "httpx2"} & set(sys.modules))
asyncio.run(main())
"""


def test_openai_is_imported_with_the_first_request_that_it_carries():
    done = subprocess.run([sys.executable, "-c", LEAN], capture_output=True, text=True, check=True)
    lean, official = done.stdout.splitlines()
    assert lean == "lean set()"
    assert "'openai'" in official


@pytest.mark.parametrize(
    ("base_url", "named", "tools", "wire", "why"),
    [
        ("https://router.example/v1", None, 1, "openai", "for up to 20 tools"),
        ("https://router.example/v1", None, LONG_LIST, "openai", "lean for longer lists"),
        ("https://router.example/v1", None, LONG_LIST + 1, "lean", "more than 20 tools"),
        ("http://10.0.0.5:8000/v1", None, 1, "openai", "for up to 20 tools"),
        ("http://localhost:8000/v1", None, 1, "lean", "x is on this machine"),
        ("http://[::1]:8000/v1", None, 1, "lean", "x is on this machine"),
        ("http://localhost:8000/v1", "openai", 900, "openai", "as named for x"),
        ("https://router.example/v1", "lean", 1, "lean", "as named for x"),
    ],
)
def test_one_rule_decides_the_wire(base_url, named, tools, wire, why):
    config = ProviderConfig(provider="x", kind="wire", model="m", wire_model="m",
                            base_url=base_url, wire=named)  # fmt: skip
    choice = choose_wire(config, tools)
    assert choice.wire == wire
    assert why in choice.why


@pytest.mark.parametrize(
    ("row", "option", "tools", "wire"),
    [
        ({}, None, 1, "openai"),
        ({}, None, 21, "lean"),
        ({"wire": "openai"}, None, 21, "openai"),
        ({"wire": "openai"}, "lean", 1, "lean"),
    ],
)
def test_a_row_goes_over_the_rule_and_the_option_over_the_row(row, option, tools, wire):
    table = ProviderSettings.model_validate({"base_url": "https://a.example/v1", **row})
    options = Options(settings=Settings(providers={"mine": table}), environ={}, provider="mine",
                      model="m", wire=option, tools=tools)  # fmt: skip

    async def main():
        opened = await open_provider(provider_config(options), options)
        await opened.endpoint.close()
        return opened.config.wire

    assert asyncio.run(main()) == wire
