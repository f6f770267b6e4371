"""Caps on cost, calls and time, `--limit` and `--dry-run`: where a run stops, and what it says."""

import asyncio
import json
import re
import sqlite3

import pytest

from panel.cli.options import seconds
from panel.cli.progress import ListTally, ProgressDisplay, packed
from panel.llm.config import ProviderConfig
from panel.reviews.events import LeftOut
from panel.reviews.plan import ReviewPlan
from panel.reviews.score import Rule
from panel.reviews.verdict.scorecard import RunUsage
from tests.cli.test_cli import one_line_error
from tests.engine.test_interrupted import requests, stored, tool_list
from tests.support.command import answering

IN_FLIGHT = 8
PRICED = '[providers.mine]\nbase_url = "{}"\nmodel = "scripted"\nprice = [100.0, 200.0]\n'


def calls_and_cost(desk):
    """Calls and cost of the one run, added up from its rows."""
    (run,) = desk.runs()
    with sqlite3.connect(f"file:{run / 'journal.db'}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT cost_usd FROM calls WHERE reused = 0").fetchall()
    db.close()
    return len(rows), sum(cost for (cost,) in rows if cost is not None), rows


@pytest.mark.timeout(180)
def test_p14_a_cap_on_calls_stops_at_call_100_of_4000_and_a_higher_one_goes_on(desk, tmp_path):
    counts = tmp_path / "counts"
    with answering("--counts", str(counts)) as url:
        options = ["--provider", url, "--model", "m", "--concurrency", IN_FLIGHT]
        done = desk.run("batch", tool_list(desk, 500), *options, "--max-calls", 100)
        name = desk.runs()[0].name
        hint = f"panel resume {name} --max-calls 200"
        one_line_error(done, 3, "--max-calls 100 is reached", hint)
        assert requests(counts) == 100
        assert len(stored(desk)) <= 100
        again = desk.run("resume", "latest", *options, "--max-calls", 100)
        one_line_error(again, 3, "--max-calls 100 is reached")
        assert requests(counts) == 100, "what was called before a resume counts"
        desk.run("resume", "latest", *options, "--max-calls", 150)
        assert requests(counts) == 150
    answered = stored(desk)
    assert len(answered) == len(set(answered))


@pytest.mark.timeout(180)
def test_p14_a_cap_on_cost_is_overrun_by_the_calls_in_flight_at_most(desk, tmp_path):
    counts = tmp_path / "counts"
    with answering("--latency", "0.05", "--counts", str(counts)) as url:
        desk.write("panel.toml", PRICED.format(url))
        options = ["--provider", "mine", "--concurrency", IN_FLIGHT]
        done = desk.run("batch", tool_list(desk, 40), *options, "--max-cost", 1)
        one_line_error(done, 3, "--max-cost 1 is reached: $1.", "panel resume")
        _, cost, rows = calls_and_cost(desk)
        assert cost >= 1
        assert cost - 1 <= IN_FLIGHT * max(spent for (spent,) in rows)
        assert requests(counts) == len(rows), "every call under way is kept: it is paid for"
        finished = desk.run("resume", "latest", *options, "--max-cost", 1000)
        assert finished.returncode in (0, 1), finished.stderr
        _, cost, _ = calls_and_cost(desk)
        usage = json.loads(desk.run("usage", "latest", "--format", "json").stdout)
        assert usage["total"]["cost_usd"] == pytest.approx(cost)
    answered = stored(desk)
    assert len(answered) == len(set(answered)) == 40 * 8


def test_a_cap_on_cost_refuses_a_model_whose_price_is_not_known_unless_told_to(desk, tmp_path):
    counts = tmp_path / "counts"
    with answering("--counts", str(counts)) as url:
        command = ["batch", tool_list(desk, 2), "--provider", url, "--model", "m"]
        refused = desk.run(*command, "--max-cost", 1)
        one_line_error(refused, 2, "price of m", "is not known", "--allow-unpriced")
        assert not counts.exists()
        assert desk.runs() == []
        done = desk.run(*command, "--max-cost", 1, "--allow-unpriced")
        assert done.returncode in (0, 1), done.stderr
        free = desk.run("rerun", "latest", "--provider", "replay:latest", "--max-cost", 0.01)
        assert free.returncode in (0, 1), free.stderr


def test_a_deadline_stops_a_run_that_goes_on_afterwards(desk, tmp_path):
    counts = tmp_path / "counts"
    with answering("--latency", "0.5", "--counts", str(counts)) as url:
        options = ["--provider", url, "--model", "m", "--concurrency", 2]
        done = desk.run("batch", tool_list(desk, 30), *options, "--deadline", "2s")
        one_line_error(done, 3, "--deadline is reached: 2 s have passed", "panel resume")
    assert 0 < requests(counts) < 30 * 8
    assert len(stored(desk)) == requests(counts), "calls under way are kept"


def test_a_limit_reviews_the_first_tools_that_are_not_finished(desk, tmp_path):
    with answering() as url:
        options = ["--provider", url, "--model", "m", "--personas", "builder", "--format", "json"]
        done = desk.run("batch", tool_list(desk, 7), *options, "--limit", 3)
        assert done.returncode in (0, 1), done.stderr
        names = [json.loads(line)["tool"]["name"] for line in done.stdout.splitlines()]
        assert names == ["Tool 0", "Tool 1", "Tool 2"]
        name = desk.runs()[0].name
        assert f"4 tools are left: panel resume {name}" in done.stderr
        assert f"3 of 7: panel resume {name}" in " ".join(desk.run("runs").stdout.split())
        again = desk.json("resume", "latest", "--provider", url, "--limit", 3)
        assert [card["tool"]["name"] for card in again] == [f"Tool {n}" for n in range(6)]
        assert len(desk.json("resume", "latest", "--provider", url)) == 7
        assert "is complete" in desk.run("resume", "latest", "--provider", url).stderr


def test_a_dry_run_asks_nothing_and_writes_nothing(desk, tmp_path):
    counts = tmp_path / "counts"
    rows = "Alpha,Sorts lines.,\nBeta,,https://beta.example/\n"
    path = desk.write("tools.csv", "name,description,url\n" + rows)
    with answering("--counts", str(counts)) as url:
        desk.write("panel.toml", PRICED.format(url))
        before = sorted(desk.folder.rglob("*"))
        done = desk.run("batch", path, "--provider", "mine", "--dry-run")
        assert sorted(desk.folder.rglob("*")) == before
    assert done.returncode == 0, done.stderr
    assert not counts.exists()
    for part in ("tools: 2", "calls: about 16", "cost: about $", "$100 a million tokens read",
                 "addresses to fetch: 1: https://beta.example/", "nothing was asked"):  # fmt: skip
        assert part in done.stdout, done.stdout


def test_a_dry_run_of_a_resume_and_a_rerun_counts_what_is_left(desk, tmp_path):
    counts = tmp_path / "counts"
    with answering("--counts", str(counts)) as url:
        options = ["--provider", url, "--model", "m"]
        desk.run("batch", tool_list(desk, 5), *options, "--personas", "builder", "--limit", 2)
        counted = requests(counts)
        resumed = desk.run("resume", "latest", "--provider", url, "--dry-run")
        rerun = desk.run("rerun", "latest", *options, "--dry-run")
        assert requests(counts) == counted
    assert "tools: 3\ncalls: about 6\n" in resumed.stdout, resumed.stderr
    one_line_error(rerun, 2, "has not read all its evidence yet")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("0.5h", 1800), ("2d", 172_800)],
)
def test_a_time_is_read(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "90", "h", "0s", "-1s", "1w"])
def test_what_is_no_time_is_refused_with_examples(desk, text):
    done = desk.run("batch", "tools.csv", "--deadline", text)
    assert done.returncode == 2
    assert re.search(r"is no time; for instance 90s|longer than nothing", done.stderr), done.stderr


# What a list says of itself while it is reviewed


def tally(done, *, elapsed, total=10_000):
    now = [0.0]
    progress = ListTally(total, clock=lambda: now[0])
    for n in range(done):
        usage = RunUsage(input_tokens=20_000, output_tokens=3_000, cost_usd=0.004)
        progress.add("ship" if n % 4 else "skip", usage)
    now[0] = elapsed
    return progress


def test_a_heartbeat_has_counts_rate_time_left_cost_and_tokens():
    assert tally(400, elapsed=600.0).line() == (
        "400 of 10,000 tools · 300 ship, 100 skip · 40 a minute · 4 h 00 min left · $1.60"
        " · tokens 8M in, 1.2M out"
    )
    assert tally(0, elapsed=60.0).line() == "0 of 10,000 tools"


@pytest.mark.parametrize(("width", "count"), [(59, 2), (79, 2), (119, 1)])
def test_the_lines_below_the_bar_fit_and_lose_nothing(width, count):
    progress = tally(400, elapsed=600.0)
    lines = packed(progress.parts(), width)
    assert len(lines) == count
    assert max(map(len, lines)) <= width
    assert " · ".join(line.strip() for line in lines) == " · ".join(progress.parts())


def test_a_list_says_how_far_it_is_where_nothing_is_drawn_and_one_tool_does_not(capsys):
    plan = ReviewPlan(
        personas=(),
        judge=ProviderConfig(provider="p", kind="replay", model="m", wire_model="m"),
        rule=Rule(),
    )

    async def said(tools):
        with ProgressDisplay(plan, tools) as progress:
            task = asyncio.create_task(progress.heartbeat(every=0.001))
            progress.watch(LeftOut("Gone: nothing could be read"))
            await asyncio.sleep(0.1)
            task.cancel()
        return capsys.readouterr().err.splitlines()

    first, second, *_ = asyncio.run(said(12))
    assert first == "warning: left out: Gone: nothing could be read"
    assert second.startswith("1 of 12 tools · 1 left out · ")
    assert len(asyncio.run(said(1))) == 1


def test_a_cost_that_is_not_all_known_says_so():
    progress = tally(4, elapsed=60.0)
    progress.add("ship", RunUsage(calls=8, unpriced_calls=8))
    assert "$0.016 and more" in progress.line()
