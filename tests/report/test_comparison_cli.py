"""`panel compare` as a user meets it, and the comparison page of the examples."""

import json
import re
import shutil
from datetime import timedelta

import pytest

from panel.reviews.verdict.scorecard import CardTool
from panel.runs.metadata import stored_personas
from panel.runs.run import Run
from tests.support.cards import NOW, named
from tests.support.command import ROOT
from tests.support.pairs import pair, tool, verdict
from tests.support.shelf import shelve
from tests.support.statements import composed

EXAMPLE = ROOT / "examples" / "comparison"
NAMES = ("Hugging Face Inference Providers", "Mistral 3B")

TOOL = """name: {name}
description: {name} does the work of two people.
evidence: [notes.md]
"""
NOTES = "# Notes\n\nIt turns tables into widgets. Release 2.4 came out in 2026. Licence: MIT.\n"


@pytest.fixture
def shelf(desk):
    """A desk with Quillstore and Parley in one run, and a later verdict on Parley."""
    a, b = pair()
    desk.run_name = shelve(desk.folder / "runs", [a, b], created=NOW)
    newer = tool(verdict=verdict("ship", 90.0))
    shelve(desk.folder / "runs", [newer], created=NOW + timedelta(days=7))
    return desk


def compared(desk, *args, **env):
    done = desk.run("compare", *args, "--format", "json", **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def error(done, code, *parts):
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


def test_the_latest_verdicts_are_compared_whatever_the_name_is_written_like(shelf):
    for name in ("quillstore", "QUILLSTORE", "Quillstore"):
        told = compared(shelf, name, "parley")
        assert told["a"]["tool"]["name"] == "Quillstore"
        assert told["b"]["verdict"]["score"] == 90.0
        assert {"dates"} <= {c["kind"] for c in told["cautions"]}


def test_run_takes_both_from_that_run(shelf):
    told = compared(shelf, "Quillstore", "Parley", "--run", shelf.run_name)
    assert told["b"]["verdict"]["score"] == 48.0
    assert told["preference"]["winner"] == "a"
    error(shelf.run("compare", "Quillstore", "Parly", "--run", shelf.run_name), 2,
          "holds no tool named 'Parly'", "did you mean Parley?")  # fmt: skip


def test_swapping_the_arguments_swaps_the_sides(shelf):
    run = ("--run", shelf.run_name)
    one, two = (compared(shelf, *names, *run)
                for names in (("Quillstore", "Parley"), ("Parley", "Quillstore")))  # fmt: skip
    assert (one["preference"]["winner"], two["preference"]["winner"]) == ("a", "b")


def test_the_screen_says_who_is_ahead_and_why(shelf):
    done = shelf.run("compare", "Quillstore", "Parley", "--run", shelf.run_name)
    assert done.returncode == 0, done.stderr
    assert "Ship with Quillstore" in done.stdout
    assert "Does it install with one command?" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (("Quilstore", "Parley"), ("no stored verdict on 'Quilstore'", "did you mean Quillstore?")),
        (("Quillstore", "quillstore"), ("one tool twice", "panel diff")),
        (("Quillstore", "Parley", "--run", "x", "--review"), ("were both given",)),
        (("Quillstore", "Parley", "--run", "nothing"), ("no run 'nothing'",)),
        (("Quillstore", "none.yaml", "--review"), ("no stored verdict on 'none.yaml'",)),
    ],
)
def test_what_cannot_be_compared_is_one_line_with_the_nearest_name(shelf, args, parts):
    error(shelf.run("compare", *args), 2, *parts)


def test_without_any_run_the_next_command_is_named(desk):
    error(desk.run("compare", "A", "B"), 2, "no stored verdict on 'A'", "--review")


def test_a_slug_that_two_tools_share_is_not_guessed(desk):
    shelve(desk.folder / "runs", [named("C")], created=NOW)
    other = named("C++")
    same = other.model_copy(update={"tool": other.tool.model_copy(update={"slug": "cc"})})
    third = named("C#").model_copy(update={"tool": same.tool.model_copy(update={"name": "C#"})})
    shelve(desk.folder / "runs", [same], created=NOW)
    shelve(desk.folder / "runs", [third], created=NOW)
    error(desk.run("compare", "c", "cc"), 2, "'cc' is the slug of 2 tools")


def test_a_file_is_looked_up_by_its_tools_name(shelf):
    shelf.write("notes.md", NOTES)
    shelf.write("parley.yaml", TOOL.format(name="PARLEY"))
    told = compared(shelf, "Quillstore", "parley.yaml")
    assert told["b"]["tool"]["name"] == "Parley"
    shelf.write("widget.yaml", TOOL.format(name="Widget"))
    error(shelf.run("compare", "Quillstore", "widget.yaml"), 2, "no stored verdict on 'Widget'")


def test_review_reviews_what_has_no_verdict_as_one_run(shelf, answers):
    shelf.write("notes.md", NOTES)
    for name in ("Widget", "Gadget"):
        shelf.write(f"{name.lower()}.yaml", TOOL.format(name=name))
    before = len(shelf.runs())
    asked = ("--review", "--provider", answers, "--model", "m", "--ask", "whole")
    done = shelf.run("compare", "widget.yaml", "gadget.yaml", *asked, "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert (told["a"]["tool"]["name"], told["b"]["tool"]["name"]) == ("Widget", "Gadget")
    assert told["a"]["run"] == told["b"]["run"]
    assert len(shelf.runs()) == before + 1
    # Weights come from the reviewers that the run keeps.
    with Run.open(shelf.folder / "runs" / told["a"]["run"]) as run:
        assert stored_personas(run)
    assert all(d["weight"] is not None for d in told["differences"])
    again = shelf.run("compare", "widget.yaml", "Quillstore", "--review", "--format", "json")
    assert json.loads(again.stdout)["a"]["run"] == told["a"]["run"]
    assert len(shelf.runs()) == before + 1


def test_with_a_provider_a_model_writes_and_its_reply_is_kept(shelf, answers):
    run = ("--run", shelf.run_name)
    told = compared(shelf, "Quillstore", "Parley", *run, "--provider", answers, "--model", "m")
    plain = compared(shelf, "Quillstore", "Parley", *run)
    kept = told["advice"]["written"]
    assert kept["text"]
    assert kept["provider"].startswith("http://127.0.0.1")
    # Whatever it wrote, who is ahead is the rule's word.
    assert told["preference"] == plain["preference"]
    assert kept["used"] == (told["advice"]["by"] == "model")
    assert plain["advice"]["written"] is None


def test_no_model_is_asked_about_reviews_that_code_put_together(desk, answers):
    other = composed(tool=CardTool(name="Silt", slug="silt", category="databases"))
    shelve(desk.folder / "runs", [composed(), other], created=NOW)
    done = desk.run("compare", "Tidewater", "Silt", "--provider", answers, "--format", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["advice"]
    assert (told["by"], told["written"]) == ("rule", None)
    assert "code put the reviews of Tidewater and Silt together" in done.stderr


def test_where_neither_ships_what_ships_in_their_category_is_named(desk):
    failed = [composed(tool=CardTool(name=name, slug=name.lower(), category="Databases"),
                       verdict=verdict("skip", 40.0)) for name in ("Silt", "Mud")]  # fmt: skip
    shelve(desk.folder / "runs", [*failed, composed()], created=NOW)
    done = desk.run("compare", "Silt", "Mud")
    words = " ".join(done.stdout.split())
    assert "in their category the panel ships Tidewater, 66.6 of 100." in words


def test_where_no_model_answers_the_rules_paragraph_stands_and_the_exit_code_says_so(shelf):
    done = shelf.run(
        "compare", "Quillstore", "Parley", "--run", shelf.run_name,
        "--provider", f"replay:{shelf.run_name}",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "no model wrote the paragraph" in done.stderr
    assert "Ship with Quillstore" in done.stdout


def test_fail_on_reports_an_outcome_of_either(shelf):
    run = ("--run", shelf.run_name)
    assert shelf.run("compare", "Quillstore", "Parley", *run, "--fail-on", "skip").returncode == 4
    assert shelf.run("compare", "Quillstore", "Parley", *run, "--fail-on", "hold").returncode == 0


def test_output_goes_whole_into_a_file(shelf):
    place = shelf.folder / "page.html"
    done = shelf.run("compare", "Quillstore", "Parley", "--format", "html", "--output", place)
    assert (done.returncode, done.stdout) == (0, "")
    assert place.read_text().startswith("<!doctype html>")


# --- the example -----------------------------------------------------------------------------


def test_the_examples_page_is_what_the_command_prints(desk):
    shutil.copytree(EXAMPLE, desk.folder / "examples" / "comparison")
    runs = ("--runs", "examples/comparison/runs")
    done = desk.run("compare", *NAMES, *runs, "--format", "html")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (EXAMPLE / "page.html").read_text()


def test_the_examples_run_verifies(desk):
    shutil.copytree(EXAMPLE / "runs", desk.folder / "runs")
    assert desk.run("verify", "pair").returncode == 0


def test_the_examples_run_is_over_the_evidence_beside_it_and_names_no_machine():
    with Run.open(EXAMPLE / "runs" / "pair") as run:
        tools = run.tools()
        assert tuple(tool.name for tool in tools) == NAMES
        for found in tools:
            (path,) = found.evidence
            assert (EXAMPLE / "runs" / "pair" / path).resolve().parent == EXAMPLE
    for path in EXAMPLE.rglob("*"):
        if path.is_file():
            assert not re.search(rb"/(?:tmp|root|home|work)/", path.read_bytes()), path
