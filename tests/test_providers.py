"""One provider value, with settings and environment, means one target."""

import pytest

from panel.errors import MissingKey, ProviderError, SettingsError
from panel.providers.resolve import resolve
from panel.providers.table import provider_table
from panel.settings import ProviderTable, Settings

TABLE = provider_table()
HF = {"HF_TOKEN": "hf_canary"}
ROUTER = "https://router.huggingface.co/v1"


def target(value, environ=None, *, model=None, bill_to=None, **settings):
    return resolve(
        value, model=model, settings=Settings(**settings), environ=environ or {}, bill_to=bill_to
    )


def secret(found):
    return found.key.get_secret_value() if found.key else None


def test_with_a_token_the_default_is_the_router_and_says_why():
    found = target(None, HF)
    assert (found.provider, found.base_url, secret(found)) == ("auto", ROUTER, "hf_canary")
    assert "HF_TOKEN" in found.why
    assert found.model == found.wire_model == "openai/gpt-oss-120b"
    assert found.stream


def test_without_a_token_the_default_is_local_and_says_why():
    found = target(None)
    assert (found.provider, found.kind, found.base_url, found.key) == ("local", "local", None, None)
    assert (found.concurrency, found.ask, found.evidence_tokens) == (1, "stepwise", 2400)
    assert found.deadline == 600
    assert "no Hugging Face token" in found.why


@pytest.mark.parametrize("variable", ["HF_HOME", "HOME", "XDG_CACHE_HOME"])
def test_the_token_file_is_found_through_the_given_environment(tmp_path, variable):
    below = {"HF_HOME": ".", "HOME": ".cache/huggingface", "XDG_CACHE_HOME": "huggingface"}
    folder = tmp_path / below[variable]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text("hf_file\n")
    found = target(None, {variable: str(tmp_path)})
    assert (found.provider, secret(found)) == ("auto", "hf_file")
    assert str(folder / "token") in found.key_from


def test_hf_token_goes_before_the_older_variable_and_the_file(tmp_path):
    (tmp_path / "token").write_text("hf_file")
    environ = {"HF_HOME": str(tmp_path), "HUGGING_FACE_HUB_TOKEN": "hf_old"}
    assert secret(target("auto", environ)) == "hf_old"
    assert secret(target("auto", environ | HF)) == "hf_canary"


@pytest.mark.parametrize("policy", TABLE.router.policies)
def test_a_policy_is_a_suffix_of_the_model_and_auto_is_none(policy):
    found = target(policy, HF, model="org/m")
    assert found.base_url == ROUTER
    assert found.model == "org/m"
    assert found.wire_model == ("org/m" if policy == "auto" else f"org/m:{policy}")


@pytest.mark.parametrize("name", TABLE.router.providers)
def test_every_chat_provider_of_the_router_is_pinned_by_suffix(name):
    found = target(name, HF, model="org/m")
    assert (found.base_url, found.wire_model) == (ROUTER, f"org/m:{name}")
    assert secret(found) == "hf_canary"


def test_the_router_lists_what_the_installed_hub_library_lists_for_chat():
    from huggingface_hub.inference._providers import PROVIDERS

    chat = {name for name, tasks in PROVIDERS.items() if "conversational" in tasks}
    assert chat - {"openai"} == set(TABLE.router.providers)  # openai has its own address and key


@pytest.mark.parametrize("name", [n for n, row in TABLE.rows.items() if row.kind == "wire"])
def test_every_row_resolves_to_its_own_address_and_key(name):
    row = TABLE.rows[name]
    environ = dict.fromkeys(row.key_env, "canary") | HF
    environ |= {"AWS_REGION": "eu-west-1", "AZURE_OPENAI_RESOURCE": "mine"}
    found = target(f"direct:{name}" if row.direct else name, environ, model="m")
    assert found.base_url
    assert not found.base_url.startswith(ROUTER)
    assert (secret(found), found.key_from) == ("canary", row.key_env[0])
    assert found.format == row.format


@pytest.mark.parametrize("name", [n for n, row in TABLE.rows.items() if row.key_url])
def test_a_missing_key_names_the_variable_and_where_to_get_one(name):
    row = TABLE.rows[name]
    places = {"AWS_REGION": "eu-west-1", "AZURE_OPENAI_RESOURCE": "mine"}
    with pytest.raises(MissingKey) as caught:
        target(f"direct:{name}" if row.direct else name, places, model="m")
    assert row.key_env[0] in caught.value.message
    assert row.key_url in caught.value.hint


def test_own_servers_need_no_key_and_a_missing_router_token_is_an_error():
    for name in ("ollama", "llamacpp", "vllm", "sglang", "lmstudio", "litellm"):
        assert target(name).key is None
    with pytest.raises(MissingKey, match="HF_TOKEN"):
        target("groq")


def test_a_custom_address_never_gets_a_key_of_the_table():
    everything = {name: "canary" for row in TABLE.rows.values() for name in row.key_env} | HF
    for value in ("http://127.0.0.1:9/v1", "https://example.org/v1", "http://api.openai.com/v1"):
        assert target(value, everything).key is None
    own = {"openai": ProviderTable(base_url="http://127.0.0.1:9"),
           "auto": ProviderTable(base_url="https://example.org")}  # fmt: skip
    assert target("openai", everything, providers=own).key is None
    assert target("auto", everything, providers=own).key is None


def test_ambient_openai_variables_change_nothing():
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://evil.example/v1",
               "OPENAI_ORG_ID": "o"}  # fmt: skip
    found = target("openai", environ)
    assert (found.base_url, found.headers) == ("https://api.openai.com/v1", {})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/chat/completions", "http://localhost:8000/v1"),
        ("https://example.org/api/paas/v4", "https://example.org/api/paas/v4"),
        ("http://[::1]:80/v1", "http://[::1]:80/v1"),
    ],
)
def test_addresses_are_brought_into_one_form(typed, meant):
    assert target(typed).base_url == meant


@pytest.mark.parametrize(
    "url",
    ["http://user:CANARY@host/v1", "http://host/v1?key=CANARY", "http://host/v1#CANARY",
     "http:///CANARY", "http://host:CANARY/v1", "https://ho st/CANARY", "http://h\n/CANARY",
     "http://[CANARY/v1"],
)  # fmt: skip
def test_o4_a_secret_typed_into_an_address_is_refused_and_not_shown(url):
    with pytest.raises(ProviderError) as caught:
        target(url)
    assert "CANARY" not in f"{caught.value.message} {caught.value.hint}"


def test_a_key_never_goes_over_plain_http_to_another_machine():
    own = {"far": ProviderTable(base_url="http://gpu.example:8000", key_env="FAR_KEY")}
    with pytest.raises(ProviderError, match=r"FAR_KEY would go over plain http to gpu\.example"):
        target("far", {"FAR_KEY": "canary"}, providers=own)
    header = {"far": ProviderTable(base_url="http://gpu.example:8000", headers={"X-Api-Key": "c"})}
    with pytest.raises(ProviderError, match="X-Api-Key"):
        target("far", providers=header)
    with pytest.raises(ProviderError, match="OLLAMA_API_KEY"):
        target("ollama", {"OLLAMA_BASE_URL": "http://gpu.example:1", "OLLAMA_API_KEY": "canary"})
    assert target("http://gpu.example:8000/v1").key is None
    near = {"near": ProviderTable(base_url="http://127.0.0.1:8000", key_env="FAR_KEY")}
    assert secret(target("near", {"FAR_KEY": "canary"}, providers=near)) == "canary"


def test_a_table_of_panel_toml_says_everything_about_a_server_of_ones_own():
    own = ProviderTable(
        base_url="https://gpu.example/v1", key_env="GPU_KEY", key_header="x-key", model="big",
        format="json_object", ask="stepwise", stream=True, concurrency=64, deadline=30,
        evidence_tokens=5000, thinking=9000, headers={"X-Team": "a"}, price=(0.5, 1.5),
    )  # fmt: skip
    found = target("gpu", {"GPU_KEY": "canary"}, providers={"gpu": own})
    assert found.model_dump(exclude={"key"}) == {
        "provider": "gpu", "kind": "wire", "model": "big", "wire_model": "big",
        "base_url": "https://gpu.example/v1", "key_from": "GPU_KEY", "key_header": "x-key",
        "headers": {"X-Team": "a"}, "proxy": None, "prices": {"": (0.5, 1.5)},
        "format": "json_object", "ask": "stepwise", "stream": True, "concurrency": 64,
        "deadline": 30.0, "evidence_tokens": 5000, "thinking": 9000, "why": "",
    }  # fmt: skip


def test_vendors_leave_room_to_think_and_servers_of_ones_own_leave_none():
    assert target("groq", HF).thinking == 4000
    assert target("vllm", {}).thinking == 0
    assert target("http://127.0.0.1:9/v1", {}).thinking == 0
    tight = {"groq": ProviderTable(thinking=0)}
    assert target("groq", HF, providers=tight).thinking == 0


def test_a_table_without_address_changes_a_provider_panel_knows():
    found = target("groq", HF, providers={"groq": ProviderTable(model="org/m", stream=False)})
    assert (found.base_url, found.wire_model, found.stream) == (ROUTER, "org/m:groq", False)
    with pytest.raises(ProviderError, match="base_url is missing"):
        target("mine", providers={"mine": ProviderTable(model="m")})
    with pytest.raises(MissingKey, match="MY_KEY"):
        target("vllm", providers={"vllm": ProviderTable(key_env="MY_KEY")})


@pytest.mark.parametrize(
    ("typed", "near"),
    [("grok", "groq"), ("olama", "ollama"), ("Cerebras", "cerebras"), ("fastst", "fastest"),
     ("direct:grok", "direct:groq"), ("mine2", "mine")],
)  # fmt: skip
def test_an_unknown_name_suggests_the_nearest(typed, near):
    with pytest.raises(ProviderError) as caught:
        target(typed, HF, providers={"mine": ProviderTable(base_url="http://localhost:1")})
    assert near in caught.value.hint


def test_the_settings_model_goes_with_the_settings_provider_only():
    def model(value, named=None, **settings):
        found = resolve(value, model=named, settings=Settings(**settings), environ={})
        return found.model

    chosen = {"provider": "vllm", "model": "small"}
    assert model(None, **chosen) == "small"
    assert model("vllm", **chosen) == "small"
    assert model("sglang", **chosen) == ""
    assert model("sglang", "big", **chosen) == "big"
    assert model("sglang", model="any") == "any"


def test_a_route_is_named_once():
    assert target("auto", HF, model="org/m:groq").wire_model == "org/m:groq"
    assert target("auto", HF, model="org/m:groq").model == "org/m"
    with pytest.raises(ProviderError) as caught:
        target("cerebras", HF, model="org/m:groq")
    assert caught.value.hint == "--provider cerebras --model org/m"
    with pytest.raises(ProviderError, match="unknown provider grok"):
        target("auto", HF, model="org/m:grok")


def test_billing_goes_to_the_router_only():
    assert target("auto", HF, bill_to="my-org").headers == {"X-HF-Bill-To": "my-org"}
    assert target("vllm", bill_to="my-org").headers == {}
    with pytest.raises(SettingsError):
        target("auto", HF, bill_to="my-org\r\nX-Evil: 1")


def test_a_header_cannot_replace_what_panel_sends_itself():
    for name in ("Authorization", "host", "Content-Length", "X: Y"):
        own = {"mine": ProviderTable(base_url="http://localhost:1", headers={name: "CANARY"})}
        with pytest.raises(SettingsError) as caught:
            target("mine", providers=own)
        assert "CANARY" not in caught.value.message


@pytest.mark.parametrize("bad", ["two words", "line\nbreak", "sch\u00f6n", "x" * 5000])
def test_o4_a_key_no_header_can_carry_is_named_by_its_variable_only(bad):
    with pytest.raises(MissingKey, match="HF_TOKEN") as caught:
        target("auto", {"HF_TOKEN": bad})
    assert bad not in caught.value.message


def test_an_address_filled_from_the_environment_takes_one_label():
    key = {"AWS_BEARER_TOKEN_BEDROCK": "canary"}
    found = target("bedrock", key | {"AWS_REGION": "us-west-2"})
    assert found.base_url == "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1"
    with pytest.raises(ProviderError, match="needs AWS_REGION"):
        target("bedrock", key)
    with pytest.raises(ProviderError, match="AWS_REGION must be a plain name"):
        target("bedrock", key | {"AWS_REGION": "evil.example/x?"})
    assert target("azure", {"AZURE_OPENAI_RESOURCE": "r", "AZURE_OPENAI_API_KEY": "k"}).key_header


def test_proxies_serve_other_machines_but_never_this_one():
    proxies = {"https_proxy": "http://proxy:3128", "HTTP_PROXY": "http://proxy:3128",
               "NO_PROXY": "internal.example, .corp"}  # fmt: skip
    assert target("openai", proxies | {"OPENAI_API_KEY": "k"}).proxy == "http://proxy:3128"
    assert target("http://gpu.example/v1", proxies).proxy == "http://proxy:3128"
    for url in ("http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "https://localhost",
                "https://internal.example", "https://a.corp"):  # fmt: skip
        assert target(url, proxies).proxy is None


def test_a_replay_names_its_run_and_has_neither_address_nor_key():
    found = target("replay:2026-11-22-x", HF)
    assert (found.kind, found.base_url, found.key) == ("replay", None, None)


def test_o4_a_target_shows_its_key_nowhere():
    own = ProviderTable(base_url="http://localhost:1", key_env="K", headers={"X-Key": "CANARY2"})
    found = target("mine", {"K": "CANARY1", "http_proxy": "http://u:CANARY3@p"},
                   providers={"mine": own})  # fmt: skip
    assert (secret(found), found.headers) == ("CANARY1", {"X-Key": "CANARY2"})
    assert "CANARY" not in f"{found!r} {found}"
    assert "CANARY1" not in found.model_dump_json()
