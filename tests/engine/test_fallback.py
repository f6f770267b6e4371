"""`--fallback`: who answers where the first provider cannot, and what runs and cards say of it."""

import asyncio
import contextlib
import json
import threading
import time
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

import panel
from panel.cli.main import panel as command
from panel.engine.from_manifest import rerun_options
from panel.engine.options import Options
from panel.engine.session import Session
from panel.foundation.errors import RunStopped, Unreachable
from panel.foundation.proportion import Share
from panel.foundation.settings import ProviderSettings, Settings
from panel.llm.calls import ChatClient, Pacing
from panel.llm.config import ProviderConfig
from panel.llm.types import ChatResponse, Usage
from panel.reviews.calibration.calibration import Calibration, Measured, file_name, own_folder
from panel.reviews.score import Rule
from panel.runs.call_statistics import asked_models, call_statistics
from panel.runs.run import Run
from panel.testing import Failure, ScriptedProvider, ship, skip
from tests.llm.test_calls import TAG, question
from tests.support.scripted import Memory

PAGE = "# Widget\n\nWidget cuts widgets.\n\n## Upkeep\n\nIt is maintained by four people.\n"
PAID = "You have depleted your monthly included credits."


class Desk:
    """Two servers, alpha that ships and beta that skips, and a folder for runs."""

    def __init__(self, folder, a, b):
        self.a, self.b, self.runs = a, b, folder
        self.settings = Settings(
            runs=folder,
            providers={
                "alpha": ProviderSettings(base_url=a.url, model="qwen-big", price=(1.0, 2.0)),
                "beta": ProviderSettings(base_url=b.url, model="llama-mid"),
            },
        )

    def panel(self, **arguments):
        arguments = {
            "provider": "alpha",
            "fallback": ["beta"],
            "settings": self.settings,
            "personas": ["builder", "skeptic"],
        } | arguments
        return panel.Panel(**arguments)

    def review(self, on_event=None, **arguments):
        document = panel.Document(name="page.md", text=PAGE)
        with self.panel(**arguments) as client:
            return client.review(panel.Tool(name="Widget"), evidence=[document], on_event=on_event)

    def run(self, card):
        return Run.open(self.runs / card.run)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setattr("panel.engine.fallbacks.RESTED", Pacing(rest=300.0, first_wait=0.01))
    with ScriptedProvider() as a, ScriptedProvider(skip) as b:
        yield Desk(tmp_path, a, b)


def refusing(status, message="no", on=lambda request: True, script=ship):
    return lambda request: Failure(status, message) if on(request) else script(request)


DOWN = {
    "credit": (402, PAID, 2),
    "key": (401, "Invalid credentials in Authorization header", 2),
    "model": (404, "The model `qwen-big` does not exist", 2),
    "server": (503, "upstream is down", 6),
}


@pytest.mark.parametrize("name", DOWN)
def test_another_provider_answers_for_one_that_cannot(desk, name):
    status, message, most = DOWN[name]
    desk.a._script = refusing(status, message)
    card = desk.review()
    assert {review.provider for review in card.reviews} == {"beta"}
    assert {review.fallback for review in card.reviews} == {"beta"}
    assert {review.vote for review in card.reviews} == {"skip"}
    assert (len(card.reviews), card.missing) == (2, ())
    assert len(desk.a.requests) <= most
    assert len(desk.b.requests) == 4
    assert panel.verify(card.run, runs=desk.runs).holds


def writes(request):
    return "beats" in ((request.schema or {}).get("properties") or {})


def same_reviews(card, other):
    def told(card):
        return [(r.persona, r.provider, r.vote, r.summary, r.fallback) for r in card.reviews]

    return told(card) == told(other)


def test_a_review_whose_writer_cannot_answer_is_judged_again_by_who_writes_it(desk):
    desk.a._script = refusing(402, PAID, writes)
    events = []
    card = desk.review(on_event=events.append)
    went = {(e.provider, e.fallback) for e in events if isinstance(e, panel.WentOver)}
    assert went == {("alpha", "beta")}
    assert {(r.provider, r.vote, r.composed) for r in card.reviews} == {("beta", "skip", False)}
    assert len(desk.b.requests) == 4
    with desk.run(card) as run:
        judged = [call for call in run.stored.calls() if call["step"] == "judge"]
        rows = {(row.provider, row.model): row for row in call_statistics(run)}
        assert run.usage().calls == len(desk.a.requests) + 4
    # What alpha answered stays in the journal, and nothing of it on the card.
    assert len([call for call in judged if call["status"] == "ok"]) == 4
    assert rows["beta", "llama-mid"].calls == 4
    assert rows["alpha", "qwen-big"].failures == {"quota": len(desk.a.requests) - 2}
    asked = len(desk.a.requests), len(desk.b.requests)
    again = desk.review(provider=f"replay:{card.run}", fallback=None)
    assert same_reviews(again, card)
    assert again.judges == card.judges
    assert (len(desk.a.requests), len(desk.b.requests)) == asked
    for run in (card.run, again.run):
        assert panel.verify(run, runs=desk.runs).holds


def test_the_others_are_asked_anew_only_what_hangs_on_a_vote_that_changed(desk):
    tried, again, answered = (threading.Event() for _ in range(3))

    def script(request):
        """Fail to write for the builder while the skeptic is answered: alpha is not down."""
        if writes(request) and request.persona == "builder":
            if tried.is_set():
                again.set()
                answered.wait(20)
                time.sleep(0.2)  # the skeptic's answer arrives first
            tried.set()
            return Failure(500, "broken")
        if writes(request):
            again.wait(20)
            answered.set()
        return ship(request)

    desk.a._script = script
    card = desk.review()
    assert {r.persona: r.fallback for r in card.reviews if r.fallback} == {"builder": "beta"}
    assert {r.persona: r.vote for r in card.reviews}["builder"] == "skip"
    assert [judge.model for judge in card.judges] == ["llama-mid", "qwen-big"]
    assert (card.provider, card.model) == ("beta, alpha", "llama-mid, qwen-big")
    judged = [r.persona for r in desk.a.requests if not writes(r)]
    assert sorted(judged) == ["builder", "skeptic"]
    texts = [r.prompt for r in desk.a.requests if writes(r) and r.persona == "skeptic"]
    assert ["skip" in text.partition("Builder")[2][:40] for text in texts] == [False, True]
    assert panel.verify(card.run, runs=desk.runs).holds
    assert same_reviews(desk.review(provider=f"replay:{card.run}", fallback=None), card)
    shown = " ".join(panel.render(card, "markdown").split())
    assert "Fallback: beta was asked for builder, whose own provider could not answer." in shown


def test_a_provider_that_is_down_is_found_out_once_and_not_for_each_review(desk):
    desk.a._script = refusing(503)
    tools = [panel.Tool(name=f"T{n}", slug=f"t{n}", description=f"Cuts {n}.") for n in range(24)]
    with desk.panel(write=False, personas=["builder"]) as client:
        cards = list(client.review_many(tools))
    assert {r.provider for card in cards for r in card.reviews} == {"beta"}
    assert sum(len(card.reviews) for card in cards) == 24
    assert len(desk.b.requests) == 24
    # Three tries for each review would be 72.
    assert len(desk.a.requests) < 40
    assert panel.verify(cards[0].run, runs=desk.runs).holds


def test_a_provider_that_was_down_is_asked_again_after_a_while():
    class Endpoint:
        down, asked = True, 0

        async def ask(self, request, format, *, deadline):
            self.asked += 1
            if self.down:
                raise Unreachable("down")
            return ChatResponse("ok", "stop", Usage(), None)

        async def close(self):
            pass

    async def main():
        endpoint = Endpoint()
        config = ProviderConfig(provider="a", kind="wire", model="m", wire_model="m")
        pacing = Pacing(rest=0.05, first_wait=0.001, probe_every=0.001)
        client = ChatClient(endpoint, config, Memory(), pacing=pacing)

        async def ask(text):
            return await client.ask(question(text), tag=TAG, parse=lambda reply: reply.text)

        with pytest.raises(Unreachable):
            await ask("one")
        assert endpoint.asked == 3
        assert not client.is_available
        with pytest.raises(Unreachable):
            await ask("two")
        assert endpoint.asked == 3, "it is left alone"
        await asyncio.sleep(0.06)
        with pytest.raises(Unreachable):
            await ask("three")
        assert endpoint.asked == 4, "one probe, and no further tries"
        endpoint.down = False
        await asyncio.sleep(0.06)
        return (await ask("four")).value, client.is_available

    assert asyncio.run(main()) == ("ok", True)


def test_a_provider_that_cannot_even_be_opened_is_not_the_first(desk):
    nowhere = ProviderSettings(base_url="http://127.0.0.1:9/v1")
    desk.settings.providers["nowhere"] = nowhere
    card = desk.review(provider="nowhere", fallback=["beta"], personas=["builder"])
    assert (card.provider, card.reviews[0].fallback) == ("beta", "")
    assert any(w.startswith("beta is asked from the start: ") for w in card.warnings)


def test_what_the_model_said_or_a_filter_is_no_reason_to_ask_elsewhere(desk):
    filtered = "The response was filtered due to the prompt triggering content management policy"
    desk.a._script = refusing(400, filtered, lambda request: request.persona == "skeptic")
    card = desk.review()
    assert [(m.persona, m.reason) for m in card.missing] == [("skeptic", "filtered")]
    desk.a._script = lambda request: "I will not say."
    card = desk.review(fresh=True)
    assert {m.reason for m in card.missing} == {"invalid"}
    assert desk.b.requests == []
    again = desk.review(provider=f"replay:{card.run}", fallback=None)
    assert [m.reason for m in again.missing] == [m.reason for m in card.missing]


def test_where_nobody_can_answer_the_run_stops_and_goes_on_with_another_fallback(desk):
    desk.a._script = refusing(402, PAID, lambda request: "Cuts 0" not in request.prompt)
    desk.b._script = refusing(401)
    tools = [panel.Tool(name=f"T{n}", slug=f"t{n}", description=f"Cuts {n}.") for n in range(3)]
    with desk.panel() as client, pytest.raises(RunStopped, match="no"):
        list(client.review_many(tools))
    (path,) = desk.runs.iterdir()
    with ScriptedProvider() as c:
        desk.settings.providers["gamma"] = ProviderSettings(base_url=c.url, model="phi-mini")
        options = Options(settings=desk.settings, environ={}, fallback=("gamma",), sealed=True)

        async def resumed(options):
            async with await Session.resume(options, path) as session:
                return await session.work()

        manifest = asyncio.run(resumed(options))
        assert [record.provider for record in manifest.fallbacks] == ["beta", "gamma"]
        assert manifest.counts.reviews == 6
        with Run.open(path) as run:
            by = {r.provider for card in run.each_card() for r in card.reviews}
            assert by <= {"alpha", "gamma"}
            assert asked_models(run)[0] == "alpha, beta, gamma"
        assert panel.verify(path.name, runs=desk.runs).holds


def test_both_judges_of_a_spread_have_the_fallback_that_is_not_their_own(desk):
    desk.a._script = refusing(402, PAID)
    card = desk.review(provider=None, spread=["alpha", "beta"], fallback=["beta", "alpha"])
    with desk.run(card) as run:
        again = rerun_options(Options(settings=desk.settings, environ={}), run.manifest)
    assert [choice.provider for choice in again.fallbacks] == ["beta", "alpha"]
    assert {r.persona: (r.provider, r.fallback) for r in card.reviews} == {
        "builder": ("beta", "beta"),
        "skeptic": ("beta", ""),
    }
    assert panel.verify(card.run, runs=desk.runs).holds


def test_a_fallback_is_read_by_its_own_calibration(desk):
    fitted = ProviderSettings(base_url=desk.b.url, model="qwen2.5-coder-1.5b", ask="stepwise")
    desk.settings.providers["beta"] = fitted
    desk.b._script = ship
    alone = desk.review(provider="beta", fallback=None, personas=["builder"])
    desk.a._script = refusing(402, PAID)
    card = desk.review(personas=["builder"], fresh=True)
    assert [f.p for f in card.reviews[0].findings] == [f.p for f in alone.reviews[0].findings]
    assert [judge.asked for judge in card.judges] == ["stepwise"]
    with desk.run(card) as run:
        assert run.manifest.calibration is None
        assert run.manifest.fallbacks[0].calibration is not None
    # The card says how who answered did on control tools, and not how the first did.
    assert [w for w in card.warnings if w.startswith("this judge")] == [
        "this judge, qwen2.5-coder-1.5b, was never measured"
    ]
    assert panel.verify(card.run, runs=desk.runs).holds


def test_caps_count_a_fallback_and_are_no_reason_to_ask_it(desk):
    tools = [panel.Tool(name="T", slug="t", description="Cuts.")]
    with desk.panel() as client:
        with pytest.raises(panel.InputError, match="price of llama-mid through beta"):
            list(client.review_many(tools, max_cost=1.0))
        with pytest.raises(RunStopped, match="--max-calls 2"):
            list(client.review_many(tools, max_calls=2))
    assert desk.b.requests == []


ERRORS = {
    "itself": ({"fallback": ["alpha"]}, "names alpha, which is asked first"),
    "twice": ({"fallback": ["beta", "beta/other"]}, "names beta twice"),
    "unknown": ({"fallback": ["betta"]}, r"the fallback \(--fallback\): unknown provider betta"),
    "no key": ({"fallback": ["openai"]}, "openai needs a key"),
    "replay": ({"fallback": ["replay:x"]}, "replay:x answers for all"),
    "of a replay": ({"provider": "replay:x"}, "replay:x asks nobody"),
    "batch": ({"engine": "batch-api"}, "--engine batch-api keeps to one provider"),
    "one text": ({"fallback": "beta"}, "fallback must be a list of providers"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_a_fallback_is_refused_before_anything_is_written(desk, name):
    arguments, message = ERRORS[name]
    with pytest.raises(panel.InputError, match=message):
        desk.review(**arguments)
    assert [*desk.runs.iterdir()] == []


def test_settings_name_it_once_and_leave_it_out_where_it_cannot_be(desk):
    desk.settings = desk.settings.model_copy(update={"fallback": ("beta",)})
    desk.a._script = refusing(402, PAID)
    assert {r.fallback for r in desk.review(fallback=None).reviews} == {"beta"}
    card = desk.review(provider="beta", fallback=None)
    assert {r.fallback for r in card.reviews} == {""}
    with pytest.raises(RunStopped):
        desk.review(fallback=[], fresh=True)


TOML = """
provider = "alpha"
fallback = ["beta"]

[providers.alpha]
base_url = "{a}"
model = "qwen-big"
price = [1.0, 2.0]

[providers.beta]
base_url = "{b}"
model = "llama-mid"
price = [3.0, 4.0]
"""


def test_the_command_says_who_is_asked_before_while_and_after(desk, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("panel.toml").write_text(TOML.format(a=desk.a.url, b=desk.b.url))
    Path("tools.csv").write_text("name,description\nX,Cuts.\nY,Glues.\n")

    def run(*arguments):
        done = CliRunner().invoke(command, arguments)
        return done, " ".join(done.output.split())

    assert "fallback beta with llama-mid" in run("doctor")[1]
    _, planned = run("batch", "tools.csv", "--dry-run")
    assert "price: fallback, llama-mid through beta: $3 a million tokens read" in planned
    refused = run("batch", "tools.csv", "--fallback", "alpha")[0].exception
    assert "--fallback names alpha, which is asked first" in refused.message
    assert desk.a.requests == desk.b.requests == []
    desk.a._script = refusing(402, PAID)
    done, told = run("batch", "tools.csv", "--no-write", "--personas", "builder")
    assert done.exit_code == 0, told
    assert "fallback: beta, model: llama-mid, asked: whole" in told
    assert told.count("note: beta is asked instead of alpha: ") == 1
    assert "depleted your monthly included credits" in told
    assert "Asked: qwen-big, llama-mid through alpha, beta." in run("usage")[1]
    (path,) = (tmp_path / "runs").iterdir()
    page = (path / "report.html").read_text()
    assert "qwen-big, llama-mid through alpha, beta" in page
    rows = [
        json.loads(line)
        for line in run("export", "latest", "--format", "jsonl")[0].stdout.splitlines()
    ]
    assert {(row["provider"], row["model"]) for row in rows} == {("beta", "llama-mid")}


def test_a_threshold_that_was_measured_for_one_model_judges_no_fallback(desk, tmp_path):
    share = Share(total=20, count=15)
    measured = Measured(
        provider="alpha", model="qwen-big", ask="whole", day=date(2026, 11, 1), ship_at=70.0,
        good=share, lenient=share, usual=share, swayed=share,
    )  # fmt: skip
    fit = Calibration(
        model="qwen-big", made="by hand", criteria={}, ship_at=70.0, measured=measured
    )
    folder = own_folder()
    folder.mkdir(parents=True)
    (folder / file_name("qwen-big", "whole")).write_text(fit.model_dump_json())
    Path("panel.toml").write_text(TOML.format(a=desk.a.url, b=desk.b.url))
    desk.a._script = refusing(402, PAID, writes)

    async def start(**more):
        options = Options(
            settings=desk.settings, environ={}, provider="alpha", personas=("builder",), **more
        )
        tool = panel.Tool(name="X", description="Cuts.", slug="x")
        async with await Session.start(options, [tool]) as session:
            with contextlib.suppress(RunStopped):
                await session.work()
            return session.run.path, session.plan.rule.ship_at

    path, alone = asyncio.run(start())
    _, beside = asyncio.run(start(fallback=("beta",)))
    assert (alone, beside) == (70.0, Rule().ship_at)
    options = Options(settings=desk.settings, environ={}, fallback=("beta",))
    with pytest.raises(panel.RunError, match="ships at 70, which was measured for qwen-big"):
        asyncio.run(Session.resume(options, path))
    with Run.open(path) as run:
        assert run.manifest.fallbacks == ()
