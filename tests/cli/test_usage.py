"""`panel usage`: what runs took."""

import csv
import json
import shutil

import pytest

from tests.support.command import ROOT, answering


@pytest.fixture(autouse=True)
def _sample(desk):
    """The one run in the folder is the one that comes with the repository."""
    shutil.copytree(ROOT / "runs" / "sample", desk.folder / "runs" / "sample")


def usage_data(desk, *arguments):
    done = desk.run("usage", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_tools_of_a_run_add_up_to_the_run(desk):
    tools, runs = usage_data(desk, "sample"), usage_data(desk)
    assert [line["what"] for line in tools["lines"]] == [
        "sqlite-utils",
        "httpx",
        "request",
        "swarm",
    ]
    for key in ("calls", "input_tokens", "cached_tokens", "output_tokens", "unpriced_calls"):
        assert tools["total"][key] == runs["lines"][0][key] > 0
    assert tools["total"]["seconds"] == pytest.approx(runs["lines"][0]["seconds"], rel=0.01)


def test_a_cost_that_is_not_known_is_null_and_never_zero(desk):
    assert usage_data(desk)["total"]["cost_usd"] is None
    assert "unknown" in desk.run("usage").stdout


def test_reused_answers_are_counted_apart_and_cost_nothing(desk):
    desk.run("rerun", "sample", "--provider", "replay:sample")
    (again, sample) = usage_data(desk)["lines"]
    assert again["reused_calls"] > 0
    assert again["calls"] + again["reused_calls"] == sample["calls"]


def test_runs_of_one_provider_and_model_are_one_line(desk):
    (line,) = usage_data(desk, "--by", "provider")["lines"]
    assert (line["provider"], line["what"]) == ("local", "1 run")


def test_tokens_that_no_server_told_are_unknown_everywhere_and_never_zero(desk):
    shutil.rmtree(desk.folder / "runs")
    desk.write("quill.md", "# Quill\n\nQuill turns notes into one page. Run `pip install quill`.\n")
    with answering("--untold") as url:
        desk.run("review", "Quill", "--evidence", "quill.md", "--provider", url, "--model", "m")
    line = usage_data(desk)["total"]
    assert (line["input_tokens"], line["cached_tokens"], line["output_tokens"]) == (None,) * 3
    assert line["uncounted_calls"] == line["calls"] == 8
    assert "unknown" in desk.run("usage").stdout
    shown = desk.run("show", "latest").stdout
    assert "8 calls · tokens unknown · cost unknown" in shown
    (card,) = desk.json("show", "latest")
    assert card["usage"]["input_tokens"] is None
    assert {review["usage"]["output_tokens"] for review in card["reviews"]} == {None}
    assert "unknown" in desk.run("show", "latest", "--format", "html").stdout
    (head, *rows) = csv.reader(desk.run("show", "latest", "--format", "csv").stdout.splitlines())
    place = head.index("input_tokens")
    assert {row[place] for row in rows} == {""}
    assert "everything holds" in desk.run("verify", "latest").stderr


def test_without_runs_it_says_how_to_begin(desk):
    shutil.rmtree(desk.folder / "runs")
    done = desk.run("usage")
    assert done.returncode == 2
    assert "panel review" in done.stderr
