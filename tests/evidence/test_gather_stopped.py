"""Stopping while a list's evidence is fetched: what was read stays, a resume reads the rest."""

import asyncio
import os
import re
import signal
import sqlite3

import pytest

from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.tools.tool_list import single_tool
from panel.foundation.errors import RunError, ToolError
from panel.foundation.settings import Settings
from panel.runs.pending import pending_tools
from panel.runs.run import Run
from tests.support.faultd import after, respond
from tests.support.forge import TEXT, Forge
from tests.support.fork_server import start_module
from tests.support.sessions import worked

COUNT, QUICK = 12, 7
"""Tools of the list, and how many of them come at once."""


def readme(n):
    return respond(200, f"# Tool {n}\n\nTool {n} does the work of {n} people.\n", TEXT)


def pages(slow):
    """Every tool's README; those from the QUICK-th on come after `slow` seconds."""
    place = "raw.githubusercontent.com/acme/tool-{}/HEAD/README.md"
    quick = {place.format(n): readme(n) for n in range(QUICK)}
    return quick | {place.format(n): after(slow, readme(n)) for n in range(QUICK, COUNT)}


def start(folder, answers, forge, action, count=COUNT):
    base = f"http://127.0.0.1:{forge.port}"
    env = {"PATH": "/usr/bin:/bin", "PANEL_CONFIG": str(folder / "config"),
           "PYTHONPATH": os.environ["PYTHONPATH"], "HOME": str(folder)}  # fmt: skip
    arguments = [action, answers, base, count]
    return start_module("tests.support.list_run", arguments, folder=folder, env=env)


def evidence_rows(folder):
    for journal in (folder / "runs").glob("*/journal.db"):
        db = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
        try:
            return [slug for (slug,) in db.execute("SELECT slug FROM evidence")]
        except sqlite3.OperationalError:
            return []
        finally:
            db.close()
    return []


async def until(condition):
    for _ in range(1_250):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to that in 25 seconds")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_r7_a_stop_while_fetching_keeps_what_was_read_and_a_resume_reads_the_rest(
    tmp_path, answers, number
):
    async def stopped():
        async with Forge(pages(slow=30)) as forge:
            process = start(tmp_path, answers, forge, "batch")
            try:
                await until(lambda: len(evidence_rows(tmp_path)) == QUICK)
                process.send_signal(number)
                out, err = await asyncio.to_thread(process.communicate, timeout=20)
            finally:
                process.kill()
            return process.returncode, out, err

    async def resumed(name):
        async with Forge(pages(slow=0)) as forge:
            process = start(tmp_path, answers, forge, name)
            out, err = await asyncio.to_thread(process.communicate, timeout=40)
            return process.returncode, out, err, forge.asked()

    code, out, err = asyncio.run(stopped())
    (run,) = (tmp_path / "runs").iterdir()
    assert out == ""
    if number == signal.SIGKILL:
        assert code == -number
    else:
        assert code == 128 + number
        assert re.search(r"hint: panel resume (\S+)", err)[1] == run.name, err
    with Run.open(run) as stored:
        assert [tool.slug for tool in stored.tools()] == [f"tool-{n}" for n in range(COUNT)]
        assert [t.slug for t in pending_tools(stored)] == [f"tool-{n}" for n in range(QUICK, COUNT)]
    code, out, err, requests = asyncio.run(resumed(run.name))
    assert code == 0, err
    assert out.split() == [f"tool-{n}" for n in range(COUNT)], "in the order of the list"
    fetched_tools = {int(re.search(r"tool-(\d+)", path)[1]) for path in requests}
    assert fetched_tools == set(range(QUICK, COUNT)), "nothing is fetched twice"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_r7_a_stop_while_the_evidence_of_one_tool_is_read_leaves_no_run(tmp_path, answers, number):
    page = "raw.githubusercontent.com/acme/tool-0/HEAD/README.md"

    async def stopped():
        async with Forge({page: after(30, readme(0))}) as forge:
            process = start(tmp_path, answers, forge, "batch", count=1)
            try:
                await until(forge.asked)
                process.send_signal(number)
                _, err = await asyncio.to_thread(process.communicate, timeout=20)
            finally:
                process.kill()
            return process.returncode, err

    code, err = asyncio.run(stopped())
    assert code == 128 + number, err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()


# In one process


@pytest.fixture
def options(tmp_path, answers, monkeypatch):
    monkeypatch.setenv("PANEL_CONFIG", str(tmp_path / "config"))

    def options(forge):
        return Options(
            settings=Settings(runs=tmp_path / "runs"), environ={}, provider=answers, model="m",
            personas=("builder",), hosts=forge.hosts(named=False),
        )  # fmt: skip

    return options


def tool_list(*names):
    return [single_tool(name, url=f"https://github.com/acme/{name}") for name in names]


async def stopped_run(options):
    """Start a run over two tools and stop while the second is fetched; returns its folder."""
    tools = tool_list("tool-0", "tool-11")
    async with (
        Forge(pages(slow=30)) as forge,
        await Session.start(options(forge), tools) as session,
    ):
        task = asyncio.ensure_future(worked(session))
        await until(lambda: len(pending_tools(session.run)) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return session.run.path


def test_a_tool_that_cannot_be_read_on_resume_is_left_out_and_counted_so(options):
    async def run_session():
        path = await stopped_run(options)
        async with Forge({}) as forge, await Session.resume(options(forge), path) as session:
            return await worked(session), session.left_out, path

    cards, left_out, path = asyncio.run(run_session())
    assert [card.tool.slug for card in cards] == ["tool-0"]
    assert "nothing could be read about tool-11" in left_out[0]
    with Run.open(path) as run:
        assert (run.manifest.tools, run.manifest.counts.tools) == (1, 1)
        assert pending_tools(run) == ()


def test_a_rerun_of_a_half_read_run_is_refused_with_the_resume(options):
    async def run_session():
        path = await stopped_run(options)
        with Run.open(path) as parent:
            async with Forge() as forge:
                await Session.rerun(options(forge), parent)

    with pytest.raises(RunError, match="has not read all its evidence yet") as refused:
        asyncio.run(run_session())
    assert refused.value.hint.startswith("panel resume ")


def test_a_list_about_which_nothing_can_be_read_leaves_no_run_behind(options, tmp_path):
    async def run_session():
        tools = tool_list("none", "nil")
        async with Forge({}) as forge, await Session.start(options(forge), tools) as session:
            await session.work()

    with pytest.raises(ToolError, match="nothing could be read about none"):
        asyncio.run(run_session())
    assert list((tmp_path / "runs").iterdir()) == []
