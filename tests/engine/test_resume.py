"""Going on with a run: what is asked again, what is not, and what a refusal leaves behind."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from panel.runs.folders import create_folder, list_folders
from panel.runs.journal.repair import repair
from panel.runs.run import Run
from tests.cli.test_cli import one_line_error, widget
from tests.engine.test_interrupted import requests, tool_list
from tests.support.command import ROOT, answering
from tests.support.unchanged import unchanged

SAMPLE = ROOT / "runs" / "sample"


@pytest.fixture
def sample(desk):
    return shutil.copytree(SAMPLE, desk.folder / "runs" / "sample")


def vacuumed(journal):
    with sqlite3.connect(journal) as db:
        db.execute("VACUUM")
    db.close()


def changed_since(journal):
    with sqlite3.connect(journal) as db:
        db.execute("ALTER TABLE files ADD COLUMN more TEXT")
        db.execute("CREATE INDEX mine ON reviews (persona)")
        db.execute("DROP INDEX calls_of_tool")
        db.execute("CREATE INDEX calls_of_tool ON calls(tool)")
    db.close()


LEAVE_A_LOG = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("INSERT OR IGNORE INTO files VALUES ('scorecards/nothing.md')")
os._exit(0)
"""


def logged(journal):
    """Leave what a killed writer leaves: a log with a row that is not in the file yet."""
    subprocess.run([sys.executable, "-c", LEAVE_A_LOG, journal], check=True)
    assert journal.with_name("journal.db-wal").stat().st_size > 0


def logged_without_index(journal):
    logged(journal)
    journal.with_name("journal.db-shm").unlink()


HEALTHY = [vacuumed, changed_since, logged, logged_without_index]


@pytest.mark.parametrize("change", HEALTHY)
def test_a_journal_that_sqlite_finds_whole_is_healthy_and_left_as_it_is(desk, sample, change):
    change(sample / "journal.db")
    with Run.open(sample) as run:
        before = {tool.slug for tool in run.tools()}
    with unchanged(sample):
        for command in ("resume", "verify", "show"):
            done = desk.run(command, "sample")
            assert done.returncode == 0, done.stderr
        refused = desk.run("resume", "sample", "--provider", "http://127.0.0.1:9/v1")
        one_line_error(refused, 2, "provider: local", "panel rerun sample")
    assert repair(sample / "journal.db") == []
    with Run.open(sample) as run:
        assert {tool.slug for tool in run.tools()} == before == run.finished_tools()


@pytest.mark.parametrize("command", ["resume", "retry"])
def test_with_everything_there_it_says_so_and_asks_nobody(desk, sample, command):
    with unchanged(sample):
        done = desk.run(command, "sample")
    assert done.returncode == 0
    assert "run sample is complete: nothing to ask" in done.stderr
    assert "sqlite-utils" in done.stdout


def test_a_run_of_which_nothing_can_be_saved_is_refused_and_left_as_it_is(desk, sample):
    (sample / "journal.db").write_bytes(os.urandom(40_000))
    for command in ("resume", "retry", "rerun", "verify", "show", "export"):
        one_line_error(desk.run(command, "sample"), 2, "journal.db")


def batch(desk, url, *more, tools=6):
    options = ("--provider", url, "--model", "m", "--concurrency", 4)
    return desk.run("batch", tool_list(desk, tools), *options, *more)


def state(desk):
    (row,) = json.loads(desk.run("runs", "--format", "json").stdout)
    return row["state"]


def missing(run):
    with Run.open(run) as opened:
        return [row.reason for _, row in opened.stored.all_missing()]


@pytest.mark.parametrize("trouble", ["stuck", "cut"])
def test_what_is_missing_for_a_passing_reason_is_asked_by_resume(desk, tmp_path, trouble):
    with answering("--trouble", trouble) as url:
        done = batch(desk, url, tools=3)
    assert done.returncode == 1, done.stderr
    (run,) = desk.runs()
    lost = len(missing(run))
    assert lost
    pattern = (
        rf"{lost} of 12 reviews (is|are) missing \({lost} unreachable\): panel resume {run.name}"
    )
    assert re.search(pattern, done.stderr), done.stderr
    assert re.fullmatch(pattern, state(desk))
    assert f"panel resume {run.name}" in desk.run("show", "latest").stderr
    counts = tmp_path / "counts"
    with answering("--counts", str(counts)) as url:
        done = desk.run("resume", "latest", "--provider", url)
        assert done.returncode == 0, done.stderr
        assert requests(counts) == 2 * lost, "each judges and writes"
        cards = desk.json("show", "latest")
        assert [len(card["reviews"]) for card in cards] == [4] * 3
        with unchanged(run):
            again = desk.run("resume", "latest", "--provider", url)
        assert again.returncode == 0
        assert requests(counts) == 2 * lost
    assert missing(run) == []
    assert state(desk) == "finished"
    for card in cards:
        stored_card = json.loads((run / "scorecards" / f"{card['tool']['slug']}.json").read_text())
        assert stored_card == card
    assert desk.run("verify", "latest").returncode == 0


def test_a_lasting_reason_is_left_by_resume_and_asked_by_retry(desk, tmp_path):
    with answering("--trouble", "filter") as url:
        done = batch(desk, url)
    (run,) = desk.runs()
    lost = len(missing(run))
    assert set(missing(run)) == {"filtered"}
    assert f"({lost} filtered): panel retry {run.name}" in done.stderr
    assert f"panel retry {run.name}" in state(desk)
    counts = tmp_path / "counts"
    with answering("--counts", str(counts)) as url:
        with unchanged(run):
            done = desk.run("resume", "latest", "--provider", url)
        assert f"panel retry {run.name}" in done.stderr
        assert requests(counts) == 0
        done = desk.run("retry", "latest", "--provider", url)
        assert done.returncode == 0, done.stderr
        assert requests(counts) == 2 * lost, "each judges and writes"
        assert desk.run("retry", "latest", "--provider", url).returncode == 0
        assert requests(counts) == 2 * lost
    assert missing(run) == []
    assert desk.run("verify", "latest").returncode == 0


def test_one_missing_answer_of_several_is_asked_alone(desk, tmp_path):
    with answering("--trouble", "stuck") as url:
        batch(desk, url, "--samples", "3", tools=1)
    (run,) = desk.runs()
    with Run.open(run) as opened:
        lost = [(slug, each.persona) for slug, each in opened.stored.all_missing()]
    assert lost
    counts = tmp_path / "counts"
    with answering("--counts", str(counts)) as url:
        assert desk.run("resume", "latest", "--provider", url).returncode == 0
        # Each is judged, and of the samples of a reviewer one is written.
        assert 0 <= len(lost) + len({*lost}) - requests(counts) <= len({*lost})
        assert requests(counts) >= len(lost)
    assert desk.run("verify", "latest").returncode == 0


DAMAGE = {
    "a reply": "UPDATE calls SET reply = replace(reply, 'a', 'b') WHERE id = 3",
    "a review": "UPDATE reviews SET body = replace(body, 'the', 'teh') WHERE rowid = 2",
    "a verdict": "UPDATE verdicts SET body = replace(body, 'verdict', 'verdikt') WHERE rowid = 2",
    "evidence": "UPDATE evidence SET body = replace(body, 'work', 'wrok') WHERE slug = 'tool-1'",
    "a tool": "UPDATE tools SET body = replace(body, 'work', 'wrok') WHERE slug = 'tool-1'",
    "the reviewers": "UPDATE meta SET value = replace(value, 'the', 'teh') WHERE name = 'personas'",
    "the manifest": "UPDATE meta SET value = replace(value, 'm', 'n') WHERE name = 'manifest'",
    "a shared text": "UPDATE texts SET body = replace(body, 'e', 'f') WHERE rowid = 1",
}


@pytest.mark.parametrize("sql", DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_of_a_finished_run_is_asked_again_and_nothing_else(desk, tmp_path, sql):
    counts = tmp_path / "counts"
    with answering("--counts", str(counts)) as url:
        assert batch(desk, url, tools=3).returncode == 0
        (run,) = desk.runs()
        with sqlite3.connect(run / "journal.db") as db:
            db.execute(sql)
        db.close()
        damaged = (run / "journal.db").read_bytes()
        counts.unlink()
        done = desk.run("resume", "latest")
    assert done.returncode == 0, done.stderr
    assert "journal.db was damaged: 1 " in done.stderr
    assert (run / "journal.db.damaged-1").read_bytes() == damaged
    assert requests(counts) == ("SET reply" in sql)
    assert [card["tool"]["name"] for card in desk.json("show", "latest")] == [
        f"Tool {n}" for n in range(3)
    ]
    verified = desk.run("verify", "latest")
    assert verified.returncode == 0, verified.stdout
    with unchanged(run):
        assert "is complete" in desk.run("resume", "latest").stderr


STOPPED = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"


@pytest.mark.parametrize("module", ["click", "pydantic", "rich"])
def test_r7_ctrl_c_while_modules_are_read_ends_quietly_and_leaves_nothing(desk, module):
    at = desk.write(f"early/{module}.py", STOPPED)
    process = subprocess.run(
        [sys.executable, "-m", "panel", *map(str, widget(desk))],
        cwd=desk.folder, env=desk.environment(PYTHONPATH=str(at.parent)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (process.returncode, process.stderr.strip(), process.stdout) == (130, "", "")
    assert desk.runs() == []


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=1, seconds=5)])
def test_r10_a_run_made_after_the_clock_went_back_is_still_the_latest(tmp_path, back):
    now = datetime(2027, 1, 1, 0, 30, tzinfo=UTC)
    made = [create_folder(tmp_path, "one", now=now)]
    made += [create_folder(tmp_path, "two", now=now - back) for _ in range(2)]
    for path in made:
        (path / "run.json").touch()
    assert list_folders(tmp_path) == made[::-1]
    far_run = create_folder(tmp_path / "other", "far", now=now + timedelta(days=4000))
    (far_run / "run.json").touch()
    assert create_folder(tmp_path / "other", "near", now=now).name.startswith("20270101T003000Z")


def test_r10_a_run_whose_clock_goes_back_a_day_verifies(desk):
    # The clock of the first half is a day ahead of the second's.
    with answering("--trouble", "stuck") as url:
        batch(desk, url, tools=3)
    (run,) = desk.runs()
    with Run.open(run, write=True) as opened:
        later = opened.manifest.created + timedelta(days=1)
        changed = opened.manifest.model_copy(update={"created": later})
    text = changed.text()
    from panel.runs.journal.schema import with_checksum

    with sqlite3.connect(run / "journal.db") as db:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", with_checksum("manifest", text))
    db.close()
    (run / "run.json").write_text(text)
    with answering() as url:
        done = desk.run("resume", "latest", "--provider", url)
    assert done.returncode == 0, done.stderr
    assert desk.run("verify", "latest").returncode == 0
    cards = desk.json("show", "latest")
    assert all(card["usage"]["seconds"] >= 0 for card in cards)
