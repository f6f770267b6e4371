"""`Panel`: the blocking twin, which also works where an event loop is running."""

import asyncio
import inspect
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import panel
from panel.api.blocking import LoopThread, run_blocking


def tools_named(names):
    return [panel.Tool(name=name, description=f"{name} works.") for name in names]


def reviewed(url):
    with panel.Panel(provider=url) as p:
        card = p.review("Widget", description="Turns tables into widgets.")
        rest = list(p.review_many(tools_named("AB")))
        return [c.tool.name for c in (card, *sorted(rest, key=lambda c: c.tool.name))]


def test_it_reviews_with_and_without_a_running_loop(provider):
    async def notebook():
        return reviewed(provider.url)

    assert reviewed(provider.url) == asyncio.run(notebook()) == ["Widget", "A", "B"]


def test_it_takes_what_its_twin_takes():
    for name in ("__init__", "review"):
        blocking, awaited = getattr(panel.Panel, name), getattr(panel.AsyncPanel, name)
        assert inspect.signature(blocking) == inspect.signature(awaited)
    many = [inspect.signature(t.review_many).parameters for t in (panel.Panel, panel.AsyncPanel)]
    assert many[0] == many[1]


def test_wrong_arguments_are_input_errors_and_leave_no_thread():
    with pytest.raises(panel.InputError, match="samples must be"):
        panel.Panel(samples=0)
    assert "panel" not in {thread.name for thread in threading.enumerate()}


def test_a_loop_that_ends_early_stops_the_run(provider):
    with panel.Panel(provider=provider.url, personas="builder") as p:
        for card in p.review_many(tools_named("ABCDEFGH")):
            assert card.tool.name in "ABCDEFGH"
            break
    assert panel.open_run().manifest.finished is None


def test_its_thread_ends_with_it_and_closing_twice_is_harmless(provider):
    p = panel.Panel(provider=provider.url)
    p.review("Widget", description="It works.")
    p.close()
    p.close()
    assert "panel" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(panel.InputError, match="closed"):
        p.review("Widget", description="It works.")


def test_several_threads_may_use_one_panel(provider):
    cards = []
    with panel.Panel(provider=provider.url) as p:

        def work(name):
            cards.append(p.review(name, description=f"{name} works."))

        threads = [threading.Thread(target=work, args=(name,)) for name in "ABC"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(card.tool.name for card in cards) == ["A", "B", "C"]


INTERRUPTED = """
import os, signal, threading, time
from pathlib import Path
import panel
from panel.testing import ScriptedProvider, ship

asked = threading.Lock()

def script(request):
    if asked.acquire(blocking=False):
        os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.2)
    return ship(request)

with ScriptedProvider(script) as provider, panel.Panel(provider=provider.url) as p:
    try:
        p.review("Widget", description="It works.")
    except KeyboardInterrupt:
        (run,) = Path("runs").iterdir()
        assert not list(run.glob("*-wal")), "the journal is still open"
        print("interrupted", run.name)
    print(p.review("Widget", description="It works.").verdict.outcome)
"""


def test_an_interrupt_reaches_the_caller_after_the_run_has_cleaned_up():
    program = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(program, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first.startswith("interrupted")
    assert second == "ship"


def test_what_a_coroutine_raises_is_raised_here():
    async def fail():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run_blocking(fail())


def test_a_call_in_the_loop_of_another_call_does_not_wait_for_itself(provider):
    def watch(event):
        if isinstance(event, panel.Decided) and event.tool.name == "A":
            panel.review("B", description="It works.", provider=provider.url)

    with panel.Panel(provider=provider.url) as p:
        p.review("A", description="It works.", on_event=watch)
    assert {run.name.split("-")[1] for run in Path("runs").iterdir()} == {"a", "b"}


def test_the_loop_is_closed_with_its_thread():
    with LoopThread() as thread:
        assert thread.run(asyncio.sleep(0, "done")) == "done"
    thread.close()
