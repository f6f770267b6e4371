"""One provider value, with settings and environment, means one target."""

import pytest

from panel.foundation.errors import MissingKey, ProviderError, SettingsError
from panel.foundation.settings import ProviderSettings, Settings
from panel.llm.providers.resolve import resolve
from panel.llm.providers.table import provider_table

TABLE = provider_table()
HF = {"HF_TOKEN": "hf_canary"}
ROUTER = "https://router.huggingface.co/v1"
PLACES = {
    "AWS_REGION": "eu-west-1", "AZURE_OPENAI_RESOURCE": "mine", "CLOUDFLARE_ACCOUNT_ID": "0a1b",
    "DATABRICKS_HOST": "https://adb-1.2.azuredatabricks.net", "SNOWFLAKE_ACCOUNT": "my-org.eu",
}  # fmt: skip


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
    found = target(f"direct:{name}" if row.direct else name, environ | PLACES, model="m")
    assert found.base_url
    assert not found.base_url.startswith(ROUTER)
    key = ("canary", row.key_env[0]) if row.key_env else (None, "")
    assert (secret(found), found.key_from) == key
    assert found.format == row.format


NEEDED = [
    name
    for name, row in TABLE.rows.items()
    if row.key_url and not (row.key_optional or row.credentials)
]


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_key_names_the_variable_and_where_to_get_one(name):
    row = TABLE.rows[name]
    with pytest.raises(MissingKey) as caught:
        target(f"direct:{name}" if row.direct else name, PLACES, model="m")
    assert row.key_env[0] in caught.value.message
    assert row.key_url in caught.value.hint


def test_own_servers_need_no_key_and_a_missing_router_token_is_an_error():
    for name in ("ollama", "llamacpp", "llamafile", "docker", "vllm", "sglang", "lmstudio",
                 "litellm"):  # fmt: skip
        assert target(name).key is None
    with pytest.raises(MissingKey, match="HF_TOKEN"):
        target("groq")


def test_a_custom_address_never_gets_a_key_of_the_table():
    everything = {name: "canary" for row in TABLE.rows.values() for name in row.key_env} | HF
    for value in ("http://127.0.0.1:9/v1", "https://example.org/v1", "http://api.openai.com/v1"):
        assert target(value, everything).key is None
    own = {"openai": ProviderSettings(base_url="http://127.0.0.1:9"),
           "auto": ProviderSettings(base_url="https://example.org")}  # fmt: skip
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
    own = {"far": ProviderSettings(base_url="http://gpu.example:8000", key_env="FAR_KEY")}
    with pytest.raises(ProviderError, match=r"FAR_KEY would go over plain http to gpu\.example"):
        target("far", {"FAR_KEY": "canary"}, providers=own)
    header = {
        "far": ProviderSettings(base_url="http://gpu.example:8000", headers={"X-Api-Key": "c"})
    }
    with pytest.raises(ProviderError, match="X-Api-Key"):
        target("far", providers=header)
    with pytest.raises(ProviderError, match="VLLM_API_KEY"):
        target("vllm", {"VLLM_BASE_URL": "http://gpu.example:1", "VLLM_API_KEY": "canary"})
    assert target("http://gpu.example:8000/v1").key is None
    near = {"near": ProviderSettings(base_url="http://127.0.0.1:8000", key_env="FAR_KEY")}
    assert secret(target("near", {"FAR_KEY": "canary"}, providers=near)) == "canary"


def test_a_table_of_panel_toml_says_everything_about_a_server_of_ones_own():
    own = ProviderSettings(
        base_url="https://gpu.example/v1", key_env="GPU_KEY", key_header="x-key", model="big",
        format="json_object", ask="stepwise", stream=True, concurrency=64, deadline=30,
        evidence_tokens=5000, thinking=9000, headers={"X-Team": "a"}, price=(0.5, 1.5),
        wire="lean", batches="inline", batch_price=0.5,
    )  # fmt: skip
    found = target("gpu", {"GPU_KEY": "canary"}, providers={"gpu": own})
    assert found.model_dump(exclude={"key"}) == {
        "provider": "gpu", "kind": "wire", "model": "big", "wire_model": "big",
        "base_url": "https://gpu.example/v1", "key_from": "GPU_KEY", "key_header": "x-key",
        "headers": {"X-Team": "a"}, "proxy": None, "prices": {"": (0.5, 1.5)},
        "format": "json_object", "ask": "stepwise", "stream": True, "concurrency": 64,
        "finds_limit": False, "deadline": 30.0, "evidence_tokens": 5000, "thinking": 9000,
        "wire": "lean", "credentials": None, "api_version": None, "why": "", "run": "",
        "batches": "inline", "batch_price": 0.5, "prices_from": "",
    }  # fmt: skip


def test_vendors_leave_room_to_think_and_servers_of_ones_own_leave_none():
    assert target("groq", HF).thinking == 4000
    assert target("vllm", {}).thinking == 0
    assert target("http://127.0.0.1:9/v1", {}).thinking == 0
    tight = {"groq": ProviderSettings(thinking=0)}
    assert target("groq", HF, providers=tight).thinking == 0


def test_a_table_without_address_changes_a_provider_panel_knows():
    found = target("groq", HF, providers={"groq": ProviderSettings(model="org/m", stream=False)})
    assert (found.base_url, found.wire_model, found.stream) == (ROUTER, "org/m:groq", False)
    with pytest.raises(ProviderError, match="base_url is missing"):
        target("mine", providers={"mine": ProviderSettings(model="m")})
    with pytest.raises(MissingKey, match="the variable MY_KEY, which is not set"):
        target("vllm", providers={"vllm": ProviderSettings(key_env="MY_KEY")})


@pytest.mark.parametrize(
    ("typed", "near"),
    [("grok", "groq"), ("olama", "ollama"), ("Cerebras", "cerebras"), ("fastst", "fastest"),
     ("direct:grok", "direct:groq"), ("mine2", "mine")],
)  # fmt: skip
def test_an_unknown_name_suggests_the_nearest(typed, near):
    with pytest.raises(ProviderError) as caught:
        target(typed, HF, providers={"mine": ProviderSettings(base_url="http://localhost:1")})
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
        own = {"mine": ProviderSettings(base_url="http://localhost:1", headers={name: "CANARY"})}
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


@pytest.mark.parametrize(
    ("variable", "text", "url"),
    [
        ("OLLAMA_HOST", "127.0.0.1:11500", "http://127.0.0.1:11500/v1"),
        ("OLLAMA_HOST", "gpu.example", "http://gpu.example:11434/v1"),
        ("OLLAMA_HOST", ":11500", "http://localhost:11500/v1"),
        ("OLLAMA_HOST", "0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("OLLAMA_HOST", "[::]:11500", "http://[::1]:11500/v1"),
        ("OLLAMA_HOST", "https://gpu.example/", "https://gpu.example/v1"),
        ("MODEL_RUNNER_HOST", "http://gpu.example", "http://gpu.example/engines/v1"),
        ("AZURE_OPENAI_ENDPOINT", "https://a.openai.azure.com/",
         "https://a.openai.azure.com/openai/v1"),
        ("AZURE_API_BASE", "https://a.services.ai.azure.com/openai/deployments/x",
         "https://a.services.ai.azure.com/openai/v1"),
        ("AZURE_RESOURCE_NAME", "mine", "https://mine.openai.azure.com/openai/v1"),
        ("DATABRICKS_HOST", "adb-1.2.azuredatabricks.net",
         "https://adb-1.2.azuredatabricks.net/serving-endpoints"),
        ("SNOWFLAKE_ACCOUNT_ID", "org-acct",
         "https://org-acct.snowflakecomputing.com/api/v2/cortex/v1"),
    ],
)  # fmt: skip
def test_an_address_is_read_from_the_variables_its_users_already_have(variable, text, url):
    name = {"MODEL": "docker"}.get(variable.split("_")[0], variable.split("_")[0].lower())
    keys = dict.fromkeys(TABLE.rows[name].key_env, "canary")
    assert target(name, keys | {variable: text}).base_url == url


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("azure", {"AZURE_OPENAI_ENDPOINT": "https://azure.com.evil.example"}),
        ("azure", {"AZURE_API_BASE": "https://evil-openai.azure.com"}),
        ("azure", {"AZURE_OPENAI_ENDPOINT": "http://a.openai.azure.com"}),
        ("databricks", {"DATABRICKS_HOST": "https://evil.example"}),
        ("snowflake", {"SNOWFLAKE_ACCOUNT": "evil.example/x"}),
        ("cloudflare", {"CLOUDFLARE_ACCOUNT_ID": "a/../b"}),
        ("cloudflare", {"CLOUDFLARE_ACCOUNT_ID": ".."}),
    ],
)
def test_a_vendors_key_goes_to_no_other_host_though_a_variable_names_one(name, environ):
    keys = dict.fromkeys(TABLE.rows[name].key_env, "canary")
    with pytest.raises(ProviderError, match=next(iter(environ))) as caught:
        target(name, keys | environ)
    assert "canary" not in f"{caught.value.message} {caught.value.hint}"


def test_a_missing_account_is_told_by_every_variable_that_may_name_it():
    with pytest.raises(ProviderError) as caught:
        target("azure", {"AZURE_API_KEY": "k"})
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE", "AZURE_OPENAI_RESOURCE"):
        assert name in caught.value.message
    for name in ("CLOUDFLARE_ACCOUNT_ID", "DATABRICKS_HOST", "SNOWFLAKE_ACCOUNT"):
        with pytest.raises(ProviderError, match=f"needs {name}"):
            target(name.split("_")[0].lower())


def test_the_key_of_ollamas_cloud_goes_to_the_cloud_only():
    key = {"OLLAMA_API_KEY": "canary"}
    assert target("ollama", key).key is None
    assert target("ollama", key | {"OLLAMA_HOST": "https://gpu.example"}).key is None
    cloud = target("ollama-cloud", key)
    assert (cloud.base_url, secret(cloud)) == ("https://ollama.com/v1", "canary")


def test_a_vendor_that_answers_without_a_key_is_asked_without_one():
    assert target("direct:ovhcloud").key is None
    assert secret(target("direct:ovhcloud", {"OVHCLOUD_API_KEY": "canary"})) == "canary"


def test_a_server_that_ignores_formats_is_asked_in_words_from_the_start():
    assert target("anthropic", {"ANTHROPIC_API_KEY": "k"}).format == "prompt"


@pytest.mark.parametrize("name", sorted(TABLE.gone))
def test_what_was_retired_says_so(name):
    with pytest.raises(ProviderError, match="2026"):
        target(name)
    assert name not in {*TABLE.rows, *TABLE.router.providers}


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("localhost:8000/v1", "http://localhost:8000/v1"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("[::1]:8000", "http://[::1]:8000/v1"),
        ("10.0.0.7", "http://10.0.0.7/v1"),
        ("gpu.corp:8000/api/v1", "http://gpu.corp:8000/api/v1"),
        ("models.example.org/v1", "https://models.example.org/v1"),
    ],
)
def test_an_address_without_http_is_told_in_full(typed, address):
    with pytest.raises(ProviderError, match="unknown provider") as caught:
        target(typed)
    assert caught.value.hint == f"as an address: --provider {address}"
    assert target(address).base_url == address


PASTED = [
    "sk-CANARY", "sk-proj-CANARY0123456789", "hf_CANARY", "gsk_CANARY12", "nvapi-CANARY",
    "AIzaCANARY0123456789", "AKIACANARY0123456789", "github_pat_CANARY", "eyJCANARY.eyJ.sig",
    "CANARY0123456789abcdef0123456789",
]  # fmt: skip


@pytest.mark.parametrize("key", PASTED)
def test_o4_a_key_pasted_where_a_name_belongs_is_not_shown(key):
    own = {"mine": ProviderSettings(base_url="https://example.org", key_env=key)}
    for value, model, providers in [("mine", "m", own), (key, None, {}), ("vllm", f"sk-{key}", {})]:
        with pytest.raises((MissingKey, ProviderError)) as caught:
            target(value, model=model, providers=providers)
        assert "CANARY" not in f"{caught.value.message} {caught.value.hint}"
        assert "not shown" in caught.value.message


@pytest.mark.parametrize(
    ("name", "variable"),
    [("azure", "AZURE_OPENAI_ENDPOINT"), ("azure", "AZURE_API_BASE"), ("ollama", "OLLAMA_HOST"),
     ("vllm", "VLLM_BASE_URL"), ("databricks", "DATABRICKS_HOST")],
)  # fmt: skip
@pytest.mark.parametrize("key", PASTED)
def test_o4_a_key_pasted_where_an_address_belongs_is_not_shown(name, variable, key):
    with pytest.raises(ProviderError, match=variable) as caught:
        target(name, {variable: key})
    assert "CANARY" not in f"{caught.value.message} {caught.value.hint}"


def test_names_that_are_no_keys_are_shown():
    for name in ("MINE_KEY", "K", "AZURE_KEY_2", "AWS_BEARER_TOKEN_BEDROCK"):
        own = {"mine": ProviderSettings(base_url="https://example.org", key_env=name)}
        with pytest.raises(MissingKey, match=f"the variable {name},"):
            target("mine", providers=own)
    lower = {"mine": ProviderSettings(base_url="https://example.org", key_env="my_key")}
    assert secret(target("mine", {"my_key": "canary"}, providers=lower)) == "canary"
    assert target("vllm", model="Qwen3-Next-80B-A3B-Instruct-2507").model
    assert target("vllm", model="hf-internal/sk-model").model


@pytest.mark.parametrize(
    ("listed", "url", "direct"),
    [
        ("10.0.0.0/8", "http://10.20.30.40:8000/v1", True),
        ("10.0.0.0/8", "http://11.20.30.40:8000/v1", False),
        ("192.168.0.0/16,localhost", "http://192.168.1.9:8000/v1", True),
        ("fd00::/8", "http://[fd00::9]:8000/v1", True),
        ("[fd00::9]", "http://[fd00::9]:8000/v1", True),
        ("[fd00::9]:8000", "http://[fd00::9]:8000/v1", True),
        ("[fd00::9]:81", "http://[fd00::9]:8000/v1", False),
        ("10.0.0.0/8", "http://[::ffff:10.0.0.1]:8000/v1", True),
        ("gpu:8000", "http://gpu:8000/v1", True),
        ("gpu:8001", "http://gpu:8000/v1", False),
        ("gpu:443", "https://gpu/v1", True),
        (".corp.example", "http://gpu.corp.example/v1", True),
        ("*.corp.example", "http://gpu.corp.example/v1", True),
        ("corp.example", "http://corp.example./v1", True),
        ("CORP.example", "http://gpu.Corp.Example/v1", True),
        ("corp.example", "http://notcorp.example/v1", False),
        ("a.example b.example", "http://b.example/v1", True),
        ("*", "http://anything.example/v1", True),
        ("", "http://anything.example/v1", False),
        ("0.0.1", "http://10.0.0.1/v1", False),
    ],
)
def test_no_proxy_is_read_as_curl_reads_it(listed, url, direct):
    environ = {"http_proxy": "http://proxy:3128", "https_proxy": "http://proxy:3128"}
    found = target(url, environ | {"no_proxy": listed}).proxy
    assert found == (None if direct else "http://proxy:3128")


@pytest.mark.parametrize(
    ("text", "proxy"),
    [("proxy.corp:3128", "http://proxy.corp:3128"), ("HTTP://proxy:3128", "http://proxy:3128"),
     ("u:p@proxy:3128", "http://u:p@proxy:3128"), ("https://proxy", "https://proxy"), ("", None)],
)  # fmt: skip
def test_a_proxy_without_a_scheme_is_an_http_one_and_an_empty_one_is_none(text, proxy):
    environ = {"https_proxy": text, "ALL_PROXY": "http://other:1"}
    assert target("https://models.example/v1", environ).proxy == proxy


@pytest.mark.parametrize("text", ["socks5://u:CANARY@p:1", "socks5h://p:1", "http://:CANARY",
                                  "http://p:CANARY", "ftp://CANARY"])  # fmt: skip
def test_a_proxy_that_cannot_be_used_is_told_and_not_left_out(text):
    with pytest.raises(ProviderError, match="ALL_PROXY") as caught:
        target("https://models.example/v1", {"ALL_PROXY": text})
    assert "CANARY" not in f"{caught.value.message} {caught.value.hint}"
    assert "NO_PROXY" in caught.value.hint
    assert text.startswith("socks") == ("socks" in caught.value.message)
    near = {"ALL_PROXY": text, "NO_PROXY": "models.example"}
    assert target("https://models.example/v1", near).proxy is None
    assert target("http://localhost:1", {"ALL_PROXY": text}).proxy is None


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
    own = ProviderSettings(base_url="http://localhost:1", key_env="K", headers={"X-Key": "CANARY2"})
    found = target("mine", {"K": "CANARY1", "http_proxy": "http://u:CANARY3@p"},
                   providers={"mine": own})  # fmt: skip
    assert (secret(found), found.headers) == ("CANARY1", {"X-Key": "CANARY2"})
    assert "CANARY" not in f"{found!r} {found}"
    assert "CANARY1" not in found.model_dump_json()
