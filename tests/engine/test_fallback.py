"""`--fallback`: who answers where the first provider cannot, and what runs and cards say of it."""

import json

import pytest
from click.testing import CliRunner

import panel
from panel.cli.main import main
from panel.foundation.settings import ProviderSettings, Settings
from panel.llm.calls import Pacing
from panel.runs.call_statistics import call_statistics
from panel.runs.run import Run
from panel.testing import Failure, ScriptedProvider, ship, skip

PAGE = "# Widget\n\nWidget cuts widgets.\n\n## Upkeep\n\nIt is maintained by four people.\n"
PAID = "You have depleted your monthly included credits."


class Desk:
    """Two servers, alpha that ships and beta that skips, and a folder for runs."""

    def __init__(self, folder, a, b):
        self.a, self.b, self.runs = a, b, folder
        self.settings = Settings(
            runs=folder,
            providers={
                "alpha": ProviderSettings(base_url=a.url, model="qwen-big", price=(1.0, 2.0)),
                "beta": ProviderSettings(base_url=b.url, model="llama-mid"),
            },
        )

    def panel(self, **arguments):
        arguments = {
            "provider": "alpha",
            "fallback": ["beta"],
            "settings": self.settings,
        } | arguments
        return panel.Panel(**arguments)

    def review(self, name="Widget", **arguments):
        document = panel.Document(name="page.md", text=PAGE)
        with self.panel(**arguments) as client:
            return client.review(panel.Tool(name=name), evidence=[document])

    def run(self, card):
        return Run.open(self.runs / card.run)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setattr("panel.engine.fallbacks.RESTED", Pacing(rest=300.0, first_wait=0.01))
    with ScriptedProvider() as a, ScriptedProvider(skip) as b:
        yield Desk(tmp_path, a, b)


def refusing(status, message="no", on=lambda request: True, script=ship):
    return lambda request: Failure(status, message) if on(request) else script(request)


DOWN = {
    "credit": (402, PAID, 4),
    "key": (401, "Invalid credentials in Authorization header", 4),
    "model": (404, "The model `qwen-big` does not exist", 4),
    "server": (503, "upstream is down", 12),
}


@pytest.mark.parametrize("name", DOWN)
def test_another_provider_answers_for_one_that_cannot(desk, name):
    status, message, most = DOWN[name]
    desk.a._script = refusing(status, message)
    card = desk.review()
    assert {review.provider for review in card.reviews} == {"beta"}
    assert {review.fallback for review in card.reviews} == {"beta"}
    assert {review.vote for review in card.reviews} == {"skip"}
    assert len(card.reviews) == 4
    assert card.missing == ()
    assert len(desk.a.requests) <= most
    assert len(desk.b.requests) == 8
    assert panel.verify(card.run, runs=desk.runs).holds
