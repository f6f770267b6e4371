"""Where a review takes its evidence from: address, files, or what earlier runs hold."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from panel.engine.gather_evidence import gather_all, is_fetched, same_source, stored_tool
from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.tools.tool import Tool
from panel.evidence.tools.tool_list import single_tool
from panel.foundation.errors import ToolError
from panel.foundation.settings import Settings
from panel.runs.run import Run
from tests.cli.test_cli import README, one_line_error, widget
from tests.support.cards import NOW
from tests.support.forge import Forge, repository
from tests.support.sessions import worked

REPO = "https://github.com/acme/widget"
API = "api.github.com/repos/acme/widget"


@pytest.fixture
def options(tmp_path, answers, monkeypatch):
    """Options of a review against the scripted provider, in a folder of its own."""
    monkeypatch.setenv("PANEL_CONFIG", str(tmp_path / "config"))

    def options(**changes):
        settings = Settings(runs=tmp_path / "runs")
        return Options(
            settings=settings, environ={}, provider=answers, personas=("builder",), **changes
        )

    return options


def reviewed(options, tools, over=None, **changes):
    """Review tools against a forge; returns cards, what it was asked, and who was left out."""

    async def run():
        async with Forge(over) as forge:
            requests = options(hosts=forge.hosts(named=False), **changes)
            async with await Session.start(requests, tools) as session:
                return await worked(session), forge.asked(), session.left_out

    return asyncio.run(run())


def test_a_review_by_address_has_fetched_evidence_facts_and_notes_on_its_card(options):
    tool = single_tool("widget", url=REPO)
    (card,), requests, _ = reviewed(options, [tool], {f"{API}/releases/latest": None}, fetch=True)
    assert [source.role for source in card.evidence] == ["readme", "record", "page", "pricing"]
    assert card.facts.licence.value == "MIT"
    assert card.facts.last_release.value is None
    assert "latest release or tag not read: none published" in card.warnings
    assert len(requests) == 6


def test_a_models_page_is_reviewed_as_a_model_and_a_repository_as_of_unknown_kind(options):
    model, code = (
        single_tool("tiny", url="https://huggingface.co/acme/tiny"),
        single_tool("widget", url=REPO),
    )
    cards, _, _ = reviewed(options, [model, code], fetch=True)
    assert [(c.tool.kind, c.tool.kind_origin) for c in cards] == [
        ("model", "address"),
        (None, None),
    ]
    asked = [{f.criterion for r in c.reviews for f in r.findings} for c in cards]
    assert "context_length" in asked[0] - asked[1]
    assert "install" in asked[1] - asked[0]


def test_a_contradicting_tool_entry_is_a_warning_on_the_card(options):
    tool = single_tool("widget", url=REPO).model_copy(update={"price": "$99 a month"})
    (card,), _, _ = reviewed(options, [tool])
    assert [line for line in card.warnings if line.startswith("price: ")]


def test_a_rerun_and_an_offline_review_use_what_is_stored_and_ask_nobody(options):
    tool = single_tool("widget", url=REPO)
    (first,), _, _ = reviewed(options, [tool])
    same_tool = single_tool("Whatever", url=f"{REPO}/")
    (second,), requests, _ = reviewed(options, [same_tool], offline=True)
    assert requests == []
    assert second.evidence == first.evidence
    assert second.facts == first.facts

    async def rerun():
        requests = options()
        with Run.open(next(requests.settings.runs.iterdir())) as parent:
            async with await Session.rerun(requests, parent) as session:
                return await worked(session)

    (third,) = asyncio.run(rerun())
    assert third.evidence == first.evidence


def test_offline_takes_the_newest_run_that_holds_the_tool(options):
    tool = single_tool("widget", url=REPO)
    reviewed(options, [tool])
    reviewed(options, [tool], {API: repository(open_issues_count=5)}, fetch=True)
    (card,), _, _ = reviewed(options, [tool], offline=True)
    assert card.facts.open_issues.value == 5
    assert stored_tool(options().settings.runs, "WIDGET ").url == REPO
    assert stored_tool(options().settings.runs, "gadget") is None


def test_offline_without_anything_stored_says_so(options):
    with pytest.raises(ToolError, match="no earlier run holds evidence about widget"):
        reviewed(options, [single_tool("widget", url=REPO)], offline=True)


def test_of_several_tools_one_that_cannot_be_read_is_left_out_and_named(options):
    unreachable = single_tool("Gone", url="https://elsewhere.example/")
    cards, _, left_out = reviewed(options, [unreachable, single_tool("widget", url=REPO)])
    assert [card.tool.name for card in cards] == ["widget"]
    (line,) = left_out
    assert "nothing could be read about Gone: page not read: not found" in line
    with pytest.raises(ToolError, match="nothing could be read about Gone"):
        reviewed(options, [unreachable])


@pytest.mark.parametrize(
    ("flags", "changes", "fetched"),
    [
        ({"url": REPO}, {}, True),
        ({"url": REPO, "description": "Turns tables."}, {}, False),
        ({"url": REPO, "description": "Turns tables."}, {"fetch": True}, True),
        ({"url": REPO, "evidence": True}, {}, False),
        ({"url": REPO, "evidence": True}, {"fetch": True}, True),
        ({"url": REPO}, {"offline": True}, False),
        ({"description": "Turns tables."}, {"fetch": True}, False),
    ],
)
def test_i7_an_address_is_read_only_where_it_is_all_there_is_or_was_asked_for(
    tmp_path, options, flags, changes, fetched
):
    files = ()
    if flags.get("evidence"):
        files = (tmp_path / "README.md",)
        files[0].write_text(README)
    tool = Tool(name="widget", slug="widget", **{**flags, "evidence": files})
    assert is_fetched(tool, options(**changes)) == fetched

    async def run():
        async with Forge() as forge:
            requests = options(hosts=forge.hosts(named=False), **changes)
            try:
                await gather_all(requests, [tool])
            except ToolError:
                assert requests.offline
            return forge.asked()

    assert bool(asyncio.run(run())) == fetched


def test_tools_are_the_same_by_address_else_by_name():
    one = Tool(name="A", url="https://a.example/x")
    assert same_source(one, Tool(name="B", url="http://A.example/x/"))
    assert same_source(one, Tool(name="a "))
    assert not same_source(one, Tool(name="A", url="https://b.example"))
    assert not same_source(Tool(name="A"), Tool(name="B"))


# The commands


def test_evidence_shows_passages_sizes_hidden_text_and_what_is_left_out(desk):
    text = (
        README
        + "\n<!-- a comment for nobody -->\n\nSo\u200b it\u200b is.\n\n## More\n\n"
        + "Words and words. " * 300
    )
    desk.write("README.md", text)
    command = ("evidence", "Widget", "--evidence", "README.md", "--tokens", 300)
    process = desk.run(*command)
    assert process.returncode == 0, process.stderr
    for part in ("E1.1", "file, read 20", "hidden pieces taken out: 3",
                 "“a comment for nobody” (comment)", "2 zero-width characters",
                 "Licence: MIT", "passages go to the reviewers", "– E1."):  # fmt: skip
        assert part in process.stdout, process.stdout
    assert "left out to fit 300 tokens" in process.stderr
    assert desk.runs() == []
    data = json.loads(desk.run(*command, "--format", "json").stdout)
    (first,) = data["sources"]
    assert first["hidden"] == ["a comment for nobody"]
    assert first["hidden_why"] == ["comment"]
    assert first["hidden_characters"] == {"zero-width": 2}
    assert first["passages"][0] == {
        "id": "E1.1", "text": first["passages"][0]["text"], "heading": "Widget", "kind": "prose",
        "characters": len(first["passages"][0]["text"]), "shown": True,
        "tokens": first["passages"][0]["tokens"],
    }  # fmt: skip
    assert data["budget"]["shown"] == sum(first_tool["shown"] for first_tool in first["passages"])
    assert data["facts"]["licence"]["value"] == "MIT"
    assert datetime.fromisoformat(first["retrieved"]) <= datetime.now(UTC)


def test_evidence_of_a_run_is_what_it_stored(desk, answers):
    options = ("--provider", answers, "--model", "m", "--personas", "builder")
    assert desk.run(*widget(desk), *options).returncode in (0, 1)
    (desk.folder / "README.md").unlink()
    for words in (["--run", "latest"], ["--run", "latest", "widget"], ["Widget", "--offline"]):
        data = json.loads(desk.run("evidence", *words, "--format", "json").stdout)
        assert data["tool"]["name"] == "Widget"
        assert "widget init" in json.dumps(data["sources"])
    one_line_error(desk.run("evidence", "--run", "latest", "gadget"), 2, "no tool named")
    one_line_error(desk.run("evidence", "gadget", "--offline"), 2, "nothing is known", "--url")


@pytest.mark.parametrize("command", ["review", "evidence"])
def test_f1_an_address_of_this_machine_is_refused_in_one_line(desk, command):
    process = desk.run(command, "http://127.0.0.1:9/tool")
    one_line_error(
        process, 2, "nothing could be read about 127.0.0.1", "blocked_address", "--evidence"
    )


def test_what_contradicts_itself_on_the_command_line_is_refused(desk):
    one_line_error(desk.run("review", REPO, "--offline", "--fetch"), 2, "--offline and --fetch")
    one_line_error(desk.run("review", REPO, "--offline"), 2, "no earlier run holds evidence")
    one_line_error(desk.run("review", "Widget", "--url", "ftp://x/"), 2, "must be a web address")
    one_line_error(desk.run("evidence"), 2, "no tool named")


def test_a_card_kept_before_there_were_facts_is_still_read():
    from panel.reviews.verdict.scorecard import Scorecard
    from tests.support.cards import card

    old = json.loads(card().model_dump_json(by_alias=True))
    del old["facts"]
    for source in old["evidence"]:
        del source["role"], source["hidden"], source["left_aside"]
    loaded = Scorecard.model_validate(old)
    assert loaded == card()
    assert loaded.created == NOW
