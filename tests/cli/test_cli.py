"""The command line as a user meets it: what it prints, where, and how it ends."""

import csv
import io
import json

import pytest

from panel.reviews.personas import load_personas
from tests.support.command import ROOT

README = """# Widget

Widget turns SQL tables into widgets with one command.

## Install

Run `pip install widget` and then `widget init`.

## Status

Maintained by three people; release 2.4 came out in October 2026. Licence: MIT.
"""

TOOLS = "name,url,description\n" + "".join(
    f"Tool {n},https://tool{n}.example,Tool {n} does the work of {n} people.\n" for n in range(14)
)


LAWYER = """---
name: lawyer
title: The Lawyer
weight: 1
lens: What may be done with it.
criteria:
  - id: licence_named
    question: Is a licence named in the evidence?
    kind: judgement
beats:
  - id: risk
    ask: Name the legal risk in ten words.
forecast:
  ask: Will the licence change?
  horizon_months: 12
---
You read licences for a living.
"""


REVIEWED = (0, 1)
"""Exit codes of a review: the server's answers may make a verdict incomplete, which is 1."""


def widget(desk):
    return ("review", "Widget", "--evidence", desk.write("README.md", README))


def one_line_error(done, code, *parts):
    """The house rule for errors: an exit code, one line, a hint at most, no traceback."""
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error: ", "Error: "))]
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr
    assert done.stdout == ""


def test_a_review_prints_a_scorecard_and_keeps_a_run(desk, answers):
    done = desk.run(*widget(desk), "--provider", answers, "--model", "scripted")
    assert done.returncode in REVIEWED, done.stderr
    for part in ("Widget", "Builder", "Skeptic", "Business", "Futurist", "%", "E1."):
        assert part in done.stdout, done.stdout
    (run,) = desk.runs()
    names = {p.name for p in run.iterdir()}
    assert {"journal.db", "run.json", "scorecards", "verdicts.jsonl"} <= names
    assert {p.name for p in (run / "scorecards").iterdir()} == {
        "widget.md", "widget.html", "widget.json",
    }  # fmt: skip
    assert run.name in done.stderr


def test_json_is_the_contract_and_the_same_as_what_is_kept(desk, answers):
    (card,) = desk.json(*widget(desk), "--provider", answers)
    (run,) = desk.runs()
    assert json.loads((run / "scorecards" / "widget.json").read_text()) == card
    assert json.loads((run / "verdicts.jsonl").read_text()) == card
    assert card["schema"] == "panel.scorecard/2"
    assert card["run"] == run.name
    passages = {p["id"]: p["text"] for s in card["evidence"] for p in s["passages"]}
    for review in card["reviews"]:
        for finding in review["findings"]:
            assert set(finding["cites"]) <= set(passages)
            if finding["kind"] == "fact" and not finding["cites"]:
                assert finding["answer"] == "unclear"


def test_stdout_holds_data_only(desk, answers):
    done = desk.run(*widget(desk), "--provider", answers, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["persona"] for row in rows] == ["builder", "skeptic", "business", "futurist"]


def test_the_same_question_is_not_paid_for_twice_unless_fresh(desk, answers):
    (first,) = desk.json(*widget(desk), "--provider", answers)
    (again,) = desk.json(*widget(desk), "--provider", answers)
    (fresh,) = desk.json(*widget(desk), "--provider", answers, "--fresh")
    assert first["usage"]["calls"] == fresh["usage"]["calls"] > 0
    assert again["usage"]["calls"] == 0
    assert again["usage"]["reused_calls"] == first["usage"]["calls"]
    assert again["verdict"] == first["verdict"] == fresh["verdict"]


def test_stepwise_anywhere_reads_probabilities(desk, answers):
    (card,) = desk.json(*widget(desk), "--provider", answers, "--ask", "stepwise")
    assert card["asked"] == "stepwise"
    every = [f for r in card["reviews"] for f in r["findings"]]
    findings = [f for f in every if "decided_by" not in f]
    by_notice = [f for f in findings if f["p"] is None]
    assert all(f["answer"] == "no" and f["cites"] for f in by_notice)
    personas = load_personas(folders=[ROOT / "personas"])
    told = {
        criterion.id for persona in personas for criterion in persona.criteria if criterion.notice
    }
    assert {f["criterion"] for f in by_notice} <= told
    assert len(by_notice) < len(findings)
    assert all(0 <= f["p"] <= 1 for f in findings if f not in by_notice)


def test_only_the_named_personas_are_asked(desk, answers):
    (card,) = desk.json(*widget(desk), "--provider", answers, "--personas", "skeptic,builder")
    assert {r["persona"] for r in card["reviews"]} == {"builder", "skeptic"}


@pytest.mark.parametrize(
    ("more", "samples"), [((), 3), (("--samples", "2"), 2), (("--samples", "1"), 1)]
)
def test_a_rerun_asks_as_often_as_it_is_told_else_as_its_run(desk, answers, more, samples):
    desk.json(*widget(desk), "--provider", answers, "--samples", "3", "--personas", "builder")
    done = desk.run("rerun", "latest", "--provider", answers, "--fresh", *more)
    assert done.returncode in (0, 1), done.stderr
    (manifest,) = [json.loads((run / "run.json").read_text()) for run in desk.runs()[1:]]
    assert manifest["samples"] == samples
    assert manifest["temperature"] == (0.7 if samples > 1 else 0)
    (row,) = json.loads(desk.run("usage", "latest", "--format", "json").stdout)["lines"]
    assert row["calls"] == samples + 1  # and the review, written once


def test_samples_give_an_interval_and_flip_rates(desk, answers):
    (card,) = desk.json(*widget(desk), "--provider", answers, "--samples", "3")
    low, high = card["verdict"]["interval"]
    assert low <= card["verdict"]["score"] <= high
    assert all(r["flip_rate"] is not None for r in card["reviews"])


def test_the_context_reaches_the_reviewers_and_counts_as_meaning(desk, answers):
    context = desk.write("team.txt", "We are five people on AWS and need SOC 2.")
    desk.json(*widget(desk), "--provider", answers)
    (card,) = desk.json(*widget(desk), "--provider", answers, "--context", context)
    assert card["usage"]["reused_calls"] == 0
    assert "SOC 2" in (desk.runs()[-1] / "run.json").read_text()


def test_fail_on_ends_with_4_only_when_the_outcome_matches(desk, answers):
    (card,) = desk.json(*widget(desk), "--provider", answers)
    outcome = card["verdict"]["outcome"]
    another_outcome = "split" if outcome != "split" else "hold"
    args = (*widget(desk), "--provider", answers)
    assert desk.run(*args, "--fail-on", f"{outcome},{another_outcome}").returncode == 4
    assert desk.run(*args, "--fail-on", another_outcome).returncode in REVIEWED


def test_output_goes_to_a_file_whole(desk, answers):
    done = desk.run(
        *widget(desk), "--provider", answers, "--format", "html", "--output", "card.html"
    )
    assert done.returncode in REVIEWED, done.stderr
    assert done.stdout == ""
    assert (desk.folder / "card.html").read_text().rstrip().endswith("</html>")


def test_a_batch_reviews_every_tool_once_and_ends_with_a_summary(desk, answers):
    doubled = TOOLS + "tool 3 ,https://tool3.example/,The same again.\n"
    path = desk.write("tools.csv", doubled)
    done = desk.run("batch", path, "--provider", answers, "--concurrency", "16")
    assert done.returncode in REVIEWED, done.stderr
    assert all(f"Tool {n}" in done.stdout for n in range(14))
    assert "line 5" in done.stderr
    assert "line 16" in done.stderr
    cards = desk.json("show", "latest")
    assert [c["tool"]["name"] for c in cards] == [f"Tool {n}" for n in range(14)]


def test_rerun_asks_the_stored_evidence_again_and_says_what_changed(desk, answers):
    desk.json(*widget(desk), "--provider", answers)
    (desk.folder / "README.md").unlink()
    done = desk.run(
        "rerun", "latest", "--provider", answers, "--model", "other", "--format", "json"
    )
    assert done.returncode in REVIEWED, done.stderr
    data = json.loads(done.stdout)
    assert data["before"]["models"] == ["scripted"]
    assert data["after"]["models"] == ["other"]
    assert data["agreement"]["findings_of"] > 0
    assert json.loads(desk.run("diff", "latest~1", "latest", "--format", "json").stdout) == data


def test_a_run_replays_without_any_provider(desk, answers):
    (first,) = desk.json(*widget(desk), "--provider", answers)
    run = desk.runs()[0].name
    (again,) = desk.json(*widget(desk), "--provider", f"replay:{run}")
    assert again["verdict"] == first["verdict"]
    assert again["reviews"] == first["reviews"]
    assert again["usage"]["calls"] == 0
    desk.write("README.md", README + "\nA new sentence changes the evidence.\n")
    one_line_error(
        desk.run("review", "Widget", "--evidence", "README.md", "--provider", f"replay:{run}"),
        3,
        "no answer",
    )


def test_show_export_and_runs_read_what_is_stored(desk, answers):
    path = desk.write("tools.csv", TOOLS)
    desk.run("batch", path, "--provider", answers)
    assert "Tool 7" in desk.run("show", "latest", "Tool 7").stdout
    lines = desk.run("export", "latest").stdout.splitlines()
    assert len([json.loads(line) for line in lines]) == 56
    rows = list(csv.DictReader(io.StringIO(desk.run("export", "latest", "--format", "csv").stdout)))
    assert len(rows) == 56
    done = desk.run("export", "latest", "--format", "parquet", "--output", "rows.parquet")
    assert done.returncode == 0, done.stderr
    import pyarrow.parquet

    assert pyarrow.parquet.read_table(desk.folder / "rows.parquet").num_rows == 56
    (listed,) = json.loads(desk.run("runs", "--format", "json").stdout)
    assert listed["tools"] == 14
    assert desk.runs()[0].name.startswith(listed["run"])


def test_lists_of_every_format_read_the_same(desk, answers):
    tools = [{"name": "A", "description": "Does a."}, {"name": "B", "description": "Does b."}]
    desk.write("t.json", json.dumps(tools))
    desk.write("t.jsonl", "\n".join(map(json.dumps, tools)))
    desk.write("t.csv", "name,description\nA,Does a.\nB,Does b.\n")
    desk.write("t.yaml", "- {name: A, description: Does a.}\n- {name: B, description: Does b.}\n")
    seen = [
        [(c["tool"], c["verdict"]) for c in desk.json("batch", f"t.{end}", "--provider", answers)]
        for end in ("json", "jsonl", "csv", "yaml")
    ]
    assert seen[0] == seen[1] == seen[2] == seen[3]


WRONG = {
    "no tool": (["review"], "panel review"),
    "no evidence": (["review", "Nothing"], "--evidence"),
    "no such list": (["batch", "nowhere.yaml"], "nowhere.yaml"),
    "no such evidence": (["review", "X", "--evidence", "gone.md"], "gone.md"),
    "unknown provider": (["review", "X", "--description", "A tool.", "--provider", "cerebas"],
                         "cerebras"),
    "missing key": (["review", "X", "--description", "A tool.", "--provider", "openai"],
                    "OPENAI_API_KEY"),
    "missing router key": (["review", "X", "--description", "A tool.", "--provider", "auto"],
                           "HF_TOKEN"),
    "unknown persona": (["review", "X", "--description", "A tool.", "--personas", "bulder"],
                        "builder"),
    "unknown model": (["review", "X", "--description", "A tool.", "--provider", "local", "--model",
                       "qwen2.5-coder"], "qwen2.5-coder-1.5b"),
    "no such model file": (["review", "X", "--description", "A tool.", "--provider", "local",
                            "--model", "gone.gguf"], "gone.gguf"),
    "unknown run": (["show", "nope"], "nope"),
    "unknown replay": (["review", "X", "--description", "A tool.", "--provider", "replay:nope"],
                       "nope"),
    "empty context": (["review", "X", "--description", "A tool.", "--context", "empty.txt"],
                      "empty.txt"),
    "unknown outcome": (["review", "X", "--description", "A tool.", "--fail-on", "shipp"], "shipp"),
    "unknown command": (["reveiw"], "review"),
    "unknown option": (["review", "--provder", "local"], "--provider"),
}  # fmt: skip


@pytest.mark.parametrize("args", WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_line_with_the_next_thing_to_type(desk, args):
    desk.write("empty.txt", " \n")
    command, part = args
    one_line_error(desk.run(*command), 2, part)
    assert not (desk.folder / "runs").exists()


def test_an_unreachable_server_is_named_and_the_run_can_be_resumed(desk):
    done = desk.run(*widget(desk), "--provider", "http://127.0.0.1:9/v1", "--model", "m")
    assert done.returncode in (1, 3)
    assert "127.0.0.1:9" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_bad_list_names_file_and_line(desk):
    desk.write("bad.yaml", "- name: A\n  description: x\n- name: B\n  prise: free\n")
    one_line_error(desk.run("batch", "bad.yaml"), 2, "bad.yaml", "line", "prise", "price")


def test_an_unknown_key_in_a_persona_names_file_and_key(desk):
    desk.write("personas/lawyer.md", LAWYER.replace("weight: 1\n", "weight: 1\nhat: grey\n"))
    one_line_error(desk.run("personas", "check"), 2, "lawyer.md", "hat")


def test_debug_shows_the_traceback(desk):
    done = desk.run("show", "nope", "--debug")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_personas_providers_and_doctor_tell_what_is_there(desk):
    listed = desk.run("personas").stdout
    assert all(name in listed for name in ("builder", "skeptic", "business", "futurist"))
    assert "Predicts:" in desk.run("personas", "show", "skeptic").stdout
    assert desk.run("personas", "check").returncode == 0
    rows = json.loads(desk.run("providers", "--format", "json", HF_TOKEN="hf_canary").stdout)
    has_key = {row["name"]: row["found"] for row in rows}
    assert has_key["auto"] is True
    assert has_key["cerebras"] is True
    assert has_key["openai"] is False
    assert has_key["local"] is None
    doctor = desk.run("doctor", HF_TOKEN="hf_canary")
    assert doctor.returncode == 0, doctor.stdout
    assert "auto" in doctor.stdout
    assert "hf_canary" not in doctor.stdout + doctor.stderr


def test_the_default_without_a_token_is_local_and_says_why(desk):
    doctor = desk.run("doctor")
    assert "local" in doctor.stdout
    assert "no Hugging Face token" in doctor.stdout


def test_a_dropped_in_persona_takes_part(desk, answers):
    desk.write("personas/lawyer.md", LAWYER)
    (card,) = desk.json(*widget(desk), "--provider", answers, "--personas", "lawyer,builder")
    assert {r["persona"] for r in card["reviews"]} == {"lawyer", "builder"}
