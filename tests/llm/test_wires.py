"""Two wires that nobody can tell apart: what they send, what they go through, and which is taken.

That they read replies and errors alike is held by the tests with the fixture `wire`.
"""

import asyncio
import base64
import subprocess
import sys
import time
from typing import Any

import pytest

from panel.engine.open_provider import open_provider, provider_config
from panel.engine.options import Options
from panel.foundation.errors import KeyRejected, ProviderError, Unreachable, Untrusted
from panel.foundation.settings import ProviderSettings, Settings
from panel.llm.config import ProviderConfig
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.providers.resolve import resolve
from panel.llm.providers.wires import LONG_LIST, choose_wire
from tests.llm.test_wire import SCHEMA, asked, question, target
from tests.support.faultd import FaultServer, answer, raw, respond
from tests.support.wires import WIRES

QUESTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "a schema": ({"schema": SCHEMA}, {}),
    "a schema in a stream": ({"schema": SCHEMA, "max_tokens": 900}, {"stream": True}),
    "log-probabilities": ({"logprobs": True, "max_tokens": 1}, {}),
    "room to think": ({"room": 64, "max_tokens": 1}, {"thinking": 4000}),
    "a sample": ({"temperature": 0.7, "sample": 3, "marker": "f00d"}, {}),
    "every sign": ({"tail": "äöü 😀 \u2028 \x7f <b> \\u0041 \ud800"}, {}),
    "a key": ({}, {"key": "canary"}),
    "a key of its own header": ({}, {"key": "canary", "key_header": "api-key"}),
    "a deployment of Azure": ({}, {"key": "canary", "key_header": "api-key",
                                   "wire_model": "gpt-5.1", "api_version": "2024-10-21"}),
    "headers": ({}, {"key": "canary", "headers": {"X-HF-Bill-To": "org", "X-Two": "a, b"}}),
}  # fmt: skip


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


def test_a_proxy_behind_tls_is_trusted_by_the_same_authorities(tls, monkeypatch):
    async def main():
        async with FaultServer([answer("hi")], tls=tls[1]) as proxy:
            config = far("openai", f"https://127.0.0.1:{proxy.port}")
            client = OpenAICompatClient(config)
            with pytest.raises(Untrusted):
                await client.ask(question(), "prompt", deadline=5)
            await client.close()
            monkeypatch.setenv("SSL_CERT_FILE", str(tls[0]))
            reply = await client.ask(question(), "prompt", deadline=5)
            await client.close()
            return reply.text

    assert asyncio.run(main()) == "hi"


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


def test_openai_is_imported_where_it_carries_requests():
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


def azure(environ, *, model="gpt-5.1", name="azure", **table):
    settings = Settings(providers={"azure": ProviderSettings(**table)} if table else {})
    place = {"AZURE_OPENAI_RESOURCE": "mine", "AZURE_OPENAI_API_KEY": "k"}
    return resolve(name, model=model, settings=settings, environ=place | environ)


def test_azure_is_asked_at_its_newest_address_unless_a_version_is_named():
    plain = azure({})
    assert (plain.base_url, plain.api_version) == ("https://mine.openai.azure.com/openai/v1", None)
    for variable in ("OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION", "AZURE_API_VERSION"):
        dated = azure({variable: "2024-10-21"})
        assert (dated.base_url, dated.api_version) == ("https://mine.openai.azure.com/openai",
                                                       "2024-10-21")  # fmt: skip
    assert azure({"OPENAI_API_VERSION": "x"}, api_version="2025-01-01").api_version == "2025-01-01"
    gateway = {"base_url": "https://gateway.example", "api_version": "2024-10-21"}
    assert azure({}, **gateway).base_url == "https://gateway.example/openai"
    assert azure({"OPENAI_API_VERSION": "x"}, base_url="https://a.example").api_version is None


def test_azure_wants_the_name_of_a_deployment_that_a_path_can_hold():
    for model in (None, "..", "a/b", "a?b"):
        with pytest.raises(ProviderError, match="name of a deployment"):
            azure({"OPENAI_API_VERSION": "2024-10-21"}, model=model)
    with pytest.raises(ProviderError, match="OPENAI_API_VERSION does not hold a version"):
        azure({"OPENAI_API_VERSION": "2024&x"})


def test_a_deployment_of_azure_is_asked_for_in_the_path():
    for wire in WIRES:
        _, (request,) = asked([answer("hi")], wire=wire, wire_model="gpt-5.1", key="canary",
                              key_header="api-key", api_version="2024-10-21")  # fmt: skip
        assert request.path == ("/v1/deployments/gpt-5.1/chat/completions?api-version=2024-10-21")
        assert request.headers["api-key"] == "canary"
        assert "authorization" not in request.headers


@pytest.mark.parametrize("version", [None, "2024-10-21"])
def test_azure_without_a_key_takes_a_token_of_entra_id(monkeypatch, version):
    expires = str(int(time.time()) + 3600)
    token = {"access_token": "canary", "expires_on": expires, "token_type": "Bearer",
             "resource": "https://cognitiveservices.azure.com"}  # fmt: skip
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "another")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: another\napi-key: another")

    async def main():
        async with FaultServer([respond(200, token)]) as issuer, FaultServer([answer("a")]) as here:
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{issuer.port}/msi/token")
            monkeypatch.setenv("IDENTITY_HEADER", "x")
            config = target(here, wire="openai", wire_model="m", credentials="entra",
                            api_version=version)  # fmt: skip
            client = OpenAICompatClient(config)
            for _ in range(2):
                await client.ask(question(), "prompt", deadline=10)
            await client.close()
            return here.requests, len(issuer.requests)

    requests, issued = asyncio.run(main())
    assert issued == 1
    assert [r.headers["authorization"] for r in requests] == ["Bearer canary"] * 2
    assert "another" not in str([r.header_list for r in requests])


SIGN_INS: dict[str, tuple[dict[str, str], str]] = {
    "entra": ({"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}, "az login"),
    "aws": ({"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1"}, "aws configure"),
}


@pytest.mark.parametrize("credentials", SIGN_INS)
def test_a_sign_in_that_nobody_made_is_one_line_and_no_request(monkeypatch, credentials):
    environ, hint = SIGN_INS[credentials]
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    fault, log = asked([answer("no")], wire="openai", credentials=credentials)
    assert type(fault) is KeyRejected
    assert hint in fault.hint
    assert "\n" not in fault.message
    assert log == []


def test_bedrock_without_a_key_is_asked_with_a_signature_of_aws(monkeypatch):
    for name, value in {"AWS_ACCESS_KEY_ID": "AKIDCANARY", "AWS_SECRET_ACCESS_KEY": "secret",
                        "AWS_REGION": "eu-west-1", "AWS_BEARER_TOKEN_BEDROCK": "other",
                        "AWS_BEDROCK_BASE_URL": "http://127.0.0.1:9"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    reply, (request,) = asked([answer("hi")], wire="openai", credentials="aws")
    assert reply.text == "hi"
    signed = request.headers["authorization"]
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=AKIDCANARY/")
    assert "/eu-west-1/bedrock/aws4_request" in signed
    assert "stainless" not in str(request.header_list).lower()


@pytest.mark.parametrize("name", ["azure", "bedrock"])
def test_a_vendor_is_signed_in_to_where_no_key_is_found_and_its_library_is_there(name):
    environ = {"AZURE_OPENAI_RESOURCE": "mine", "AWS_REGION": "eu-west-1"}
    config = resolve(name, model="m", settings=Settings(), environ=environ)
    assert (config.key, config.credentials) == (None, {"azure": "entra", "bedrock": "aws"}[name])
    assert choose_wire(config, LONG_LIST + 1).wire == "openai"
    with pytest.raises(ProviderError, match=f"{name}: the lean wire sends a key only"):
        choose_wire(config.model_copy(update={"wire": "lean"}), 1)


ABSENT = """
import sys
sys.modules["azure.identity"] = sys.modules["botocore"] = None
from panel.foundation.errors import MissingKey
from panel.foundation.settings import Settings
from panel.llm.providers.resolve import resolve
environ = {"AZURE_OPENAI_RESOURCE": "mine", "AWS_REGION": "eu-west-1"}
for name in ("azure", "bedrock"):
    try:
        resolve(name, model="m", settings=Settings(), environ=environ)
    except MissingKey as error:
        print(error.message, error.hint)
"""


def test_without_its_library_the_extra_is_named():
    done = subprocess.run(
        [sys.executable, "-c", ABSENT], capture_output=True, text=True, check=True
    )
    azure, bedrock = done.stdout.splitlines()
    assert "AZURE_OPENAI_API_KEY" in azure
    assert "pip install 'panel-verdict[azure]'" in azure
    assert "AWS_BEARER_TOKEN_BEDROCK" in bedrock
    assert "pip install 'panel-verdict[bedrock]'" in bedrock
