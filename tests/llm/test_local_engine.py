"""The local engine through the real wire and the real child."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from panel.foundation.errors import BadReply, ModelError, TimedOut, Transient, Unreachable
from panel.llm.config import ProviderConfig
from panel.llm.local.engine import LocalEngine, engine_version
from panel.llm.local.models import LocalModel
from panel.llm.types import ChatRequest
from tests.llm.test_local_child import has_exited, smollm2

pytestmark = pytest.mark.model

TARGET = ProviderConfig(
    provider="local", kind="local", model="smollm2-135m", wire_model="smollm2-135m"
)
SHORT = ChatRequest(
    system="Be brief.", shared="The tool reads tables.\n", tail="Say hi.", max_tokens=4
)
COUNTING = {"type": "array", "items": {"type": "string", "enum": ["one"]}, "minItems": 400}
LONG = replace(
    SHORT,
    max_tokens=1500,
    schema={"type": "object", "properties": {"words": COUNTING}, "required": ["words"]},
)
"""A question whose answer the grammar does not let end early."""


@contextlib.asynccontextmanager
async def engine(n_ctx: int = 2048, path: Path | None = None):
    made = LocalEngine(LocalModel("smollm2-135m", path or smollm2()), TARGET, n_ctx=n_ctx)
    try:
        yield made
    finally:
        await made.close()


def children() -> set[int]:
    """Process ids of this process's children."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended meanwhile
            found.update((task / "children").read_text().split())
    return {
        int(pid)
        for pid in found
        if "panel.llm.local.child" in Path(f"/proc/{pid}/cmdline").read_text()
    }


async def ask(local: LocalEngine, question: ChatRequest = SHORT, deadline: float = 50.0):
    return await local.ask(question, "json_schema", deadline=deadline)


async def until(condition: Callable[[], object]) -> None:
    for _ in range(4000):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("waited too long")


async def kill_while_answering(local: LocalEngine, signal_sent: signal.Signals) -> Unreachable:
    """Ask for a long answer, kill the child in the middle of it, and return what was raised."""
    answer_task = asyncio.ensure_future(ask(local, LONG))
    await until(children)
    (pid,) = children()
    await until(lambda: answer_task.done() or _cpu_seconds(pid) > 1.5)
    os.kill(pid, signal_sent)
    with pytest.raises(Unreachable) as raised:
        await answer_task
    assert has_exited(pid)
    return raised.value


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("signal_sent", [signal.SIGSEGV, signal.SIGKILL])
def test_p12_a_dead_child_costs_one_call_and_the_next_is_answered_by_a_new_one(signal_sent):
    async def main():
        async with engine() as local:
            error = await kill_while_answering(local, signal_sent)
            reply = await ask(local)
            return error, reply

    error, reply = asyncio.run(main())
    assert error.message == f"the local engine died ({signal_sent.name}) while it answered"
    assert isinstance(error, Transient)
    assert reply.text
    assert not children()


def test_p12_a_question_that_took_two_children_down_gets_no_third_but_others_are_answered():
    async def main():
        async with engine() as local:
            await kill_while_answering(local, signal.SIGSEGV)
            await kill_while_answering(local, signal.SIGSEGV)
            with pytest.raises(Unreachable, match="died 2 times on this question"):
                await ask(local, LONG)
            assert not children()
            return await ask(local)

    assert asyncio.run(main()).text


def test_p12_an_overlong_question_is_a_bad_reply_that_names_tokens_and_limit():
    async def main():
        async with engine(n_ctx=512) as local:
            await ask(local, replace(SHORT, shared="word " * 2000))

    with pytest.raises(BadReply, match=r"\b20\d\d\b.*\b512\b") as raised:
        asyncio.run(main())
    assert raised.value.hint


def test_p12_a_file_cut_in_half_stops_the_run_and_leaves_no_child(tmp_path):
    path = tmp_path / "half.gguf"
    path.write_bytes(smollm2().read_bytes()[:50_000_000])

    async def main():
        async with engine(path=path) as local:
            await ask(local)

    with pytest.raises(ModelError, match=r"half\.gguf cannot be loaded: .*not within the file"):
        asyncio.run(main())
    assert not children()


def test_p12_the_grammar_bounds_white_space_and_string_length():
    schema = {
        "type": "object",
        "properties": {"because": {"type": "string", "maxLength": 30}},
        "required": ["because"],
        "additionalProperties": False,
    }
    question = replace(SHORT, tail="Explain at length, as JSON.", schema=schema, max_tokens=200)

    async def main():
        async with engine() as local:
            return await ask(local, question)

    text = asyncio.run(main()).text
    assert 0 < len(json.loads(text)["because"]) <= 30
    assert not re.search(r"\s{30}", text)


def test_a_reply_names_the_model_and_never_a_path_of_this_machine():
    async def answers():
        async with engine() as local:
            return await ask(local)

    reply = asyncio.run(answers())
    assert reply.model == "smollm2-135m"
    assert str(smollm2().parent) not in str(reply.raw)


def test_shared_prefixes_come_back_as_cached_tokens():
    shared = "The tool reads tables from web pages and writes them as CSV files. " * 18

    async def main():
        async with engine() as local:
            for question in ("Is it maintained?", "Who pays for it?"):
                yes_no = replace(SHORT, shared=shared, tail=question, max_tokens=1, logprobs=True)
                reply = await ask(local, yes_no)
            return reply

    reply = asyncio.run(main())
    assert reply.usage.cached_tokens >= 0.85 * reply.usage.input_tokens
    assert len(reply.top_logprobs[0]) == 20


def test_a_deadline_leaves_the_child_ready_for_the_next_question():
    async def main():
        async with engine() as local:
            await ask(local)
            before = children()
            with pytest.raises(TimedOut):
                await ask(local, LONG, deadline=0.5)
            reply = await ask(local)
            return before, children(), reply

    before, after, reply = asyncio.run(main())
    assert before == after
    assert reply.text


def test_nothing_runs_before_the_first_question_and_after_close():
    async def main():
        async with engine() as local:
            assert not children()
            await asyncio.gather(ask(local), ask(local))
            assert len(children()) == 1
        assert not children()

    asyncio.run(main())


def test_a_start_that_is_cancelled_leaves_no_child():
    async def main():
        async with engine() as local:
            starting = asyncio.ensure_future(ask(local))
            await until(children)
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
            assert not children()

    asyncio.run(main())


def test_an_engine_that_is_not_installed_is_one_line_that_says_what_to_type(tmp_path, monkeypatch):
    """The child's own import fails: a folder of ours hides the installed package."""
    (tmp_path / "xllamacpp.py").write_text("raise ModuleNotFoundError('No module xllamacpp')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def main():
        async with engine() as local:
            await ask(local)

    with pytest.raises(ModelError, match="not installed") as raised:
        asyncio.run(main())
    assert "pip install xllamacpp" in (raised.value.hint or "")


def test_the_engine_tells_its_version_without_being_loaded():
    assert re.fullmatch(r"20\d\d\.\d+\.\d+", engine_version())
    assert "xllamacpp" not in sys.modules
