"""Evidence read anew from the network: a forge whose pages change between two readings."""

import asyncio
from dataclasses import replace

import pytest

from panel.engine.options import Options
from panel.engine.refresh import groups, read_anew
from panel.engine.session import Session
from panel.evidence.tools.tool import Document, Tool
from panel.evidence.tools.tool_list import single_tool
from panel.foundation.settings import Settings
from panel.runs.history.archive import Archive
from panel.testing import ScriptedProvider, ship
from tests.engine.test_look_up import PAGES, ROADMAP, missing_the_roadmap
from tests.support.faultd import respond
from tests.support.forge import README, TEXT, Forge, repository
from tests.support.sessions import worked

REPO = "https://github.com/acme/widget"
API = "api.github.com/repos/acme/widget"
RAW = "raw.githubusercontent.com/acme/widget/HEAD/README.md"
(ROADMAP_PATH,) = PAGES


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """Options whose runs hold one verdict, on a repository."""
    folder = tmp_path_factory.mktemp("refresh")
    with ScriptedProvider(ship) as provider:
        made = Options(
            settings=Settings(runs=folder), environ={}, provider=provider.url, model="m",
            personas=("builder",), write=False, sealed=True,
        )  # fmt: skip

        async def review():
            async with Forge() as forge:
                asked = replace(made, hosts=forge.hosts(named=False))
                async with await Session.start(asked, [Tool(name="widget", url=REPO)]) as session:
                    await worked(session)

        asyncio.run(review())
        yield made


def anew(options, over=None, tools=None, **changes):
    """Read anew against a forge with other answers; returns the one reading, and the forge."""

    async def read():
        async with Forge(over) as forge:
            asked = replace(options, hosts=forge.hosts(named=False), **changes)
            (reading,) = await read_anew(asked, Archive.open(options.settings.runs), tools)
            return reading, forge

    return asyncio.run(read())


def test_the_address_is_read_again_and_the_same_pages_are_no_change(options):
    reading, forge = anew(options)
    assert (reading.state, reading.evidence) == ("same", None)
    assert len(forge.asked()) == 5


def test_stars_alone_are_no_change_and_a_licence_is(options):
    assert anew(options, {API: repository(stargazers_count=99_999)})[0].state == "same"
    other = repository(license={"spdx_id": "AGPL-3.0"})
    reading, _ = anew(options, {API: other})
    assert reading.state == "changed"
    assert "licence: MIT → AGPL-3.0" in [reason.text for reason in reading.reasons]


def test_the_cited_passage_of_the_readme_is_the_reason(options):
    changed = README.replace("one process and one file", "three services and a queue")
    reading, _ = anew(options, {RAW: respond(200, changed.encode(), TEXT)})
    (reason,) = reading.reasons
    assert "three services and a queue" in reason.after
    assert "one process and one file" in reason.before
    assert changed.split("\n")[2] in [p.text for p in reading.evidence.passages.values()]


def test_a_page_that_cannot_be_read_keeps_the_verdict_and_says_why(options):
    gone = {RAW: respond(503, b""), f"{API}/readme": respond(503, b"")}
    reading, _ = anew(options, gone)
    assert (reading.state, reading.evidence) == ("unread", None)
    assert "README not read" in reading.unread


def test_offline_fetches_nothing_and_says_so(options):
    reading, forge = anew(options, offline=True)
    assert (reading.state, forge.asked()) == ("unread", [])
    assert reading.unread == "--offline fetches no address"


def test_a_listed_tool_is_found_by_its_address_under_another_name(options):
    reading, _ = anew(options, tools=[Tool(name="Acme's", url=f"{REPO}/", slug="acme-s")])
    assert (reading.state, reading.tool.slug) == ("same", "widget")


def test_the_new_run_asks_as_the_old_one_did_unless_the_options_say_otherwise(options):
    changed = README.replace("one process and one file", "three services and a queue")
    reading, _ = anew(options, {RAW: respond(200, changed.encode(), TEXT)})
    bare = Options(settings=options.settings, environ={}, sealed=True)
    (group,) = groups(bare, [reading])
    asked = group.options
    assert (asked.provider, asked.model) == (options.provider, "m")
    assert (asked.personas, asked.write, asked.ask) == (("builder",), False, "whole")
    (other,) = groups(replace(bare, provider="local", personas=("skeptic",)), [reading])
    assert (other.options.provider, other.options.model) == ("local", None)
    assert other.options.personas == ("skeptic",)
    assert other.parent == group.parent == reading.entry.run


def test_texts_of_a_program_cannot_be_read_anew_and_the_verdict_stands(options, tmp_path):
    here = replace(options, settings=Settings(runs=tmp_path))
    tool = single_tool("Gadget", documents=[Document(name="a.md", text="It makes gadgets.")])

    async def review():
        async with await Session.start(here, [tool]) as session:
            await worked(session)

    asyncio.run(review())
    assert anew(here)[0].state == "unread"
    assert anew(here, tools=[tool])[0].state == "same"


def test_a_page_that_was_looked_up_is_read_again(options, tmp_path):
    here = replace(options, settings=Settings(runs=tmp_path), personas=("futurist",))

    async def review(provider):
        async with Forge(PAGES) as forge:
            asked = replace(here, provider=provider.url, hosts=forge.hosts(named=False))
            async with await Session.start(asked, [Tool(name="widget", url=REPO)]) as session:
                return await worked(session)

    with ScriptedProvider(missing_the_roadmap) as provider:
        (card,) = asyncio.run(review(provider))
    assert any(cite.startswith("E6") for f in card.reviews[0].findings for cite in f.cites)
    assert anew(here, PAGES)[0].state == "same"
    rounder = respond(200, ROADMAP.replace("round", "square").encode(), TEXT)
    reading, _ = anew(here, {ROADMAP_PATH: rounder})
    (reason,) = reading.reasons
    assert "are round widgets" in reason.before
    assert "are square widgets" in reason.after
    gone, _ = anew(here)
    assert (gone.state, gone.evidence) == ("unread", None)
    assert gone.unread.startswith("page on roadmap not read: ")
