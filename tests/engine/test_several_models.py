"""Panels of several models: who is asked through whom, and what runs and cards say of it."""

import json
import re

import pytest

import panel
from panel.engine.from_manifest import rerun_options
from panel.engine.judge_choices import turns
from panel.engine.options import Options
from panel.foundation.settings import PersonaSettings, ProviderSettings, Settings
from panel.llm.families import family
from panel.llm.providers.resolve import usual_model
from panel.runs.run import Run
from panel.testing import Failure, ScriptedProvider, ship, skip
from tests.cli.test_cli import one_line_error

PAGE = """# Widget

Widget cuts widgets from sheets of text.

## Install

Install it with `pip install widget`.

## Upkeep

It is maintained by four people.
"""
PROVIDERS = """
[providers.alpha]
base_url = "{a}"
model = "org/qwen-big"
price = [1.0, 2.0]

[providers.beta]
base_url = "{b}"
model = "llama-mid"
key_env = "BETA_KEY"
"""
REVIEW = ("review", "Widget", "--evidence", "README.md")
BY_TURNS = {"builder": "alpha", "skeptic": "beta", "business": "alpha", "futurist": "beta"}


@pytest.fixture
def two(desk):
    """Two servers, alpha that ships and beta that skips, in the settings of a desk."""
    with ScriptedProvider() as a, ScriptedProvider(skip) as b:
        desk.write("README.md", PAGE)
        desk.env["BETA_KEY"] = "beta-key-0123456789"
        desk.write("panel.toml", PROVIDERS.format(a=a.url, b=b.url))
        desk.a, desk.b = a, b
        yield desk


def add(desk, text):
    path = desk.folder / "panel.toml"
    path.write_text(path.read_text() + text)


def asked(server):
    return {request.persona for request in server.requests}


def test_a_table_gives_one_reviewer_a_model_of_its_own(two):
    add(two, '[personas.skeptic]\nprovider = "beta"\nmodel = "llama-small"\n')
    done = two.run(*REVIEW, "--provider", "alpha")
    assert done.returncode == 0, done.stderr
    assert asked(two.b) == {"skeptic"}
    assert asked(two.a) == {"builder", "business", "futurist"}
    keys = {request.headers.get("authorization") for request in two.b.requests}
    assert keys == {"Bearer beta-key-0123456789"}
    assert all("authorization" not in request.headers for request in two.a.requests)
    assert "skeptic: beta, model: llama-small, asked: whole" in done.stderr
    shown = " ".join(done.stdout.split())
    assert (
        "Judges: builder, business, futurist by org/qwen-big; skeptic by llama-small."
        " They are 2 models of 2 families."
    ) in shown
    for form in ("markdown", "html"):
        assert "skeptic by llama-small" in two.run("show", "latest", "--format", form).stdout
    (card,) = two.json("show", "latest")
    assert [(j["persona"], j["model"]) for j in card["judges"]] == [
        ("builder", "org/qwen-big"),
        ("skeptic", "llama-small"),
        ("business", "org/qwen-big"),
        ("futurist", "org/qwen-big"),
    ]
    assert {r["persona"]: r["vote"] for r in card["reviews"]}["skeptic"] == "skip"
    assert (card["provider"], card["model"]) == ("alpha, beta", "org/qwen-big, llama-small")
    assert "skeptic: beta with llama-small" in two.run("doctor").stdout


def test_the_usual_model_of_the_settings_is_that_of_their_provider_alone(two):
    add(two, '[personas.skeptic]\nprovider = "beta"\n')
    path = two.folder / "panel.toml"
    path.write_text('model = "usual"\n' + path.read_text())
    assert "skeptic: beta with llama-mid" in two.run("doctor").stdout
    settings = Settings(provider="mistral", model="usual")
    assert usual_model("mistral", settings) == "usual"
    assert usual_model("groq", settings) not in ("", "usual")


def test_a_spread_goes_round_and_its_run_is_verified_replayed_and_rerun(two):
    (card,) = two.json(*REVIEW, "--spread", "alpha,beta")
    (run,) = two.runs()
    manifest = json.loads((run / "run.json").read_text())
    judges = manifest["judges"]
    assert {name: judge["provider"] for name, judge in judges.items()} == BY_TURNS
    assert judges["builder"]["prices"] == {"": [1.0, 2.0]}
    assert judges["skeptic"]["model"] == "llama-mid"
    assert "beta-key" not in (run / "run.json").read_text()
    # Eight calls, those of alpha with a price: the sum says what is not in it.
    assert card["usage"]["calls"] == 8
    assert card["usage"]["unpriced_calls"] == 4
    assert card["usage"]["cost_usd"] == pytest.approx(4 * (100 * 1.0 + 10 * 2.0) / 1e6)
    assert two.run("verify", run.name).returncode == 0
    # What a rerun says of the way of asking is said of every judge.
    with Run.open(run) as parent:
        rerun = rerun_options(Options(settings=Settings(), environ={}), parent.manifest)
    assert {judge.ask for judge in rerun.judges.values()} == {None}
    before = len(two.a.requests), len(two.b.requests)
    (again,) = two.json(*REVIEW, "--provider", f"replay:{run.name}")
    assert again["judges"] == card["judges"]
    assert [r["findings"] for r in again["reviews"]] == [r["findings"] for r in card["reviews"]]
    assert (len(two.a.requests), len(two.b.requests)) == before
    assert two.run("verify", "latest").returncode == 0
    # Without a provider the same judges are asked; with one, that one for all.
    same = two.run("rerun", run.name, "--fresh")
    assert same.returncode == 0, same.stderr
    assert (len(two.a.requests), len(two.b.requests)) == (before[0] + 4, before[1] + 4)
    other = two.run("rerun", run.name, "--provider", "alpha", "--fresh")
    assert other.returncode == 0, other.stderr
    assert "note: alpha answers for every reviewer, instead of" in other.stderr
    assert len(two.a.requests) == before[0] + 4 + 8
    (last,) = two.json("show", "latest")
    assert last["model"] == "org/qwen-big"
    assert json.loads(two.run("usage", "--format", "json").stdout)["lines"][-1]["model"] == (
        "org/qwen-big, llama-mid"
    )


def test_a_resume_and_a_retry_ask_each_reviewer_through_its_own_model(two):
    two.b._script = lambda request: Failure(400, "no")
    done = two.run(*REVIEW, "--spread", "alpha,beta")
    assert done.returncode == 1, done.stderr
    (card,) = two.json("show", "latest")
    assert {m["persona"] for m in card["missing"]} == {"skeptic", "futurist"}
    two.b._script = ship
    # The settings of today do not decide whom a stored run asks.
    add(two, '[personas.skeptic]\nprovider = "alpha"\n')
    before = len(two.a.requests)
    done = two.run("retry", "latest")
    assert done.returncode == 0, done.stderr
    assert len(two.a.requests) == before
    (card,) = two.json("show", "latest")
    assert {j["persona"]: j["provider"] for j in card["judges"]} == BY_TURNS
    assert {r["persona"]: r["provider"] for r in card["reviews"]} == BY_TURNS
    assert two.run("verify", "latest").returncode == 0
    add(two, '[providers.gamma]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n')
    refused = two.run("resume", "latest", "--provider", "gamma")
    one_line_error(refused, 2, "provider: alpha", "panel rerun")


def test_one_model_says_that_its_votes_are_not_independent(two):
    done = two.run(*REVIEW, "--provider", "alpha")
    shown = " ".join(done.stdout.split())
    assert "Judges: one model, org/qwen-big, answers for all 4 reviewers" in shown
    assert "not 4 independent votes" in shown


def test_each_judge_has_its_canary_its_room_and_its_way_of_asking(monkeypatch, tmp_path):
    monkeypatch.setattr("panel.engine.batch.EVERY", 2)

    def obedient(request):
        order = re.search(
            r"begins with the word (\w+)|answer is (\w+)|opens with (\w+)", request.prompt
        )
        return next(filter(None, order.groups())) if order else ship(request)

    with ScriptedProvider() as a, ScriptedProvider(obedient) as b:
        settings = Settings(
            runs=tmp_path,
            providers={
                "alpha": ProviderSettings(base_url=a.url),
                "beta": ProviderSettings(base_url=b.url, ask="stepwise", evidence_tokens=200),
            },
            personas={"futurist": PersonaSettings(provider="beta")},
        )
        document = panel.Document(name="page.md", text=PAGE * 20)
        tools = [panel.Tool(name=name, slug=name, documents=(document,)) for name in ("x", "y")]
        with panel.Panel(provider="alpha", settings=settings, write=False) as client:
            cards = list(client.review_many(tools))
        assert [
            sum("Tallowmere" in request.prompt for request in server.requests) for server in (a, b)
        ] == [1, 1]
        assert {request.persona for request in a.requests} == {
            "builder",
            "skeptic",
            "business",
            None,
        }
        sizes = [max(len(r.passages) for r in server.requests) for server in (a, b)]
        assert sizes[1] < sizes[0]
    card = cards[0]
    assert [judge.asked for judge in card.judges] == ["whole", "whole", "whole", "stepwise"]
    assert any("one of these models obeyed a hidden order in 1 of 1" in w for w in card.warnings)
    assert panel.verify(card.run, runs=tmp_path).holds


SKEPTIC = "[personas.skeptic]\n"
ERRORS = {
    "reviewer": ('[personas.sceptic]\nprovider = "beta"', (), "no such reviewer", "skeptic"),
    "provider": (SKEPTIC + 'provider = "betta"', (), "skeptic (panel.toml", "mean beta"),
    "none": (SKEPTIC + 'model = "m"', (), "personas.skeptic.provider"),
    "table": (SKEPTIC + 'provider = "beta"\nmodle = "m"', (), "personas.skeptic.modle", "model?"),
    "replay": (SKEPTIC + 'provider = "replay:x"', (), "replay:x", "--provider replay:x"),
    "typo": ("", ("--spread", "alpha,grok"), "skeptic and futurist (--spread)", "groq"),
    "no key": ("", ("--spread", "alpha,openai"), "skeptic", "openai needs a key", "OPENAI_API_KEY"),
    "too many": ("", ("--spread", "alpha,beta,groq,local,openai"), "5 models for 4", "leave 1 out"),
    "two ways": ("", ("--spread", "alpha", "--provider", "beta"), "both given", "leave one"),
    "empty": ("", ("--spread", ","), "empty list", "--spread"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_meant_is_one_line_and_nothing_is_written(two, name):
    table, more, *expected = ERRORS[name]
    add(two, table + "\n")
    one_line_error(two.run(*REVIEW, *(more or ("--provider", "alpha"))), 2, *expected)
    assert two.runs() == []
    assert two.a.requests == two.b.requests == []


@pytest.mark.parametrize(
    ("reviewers", "families", "expected"),
    [
        (4, ["qwen", "llama", "openai"], [0, 1, 2, 0]),
        (4, ["qwen", "qwen", "llama"], [0, 2, 1, 2]),
        (2, ["qwen", "qwen"], [0, 1]),
        (4, ["qwen"], [0, 0, 0, 0]),
    ],
)
def test_turns_prefer_another_family(reviewers, families, expected):
    assert turns(reviewers, families) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("openai/gpt-oss-120b", "openai"),
        ("o3-mini", "openai"),
        ("olmo-2", "olmo"),
        ("qwen2.5-coder-1.5b", "qwen"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "llama"),
        ("deepseek-ai/DeepSeek-V3", "deepseek"),
        ("mistralai/Mixtral-8x7B", "mistral"),
        ("claude-sonnet-4", "anthropic"),
        ("7b", "7b"),
    ],
)
def test_a_family_is_read_from_a_models_name(model, expected):
    assert family(model) == expected
