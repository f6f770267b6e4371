"""What the server says about its models fills in the target, or says what to type."""

import asyncio

import pytest

from panel.foundation.errors import CallError, KeyRejected, ProviderError, QuotaSpent
from panel.llm.config import ProviderConfig
from panel.llm.providers.catalog import complete_target
from tests.support.faultd import FaultServer, hang, respond
from tests.support.wires import wire_under_test

pytestmark = pytest.mark.usefixtures("wire")


def row(name, strict=None, **more):
    extra = {} if strict is None else {"supports_structured_output": strict}
    return {"provider": name, "status": "live"} | extra | more


SERVING = {"id": "org/m", "providers": [
    row("together", True, context_length=131072, pricing={"input": 0.5, "output": 1.5}),
    row("novita", False, context_length=8000), row("featherless-ai"),
    row("groq", True, status="error"),
]}  # fmt: skip


def completed(script, wire_model="org/m", *, router=True, model="org/m", **changes):
    async def main():
        async with FaultServer(script) as server:
            target = ProviderConfig(provider="x", kind="wire", model=model, wire_model=wire_model,
                            base_url=server.base_url, wire=wire_under_test(),
                            **changes)  # fmt: skip
            try:
                found = await complete_target(target, router=server.base_url if router else None)
            except (CallError, ProviderError) as fault:
                return fault, server.requests
            return found, server.requests

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("pinned", "format"),
    [("together", "json_schema"), ("novita", "json_object"), ("featherless-ai", "json_object")],
)
def test_the_pinned_provider_decides_the_first_rung(pinned, format):
    found, log = completed([respond(200, SERVING)], f"org/m:{pinned}")
    assert found.format == format
    assert [r.path for r in log] == ["/v1/models/org/m"]


@pytest.mark.parametrize("wire_model", ["org/m", "org/m:cheapest"])
def test_without_a_pin_all_live_providers_must_keep_to_a_schema(wire_model):
    assert completed([respond(200, SERVING)], wire_model)[0].format == "json_object"
    strict = {"providers": [row("a", True), row("b", True), row("c", False, status="error")]}
    assert completed([respond(200, strict)], wire_model)[0].format == "json_schema"
    assert completed([respond(200, {"data": strict})], wire_model)[0].format == "json_schema"


def test_price_and_room_come_from_the_catalogue():
    found, _ = completed([respond(200, SERVING)], "org/m:together")
    assert found.prices == {"together": (0.5, 1.5), "": (0.5, 1.5)}
    assert found.evidence_tokens == 12_000
    assert completed([respond(200, SERVING)], "org/m:novita")[0].evidence_tokens == 4000
    assert completed([respond(200, SERVING)])[0].prices == {"together": (0.5, 1.5)}


def test_room_to_think_never_pushes_a_request_over_a_small_context():
    assert completed([respond(200, SERVING)], "org/m:together", thinking=4000)[0].thinking == 4000
    assert completed([respond(200, SERVING)], "org/m:novita", thinking=4000)[0].thinking == 0


def test_a_provider_that_does_not_serve_the_model_is_answered_with_those_that_do():
    fault, _ = completed([respond(200, SERVING)], "org/m:cerebras")
    assert "cerebras does not serve org/m" in fault.message
    for name in ("together", "novita", "featherless-ai", "groq"):
        assert name in fault.message
    assert fault.hint.startswith("--provider ")


def test_a_model_the_router_does_not_list_is_an_error():
    fault, _ = completed([respond(404, {"error": "no"})])
    assert isinstance(fault, ProviderError)
    assert "does not list the model org/m" in fault.message


@pytest.mark.parametrize("status", [500, 503, 429, 418])
def test_a_look_up_that_fails_is_not_fatal(status):
    assert completed([respond(status)])[0].format == "json_object"


@pytest.mark.parametrize("body", ["soup", "[]", "{}", '{"providers": 7}', '{"providers": [1, {}]}'])
def test_a_listing_that_says_nothing_usable_is_not_fatal(body):
    assert completed([respond(200, body)], "org/m:groq")[0].format == "json_object"


@pytest.mark.parametrize(
    ("status", "error"), [(401, KeyRejected), (403, KeyRejected), (402, QuotaSpent)]
)
def test_p6_a_rejected_or_spent_key_stops_before_the_first_question(status, error):
    fault, log = completed(
        [respond(status, {"error": "no"})], key="canary-key", key_from="HF_TOKEN"
    )
    assert type(fault) is error
    assert len(log) == 1
    assert log[0].headers["authorization"] == "Bearer canary-key"


def test_the_only_model_of_a_server_is_taken():
    listing = {"object": "list", "data": [{"id": "only/one"}]}
    found, log = completed([respond(200, listing)], "", router=False, model="")
    assert (found.model, found.wire_model) == ("only/one", "only/one")
    assert log[0].path == "/v1/models"


def test_of_several_models_one_must_be_named_and_eight_are_listed():
    listing = {"data": [{"id": f"m{n}"} for n in range(10)]}
    fault, _ = completed([respond(200, listing)], "", router=False, model="")
    assert "10 models: m0, m1, m2, m3, m4, m5, m6, m7 and 2 more" in fault.message
    assert fault.hint == "--model m0"


def test_a_server_without_a_list_wants_the_model_named():
    for script in ([respond(404)], [respond(200, {"data": []})], [respond(200, "{}")]):
        fault, _ = completed(script, "", router=False, model="")
        assert fault.hint == "--model NAME"
    fault, _ = completed([respond(503)], "", router=False, model="")
    assert isinstance(fault, CallError)


def test_a_server_with_a_named_model_is_not_asked_at_all():
    found, log = completed([hang()], router=False, model="m")
    assert (found.model, log) == ("m", [])


def test_names_from_a_server_cannot_steer_a_terminal():
    listing = {"data": [{"id": "\x1b[31mred\u202e"}, {"id": "b\nc"}]}
    fault, _ = completed([respond(200, listing)], "", router=False, model="")
    assert "\x1b" not in fault.message
    assert "\u202e" not in fault.message
    assert "\n" not in fault.message
