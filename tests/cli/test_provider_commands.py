"""What commands say of providers: keys typed in the wrong place, proxies, homes, addresses."""

import json
import re
import subprocess
import sys
from importlib import metadata

import pytest

from tests.cli.test_cli import README
from tests.support.command import ROOT

REVIEW = ("review", "Widget", "--evidence", "README.md")


@pytest.fixture
def page(desk):
    desk.write("README.md", README)
    return desk


PASTED = """
[providers.a]
base_url = "https://models.example/v1"
key_env = "sk-CANARY-0123456789"
[providers.b]
base_url = "https://user:CANARY@models.example/v1"
[providers.c]
base_url = "https://models.example/v1?api_key=CANARY"
[providers.d]
base_url = "CANARY0123456789abcdefgh"
"""


def test_o4_a_key_in_the_wrong_place_of_panel_toml_is_shown_by_no_command(page):
    page.write("panel.toml", PASTED)
    reviews = [(*REVIEW, "--provider", name, "--model", "m") for name in "abcd"]
    listings = [("providers",), ("providers", "--format", "json"), ("doctor",)]
    for command in [*reviews, *listings]:
        done = page.run(*command)
        assert done.returncode == (2 if command in reviews else 0), done.stderr
        assert "CANARY" not in done.stdout + done.stderr
    page.write("panel.toml", '[providers.mine]\nsk-CANARY0123 = "x"\n')
    assert "CANARY" not in page.run(*REVIEW).stderr
    assert page.runs() == []


@pytest.mark.parametrize("name", ["PANEL_PROVIDER", "PANEL_MODEL"])
def test_o4_a_key_in_a_variable_of_panels_is_shown_by_no_command(page, answers, name):
    at = [] if name == "PANEL_PROVIDER" else ["--provider", answers]
    for command in [(*REVIEW, *at), ("doctor",)]:
        done = page.run(*command, **{name: "hf_CANARY0123456789"})
        assert "CANARY" not in done.stdout + done.stderr
    assert page.runs() == []


def test_a_key_that_cannot_be_sent_spoils_no_listing(page):
    done = page.run("providers", "--format", "json", OPENAI_API_KEY="two words", HF_TOKEN="a b")
    assert done.returncode == 0, done.stderr
    lines = {line["name"]: line for line in json.loads(done.stdout)}
    assert lines["openai"]["found"] is lines["auto"]["found"] is False


def test_a_listing_says_where_a_variable_sends_it(page):
    done = page.run("providers", "--format", "json", OLLAMA_HOST="gpu:1234")
    lines = {line["name"]: line["goes_to"] for line in json.loads(done.stdout)}
    assert lines["ollama"] == "http://gpu:1234/v1"
    assert lines["vllm"] == "http://localhost:8000/v1"


@pytest.mark.parametrize("columns", ["60", "80", "120", "", "many"])
def test_no_address_is_cut_and_columns_counts_where_the_listing_is_piped(page, columns):
    addresses = [
        row["goes_to"] for row in json.loads(page.run("providers", "--format", "json").stdout)
    ]
    done = page.run("providers", COLUMNS=columns)
    if columns.isdigit():
        assert max(map(len, done.stdout.splitlines())) <= int(columns)
    shown = "".join(done.stdout.split())
    assert [a for a in addresses if "".join(a.split()) not in shown] == []
    assert "https://router.huggingface.co/v1" in done.stdout
    assert "…" not in done.stdout


def test_a_key_is_listed_under_the_variable_it_is_in(page):
    done = page.run("doctor", AZURE_API_KEY="canary")
    assert "found: AZURE_API_KEY" in done.stdout
    page.write("home/.cache/huggingface/token", "canary")
    from_file = page.run("doctor")
    assert "found: ~/.cache/huggingface/token" in from_file.stdout
    assert "canary" not in done.stdout + from_file.stdout


def test_doctor_tells_of_proxies_and_of_certificate_variables_that_are_not_read(page, tmp_path):
    done = page.run(
        "doctor", HTTPS_PROXY="socks5://u:CANARY@proxy:1", HTTP_PROXY="proxy:3128",
        REQUESTS_CA_BUNDLE=str(tmp_path / "ca.pem"),
    )  # fmt: skip
    assert done.returncode == 0
    assert "HTTPS_PROXY names a socks5 proxy" in done.stdout
    assert "http addresses are reached through proxy:3128" in done.stdout
    assert "REQUESTS_CA_BUNDLE is not read: export SSL_CERT_FILE=$REQUESTS_CA_BUNDLE" in done.stdout
    assert "CANARY" not in done.stdout
    named = page.run("doctor", SSL_CERT_FILE="gone.pem", REQUESTS_CA_BUNDLE="x")
    assert "SSL_CERT_FILE: there is no gone.pem" in named.stdout
    assert "is not read" not in named.stdout


def test_a_proxy_that_cannot_be_used_is_one_line_before_anything_is_asked(page):
    done = page.run(*REVIEW, "--provider", "https://models.example/v1", ALL_PROXY="socks5://p:1")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ALL_PROXY names a socks5 proxy")
    assert done.stderr.count("\n") == 2  # and the hint
    assert page.runs() == []


def test_an_address_without_http_is_told_in_full(page, answers):
    done = page.run(*REVIEW, "--provider", answers.removeprefix("http://"), "--model", "m")
    assert done.returncode == 2
    assert f"--provider {answers}" in done.stderr


def test_a_home_that_cannot_be_written_stops_no_review(page, answers, tmp_path):
    (tmp_path / "file").write_text("")
    home = {"HOME": str(tmp_path / "file")}
    done = page.run(*REVIEW, "--provider", answers, "--model", "m", **home)
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr.count("secret cannot be kept") == 1
    assert "PANEL_CONFIG" in done.stderr
    assert page.run("verify", "latest", **home).returncode == 0
    again = page.run("rerun", "latest", "--provider", "replay:latest", **home)
    assert again.returncode in (0, 1), again.stderr
    writable = page.run(
        *REVIEW, "--provider", answers, "--model", "m", PANEL_CONFIG=str(tmp_path / "c")
    )
    assert "secret" not in writable.stderr
    assert "cannot be kept" in page.run("doctor", **home).stdout


@pytest.mark.parametrize("what", ["runs", "runs/deeper", ".config"])
def test_a_link_to_nothing_is_told_as_what_it_is(page, answers, tmp_path, what):
    (tmp_path / "dangling").symlink_to("/nonexistent/folder")
    place = str(tmp_path / "dangling" / what.partition("/")[2])
    name = "PANEL_CONFIG" if what == ".config" else "PANEL_RUNS"
    done = page.run(*REVIEW, "--provider", answers, "--model", "m", **{name: place})
    message = f"{tmp_path}/dangling is a link to /nonexistent/folder, which is not there"
    assert message in done.stderr
    assert message in page.run("doctor", **{name: place}).stdout


RENEWING = """
import asyncio, os, sys
from panel.llm.providers.catalog import complete_target
from panel.llm.providers.resolve import resolve
from panel.foundation.settings import Settings
from tests.support.faultd import FaultServer, respond

async def main():
    answers = [respond(200, {"access_token": "hf_renewed", "expires_in": 2592000})]
    listing = {"id": "m", "providers": []}
    async with FaultServer([*answers, respond(200, listing)]) as server:
        os.environ["HF_ENDPOINT"] = server.base_url.removesuffix("/v1")
        target = resolve("auto", model=None, settings=Settings(), environ=os.environ)
        assert target.key.get_secret_value() == "hf_stale", target.key
        assert "huggingface_hub" not in sys.modules
        target = target.model_copy(update={"base_url": server.base_url})
        await complete_target(target, router=server.base_url)
        for request in server.requests:
            print(request.path, dict(request.header_list).get("Authorization"))

asyncio.run(main())
"""


@pytest.mark.parametrize("stored", [True, False], ids=["browser login", "plain token"])
def test_the_token_of_a_browser_login_is_renewed_before_it_is_used(tmp_path, monkeypatch, stored):
    (tmp_path / "token").write_text("hf_stale")
    if stored:
        (tmp_path / "stored_tokens").write_text(
            "[me]\nhf_token = hf_stale\nrefresh_token = again\nexpires_at = 1000000000\n"
        )
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", RENEWING], cwd=ROOT, capture_output=True, text=True, check=True
    )
    requests = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert [path for path, _ in requests if "models/" in path]
    keys = dict(requests)
    assert ("/oauth/token" in keys) == stored
    assert keys["/v1/models/openai/gpt-oss-120b"] == f"Bearer hf_{'renewed' if stored else 'stale'}"
    assert (tmp_path / "token").read_text() == ("hf_renewed" if stored else "hf_stale")


def test_doctor_says_which_wire_is_taken_and_why(page):
    wire = re.compile(r"^  wire +(.*)$", re.MULTILINE)

    def told(**environ):
        return wire.search(page.run("doctor", **environ).stdout)[1]

    official = f"openai {metadata.version('openai')}"
    assert told() == (
        f"{official} to hosted providers, lean for lists of more than 20 tools and to servers on"
        " this machine"
    )
    assert told(HF_TOKEN="hf_x") == f"{official} for up to 20 tools, lean for longer lists"
    assert told(PANEL_PROVIDER="ollama") == "lean because ollama is on this machine"
    page.write("panel.toml", '[providers.ollama]\nwire = "openai"\n')
    assert told(PANEL_PROVIDER="ollama") == f"{official} as named for ollama"
    page.write("panel.toml", '[providers.bedrock]\nwire = "lean"\n')
    without_key = told(PANEL_PROVIDER="bedrock", AWS_REGION="eu-west-1")
    assert without_key.startswith("cannot be used: bedrock: the lean wire sends a key only")


def test_a_review_over_the_official_client_prints_what_one_over_the_lean_wire_does(page, answers):
    cards = []
    for wire in ("openai", "lean"):
        done = page.run(*REVIEW, "--provider", answers, "--wire", wire, "--fresh",
                        "--format", "json")  # fmt: skip
        assert done.returncode == 0, done.stderr
        card = json.loads(done.stdout)
        cards.append((card["verdict"], card["reviews"], card["missing"]))
    assert cards[0] == cards[1]
