"""A list as a stream: asked about while its evidence is read; stops, faults and resumes."""

import asyncio
import gc
import random
import re
import signal
import sqlite3
import time
from collections import Counter

import pytest

from panel.engine import evidence_stream
from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.examiner import Examiner, ExaminerGone
from panel.evidence.tools.tool import Document, Tool
from panel.evidence.tools.tool_list import single_tool
from panel.foundation.errors import ToolError
from panel.foundation.settings import Settings
from panel.reviews.events import Decided
from panel.testing import ScriptedProvider, ship
from tests.cli.test_cli import one_line_error
from tests.engine.test_interrupted import requests, stored, tool_list, wait_for_request
from tests.evidence.test_gather_stopped import QUICK, pages, until
from tests.support.command import answering
from tests.support.forge import Forge
from tests.support.sessions import worked


def page_list(desk, count):
    """A list of so many tools with a page each."""
    for n in range(count):
        desk.write(f"pages/{n}.md", f"# Tool {n}\n\nTool {n} does the work of {n} people.\n")
    rows = "".join(f"Tool {n},pages/{n}.md\n" for n in range(count))
    return desk.write("tools.csv", "name,evidence\n" + rows)


def read_so_far(desk):
    (run,) = desk.runs()
    with sqlite3.connect(f"file:{run / 'journal.db'}?mode=ro", uri=True) as db:
        (count,) = db.execute("SELECT count(*) FROM evidence").fetchone()
        slugs = [slug for (slug,) in db.execute("SELECT slug FROM tools ORDER BY rowid")]
    db.close()
    return count, slugs


@pytest.mark.timeout(180)
def test_a_list_is_asked_about_before_it_is_read_and_a_resume_says_what_changed_since(
    desk, tmp_path
):
    counts = tmp_path / "counts"
    options = ["--concurrency", 4, "--personas", "builder", "--no-write", "--model", "m"]
    with answering("--latency", "60", "--counts", str(counts)) as url:
        process = desk.start("batch", page_list(desk, 80), "--provider", url, *options)
        wait_for_request(process, counts, 0)
        time.sleep(1)
        process.kill()
        process.communicate()
    read, slugs = read_so_far(desk)
    assert read < 30, "no more is read than is about to be asked"
    assert slugs == [f"tool-{n}" for n in range(80)], "the whole list is stored, in its order"
    desk.write("pages/78.md", "# Tool 78\n\nTool 78 was written anew.\n")
    (desk.folder / "pages" / "79.md").unlink()
    with answering() as url:
        done = desk.run("resume", "latest", "--provider", url, "--format", "csv", *options[:2])
        again = desk.run("resume", "latest", "--provider", url)
    assert done.returncode == 1, done.stderr
    assert "Tool 78: 78.md changed since the run began" in done.stderr
    assert re.search(r"warning: left out: .*79\.md: no such file", done.stderr)
    assert len(done.stdout.splitlines()) == 1 + 79
    assert "is complete" in again.stderr


@pytest.mark.timeout(180)
def test_r1_kills_while_evidence_is_read_lose_no_tool_and_ask_nothing_finished_twice(
    desk, tmp_path
):
    counts = tmp_path / "counts"
    tools, luck, kills = page_list(desk, 40), random.Random(20261128), 0
    questions = 40 * 2
    with answering("--latency", "0.1", "--counts", str(counts)) as url:
        options = ["--provider", url, "--model", "m", "--concurrency", 4]
        command = ["batch", tools, "--personas", "builder"]
        while kills < 8:
            before = requests(counts)
            process = desk.start(*command, *options)
            wait_for_request(process, counts, before)
            time.sleep(luck.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if process.returncode != -signal.SIGKILL:
                break
            kills += 1
            command = ["resume", "latest"]
        acknowledged, counted = set(stored(desk)), requests(counts)
        done = desk.run("resume", "latest", *options)
    assert done.returncode in (0, 1), done.stderr
    answered = stored(desk)
    assert len(answered) == len(set(answered)) == questions
    assert requests(counts) - counted == questions - len(acknowledged)
    read, slugs = read_so_far(desk)
    assert read == len(slugs) == 40


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("big.md", b"x" * 2_000_001, "larger than 2 MB"),
        ("sheet.xlsx", b"x", "not .xlsx"),
        ("gone.md", None, "no evidence file 'pages/gone.md'"),
        ("folder.md", "folder", "a folder, not a file"),
    ],
)
def test_a_fault_of_a_list_that_shows_without_reading_is_refused_before_anything_is_asked(
    desk, name, content, part
):
    path = page_list(desk, 3)
    if content == "folder":
        (desk.folder / "pages" / name).mkdir()
    elif content is not None:
        (desk.folder / "pages" / name).write_bytes(content)
    path.write_text(path.read_text() + f"Last,pages/{name}\n")
    nobody = ("--provider", "http://127.0.0.1:9/v1", "--model", "m")
    one_line_error(desk.run("batch", path, *nobody), 2, part)
    assert not (desk.folder / "runs").exists()


KEY = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nb3BlbnNzaC1rZXktdjEAAAAA\n"


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"\xff\xfe\xfd caf\xe9", "not UTF-8 text"), (b"\0\1\2", "binary, not text")],
)
def test_a_page_that_turns_out_unreadable_leaves_its_tool_out_and_the_others_are_reviewed(
    desk, content, part
):
    path = page_list(desk, 3)
    (desk.folder / "pages" / "1.md").write_bytes(content)
    with answering() as url:
        done = desk.run(
            "batch", path, "--provider", url, "--model", "m", "--personas", "builder",
            "--format", "csv",
        )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert re.search(rf"warning: left out: 1\.md.*{part}", done.stderr), done.stderr
    assert "Tool 0" in done.stdout
    assert "Tool 1," not in done.stdout


def test_a_key_in_a_file_far_down_a_list_is_found_when_it_is_read(tmp_path):
    page = tmp_path / "notes.md"
    page.write_text(KEY)
    tool = Tool(name="Last", slug="last", evidence=(page,))

    async def examined():
        async with Examiner() as examiner:
            await examiner.examine(tool)

    with pytest.raises(ToolError, match="private key") as refused:
        asyncio.run(examined())
    assert "b3BlbnNz" not in refused.value.message


@pytest.fixture
def options(tmp_path, answers, monkeypatch):
    monkeypatch.setenv("PANEL_CONFIG", str(tmp_path / "config"))

    def options(**more):
        return Options(
            settings=Settings(runs=tmp_path / "runs"), environ={}, provider=answers, model="m",
            personas=("builder",), write=False, **more,
        )  # fmt: skip

    return options


def test_addresses_are_read_while_what_is_in_files_is_reviewed(options):
    """The slow pages come after 30 s: all else has its verdict by then."""
    remote = [single_tool(f"tool-{n}", url=f"https://github.com/acme/tool-{n}") for n in (0, 11)]
    local = [single_tool(f"Local {n}", description=f"Does {n} things.") for n in range(5)]
    decided = []

    def watch(event):
        if isinstance(event, Decided):
            decided.append(event.tool.slug)

    async def run():
        async with Forge(pages(slow=30)) as forge:
            asked = options(hosts=forge.hosts(named=False))
            async with await Session.start(asked, [remote[1], *local, remote[0]]) as session:
                task = asyncio.ensure_future(session.work(watch=watch))
                await until(lambda: len(decided) == 6)
                task.cancel()
                await asyncio.wait([task])

    asyncio.run(run())
    assert QUICK > 0
    assert set(decided) == {"tool-0", *(f"local-{n}" for n in range(5))}


def test_tools_are_examined_here_where_a_child_process_is_killed(options, monkeypatch, tmp_path):
    examine, killed = Examiner.examine, []

    async def killing(self, tool):
        if not killed:
            killed.append(tool.slug)
            self._process.kill()
        return await examine(self, tool)

    monkeypatch.setattr(Examiner, "examine", killing)
    monkeypatch.setattr(evidence_stream, "MANY", 2)
    tools = [
        Tool(name=f"Tool {n}", slug=f"tool-{n}", description=f"Does {n} things.") for n in range(6)
    ]

    async def run():
        async with await Session.start(options(), tools) as session:
            return await worked(session)

    cards = asyncio.run(run())
    assert [card.tool.slug for card in cards] == [tool.slug for tool in tools]
    assert len(killed) == 1


def test_a_child_that_cannot_be_started_says_so(monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")

    async def run():
        async with Examiner() as examiner:
            await examiner.examine(Tool(name="A", slug="a", description="x"))

    with pytest.raises(ExaminerGone):
        asyncio.run(run())


@pytest.mark.parametrize("count", [31, 32])
def test_short_lists_start_no_child_process(count):
    assert (evidence_stream.children(count) > 0) == (count == 32)


def test_texts_of_a_program_are_stored_before_anything_is_asked(options):
    """They are in no file: a stop would lose them."""
    tools = [
        single_tool(f"Tool {n}", documents=[Document(text=f"Does {n} things.")]) for n in range(3)
    ]

    async def run():
        async with await Session.start(options(), tools) as session:
            return [session.run.evidence(tool.slug) is not None for tool in tools]

    assert asyncio.run(run()) == [True] * 3


def test_a_list_of_descriptions_is_reviewed_in_its_order(desk):
    with answering() as url:
        cards = desk.json(
            "batch", tool_list(desk, 12), "--provider", url, "--model", "m", "--personas", "builder"
        )
    assert [card["tool"]["name"] for card in cards] == [f"Tool {n}" for n in range(12)]


def test_what_a_tool_took_is_let_go_without_a_search_for_garbage(tmp_path):
    """A cycle around a tool's evidence would keep thousands of tools in memory, then stop all."""
    text = "# Widget\n\nIt turns tables into widgets, under the MIT licence.\n"
    tools = [
        single_tool(f"Tool {n}", documents=(Document(text=text, name="README.md"),))
        for n in range(3)
    ]

    async def garbage(provider):
        options = Options(
            settings=Settings(runs=tmp_path / "runs"), environ={}, provider=provider, model="m"
        )
        async with await Session.start(options, tools) as session:
            gc.collect()
            gc.disable()
            await session.work()
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
        return [f"{type(kept).__module__}.{type(kept).__name__}" for kept in gc.garbage]

    try:
        with ScriptedProvider(ship) as provider:
            kinds = Counter(asyncio.run(garbage(provider.url)))
    finally:
        gc.set_debug(0)
        gc.enable()
        gc.garbage.clear()
    asked = ("panel.engine.", "panel.evidence.", "panel.llm.", "panel.reviews.")
    assert {kind: n for kind, n in kinds.items() if kind.startswith(asked)} == {}
