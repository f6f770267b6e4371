"""Runs that are killed, stopped or turned down lose nothing and repeat nothing."""

import asyncio
import json
import random
import re
import shutil
import signal
import sqlite3
import time

import pytest

import panel
from panel.engine.options import Options
from panel.engine.remaining import find_remaining
from panel.engine.session import Session
from panel.foundation.settings import Settings
from panel.llm.types import Usage
from panel.runs.pending import ALL, ONCE_MORE
from panel.runs.run import Run
from panel.testing import Failure, ScriptedProvider, ship
from tests.cli.test_cli import LAWYER, one_line_error, widget
from tests.runs.test_runs_faults import small_disk
from tests.support.command import Desk, answering

CONCURRENCY = 8
TOOLS = 50
"""As many as a list has that asks a canary."""


def tool_list(desk: Desk, count: int):
    rows = "".join(f"Tool {n},Tool {n} does the work of {n} people.\n" for n in range(count))
    return desk.write("tools.csv", "name,description\n" + rows)


def requests(counts):
    return len(counts.read_text().splitlines()) if counts.exists() else 0


def wait_for_request(process, counts, before):
    deadline = time.monotonic() + 30
    while requests(counts) <= before and process.poll() is None:
        assert time.monotonic() < deadline, f"{requests(counts)} requests, not more than {before}"
        time.sleep(0.005)


def stored(desk):
    (run,) = desk.runs()
    with sqlite3.connect(f"file:{run / 'journal.db'}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT key, status FROM calls").fetchall()
    db.close()
    return [key for key, status in rows if status == "ok"]


def normalised(cards):
    """Scorecards without what may differ between two runs: names, times."""
    text = json.dumps(cards)
    text = re.sub(r'"(run|created|retrieved)": "[^"]*"', "", text)
    return re.sub(r'"seconds": [\d.]+', "", re.sub(r'"(calls|reused_calls)": \d+', "", text))


@pytest.mark.timeout(240)
def test_r1_ten_kills_lose_nothing_and_ask_nothing_finished_twice(desk, tmp_path):
    """Ten kills over the length of a run; `benchmarks.faults` is the long form."""
    counts = tmp_path / "counts"
    tools = tool_list(desk, TOOLS)
    questions = TOOLS * 4 * 2 + 1  # each judges and writes; a canary before the first tool
    luck = random.Random(20261122)
    kills = 0
    with answering("--latency", "0.15", "--counts", str(counts)) as url:
        command = ["batch", tools]
        options = ["--provider", url, "--model", "scripted", "--concurrency", CONCURRENCY]
        while kills < 10:
            before = requests(counts)
            process = desk.start(*command, *options)
            wait_for_request(process, counts, before)
            time.sleep(luck.uniform(0, 0.4))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
            command = ["resume", "latest"]
        acknowledged = set(stored(desk))
        counted = requests(counts)
        done = desk.run(*command, *options)
        assert done.returncode in (0, 1), done.stderr  # 1: a verdict may be incomplete
        answered = stored(desk)
        assert len(answered) == len(set(answered)) == questions
        assert acknowledged <= set(answered)
        # What the server saw beyond the stored answers was in flight at a kill.
        assert requests(counts) <= questions + kills * CONCURRENCY
        assert requests(counts) - counted == questions - len(acknowledged)
        resumed = desk.json("show", "latest")
        whole = desk.json("batch", tools, *options, "--fresh", "--scorecards", "none")
    assert [card["tool"]["name"] for card in resumed] == [f"Tool {n}" for n in range(TOOLS)]
    assert normalised(resumed) == normalised(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_r7_one_signal_keeps_what_is_in_flight_and_names_the_resume(desk, tmp_path, number):
    counts = tmp_path / "counts"
    with answering("--latency", "0.6", "--counts", str(counts)) as url:
        process = desk.start("batch", tool_list(desk, 30), "--provider", url, "--model", "m")
        wait_for_request(process, counts, 1)
        time.sleep(0.2)
        process.send_signal(number)
        time.sleep(0.5)
        counted = requests(counts)
        _, err = process.communicate(timeout=15)
        assert process.returncode == 128 + number
        assert requests(counts) == counted
        assert len(stored(desk)) == counted
    resume = re.search(r"panel resume (\S+)", err)
    assert resume, err
    with answering() as url:
        assert desk.run("resume", resume[1], "--provider", url).returncode in (0, 1)


def test_r7_a_second_signal_ends_at_once(desk, tmp_path):
    counts = tmp_path / "counts"
    with answering("--latency", "30", "--counts", str(counts)) as url:
        process = desk.start("batch", tool_list(desk, 3), "--provider", url, "--model", "m")
        wait_for_request(process, counts, 1)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)  # an answer takes 30 s
        assert process.returncode == 130


def test_r6_resume_refuses_a_changed_persona_by_name_and_accepts_changed_concurrency(
    desk, tmp_path
):
    counts = tmp_path / "counts"
    desk.write("personas/lawyer.md", LAWYER)
    with answering("--latency", "0.3", "--counts", str(counts)) as url:
        options = ["--provider", url, "--model", "m"]
        process = desk.start(
            "batch", tool_list(desk, 40), *options, "--personas", "lawyer", "--concurrency", 2
        )
        wait_for_request(process, counts, 1)
        process.kill()
        process.communicate()
        desk.write("personas/lawyer.md", LAWYER.replace("licences", "patents"))
        one_line_error(desk.run("resume", "latest", *options), 2, "persona lawyer", "panel rerun")
        one_line_error(desk.run("resume", "latest", "--provider", url, "--model", "x"), 2, "model")
        desk.write("personas/lawyer.md", LAWYER)
        done = desk.run("resume", "latest", *options, "--concurrency", 40)
        assert done.returncode in (0, 1), done.stderr


@pytest.mark.parametrize(
    ("status", "part"),
    [(401, "key"), (402, "credit"), (403, "permission"), (404, "model")],
)
def test_p6_a_permanent_error_stops_the_run_before_it_burns_the_list(desk, tmp_path, status, part):
    counts = tmp_path / "counts"
    desk.write(
        "panel.toml",
        '[providers.mine]\nbase_url = "URL"\nkey_env = "MINE_KEY"\nmodel = "m"\n',
    )
    with answering("--status", str(status), "--counts", str(counts)) as url:
        toml = desk.folder / "panel.toml"
        toml.write_text(toml.read_text().replace("URL", url))
        done = desk.run(
            "batch", tool_list(desk, 40), "--provider", "mine", MINE_KEY="sk-canary-123456789"
        )
    assert done.returncode == 3, done.stderr
    assert "sk-canary" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert f"panel resume {desk.runs()[0].name}" in done.stderr
    assert requests(counts) <= CONCURRENCY
    if status in (401, 403):
        assert "MINE_KEY" in done.stderr


def test_a_429_is_waited_out_as_its_hint_says_and_loses_nothing(desk, tmp_path):
    counts = tmp_path / "counts"
    with answering("--bucket", "40", "--counts", str(counts)) as url:
        done = desk.run(
            "batch", tool_list(desk, 20), "--provider", url, "--model", "m", "--concurrency", 32
        )
    assert done.returncode in (0, 1), done.stderr
    assert len(stored(desk)) == 160


def test_two_writers_the_second_names_the_first(desk, tmp_path):
    counts = tmp_path / "counts"
    with answering("--latency", "0.5", "--counts", str(counts)) as url:
        process = desk.start("batch", tool_list(desk, 20), "--provider", url, "--model", "m")
        wait_for_request(process, counts, 0)
        try:
            done = desk.run("resume", "latest", "--provider", url, "--model", "m")
            one_line_error(done, 3, str(process.pid))
        finally:
            process.kill()
            process.communicate()


def test_a_review_of_one_tool_can_be_resumed_too(desk, tmp_path):
    counts = tmp_path / "counts"
    with answering("--latency", "1.0", "--counts", str(counts)) as url:
        process = desk.start(*widget(desk), "--provider", url, "--model", "m", "--ask", "stepwise")
        wait_for_request(process, counts, 5)
        process.kill()
        process.communicate()
        stored_calls = len(stored(desk))
        assert stored_calls > 0
    with answering() as url:
        done = desk.run("resume", "latest", "--provider", url, "--format", "json")
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert Usage(**{k: card["usage"][k] for k in Usage.model_fields}).output_tokens > 0


def test_r4_a_full_disk_is_one_line_and_the_resume_ends_well(desk, tmp_path):
    tools = tool_list(desk, 12)
    with small_disk(tmp_path / "disk") as kind, answering() as url:
        runs = tmp_path / "disk" / "runs"
        options = ["--provider", url, "--model", "m", "--runs", runs]
        ballast = tmp_path / "disk" / "ballast"
        if kind == "tmpfs":
            ballast.write_bytes(bytes(500_000))
        done = desk.run("batch", tools, *options)
        one_line_error(done, 3, "bytes free", "panel resume")
        assert not list(runs.rglob("*.tmp"))
        (run,) = runs.glob("*/")
        if kind == "tmpfs":
            shutil.copytree(run, desk.folder / "runs" / run.name)
            again = desk.run("resume", run.name, "--provider", url, "--model", "m")
            assert again.returncode in (0, 1), again.stderr
            assert len(desk.json("show", run.name)) == 12


def test_r4_no_room_for_the_tools_leaves_no_run_behind(desk, tmp_path):
    with small_disk(tmp_path / "disk") as kind, answering() as url:
        runs = tmp_path / "disk" / "runs"
        if kind == "tmpfs":
            (tmp_path / "disk" / "ballast").write_bytes(bytes(700_000))
            rows = "".join(f"Tool {n},{f'It does {n} things. ' * 90}\n" for n in range(80))
            tools = desk.write("long.csv", "name,description\n" + rows)
            done = desk.run("batch", tools, "--provider", url, "--model", "m", "--runs", runs)
            one_line_error(done, 3, "bytes free")
            assert list(runs.glob("*/")) == []


def test_o4_i6_a_canary_key_is_nowhere_after_success_and_after_an_echoing_refusal(desk, tmp_path):
    canary = "sk-canary-4f9d2c7b1e"
    toml = '[providers.mine]\nbase_url = "{}"\nkey_env = "MINE_KEY"\nmodel = "m"\n'
    shown = ""
    with answering() as url:
        desk.write("panel.toml", toml.format(url))
        done = desk.run(*widget(desk), "--provider", "mine", "--debug", MINE_KEY=canary)
        assert done.returncode in (0, 1), done.stderr
        shown += done.stdout + done.stderr
    for status in ("401", "402", "403", "404"):
        with answering("--status", status) as url:
            desk.write("panel.toml", toml.format(url))
            done = desk.run(
                *widget(desk), "--provider", "mine", "--fresh", "--debug", MINE_KEY=canary
            )
            assert done.returncode != 0
            shown += done.stdout + done.stderr
    assert canary not in shown
    for path in desk.folder.rglob("*"):
        if path.is_file():
            assert canary.encode() not in path.read_bytes(), path


class Killed(Exception):
    """Stands for the end of the process."""


def test_a_retry_that_ends_before_the_verdict_leaves_no_verdict_of_before(tmp_path):
    document = panel.Document(name="page.md", text="Widget cuts widgets.")
    script = [lambda request: Failure(400, "no") if request.persona == "skeptic" else ship(request)]
    with ScriptedProvider(lambda request: script[-1](request)) as provider:
        settings = Settings(runs=tmp_path, provider=provider.url)
        with panel.Panel(settings=settings) as client:
            card = client.review(panel.Tool(name="Widget"), evidence=[document])
        assert [missing.persona for missing in card.missing] == ["skeptic"]
        script.append(ship)
        path, options = tmp_path / card.run, Options(settings=settings, environ={}, sealed=True)

        def end(event):
            if isinstance(event, panel.Reviewed) and event.review.persona == "futurist":
                raise Killed  # the new review is stored by now

        async def gone_on(again, watch=lambda event: None):
            async with await Session.resume(options, path, again=again) as session:
                await session.work(watch=watch)

        with pytest.raises((Killed, ExceptionGroup)):
            asyncio.run(gone_on(ALL, end))
        assert not find_remaining(path).complete
        asked = len(provider.requests)
        asyncio.run(gone_on(ONCE_MORE))
        assert len(provider.requests) == asked
    with Run.open(path) as run:
        (card,) = run.each_card()
        assert run.manifest.counts.missing == 0
    assert (len(card.reviews), card.missing) == (4, ())
    assert panel.verify(card.run, runs=tmp_path).holds
