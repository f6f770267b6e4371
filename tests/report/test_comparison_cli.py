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
def stored(desk):
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


def test_the_latest_verdicts_are_compared_whatever_the_name_is_written_like(stored):
    for name in ("quillstore", "QUILLSTORE", "Quillstore"):
        comparison = compared(stored, name, "parley")
        assert comparison["a"]["tool"]["name"] == "Quillstore"
        assert comparison["b"]["verdict"]["score"] == 90.0
        assert {"dates"} <= {c["kind"] for c in comparison["cautions"]}


def test_run_takes_both_from_that_run(stored):
    comparison = compared(stored, "Quillstore", "Parley", "--run", stored.run_name)
    assert comparison["b"]["verdict"]["score"] == 48.0
    assert comparison["preference"]["winner"] == "a"
    error(stored.run("compare", "Quillstore", "Parly", "--run", stored.run_name), 2,
          "holds no tool named 'Parly'", "did you mean Parley?")  # fmt: skip


def test_swapping_the_arguments_swaps_the_sides(stored):
    run = ("--run", stored.run_name)
    first, second = (compared(stored, *names, *run)
                for names in (("Quillstore", "Parley"), ("Parley", "Quillstore")))  # fmt: skip
    assert (first["preference"]["winner"], second["preference"]["winner"]) == ("a", "b")


def test_the_screen_says_who_is_ahead_and_why(stored):
    done = stored.run("compare", "Quillstore", "Parley", "--run", stored.run_name)
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
def test_what_cannot_be_compared_is_one_line_with_the_nearest_name(stored, args, parts):
    error(stored.run("compare", *args), 2, *parts)


def test_without_any_run_the_next_command_is_named(desk):
    error(desk.run("compare", "A", "B"), 2, "no stored verdict on 'A'", "--review")


def test_a_slug_that_two_tools_share_is_not_guessed(desk):
    shelve(desk.folder / "runs", [named("C")], created=NOW)
    second = named("C++")
    same = second.model_copy(update={"tool": second.tool.model_copy(update={"slug": "cc"})})
    third = named("C#").model_copy(update={"tool": same.tool.model_copy(update={"name": "C#"})})
    shelve(desk.folder / "runs", [same], created=NOW)
    shelve(desk.folder / "runs", [third], created=NOW)
    error(desk.run("compare", "c", "cc"), 2, "'cc' is the slug of 2 tools")


def test_a_file_is_looked_up_by_its_tools_name(stored):
    stored.write("notes.md", NOTES)
    stored.write("parley.yaml", TOOL.format(name="PARLEY"))
    comparison = compared(stored, "Quillstore", "parley.yaml")
    assert comparison["b"]["tool"]["name"] == "Parley"
    stored.write("widget.yaml", TOOL.format(name="Widget"))
    error(stored.run("compare", "Quillstore", "widget.yaml"), 2, "no stored verdict on 'Widget'")


def test_review_reviews_what_has_no_verdict_as_one_run(stored, answers):
    stored.write("notes.md", NOTES)
    for name in ("Widget", "Gadget"):
        stored.write(f"{name.lower()}.yaml", TOOL.format(name=name))
    before = len(stored.runs())
    options = ("--review", "--provider", answers, "--model", "m", "--ask", "whole")
    done = stored.run("compare", "widget.yaml", "gadget.yaml", *options, "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    comparison = json.loads(done.stdout)
    assert (comparison["a"]["tool"]["name"], comparison["b"]["tool"]["name"]) == (
        "Widget",
        "Gadget",
    )
    assert comparison["a"]["run"] == comparison["b"]["run"]
    assert len(stored.runs()) == before + 1
    # Weights come from the reviewers that the run keeps.
    with Run.open(stored.folder / "runs" / comparison["a"]["run"]) as run:
        assert stored_personas(run)
    assert all(d["weight"] is not None for d in comparison["differences"])
    again = stored.run("compare", "widget.yaml", "Quillstore", "--review", "--format", "json")
    assert json.loads(again.stdout)["a"]["run"] == comparison["a"]["run"]
    assert len(stored.runs()) == before + 1


def test_with_a_provider_a_model_writes_and_its_reply_is_kept(stored, answers):
    run = ("--run", stored.run_name)
    comparison = compared(
        stored, "Quillstore", "Parley", *run, "--provider", answers, "--model", "m"
    )
    plain = compared(stored, "Quillstore", "Parley", *run)
    written = comparison["advice"]["written"]
    assert written["text"]
    assert written["provider"].startswith("http://127.0.0.1")
    # Whatever it wrote, who is ahead is the rule's word.
    assert comparison["preference"] == plain["preference"]
    assert written["used"] == (comparison["advice"]["by"] == "model")
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


def test_where_no_model_answers_the_rules_paragraph_stands_and_the_exit_code_says_so(stored):
    done = stored.run(
        "compare", "Quillstore", "Parley", "--run", stored.run_name,
        "--provider", f"replay:{stored.run_name}",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "no model wrote the paragraph" in done.stderr
    assert "Ship with Quillstore" in done.stdout


def test_fail_on_reports_an_outcome_of_either(stored):
    run = ("--run", stored.run_name)
    assert stored.run("compare", "Quillstore", "Parley", *run, "--fail-on", "skip").returncode == 4
    assert stored.run("compare", "Quillstore", "Parley", *run, "--fail-on", "hold").returncode == 0


def test_output_goes_whole_into_a_file(stored):
    place = stored.folder / "page.html"
    done = stored.run("compare", "Quillstore", "Parley", "--format", "html", "--output", place)
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
        for listed in tools:
            (path,) = listed.evidence
            assert (EXAMPLE / "runs" / "pair" / path).resolve().parent == EXAMPLE
    for path in EXAMPLE.rglob("*"):
        if path.is_file():
            assert not re.search(rb"/(?:tmp|root|home|work)/", path.read_bytes()), path
