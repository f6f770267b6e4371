"""Probabilities of the propositions: stored, verified, replayed, exported; older runs as before."""

import asyncio
import csv
import io
import json
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from panel.cli.main import panel
from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.tools.tool import Document
from panel.evidence.tools.tool_list import single_tool
from panel.foundation.settings import Settings
from panel.reviews.propositions import ASKED, resolve_date
from panel.runs.run import Run
from panel.testing import ScriptedProvider, ship
from tests.engine.test_verify import Copy
from tests.support.sessions import worked

PAGE = "# Widget\n\nWidget cuts sheets of text.\n\nInstall it with `pip install widget`.\n"
CHANCES = dict(zip(ASKED, (90, 5, 3, 12, 1), strict=True))


def answer(request):
    reply = ship(request)
    written = isinstance(reply, dict) and "chances" in reply
    return {**reply, "chances": CHANCES} if written else reply


@pytest.fixture(scope="module")
def provider():
    with ScriptedProvider(answer) as made:
        yield made


def review(runs, url, **changes):
    """Review the page in a session of its own; return the card and the run."""
    options = Options(
        settings=Settings(runs=runs), environ={}, provider=url, model="m", sealed=True
    )
    tool = single_tool("Widget", documents=[Document(name="README.md", text=PAGE)])

    async def work():
        async with await Session.start(replace(options, **changes), [tool]) as session:
            cards = await worked(session)
            return cards[0], session.run.path

    return asyncio.run(work())


def run_panel(runs, *args):
    words = [str(word) for word in (*args, "--runs", runs)]
    return CliRunner().invoke(panel, words, catch_exceptions=False)


@pytest.fixture(scope="module")
def asked(tmp_path_factory, provider):
    runs = tmp_path_factory.mktemp("propositions")
    return runs, *review(runs, provider.url, personas=("builder", "skeptic"))


def test_the_card_has_a_line_a_reviewer_in_every_format(asked):
    runs, card, _ = asked
    day = max(source.retrieved.date() for source in card.evidence)
    early, late = (resolve_date(day, months) for months in (6, 12))
    said = (
        f"by {early}: a release 90%; by {late}: archived or unmaintained 5%, another licence 3%,"
        " another price 12%, a named successor 1%"
    )
    for form in ("terminal", "markdown", "html"):
        shown = run_panel(runs, "show", "latest", "--format", form).stdout
        assert " ".join(shown.replace("\\", "").split()).count(said) == 2, form
    (data,) = json.loads("[" + run_panel(runs, "show", "latest", "--format", "json").stdout + "]")
    for stored in data["reviews"]:
        assert {p["proposition"]: p["probability"] for p in stored["propositions"]} == {
            ident: percent / 100 for ident, percent in CHANCES.items()
        }
    rows = csv.DictReader(
        io.StringIO(run_panel(runs, "export", "latest", "--format", "csv").stdout)
    )
    assert [len(json.loads(row["propositions"])) for row in rows] == [5, 5]


def test_a_run_stores_what_it_asked_verifies_and_replays(asked, provider):
    runs, card, path = asked
    with Run.open(path) as run:
        assert run.manifest.propositions == ASKED
        assert "propositions" in run.manifest.prompts
    assert run_panel(runs, "verify", path.name).exit_code == 0
    before = len(provider.requests)
    again, other = review(runs, f"replay:{path.name}", model=None,
                          personas=("builder", "skeptic"))  # fmt: skip
    assert len(provider.requests) == before
    assert [r.propositions for r in again.reviews] == [r.propositions for r in card.reviews]
    assert run_panel(runs, "verify", other.name).exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"licence", "probability": 0.03', '"licence", "probability": 0.9',
         "is not what the reply predicts"),
        ('"proposition": "successor"', '"proposition": "price"', "is not what the reply predicts"),
        ("RELEASE_DAY", "2031-01-01", "its forecast is due on 2031-01-01"),
    ],
)  # fmt: skip
def test_a_changed_probability_or_day_does_not_verify(tmp_path, asked, old, new, told):
    _, card, path = asked
    old = old.replace("RELEASE_DAY", str(card.reviews[0].propositions[0].resolve_by))
    copy = Copy(shutil.copytree(path, tmp_path / path.name), None)
    copy.row("reviews", lambda body: json.loads(json.dumps(body).replace(old, new)))
    done = run_panel(tmp_path, "verify", path.name)
    assert done.exit_code == 1
    assert told in " ".join(done.output.split())


def test_a_run_without_them_stays_as_it_was_and_a_rerun_asks(tmp_path, provider):
    card, path = review(tmp_path, provider.url, personas=("builder",), propositions=())
    stored = (path / "run.json").read_text()
    assert "propositions" not in stored + card.model_dump_json()
    assert run_panel(tmp_path, "verify", path.name).exit_code == 0
    replayed, other = review(tmp_path, f"replay:{path.name}", model=None,
                             personas=("builder",))  # fmt: skip
    assert replayed.reviews[0].summary == card.reviews[0].summary
    assert replayed.reviews[0].propositions == ()
    assert run_panel(tmp_path, "verify", other.name).exit_code == 0
    done = run_panel(tmp_path, "rerun", path.name, "--provider", provider.url)
    assert done.exit_code == 0, done.output
    (asked,) = {run.parent for run in tmp_path.glob("*/run.json")} - {path, other}
    with Run.open(asked) as run:
        assert run.manifest.propositions == ASKED


@pytest.mark.parametrize("changes", [{"write": False}, {"ask": "stepwise"}])
def test_who_writes_nothing_is_not_asked(tmp_path, provider, changes):
    card, path = review(tmp_path, provider.url, personas=("builder",), **changes)
    assert card.reviews[0].propositions == ()
    with Run.open(path) as run:
        assert run.manifest.propositions == ()
