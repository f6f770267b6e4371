"""The Python face gives the same data as the command line."""

import asyncio
import inspect
import json
import typing

import pytest

import panel
from tests.test_cli import README


@pytest.fixture
def here(desk, monkeypatch):
    monkeypatch.chdir(desk.folder)
    monkeypatch.setenv("HOME", str(desk.folder / "home"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return desk


def test_areview_returns_the_scorecard_the_command_prints(here, answers):
    path = here.write("README.md", README)
    card = asyncio.run(panel.areview("Widget", evidence=[path], provider=answers))
    shown = json.loads(card.model_dump_json(by_alias=True))
    assert here.json("show", card.run) == [shown]
    assert isinstance(card, panel.Scorecard)


def test_review_is_the_same_without_a_loop(here, answers):
    card = panel.review("Widget", description="Turns tables into widgets.", provider=answers)
    assert card.tool.name == "Widget"
    assert inspect.signature(panel.review) == inspect.signature(panel.areview)
    assert typing.get_type_hints(panel.areview)["return"] is panel.Scorecard


def test_a_tool_value_or_a_tool_file_will_do(here, answers):
    tool = panel.Tool(name="Widget", description="Turns tables into widgets.", price="free")
    assert panel.review(tool, provider=answers).tool.price == "free"
    path = here.write("widget.yaml", "name: Widget\ndescription: Turns tables into widgets.\n")
    assert panel.review(path, provider=answers).tool.slug == "widget"


def test_errors_are_panel_errors(here):
    with pytest.raises(panel.PanelError, match="nowhere"):
        panel.review("Widget", description="A tool.", provider="nowhere")
