"""The kind of a tool that nobody states: by address or model card, and never by prose."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from panel.evidence.gather import gather
from panel.evidence.kinds import with_kind
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Document, Tool
from panel.foundation.paths import data_folder
from panel.foundation.strict_yaml import read_yaml

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PAGES = [
    *(
        pytest.param(path.read_text(encoding="utf-8"), id=path.stem)
        for path in sorted((Path(__file__).parents[1] / "data" / "clean_passages").glob("*.md"))
    ),
    *(
        pytest.param(read_yaml(path.read_text(encoding="utf-8"), where=path.name)["evidence"],
                     id=path.stem)
        for path in sorted(data_folder("controls").glob("*.yaml"))
        if path.stem != "injections"
    ),
]  # fmt: skip


def kind(tool, *texts):
    documents = tuple(Document(text=text, name="README.md") for text in texts)
    tool = tool.model_copy(update={"documents": documents})
    evidence = gather(tool, now=NOW) if texts else Evidence()
    known = with_kind(tool, evidence)
    return known.kind, known.kind_origin


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://huggingface.co/acme/tiny", ("model", "address")),
        ("https://huggingface.co/acme/tiny/blob/main/README.md", ("model", "address")),
        ("https://hf.co/acme/tiny", ("model", "address")),
        ("https://huggingface.co/spaces/acme/demo", (None, None)),
        ("https://huggingface.co/datasets/acme/rows", (None, None)),
        ("https://huggingface.co/docs/hub", (None, None)),
        ("https://github.com/acme/tiny", (None, None)),
        ("https://acme.example/models/tiny", (None, None)),
        (None, (None, None)),
    ],
)
def test_an_address_tells_a_model_and_nothing_else(url, known):
    assert kind(Tool(name="tiny", url=url)) == known


@pytest.mark.parametrize(
    ("front", "known"),
    [
        ("license: mit\npipeline_tag: text-generation", ("model", "evidence")),
        ("base_model: acme/small\nlicense: mit", ("model", "evidence")),
        ("license: mit\ntask_categories:\n- question-answering", (None, None)),
        ("title: Demo\nsdk: docker\napp_port: 7860", (None, None)),
        ("title: About pipeline_tag\nlayout: page", (None, None)),
    ],
)
def test_the_metadata_of_a_model_card_tell_a_model(front, known):
    assert kind(Tool(name="tiny"), f"---\n{front}\n---\n\n# Tiny\n\nA model.\n") == known


def test_only_the_first_document_says_what_the_tool_is():
    model = "---\npipeline_tag: text-generation\n---\n\n# Tiny\n\nWhat it runs by default.\n"
    assert kind(Tool(name="runner"), "# Runner\n\nRuns models.\n", model) == (None, None)


def test_what_is_stated_stays_and_what_was_read_is_read_again():
    at = Tool(name="tiny", url="https://huggingface.co/acme/tiny")
    assert kind(at.model_copy(update={"kind": "service"})) == ("service", None)
    moved = Tool(name="tiny", url="https://acme.example", kind="model", kind_origin="address")
    assert kind(moved) == (None, None)


@pytest.mark.parametrize("text", PAGES)
def test_no_page_of_prose_is_taken_for_a_kind(text):
    assert kind(Tool(name="it"), text) == (None, None)
