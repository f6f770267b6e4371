"""`panel usage`: what runs took."""

import json

import pytest

from tests.command import ROOT

SAMPLE = ("--runs", ROOT / "runs")


def told(desk, *arguments):
    done = desk.run("usage", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_tools_of_a_run_add_up_to_the_run(desk):
    tools, runs = told(desk, "sample", *SAMPLE), told(desk, *SAMPLE)
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
    assert told(desk, *SAMPLE)["total"]["cost_usd"] is None
    assert "unknown" in desk.run("usage", *SAMPLE).stdout


def test_reused_answers_are_counted_apart_and_cost_nothing(desk):
    desk.run("rerun", ROOT / "runs" / "sample", "--provider", "replay:" + str(ROOT / "runs/sample"))
    lines = told(desk)["lines"]
    assert len(lines) == 1
    asked = lines[0]["calls"] + lines[0]["reused_calls"]
    assert asked == told(desk, "sample", *SAMPLE)["total"]["calls"]


def test_runs_of_one_provider_and_model_are_one_line(desk):
    (line,) = told(desk, *SAMPLE, "--by", "provider")["lines"]
    assert (line["provider"], line["what"]) == ("local", "1 run")


def test_without_runs_it_says_how_to_begin(desk):
    done = desk.run("usage")
    assert done.returncode == 2
    assert "panel review" in done.stderr
