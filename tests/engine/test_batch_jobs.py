"""`--engine batch-api`: the first questions of a list as one job, against a loopback server."""

import json
import signal
import sqlite3

import pytest

from tests.engine.test_interrupted import normalised, stored, tool_list
from tests.support.batch_server import BatchServer
from tests.support.command import Desk

TOOLS = 3
JUDGED = TOOLS * 4
"""Four reviewers judge each tool."""


@pytest.fixture
def listed(desk: Desk):
    return tool_list(desk, TOOLS)


def options(server: BatchServer, *more: object):
    return ["--provider", server.url, "--model", "scripted", *more]


def batch(desk: Desk, listed, server: BatchServer, *more: object):
    return desk.run("batch", listed, *options(server, "--engine", "batch-api", *more))


def calls(desk: Desk, run=-1):
    with sqlite3.connect(f"file:{desk.runs()[run] / 'journal.db'}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT key, status, step, cost_usd FROM calls").fetchall()
    db.close()
    return rows


def test_first_questions_go_as_one_job_and_the_rest_is_asked_one_by_one(desk, listed):
    with BatchServer() as server:
        done = batch(desk, listed, server)
        assert done.returncode == 0, done.stderr
        (job,) = server.jobs.values()
        assert len(job.lines) == JUDGED
        judged = {line["custom_id"] for line in job.lines}
        assert {ident.split(":")[0] for ident in judged} == {"tool-0", "tool-1", "tool-2"}
        assert len(server.asked) == JUDGED  # each reviewer writes, knowing the votes
        assert "job batch_0" in done.stderr
        cards = desk.json("show", "latest")
        asked_singly = desk.json("batch", listed, *options(server), "--fresh")
    assert normalised(cards) == normalised(asked_singly)
    assert len(stored(Desk(desk.folder)) if len(desk.runs()) == 1 else calls(desk, 0)) == 2 * JUDGED


def test_verdicts_alone_are_asked_by_the_job_only(desk, listed):
    with BatchServer() as server:
        assert batch(desk, listed, server, "--no-write").returncode == 0
        assert server.asked == []
    assert desk.run("verify", "latest").returncode == 0


def test_the_request_is_what_a_single_call_would_be(desk, listed):
    with BatchServer() as server:
        assert batch(desk, listed, server, "--no-write").returncode == 0
        assert desk.run("batch", listed, *options(server, "--no-write", "--fresh")).returncode == 0
        (job,) = server.jobs.values()
    bodies = [json.dumps(line["body"], sort_keys=True) for line in job.lines]
    assert sorted(bodies) == sorted(json.dumps(body, sort_keys=True) for body in server.asked)
    assert all(line["method"] == "POST" for line in job.lines)
    assert all(line["url"] == "/v1/chat/completions" for line in job.lines)


@pytest.mark.parametrize("outcome", ["error", "lost", "garbage", "cut"])
def test_what_a_job_leaves_open_is_asked_one_by_one(desk, listed, outcome):
    missed = "tool-1:skeptic:0"
    with BatchServer(outcome=lambda ident: outcome if ident == missed else "answer") as server:
        done = batch(desk, listed, server, "--no-write")
        assert done.returncode == 0, done.stderr
        assert len(server.asked) == 1
    assert len([row for row in calls(desk) if row[1] == "ok"]) == JUDGED
    assert desk.run("verify", "latest").returncode == 0


def test_an_expired_job_gives_what_it_has(desk, listed):
    lost = {"tool-0:builder:0", "tool-2:futurist:0"}
    with BatchServer(
        ends_as="expired", outcome=lambda ident: "lost" if ident in lost else "answer"
    ) as server:
        assert batch(desk, listed, server, "--no-write").returncode == 0
        assert len(server.asked) == len(lost)


def test_a_job_that_is_turned_down_stops_the_run_and_resume_asks_one_by_one(desk, listed):
    with BatchServer(ends_as="failed") as server:
        done = batch(desk, listed, server, "--no-write")
        assert done.returncode == 3
        assert "the model takes no batches" in done.stderr
        assert "at the usual price" in done.stderr
        assert server.asked == []
        resumed = desk.run("resume", "latest")
        assert resumed.returncode == 0, resumed.stderr
        assert len(server.asked) == JUDGED
        assert len(server.jobs) == 1


def test_a_provider_without_batches_is_refused_before_anything_is_written(desk, listed):
    done = desk.run("batch", listed, "--provider", "local", "--engine", "batch-api")
    assert done.returncode == 2
    assert "no batch API of local" in done.stderr
    assert not desk.runs()
    with BatchServer() as server:
        stepwise = batch(desk, listed, server, "--ask", "stepwise")
        assert stepwise.returncode == 2
        assert "--ask whole" in stepwise.stderr
        assert not desk.runs()


@pytest.mark.parametrize("cap", [("--max-cost", "1"), ("--max-calls", "3")])
def test_a_cap_that_cannot_stop_a_job_is_refused_before_anything_is_written(desk, listed, cap):
    with BatchServer() as server:
        done = batch(desk, listed, server, *cap, "--allow-unpriced")
        assert done.returncode == 2
        assert f"{cap[0]} cannot stop it" in done.stderr
        assert not desk.runs()
        assert not server.jobs


def test_a_deadline_ends_the_waiting_and_leaves_the_job_to_a_resume(desk, listed):
    with BatchServer(looks=10**9) as server:
        done = batch(desk, listed, server, "--no-write", "--deadline", "1s")
        assert done.returncode == 3, done.stderr
        assert "--deadline is reached" in done.stderr
        server.looks = 1
        assert desk.run("resume", "latest").returncode == 0
        assert (len(server.jobs), server.asked) == (1, [])


def test_every_sample_stands_in_the_job(desk, listed):
    with BatchServer() as server:
        done = batch(desk, listed, server, "--no-write", "--samples", "2")
        assert done.returncode == 0, done.stderr
        (job,) = server.jobs.values()
        assert len(job.lines) == 2 * JUDGED
        assert server.asked == []


def test_answers_of_an_earlier_run_are_not_asked_again(desk, listed):
    with BatchServer() as server:
        assert batch(desk, listed, server, "--no-write").returncode == 0
        assert batch(desk, listed, server, "--no-write").returncode == 0
        assert len(server.jobs) == 1
        assert server.asked == []


def test_interrupt_leaves_the_job_running_and_says_so_and_resume_collects_it(desk, listed):
    with BatchServer(looks=10**9) as server:
        process = desk.start("batch", listed, *options(server, "--engine", "batch-api"))
        while "GET batches/batch_0" not in server.steps:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "job batch_0 goes on" in err
        assert "--cancel" in err
        (job,) = server.jobs.values()
        assert job.status == "in_progress"
        server.looks = 1
        assert desk.run("resume", "latest").returncode == 0
        assert len(server.jobs) == 1
        assert len(server.asked) == JUDGED
    assert max(server.billed.values()) == 1


def test_cancel_ends_the_job_and_keeps_its_answers(desk, listed):
    answered = {"tool-0:builder:0", "tool-0:skeptic:0"}
    with BatchServer(
        looks=10**9, outcome=lambda ident: "answer" if ident in answered else "lost"
    ) as server:
        process = desk.start("batch", listed, *options(server, "--engine", "batch-api"))
        while "GET batches/batch_0" not in server.steps:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        cancelled = desk.run("resume", "latest", "--cancel")
        assert cancelled.returncode == 0, cancelled.stderr
        assert "job batch_0" in cancelled.stderr
        assert "2 of its answers are kept" in cancelled.stderr
        assert server.jobs["batch_0"].status == "cancelled"
        again = desk.run("resume", "latest", "--cancel")
        assert again.returncode == 2
        assert "waits for no batch job" in again.stderr
        resumed = desk.run("resume", "latest")
        assert resumed.returncode == 0, resumed.stderr
        assert len(server.asked) == 2 * JUDGED - len(answered)


STEPS = 5
"""Of a run whose job has ended when it is first looked at: upload, create, look, two files."""


@pytest.mark.timeout(180)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(STEPS))
def test_a_kill_at_any_step_loses_nothing_and_pays_nothing_twice(desk, listed, number, moment):
    failed = "tool-1:business:0"
    with BatchServer(outcome=lambda ident: "error" if ident == failed else "answer") as server:
        killed: list[str] = []
        process = desk.start("batch", listed, *options(server, "--engine", "batch-api"))

        def kill(n: int, step: str) -> None:
            if n == number and not killed:
                killed.append(step)
                process.send_signal(signal.SIGKILL)
                if moment == "before":
                    raise ConnectionResetError  # as if the request had never arrived

        setattr(server, moment, kill)
        process.communicate(timeout=20)
        assert process.returncode == -signal.SIGKILL
        resumed = desk.run("resume", "latest")
        assert resumed.returncode == 0, resumed.stderr
        cards = desk.json("show", "latest")
        assert [len(card["reviews"]) for card in cards] == [4] * TOOLS
        assert max(server.billed.values()) == 1
        assert sum(server.billed.values()) == JUDGED - 1
        assert len(server.asked) == JUDGED + 1  # a write call each, and the one that failed
    answered = [row[0] for row in calls(desk) if row[1] == "ok"]
    assert len(answered) == len(set(answered)) == 2 * JUDGED


def test_headers_tell_nothing_of_this_machine(desk, listed):
    with BatchServer() as server:
        assert batch(desk, listed, server, "--no-write").returncode == 0
        for headers in server.headers:
            assert not [name for name in headers if name.startswith("x-stainless")]
            assert headers["user-agent"] == "panel-verdict"


@pytest.fixture
def own(desk: Desk):
    """Return a function that names a server in panel.toml, with a price."""

    def named(server: BatchServer, **more: object):
        rows = {"base_url": server.url, "batches": server.form, "batch_price": 0.5, **more}
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in rows.items())
        desk.write("panel.toml", f"[providers.own]\nmodel = 'scripted'\n{lines}")
        return ["--provider", "own", "--engine", "batch-api", "--no-write"]

    return named


def test_questions_may_stand_in_the_request_itself(desk, listed, own):
    failed = "tool-1:business:0"
    with BatchServer(
        "inline", outcome=lambda ident: "error" if ident == failed else "answer"
    ) as server:
        done = desk.run("batch", listed, *own(server))
        assert done.returncode == 0, done.stderr
        assert server.steps == ["POST batches", "GET batches/batch_0", "GET batches/batch_0"]
        assert len(server.asked) == 1
    assert desk.run("verify", "latest").returncode == 0


@pytest.mark.timeout(180)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(3))
def test_a_kill_at_any_step_of_an_inline_job_pays_nothing_twice(desk, listed, own, number, moment):
    with BatchServer("inline") as server:
        killed: list[str] = []
        process = desk.start("batch", listed, *own(server))

        def kill(n: int, step: str) -> None:
            if n == number and not killed:
                killed.append(step)
                process.send_signal(signal.SIGKILL)
                if moment == "before":
                    raise ConnectionResetError  # as if the request had never arrived

        setattr(server, moment, kill)
        process.communicate(timeout=20)
        resumed = desk.run("resume", "latest")
        assert resumed.returncode == 0, resumed.stderr
        assert max(server.billed.values()) == 1
        assert sum(server.billed.values()) == JUDGED
        assert server.asked == []


def test_an_inline_job_cannot_be_cancelled_and_says_why(desk, listed, own):
    with BatchServer("inline", looks=10**9) as server:
        process = desk.start("batch", listed, *own(server))
        while "GET batches/batch_0" not in server.steps:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        cancelled = desk.run("resume", "latest", "--cancel")
        assert cancelled.returncode == 3
        assert "has no way to end a job" in cancelled.stderr
        server.looks = 1
        assert desk.run("resume", "latest").returncode == 0
        assert server.asked == []


@pytest.mark.parametrize("form", ["files", "inline"])
def test_answers_of_a_job_cost_what_the_provider_takes_for_them(desk, listed, own, form):
    failed = "tool-1:business:0"
    with BatchServer(
        form, outcome=lambda ident: "error" if ident == failed else "answer"
    ) as server:
        assert desk.run("batch", listed, *own(server, price=[2.0, 10.0])).returncode == 0
    usual = (100 * 2.0 + 10 * 10.0) / 1e6
    costs = sorted(row[3] for row in calls(desk))
    assert costs == pytest.approx([usual / 2] * (JUDGED - 1) + [usual])


def test_a_run_is_cut_into_jobs_of_the_size_that_vendors_take(desk, listed, monkeypatch):
    import asyncio

    from panel.api.client import AsyncPanel
    from panel.engine import batch_jobs

    monkeypatch.setattr(batch_jobs, "MOST_QUESTIONS", 5)

    async def reviewed(url: str):
        async with AsyncPanel(
            provider=url, model="scripted", engine="batch-api", write=False,
            runs=desk.folder / "runs", environ={},
        ) as panel:  # fmt: skip
            return [card async for card in panel.review_many(listed)]

    with BatchServer() as server:
        cards = asyncio.run(reviewed(server.url))
        assert [len(job.lines) for job in server.jobs.values()] == [5, 5, 2]
        assert server.asked == []
    assert [len(card.reviews) for card in cards] == [4] * TOOLS


def test_a_job_is_waited_for_and_an_outage_in_between_is_waited_out(desk, listed, monkeypatch):
    import asyncio

    from panel.api.client import AsyncPanel
    from panel.engine import batch_jobs
    from panel.engine.batch_jobs import JobPacing

    quick = JobPacing(first_look=0.01, last_look=0.02)
    monkeypatch.setattr(batch_jobs, "JobPacing", lambda: quick)
    moved = []

    async def reviewed(url: str):
        async with AsyncPanel(
            provider=url, model="scripted", engine="batch-api", write=False,
            runs=desk.folder / "runs", environ={},
        ) as panel:  # fmt: skip
            return [c async for c in panel.review_many(listed, on_event=moved.append)]

    def broken(number: int, step: str) -> None:
        if number in (3, 4):
            raise ConnectionResetError

    with BatchServer(looks=4) as server:
        server.before = broken
        cards = asyncio.run(reviewed(server.url))
        assert server.steps.count("GET batches/batch_0") == 6
    assert len(cards) == TOOLS
    statuses = [event.status for event in moved if type(event).__name__ == "JobMoved"]
    assert statuses[0] == "validating"
    assert statuses[-1] == "completed"
