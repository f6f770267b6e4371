"""`panel.review` and `areview` give the same data as the command line."""

import asyncio
import gc
import inspect
import json
import typing
from pathlib import Path

import pytest

import panel
from panel.foundation.errors import InputError
from tests.cli.test_cli import README


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


def refused(tool="Quill", **arguments):
    with pytest.raises(InputError) as caught:
        panel.review(tool, provider="http://127.0.0.1:1/v1", model="m", **arguments)
    assert "\n" not in caught.value.message
    return caught.value


def test_review_works_where_an_event_loop_is_running(here, answers):
    # It was an InputError before there was a loop of its own for it: a notebook's first try failed.
    async def notebook():
        return panel.review("Widget", description="A tool.", provider=answers)

    assert asyncio.run(notebook()).tool.name == "Widget"


def test_an_error_in_a_running_loop_leaves_no_coroutine(here):
    async def notebook():
        return refused(description="A tool.", samples=0)

    assert "samples must be" in asyncio.run(notebook()).message
    gc.collect()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"personas": []}, "personas is empty"),
        ({"personas": ()}, "personas is empty"),
        ({"personas": [1]}, "personas must be a list of names"),
        ({"personas": 3}, "personas must be"),
        ({"personas": ["nobody"]}, "nobody"),
        ({"samples": 0}, "samples must be a whole number from 1 to 100, but is 0"),
        ({"samples": -1}, "but is -1"),
        ({"samples": 101}, "but is 101"),
        ({"samples": "3"}, "but is '3'"),
        ({"samples": 1.5}, "but is 1.5"),
        ({"samples": True}, "but is True"),
        ({"ask": "loud"}, "'whole' or 'stepwise'"),
        ({"wire": "fast"}, "wire must be 'openai' or 'lean', but is 'fast'"),
        ({"fresh": "no"}, "fresh must be True or False"),
        ({"context": 5}, "context must be a text"),
        ({"evidence": b"README.md"}, "evidence must be a path"),
        ({"evidence": [3]}, "evidence must be a path"),
        ({"evidence": "none.md"}, "'none.md'"),
        ({"runs": 5}, "runs must be a path"),
        ({"fetch": True, "offline": True}, "both"),
        ({"personnas": ["builder"]}, "no argument 'personnas'"),
    ],
    ids=str,
)
def test_wrong_arguments_are_input_errors_and_write_nothing(here, arguments, message):
    assert message in refused(**{"description": "A tool.", **arguments}).message
    assert here.runs() == []


def test_an_unknown_argument_names_the_nearest(here):
    assert refused(description="x", sample=3).hint == "did you mean samples?"


@pytest.mark.parametrize("tool", ["", "  ", None, 7, b"Quill", ["Quill"], "Quill"], ids=repr)
def test_a_tool_that_is_none_is_an_input_error(here, tool):
    assert refused(tool).message
    if not isinstance(tool, str) or not tool.strip():
        assert refused(tool, description="A tool.").message


@pytest.mark.parametrize("kind", [str, Path, lambda p: [p], lambda p: (Path(p),)])
def test_evidence_may_be_one_file(here, answers, kind):
    here.write("README.md", README)
    card = panel.review("Widget", evidence=kind("README.md"), provider=answers)
    assert [source.source for source in card.evidence] == ["README.md"]


def test_one_persona_by_name_and_a_list_of_one_tool(here, answers):
    path = here.write("one.yaml", "- name: Widget\n  description: Turns tables into widgets.\n")
    card = panel.review(str(path), personas="builder", provider=answers)
    assert [review.persona for review in (*card.reviews, *card.missing)] == ["builder"]
    here.write("two.csv", "name,description\nA,x\nB,y\n")
    assert refused("two.csv").hint == "panel batch two.csv"
