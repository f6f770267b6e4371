"""`panel forecasts` and `panel resolve`: what is listed, decided, asked, refused, and kept."""

import csv
import io
import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from panel.cli.main import panel
from panel.evidence.source import Evidence, Passage, Source
from panel.foundation.errors import InputError, RunError
from panel.runs.forecasts.resolutions import FILE
from tests.support.forecasts import TODAY, ids, moment, reviewer, store

MADE = TODAY - timedelta(days=380)
IDS = ids(MADE)
YEAR = IDS["licence"].removeprefix("licence-")


def evidence(archived="no", licence="MIT"):
    """A page and an API's record, as adapters word them."""
    record = (
        f"Repository: acme/widget.\nLicence: {licence}.\nArchived: {archived}.",
        "Latest release: 3.1, published 2024-10-01.",
    )
    texts = {"readme": ("Widget cuts.",), "record": record, "pricing": ("$20 per user / month",)}
    sources = tuple(
        Source(
            id=f"E{n}", source=f"https://widget.example/{role}", retrieved=moment(MADE),
            sha256="0" * 64, role=role,
            passages=tuple(Passage(id=f"E{n}.{k}", text=t) for k, t in enumerate(texts[role], 1)),
        )
        for n, role in enumerate(texts, 1)
    )  # fmt: skip
    return Evidence(sources=sources)


@pytest.fixture
def runs(tmp_path):
    """Forecasts of two reviewers that are due, and a later verdict on what became of the tool."""
    store(tmp_path, MADE, evidence())
    store(tmp_path, MADE + timedelta(days=90), evidence(licence="AGPL-3.0"), reviews=())
    store(tmp_path, MADE + timedelta(days=370), evidence(licence="AGPL-3.0"), reviews=())
    return tmp_path


def call(runs, *args):
    words = [str(word) for word in (*args, "--runs", runs)]
    return CliRunner().invoke(panel, words, catch_exceptions=False)


def shown(done):
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def test_the_list_groups_what_reviewers_say_of_the_same_thing(runs):
    text = shown(call(runs, "forecasts"))
    assert text.startswith("12 forecasts on 1 tool: ")
    assert f"◆ {IDS['licence']} due: It is under another licence builder 20%, skeptic 20%" in text
    assert f"◆ skeptic-{YEAR} due: Initech runs it by 2030 skeptic 20% (m-1)" in text
    assert "What became of those that are due: panel resolve" in text


@pytest.mark.parametrize("form", ["json", "csv"])
def test_rows_have_who_what_when_and_what_decided(runs, form):
    call(runs, "resolve", "--offline")
    done = call(runs, "forecasts", "--format", form)
    rows = json.loads(done.stdout) if form == "json" else [
        *csv.DictReader(io.StringIO(done.stdout))
    ]  # fmt: skip
    assert len(rows) == 12
    row = next(r for r in rows if r["forecast"] == IDS["licence"] and r["reviewer"] == "skeptic")
    wanted = {
        "tool": "Widget", "judge": "m-1", "proposition": "licence", "by": YEAR,
        "state": "came true", "decided": "code", "resolved": str(TODAY),
        "passage": "Licence: AGPL-3.0.", "source": "https://widget.example/record",
        "read": str(MADE + timedelta(days=90)),
    }  # fmt: skip
    assert {key: row[key] for key in wanted} == wanted
    assert float(row["squared_error"]) == pytest.approx(0.64)


def test_due_lists_what_has_no_end_and_whose_day_has_come(runs):
    rows = json.loads(call(runs, "forecasts", "--due", "--format", "json").stdout)
    assert {row["state"] for row in rows} == {"due"}
    before = len(rows)
    call(runs, "resolve", "--offline")
    rows = json.loads(call(runs, "forecasts", "--due", "--format", "json").stdout)
    assert 0 < len(rows) < before
    young = runs / "young"
    store(young, TODAY - timedelta(days=3), evidence())
    assert shown(call(young, "forecasts", "--due")) == "no forecast is due"


def test_resolve_decides_keeps_the_passage_and_says_what_it_cannot_tell(runs):
    done = call(runs, "resolve", "--offline")
    assert done.exit_code == 1, "sentences that are due wait for a person"
    text = " ".join(done.stdout.split())
    assert f"✓ {IDS['licence']} came true: the host's record says AGPL-3.0, it said MIT" in text
    assert "“Licence: AGPL-3.0.” https://widget.example/record, read" in text
    assert f"✕ {IDS['archived']} did not: it is not archived “Archived: no.”" in text
    assert f"? skeptic-{YEAR} a person has to say: code judges no free sentence" in text
    assert "--as yes|no|void --because TEXT" in text
    kept = (runs / FILE).read_bytes()
    again = call(runs, "resolve", "--offline")
    assert (runs / FILE).read_bytes() == kept
    assert IDS["licence"] not in again.stdout


def test_a_dry_run_writes_nothing_and_says_the_same(runs):
    dry = call(runs, "resolve", "--offline", "--dry-run", "--format", "json")
    assert (dry.exit_code, (runs / FILE).exists()) == (0, False)
    assert dry.stdout == call(runs, "resolve", "--offline", "--format", "json").stdout
    outcomes = {row["forecast"]: row["outcome"] for row in json.loads(dry.stdout)}
    assert outcomes[IDS["licence"]] == "yes"
    assert outcomes[f"builder-{YEAR}"] == "ask"


def test_a_person_decides_once_and_says_why(runs):
    words = ("resolve", "widget", "--forecast", f"skeptic-{YEAR}")
    why = "Initech’s\nannual report says so"
    assert call(runs, *words, "--as", "yes", "--because", why, "--dry-run").exit_code == 0
    assert not (runs / FILE).exists()
    done = call(runs, *words, "--as", "yes", "--because", why)
    assert done.exit_code == 0
    assert done.stderr.strip() == f"skeptic-{YEAR} of Widget is resolved: came true"
    assert 'note: "Initech’s annual report says so"' in (runs / FILE).read_text()
    listed = shown(call(runs, "forecasts"))
    assert f"✓ skeptic-{YEAR} came true" in listed
    assert f"person, {TODAY}: Initech’s annual report says so" in listed
    kept = (runs / FILE).read_bytes()
    with pytest.raises(InputError, match=rf"skeptic-{YEAR} of Widget is resolved already: yes"):
        call(runs, *words, "--as", "no", "--because", "it did not")
    again = call(runs, *words, "--as", "yes", "--because", "it did")
    assert again.stderr.strip() == f"skeptic-{YEAR} of Widget was already resolved: came true"
    assert (runs / FILE).read_bytes() == kept


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing"], "no run holds a forecast on 'nothing'"),
        (["widget", "--forecast", "x"], "a person decides one forecast of one tool"),
        (["--forecast", "x", "--as", "no", "--because", "y"], "one forecast of one tool"),
        (["widget", "--as", "no", "--because", "y"], "one forecast of one tool"),
        (["widget", "--forecast", "x", "--as", "no", "--because", "  "], "says why"),
        (["widget", "--forecast", "licence", "--as", "no", "--because", "y"], "has no forecast"),
    ],
)
def test_what_cannot_be_resolved_is_one_line_and_changes_nothing(runs, words, told):
    with pytest.raises(InputError) as caught:
        call(runs, "resolve", *words)
    assert told in caught.value.message
    assert caught.value.hint
    assert not (runs / FILE).exists()


def test_scores_stand_from_ten_resolved_on(runs):
    call(runs, "resolve", "--offline")
    few = shown(call(runs, "forecasts", "--scores"))
    assert "Reviewer: builder 5 1 – –" in few
    assert "A figure is given from 10 resolved forecasts on." in few
    for name in ("Gadget", "Sprocket"):
        store(runs, MADE, evidence(), reviews=(reviewer("builder", MADE, 0.9),), name=name)
        store(runs, MADE + timedelta(days=370), evidence(), reviews=(), name=name)
    call(runs, "resolve", "--offline")
    done = call(runs, "forecasts", "--scores", "--format", "json")
    by = {(row["by"], row["who"]): row for row in json.loads(done.stdout)}
    builder = by["reviewer", "builder"]
    assert (builder["resolved"], builder["came_true"]) == (15, 1)
    assert builder["brier"] == pytest.approx((10 * 0.81 + 0.64 + 4 * 0.04) / 15)
    assert builder["skill"] < 0
    assert [(b["forecasts"], b["share"]) for b in builder["bins"]] == [(5, 0.2), (10, 0.0)]
    assert by["judge", "m-1"]["resolved"] == 20
    text = shown(call(runs, "forecasts", "--scores"))
    assert "Calibration: what was given, and the share that came true" in text
    assert "Reviewer: builder 80–100% 10 90% 0%" in text
    rows = csv.DictReader(
        io.StringIO(call(runs, "forecasts", "--scores", "--format", "csv").stdout)
    )
    assert "12 months" in {row["who"] for row in rows}


def test_a_folder_without_forecasts_says_who_makes_them(tmp_path):
    with pytest.raises(RunError, match="a local model does not"):
        call(tmp_path, "forecasts")


def test_a_broken_file_is_named_with_its_line_and_stays(runs):
    (runs / FILE).write_text("- {tool: x, by: soon}\n")
    for words in (("forecasts",), ("resolve", "--offline")):
        with pytest.raises(InputError, match=rf"{FILE} line 1: by"):
            call(runs, *words)
    assert (runs / FILE).read_text() == "- {tool: x, by: soon}\n"
