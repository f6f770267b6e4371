"""`AsyncPanel(client=…)`: a client of the caller's own is asked, as it is, and left open."""

import asyncio

import pytest

import panel
from panel.foundation.errors import (
    BadReply,
    CallError,
    InputError,
    KeyRejected,
    ProviderError,
    RateLimited,
    Truncated,
    Unreachable,
)
from panel.foundation.settings import PersonaSettings, Settings
from panel.llm.config import ProviderConfig
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.openai_compat.own_client import own_transport
from panel.testing import Failure, ScriptedProvider, ship
from tests.llm.test_wire import question
from tests.llm.test_wire_limits import ENDLESS
from tests.support.faultd import FaultServer, answer, panel_answers, raw, respond


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)


TOOL = panel.Tool(name="A", description="It works.")


def made(kind, **options):
    """A client of this class; the libraries take a second, which other workers are spared."""
    import huggingface_hub
    import openai

    library = openai if kind.endswith("OpenAI") else huggingface_hub
    return getattr(library, kind)(**options)


def official(url, **more):
    return made("AsyncOpenAI", base_url=url, api_key="canary", **more)


def hub(url):
    return made("AsyncInferenceClient", base_url=url, api_key="canary")


CLIENTS = {"openai": official, "hub": hub}


def test_a_reviewer_with_a_provider_of_its_own_leaves_the_client_to_the_others(tmp_path):
    async def work(url):
        settings = Settings(
            runs=tmp_path, personas={"skeptic": PersonaSettings(provider=url, model="m")}
        )
        async with (
            official(url) as client,
            panel.AsyncPanel(client=client, model="m", settings=settings, write=False) as p,
        ):
            await p.review(TOOL)

    with ScriptedProvider() as provider:
        asyncio.run(work(provider.url))
        keys = {r.persona: r.headers.get("authorization") for r in provider.requests}
    own = dict.fromkeys(("builder", "business", "futurist"), "Bearer canary")
    assert keys == own | {"skeptic": None}


def test_a_review_is_asked_through_the_client_that_is_passed():
    async def work(url):
        client = official(url, default_headers={"X-Team": "a"}, max_retries=5)
        async with panel.AsyncPanel(client=client, model="m") as p:
            card = await p.review(TOOL)
        assert not client.is_closed()
        await client.close()
        return card

    failed = []

    def script(request):
        if not failed:
            failed.append(request)
            return Failure(503, "once", retry_after=0.01)
        return ship(request)

    with ScriptedProvider(script) as provider:
        card = asyncio.run(work(provider.url))
        assert card.verdict.outcome == "ship"
        assert (card.provider, card.model) == (provider.url, "m")
        assert len(provider.requests) == 9  # one repeat, and that is panel's
        headers = provider.requests[0].headers
    assert headers["authorization"] == "Bearer canary"
    assert headers["x-team"] == "a"
    assert headers["user-agent"].startswith("AsyncOpenAI/")


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS.keys())
@pytest.mark.parametrize("ask", ["whole", "stepwise"])
def test_both_kinds_of_client_review_either_way(make, ask):
    async def main():
        async with FaultServer(panel_answers()) as server:
            client = make(server.base_url)
            async with panel.AsyncPanel(client=client, model="m", ask=ask) as p:
                card = await p.review(TOOL)
            await client.close()
            return card, server.requests

    card, requests = asyncio.run(main())
    assert (len(card.reviews), card.missing) == (4, ())
    assert {r.headers["authorization"] for r in requests} == {"Bearer canary"}
    assert all(r.json()["model"] == "m" for r in requests)


def test_the_blocking_panel_takes_none():
    with pytest.raises(InputError, match="Panel takes no client") as caught:
        panel.Panel(client=made("AsyncOpenAI", api_key="k"), model="m")
    assert "panel.AsyncPanel(client=…)" in caught.value.hint


def asked(make, scenario, **changes):
    """Ask once through a client; return the reply or the error."""

    async def main():
        async with FaultServer([scenario]) as server:
            config = ProviderConfig(provider="x", kind="wire", model="m", wire_model="m",
                                    base_url=server.base_url, key="canary", **changes)  # fmt: skip
            client = make(server.base_url)
            wire = OpenAICompatClient(config, own_transport(client))
            try:
                return await wire.ask(question(), "prompt", deadline=5)
            except CallError as fault:
                return fault
            finally:
                await wire.close()
                await client.close()

    return asyncio.run(main())


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS.keys())
@pytest.mark.parametrize(
    ("scenario", "error", "words"),
    [
        (respond(401, {"error": "bad key canary"}), KeyRejected, "rejects the key"),
        (respond(429, {"error": "slow"}, [("Retry-After", "7")]), RateLimited, "slow"),
        (respond(503, "<html>"), Unreachable, "answers 503"),
        (respond(200, "not JSON"), BadReply, "not with a chat completion: not JSON"),
        (respond(200, {"error": {"message": "gone", "code": 503}}), Unreachable, "gone"),
        (raw(b"", reset=True), Unreachable, "closed before the answer"),
    ],
)
def test_its_errors_are_those_of_the_wires(make, scenario, error, words):
    fault = asked(make, scenario)
    assert type(fault) is error
    assert words in fault.message
    assert "canary" not in f"{fault.message} {fault.hint}"
    if error is RateLimited:
        assert fault.retry_after == 7


def test_the_caps_of_a_reply_hold_for_an_openai_client_too():
    for name in ("text in JSON", "blank tokens", "gzip bomb"):
        assert type(asked(official, ENDLESS[name], stream=True)) is Truncated


def test_what_a_client_has_no_argument_for_is_sent_all_the_same():
    async def main():
        async with FaultServer([answer("hi")]) as server:
            client = hub(server.base_url)
            transport = own_transport(client)
            async with transport.send("", {"model": "m", "messages": [], "top_k": 3}):
                pass
            await client.close()
            return server.requests[0].json()

    assert asyncio.run(main())["top_k"] == 3


@pytest.mark.parametrize("client", ["OpenAI", "InferenceClient", "object", "text"])
def test_no_other_client_is_taken(client):
    others = {"object": object(), "text": "openai", "OpenAI": made("OpenAI", api_key="k")}
    client = others.get(client) or made(client)
    with pytest.raises(InputError, match=r"client must be an openai\.AsyncOpenAI"):
        panel.AsyncPanel(client=client, model="m")


def test_a_client_and_a_provider_or_key_are_one_too_many():
    client = made("AsyncOpenAI", api_key="k")
    for other in ({"provider": "openai"}, {"api_key": "k"}):
        with pytest.raises(InputError, match=f"client and {next(iter(other))} were both given"):
            panel.AsyncPanel(client=client, **other)


def test_a_client_wants_its_model_named():
    with pytest.raises(ProviderError, match="needs a model") as caught:
        asyncio.run(panel.AsyncPanel(client=made("AsyncOpenAI", api_key="k")).review(TOOL))
    assert caught.value.hint == 'model="NAME"'


@pytest.mark.parametrize(
    ("kind", "options", "name"),
    [
        ("AsyncOpenAI", {"base_url": "https://api.openai.com/v1"}, "openai"),
        ("AsyncOpenAI", {"base_url": "https://router.huggingface.co/v1"}, "auto"),
        ("AsyncOpenAI", {"base_url": "https://api.groq.com/openai/v1/"}, "direct:groq"),
        ("AsyncAzureOpenAI", {"api_version": "v", "azure_endpoint": "https://a.example"},
         "https://a.example/openai"),
        ("AsyncInferenceClient", {"provider": "cerebras"}, "cerebras"),
    ],
)  # fmt: skip
def test_a_client_goes_by_the_name_of_the_provider_it_asks(kind, options, name):
    from panel.foundation.settings import Settings
    from panel.llm.providers.own_client import own_client_config

    client = made(kind, api_key="k", **options)
    assert own_client_config(client, "m", Settings()).provider == name
