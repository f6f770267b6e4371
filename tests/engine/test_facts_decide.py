"""A review with activity in its evidence: what is not asked, what cards say, what is verified."""

import asyncio
import json
import shutil
from dataclasses import replace

import pytest

from panel.engine.options import Options
from panel.engine.session import Session
from panel.engine.verify.run import verify
from panel.evidence.tools.tool import Document
from panel.evidence.tools.tool_list import single_tool
from panel.foundation.settings import Settings
from panel.report.scorecard import html, markdown, terminal
from panel.runs.export import rows
from panel.runs.folders import list_folders
from panel.runs.run import Run
from panel.testing import ScriptedProvider, ship
from tests.engine.test_verify import Copy
from tests.support.sessions import worked

README = "# Widget\n\nIt turns tables into widgets.\n\n## Licence\n\nMIT\n"
ACTIVITY = """As of 2024-08-01, read from the repository's git history:

- Last commit: 2024-07-27 (4 days before).
- In the 365 days before: 123 commits, of which 15 by bots and 108 by 28 authors.
- Latest tag: v0.13.7 of 2024-04-09 (113 days before).
"""
RULE = "last_commit_age < 365 d"


class Reviewed:
    """One tool reviewed, verified and replayed."""

    def __init__(self, folder, ask, activity):
        documents = [
            Document(name="README.md", text=README),
            Document(name="activity.md", text=activity),
        ]
        tool = single_tool("Widget", documents=documents)
        with ScriptedProvider(ship) as provider:
            options = Options(
                settings=Settings(runs=folder), environ={}, provider=provider.url, model="m",
                ask=ask,
            )  # fmt: skip
            asyncio.run(self.work(options, tool))
            self.requests = list(provider.requests)

    async def work(self, options, tool):
        async with await Session.start(options, [tool]) as session:
            (self.card,) = await worked(session)
        (self.run,) = list_folders(options.settings.runs)
        with Run.open(self.run) as run:
            self.report = await verify(run)
        stored = replace(options, provider="replay:latest", offline=True)
        async with await Session.start(stored, [tool]) as session:
            (self.replayed,) = await worked(session)

    def finding(self, criterion):
        return next(f for r in self.card.reviews for f in r.findings if f.criterion == criterion)


@pytest.fixture(scope="module", params=["whole", "stepwise"])
def alive(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alive")
    return Reviewed(folder, request.param, ACTIVITY)


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    activity = "As of 2024-08-01:\n\n- Last commit: 2023-07-20 (377 days before).\n"
    return Reviewed(tmp_path_factory.mktemp("left"), "whole", activity)


def asked_about(requests, question):
    return [request for request in requests if question in request.prompt]


def test_no_request_asks_what_code_read(alive):
    assert asked_about(alive.requests, "Is the tool presented as ready for production")
    assert not asked_about(alive.requests, "Is the tool maintained today?")
    assert not asked_about(alive.requests, "Does the evidence state the licence?")


def test_the_finding_cites_the_passage_and_says_by_what_it_was_decided(alive):
    maintained, licence = alive.finding("maintained"), alive.finding("licence")
    (activity,) = [s for s in alive.card.evidence if s.source == "activity.md"]
    text = {p.id: p.text for p in activity.passages}
    assert "Last commit: 2024-07-27" in text[maintained.cites[0]]
    assert (maintained.answer, maintained.decided_by, maintained.p_source) == (
        "yes", RULE, "assumed",
    )  # fmt: skip
    assert maintained.p == pytest.approx(0.5 ** (4 / 365), abs=1e-6)
    assert (licence.answer, licence.decided_by, licence.p) == ("yes", "licence", None)
    production = alive.finding("production")
    assert (production.decided_by, production.p_source) == ("", None)


def test_the_card_quotes_the_line_that_was_read_in_every_format(alive):
    pages = {
        "html": html.render([alive.card]),
        "markdown": markdown.render([alive.card]),
        "terminal": " ".join(terminal.render([alive.card]).split()),
    }
    for name, page in pages.items():
        assert "read by code, the last commit is 4 days old, less than 365" in page, name
        assert "Last commit: 2024-07-27 (4 days before)" in page, name
        assert "Commits in a year" in page, name


def test_an_export_says_which_findings_a_fact_decided(alive):
    decided = {
        finding["criterion"]: finding["decided_by"]
        for row in rows([alive.card])
        for finding in json.loads(row["findings"])
        if "decided_by" in finding
    }
    assert decided == {"maintained": RULE, "licence": "licence"}


def test_the_run_verifies_and_replays_to_the_same_answers(alive):
    assert alive.report.faults == []
    assert [r.findings for r in alive.replayed.reviews] == [r.findings for r in alive.card.reviews]


def test_no_commit_for_a_year_forces_the_skip(left):
    skeptic = next(r for r in left.card.reviews if r.persona == "skeptic")
    assert (left.finding("maintained").answer, skeptic.vote) == ("no", "skip")
    # The limit of 365 stands in no passage: it is the criterion's, and no claim of a reviewer.
    assert [review.own_claims for review in left.card.reviews] == [()] * 4
    assert any("maintained is a dealbreaker" in note for note in left.card.verdict.notes)
    assert left.report.faults == []


@pytest.mark.parametrize(
    ("part", "value"),
    [("answer", "yes"), ("p", 0.9), ("decided_by", "licence"), ("p_source", None)],
)
def test_verify_finds_an_answer_that_the_fact_does_not_give(left, tmp_path, part, value):
    path = shutil.copytree(left.run, tmp_path / left.run.name)

    def change(review):
        for finding in review["findings"]:
            if finding["criterion"] == "maintained":
                finding[part] = value

    Copy(path, None).row("reviews", change)
    with Run.open(path) as run:
        report = asyncio.run(verify(run))
    assert "maintained" in {fault.criterion for fault in report.faults if fault.kind == "findings"}
