"""`AsyncPanel`: one client for many reviews, with evidence, reviewers and settings as objects."""

import asyncio
import contextlib
import gc
import os
import sys
import typing
from dataclasses import replace
from pathlib import Path

import pytest

import panel
from panel.engine.connections import Connections, OpenedProvider
from panel.foundation.errors import InputError, ToolError
from panel.foundation.settings import ProviderSettings
from panel.llm.config import ProviderConfig
from panel.llm.providers.resolve import resolve
from panel.reviews.personas import load_personas
from panel.testing import Failure, ScriptedProvider, ship, skip
from tests.cli.test_cli import README
from tests.support.faultd import FaultServer, panel_answers
from tests.support.forge import Forge

ADDRESS = "https://github.com/acme/widget"
TEXT = panel.Document(text=README, name="README.md")
LAWYER = panel.Persona.model_validate(
    {
        "name": "lawyer",
        "title": "The Lawyer",
        "lens": "You read licences.",
        "voice": "You are careful.",
        "criteria": [{"id": "licence", "question": "Is a licence named?", "kind": "fact"}],
        "fields": [],
        "forecast": {"ask": "one sentence on next year.", "horizon_months": 12},
    }
)


def played(client, forge):
    """Let a loopback server play the hosts that a review reads."""
    client._options = replace(client._options, hosts=forge.hosts(named=False))
    return client


def test_the_sample_of_the_documentation_runs_as_it_stands(provider):
    events, readme, tools = [], README, [panel.Tool(name="A", description="One."), ADDRESS]

    async def sample():
        cards = []
        async with (
            Forge() as forge,
            panel.AsyncPanel(provider=provider.url, samples=3, runs="runs") as p,
        ):
            played(p, forge)
            card = await p.review(ADDRESS)
            cards.append(card)
            card = await p.review(
                panel.Tool(name="X"), evidence=[panel.Document(text=readme, name="README.md")]
            )
            cards.append(card)
            async for card in p.review_many(tools, on_event=events.append):
                cards.append(card)
        return cards

    cards = asyncio.run(sample())
    assert [card.tool.name for card in cards[:2]] == ["widget", "X"]
    assert {card.tool.name for card in cards[2:]} == {"A", "widget"}
    assert [source.source for source in cards[1].evidence] == ["README.md"]
    assert {type(event) for event in events} >= {panel.Started, panel.Reviewed, panel.Decided}
    run = panel.open_run("latest")
    a, b = run.scorecards()
    assert panel.verify(run).holds
    assert isinstance(panel.compare(a, b), panel.Comparison)
    assert panel.render(a, "html").startswith("<!doctype html>")


def test_a_client_keeps_its_connections_from_one_review_to_the_next():
    async def connections(client_for):
        async with FaultServer(panel_answers()) as server:
            async with contextlib.AsyncExitStack() as stack:
                for name in ("A", "B", "C"):
                    client = await client_for(stack, server.base_url)
                    await client.review(panel.Tool(name=name, description=f"{name} works."))
            return len({request.connection for request in server.requests})

    async def fresh(stack, url):
        return await stack.enter_async_context(panel.AsyncPanel(provider=url))

    endpoints = []

    async def same(stack, url):
        if not endpoints:
            endpoints.append(await fresh(stack, url))
        return endpoints[0]

    assert asyncio.run(connections(same)) <= 5 < asyncio.run(connections(fresh))


def test_reviews_at_the_same_time_keep_the_concurrency_of_the_provider_together():
    busy, most = [], []

    def script(request):
        busy.append(request)
        most.append(len(busy))
        answer = ship(request)
        busy.pop()
        return answer

    async def both(url):
        settings = panel.Settings(providers={"mine": ProviderSettings(base_url=url, concurrency=1)})
        async with panel.AsyncPanel(provider="mine", settings=settings) as client:
            tools = [panel.Tool(name=name, description="It works.") for name in "ABC"]
            return await asyncio.gather(*map(client.review, tools))

    with ScriptedProvider(script) as provider:
        assert len(asyncio.run(both(provider.url))) == 3
    assert max(most) == 1


def test_two_wires_to_a_provider_keep_its_concurrency_together():
    busy, most = [], []

    class Model:
        async def ask(self, request, format, *, deadline):
            busy.append(request)
            most.append(len(busy))
            await asyncio.sleep(0)
            busy.pop()

        async def close(self):
            pass

    async def work():
        connections = Connections()
        for wire in ("openai", "lean", "openai"):
            config = ProviderConfig(provider="x", kind="wire", model="m", wire_model="m",
                                    wire=wire, concurrency=1)  # fmt: skip

            async def connect(config=config):
                return OpenedProvider(config, Model())

            yield (await connections.get(config, connect)).endpoint

    async def main():
        endpoints = [endpoint async for endpoint in work()]
        await asyncio.gather(*(e.ask(None, "prompt", deadline=1) for e in endpoints * 3))
        return endpoints

    first, second, third = asyncio.run(main())
    assert first is third is not second
    assert max(most) == 1


def test_an_answer_that_came_over_one_wire_is_not_asked_for_over_the_other(tmp_path):
    async def review(url, wire):
        async with panel.AsyncPanel(provider=url, wire=wire, runs=tmp_path) as client:
            return await client.review(panel.Tool(name="A", description="It works."))

    with ScriptedProvider() as provider:
        first = asyncio.run(review(provider.url, "openai"))
        asked = len(provider.requests)
        second = asyncio.run(review(provider.url, "lean"))
        assert len(provider.requests) == asked == 8
    assert first.verdict == second.verdict


def test_an_endpoint_is_opened_once_for_a_target_and_closed_with_the_client():
    log = []

    class Model:
        async def ask(self, request, format, *, deadline):
            log.append("ask")

        async def close(self):
            log.append("close")

    async def work():
        config = ProviderConfig(provider="local", kind="local", model="m", wire_model="m")
        connections = Connections()

        async def connect():
            log.append("open")
            return OpenedProvider(config, Model())

        for _ in range(2):
            opened = await connections.get(config, connect)
            await opened.endpoint.ask(None, "prompt", deadline=1)
            await opened.endpoint.close()
        await connections.close()
        await connections.close()

    asyncio.run(work())
    assert log == ["open", "ask", "ask", "close"]


def reviewed(*args, script=ship, client=None, **options):
    async def work(url):
        async with panel.AsyncPanel(provider=url, **(client or {})) as p:
            return await p.review(*args, **options)

    with ScriptedProvider(script) as provider:
        return asyncio.run(work(provider.url))


def test_evidence_may_be_texts_and_files_together():
    Path("notes.md").write_text("# Notes\n\nIt has a plug-in system.\n")
    page = panel.Document(text="<p>Shown.</p><p hidden>Secret order.</p>", name="page.html")
    card = reviewed("Widget", evidence=["notes.md", TEXT, page])
    assert [source.source for source in card.evidence] == ["notes.md", "README.md", "page.html"]
    assert card.evidence[2].removed_hidden
    assert "Secret" not in card.evidence[2].passages[0].text
    assert "documents" not in panel.open_run().tools()[0].model_dump()


def test_what_is_given_with_a_tool_is_added_to_what_it_has():
    tool = panel.Tool(name="Widget", price="free", documents=[TEXT])
    card = reviewed(tool, evidence=panel.Document(text="It is quick."), description="Widgets.")
    assert [source.source for source in card.evidence] == ["README.md", "document"]
    assert (card.tool.price, card.tool.description) == ("free", "Widgets.")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"text": " \n"}, "no readable text"),
        ({"text": "x", "name": "tool.docx"}, "not .docx"),
        ({"text": "x" * 2_000_001}, "larger than 2 MB"),
        ({"text": "a\0b"}, "binary"),
    ],
    ids=["empty", "format", "size", "binary"],
)
def test_a_document_that_cannot_be_read_is_a_tool_error(document, message):
    with pytest.raises(ToolError, match=message):
        reviewed("Widget", evidence=panel.Document(**document))
    assert not Path("runs").exists()


def test_personas_may_be_objects_beside_names():
    card = reviewed("Widget", evidence=TEXT, client={"personas": ["skeptic", LAWYER]})
    assert [review.persona for review in card.reviews] == ["skeptic", "lawyer"]
    assert panel.verify("latest").holds
    card = reviewed("Widget", evidence=TEXT, client={"personas": LAWYER})
    assert [review.persona for review in card.reviews] == ["lawyer"]


def test_a_persona_twice_is_refused():
    with pytest.raises(panel.PersonaError, match="'lawyer' is named twice"):
        reviewed("Widget", evidence=TEXT, client={"personas": [LAWYER, LAWYER]})


def test_a_persona_named_as_a_shipped_one_replaces_it_for_this_client():
    builder = LAWYER.model_copy(update={"name": "builder"})
    card = reviewed("Widget", evidence=TEXT, client={"personas": [builder]})
    assert [finding.criterion for finding in card.reviews[0].findings] == ["licence"]


def many(tools, *, script=ship, limit=None, client=None, **options):
    """Return the cards of a list, in the order they came; `limit` ends the loop early."""

    async def work(url):
        cards = []
        async with (
            panel.AsyncPanel(provider=url, **(client or {})) as p,
            contextlib.aclosing(p.review_many(tools, **options)) as ready,
        ):
            async for card in ready:
                cards.append(card)
                if len(cards) == limit:
                    break
        return cards

    with ScriptedProvider(script) as provider:
        return asyncio.run(work(provider.url))


def tools_named(names):
    return [panel.Tool(name=name, description=f"{name} works.") for name in names]


def test_cards_come_as_they_are_ready_and_belong_to_one_run():
    seen = []

    def watch(event):
        if isinstance(event, panel.Decided):
            seen.append(event.tool.name)

    cards = many(tools_named("ABCDE"), on_event=watch)
    assert [card.tool.name for card in cards] == seen
    assert sorted(seen) == list("ABCDE")
    (run,) = Path("runs").iterdir()
    assert {card.run for card in cards} == {run.name}


def test_a_list_may_be_a_file_and_an_empty_one_is_no_run():
    Path("tools.csv").write_text("name,description\nA,It works.\nB,It works.\n")
    assert sorted(card.tool.name for card in many("tools.csv")) == ["A", "B"]
    assert len(list(Path("runs").iterdir())) == 1
    assert many([]) == []
    assert len(list(Path("runs").iterdir())) == 1


def test_tools_of_one_name_get_paths_of_their_own():
    cards = many(tools_named(["A b", "A-b"]))
    assert len({card.tool.slug for card in cards}) == 2


def test_a_loop_that_ends_early_stops_the_run_keeps_what_was_answered_and_logs_nothing(caplog):
    (card,) = many(tools_named("ABCDEFGH"), limit=1)
    run = panel.open_run()
    assert run.manifest.finished is None
    assert card in run.scorecards()
    gc.collect()  # asyncio logs an error that nobody has seen when its task goes
    assert not caplog.records


def test_an_error_of_the_provider_stops_the_list_and_names_the_run():
    with pytest.raises(panel.RunStopped) as caught:
        many(tools_named("ABC"), script=lambda request: Failure(402, "no credits"))
    assert panel.open_run().name in caught.value.hint


def test_a_tool_about_which_nothing_can_be_read_is_left_out_with_an_event():
    events = []
    cards = many([*tools_named("A"), "https://gone.invalid/x"], on_event=events.append)
    assert [card.tool.name for card in cards] == ["A"]
    (left_out,) = [event for event in events if isinstance(event, panel.LeftOut)]
    assert "gone.invalid" in left_out.reason


def test_what_a_watcher_raises_ends_the_review():
    def watch(event):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        many(tools_named("AB"), on_event=watch)


@pytest.mark.parametrize(
    ("tools", "message"),
    [(5, "tools must be"), (ADDRESS, "tools must be"), ([5], "tool must be"), ([""], "no tool")],
    ids=["number", "address", "of numbers", "empty name"],
)
def test_a_list_that_is_none_is_an_input_error(tools, message):
    with pytest.raises(InputError, match=message):
        many(tools)


def test_a_closed_client_opens_again():
    async def work(url):
        client = panel.AsyncPanel(provider=url)
        for name in "AB":
            await client.review(panel.Tool(name=name, description="It works."))
            await client.close()

    with ScriptedProvider() as provider:
        asyncio.run(work(provider.url))


@pytest.mark.parametrize(
    ("provider", "settings"),
    [
        ("https://llm.example/v1", {}),
        ("cerebras", {}),
        (None, {}),
        ("direct:groq", {}),
        ("mine", {"mine": ProviderSettings(base_url="https://llm.example/v1")}),
    ],
    ids=["address", "router", "default", "direct", "table"],
)
def test_a_key_may_be_passed(provider, settings):
    client = panel.AsyncPanel(
        provider=provider, api_key="k-123", settings=panel.Settings(providers=settings)
    )
    options = client._options
    target = resolve(provider, model=None, settings=options.settings, environ=options.environ)
    assert target.key is not None
    assert target.key.get_secret_value() == "k-123"
    assert "k-123" not in repr(target)


READ: list[str] = []
"""Files opened while `watching` holds something."""
watching: list[bool] = []


def _watch(event, args):
    if watching and event == "open" and isinstance(args[0], str | bytes | os.PathLike):
        READ.append(os.fsdecode(args[0]))


class Environment(dict[str, str]):
    """Variables that note which of them panel's own modules read."""

    names: typing.ClassVar[list[str]] = []

    def _note(self, name):
        if "panel" in sys._getframe(2).f_globals.get("__name__", "").split("."):
            self.names.append(name)

    def __getitem__(self, name):
        self._note(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        self._note(name)
        return super().get(name, default)

    def __iter__(self):
        self._note("*")
        return super().__iter__()


def test_with_settings_passed_nothing_is_read_from_environment_home_or_here(monkeypatch):
    home = Path.home()
    (home / ".config" / "panel").mkdir(parents=True)
    (home / ".config" / "panel" / "secret").write_bytes(b"s" * 32)
    (home / ".cache" / "huggingface").mkdir(parents=True)
    (home / ".cache" / "huggingface" / "token").write_text("hf_canary")
    Path("panel.toml").write_text("nonsense = 1\n")
    Path("personas").mkdir()
    Path("personas", "broken.md").write_text("no front matter")
    monkeypatch.setenv("PANEL_PROVIDER", "nowhere")
    monkeypatch.setattr(os, "environ", Environment(os.environ))
    sys.addaudithook(_watch)
    watching.append(True)
    try:
        card = reviewed("Widget", evidence=TEXT, client={"settings": panel.Settings(runs="mine")})
    finally:
        watching.clear()
    assert card.verdict.outcome == "ship"
    assert Environment.names == []
    here = [str(home), str(Path.cwd() / "panel.toml"), str(Path.cwd() / "personas")]
    opened = [os.path.abspath(path) for path in READ]
    assert any("journal.db" in path or "/mine/" in path for path in opened)
    assert [path for path in opened if path.startswith(tuple(here))] == []
    assert not Path("runs").exists()


def test_without_settings_the_environment_counts(monkeypatch):
    monkeypatch.setenv("PANEL_PROVIDER", "nowhere")
    with pytest.raises(panel.ProviderError, match="nowhere"):
        asyncio.run(panel.AsyncPanel().review("Widget", description="It works."))
    with pytest.raises(panel.ProviderError, match="elsewhere"):
        asyncio.run(
            panel.AsyncPanel(environ={"PANEL_PROVIDER": "elsewhere"}).review(
                "W", description="It works."
            )
        )


def test_shipped_reviewers_are_asked_where_settings_are_passed():
    card = reviewed("Widget", evidence=TEXT, client={"settings": panel.Settings()})
    shipped = load_personas(folders=[Path(panel.__file__).parent / "data" / "personas"])
    assert [review.persona for review in card.reviews] == [p.name for p in shipped]


def test_a_script_that_says_no_is_a_skip():
    assert reviewed("Widget", evidence=TEXT, script=skip).verdict.outcome == "skip"
