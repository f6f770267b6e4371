"""Kinds of tools: who says what a tool is, and what a tool of each kind is asked."""

import json

import pytest

from panel.foundation.paths import data_folder
from panel.reviews.personas import load_personas
from tests.support.command import Desk, answering

PAGE = "# Plover 3B\n\nPlover is a small open model.\n\n## Use\n\nRun `get plover`.\n"
CARD = "---\nlicense: apache-2.0\npipeline_tag: text-generation\n---\n\n" + PAGE

SHIPPED = {persona.name: persona for persona in load_personas(folders=[data_folder("personas")])}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    desk = Desk(tmp_path_factory.mktemp("kinds"))
    desk.write("page.md", PAGE)
    desk.write("card.md", CARD)
    return desk


@pytest.fixture(scope="module")
def url():
    with answering() as url:
        yield url


@pytest.fixture(scope="module")
def cards(desk, url):
    """The card of one page, stated to be of a kind, by kind; "" for a page of unknown kind."""
    made = {}
    for kind in ("", "library", "service", "model", "application", "standard"):
        stated = ("--kind", kind) if kind else ()
        (made[kind],) = desk.json(
            "review", "Plover", "--evidence", "page.md", *stated,
            "--provider", url, "--ask", "stepwise" if kind == "model" else "whole",
        )  # fmt: skip
    return made


def criteria(card, persona):
    (review,) = (r for r in card["reviews"] if r["persona"] == persona)
    return [f["criterion"] for f in review["findings"]], review.get("not_applicable", [])


def test_the_kind_that_is_stated_stands_on_the_card(cards, desk, url):
    assert "kind" not in cards[""]["tool"]
    assert cards["model"]["tool"]["kind"] == "model"
    done = desk.run("show", cards["model"]["run"])
    assert "model (as stated)" in done.stdout
    done = desk.run("show", cards["model"]["run"], "--format", "markdown")
    assert "Kind: model (as stated)" in done.stdout


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("kind", ["library", "service", "model", "application", "standard"])
def test_each_criterion_is_asked_or_is_named_as_one_that_does_not_apply(cards, kind, name):
    asked, left_out = criteria(cards[kind], name)
    assert set(asked) & set(left_out) == set()
    assert sorted([*asked, *left_out]) == sorted(c.id for c in SHIPPED[name].criteria)
    assert len(asked) >= 6
    for criterion in SHIPPED[name].criteria:
        applies = not criterion.applies_to or kind in criterion.applies_to
        assert (criterion.id in asked) == applies


def test_a_model_is_not_asked_how_it_is_installed_nor_a_service_for_its_licence(cards):
    assert "install" in criteria(cards["model"], "builder")[1]
    assert {"memory", "context_length"} <= set(criteria(cards["model"], "builder")[0])
    assert "licence" in criteria(cards["service"], "business")[1]
    assert {"price", "way_out", "data_handling"} <= set(criteria(cards["service"], "business")[0])


def test_a_tool_of_unknown_kind_is_asked_what_a_library_is_asked(cards):
    for name in SHIPPED:
        assert criteria(cards[""], name) == criteria(cards["library"], name)
    assert cards[""]["verdict"] == cards["library"]["verdict"]


def test_each_answer_is_a_statement_of_its_criterion(cards):
    for review in cards["service"]["reviews"]:
        statements = {c.id: c.says for c in SHIPPED[review["persona"]].criteria}
        for finding in review["findings"]:
            assert finding["says"] == getattr(statements[finding["criterion"]], finding["answer"])


@pytest.mark.parametrize("kind", ["", "model", "service"])
def test_what_was_asked_by_kind_is_verified(cards, desk, kind):
    done = desk.run("verify", cards[kind]["run"])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rerun_asks_about_the_same_kind(cards, desk, url):
    assert desk.run("rerun", cards["model"]["run"], "--provider", url).returncode in (0, 1)
    again = json.loads((desk.runs()[-1] / "verdicts.jsonl").read_text())
    assert again["tool"]["kind"] == "model"
    assert criteria(again, "builder") == criteria(cards["model"], "builder")


def test_the_metadata_of_a_model_card_tell_a_model_and_a_stated_kind_goes_before(desk):
    def tool(*more):
        done = desk.run("evidence", "Plover", "--evidence", "card.md", *more, "--format", "json")
        return json.loads(done.stdout)["tool"]

    assert (tool()["kind"], tool()["kind_origin"]) == ("model", "evidence")
    assert tool("--kind", "Library")["kind"] == "library"
    assert "kind_origin" not in tool("--kind", "Library")
    assert "Kind: model (by the evidence)" in desk.run(
        "evidence", "Plover", "--evidence", "card.md"
    ).stdout  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("- name: A\n  kind: modle\n  description: x\n", "line 2", "did you mean model?"),
        ("- name: A\n  description: x\n  kind: zebra\n", "line 3", "kind: library"),
    ],
)
def test_an_unknown_kind_is_one_line_with_the_place_and_the_nearest_kind(desk, text, line, hint):
    desk.write("tools.yaml", text)
    done = desk.run("batch", "tools.yaml")
    assert done.returncode == 2
    assert f"tools.yaml {line}: kind must be one of library, service, model" in done.stderr
    assert hint in done.stderr


def test_a_mistyped_kind_of_the_command_line_is_one_line(desk):
    done = desk.run("review", "Plover", "--evidence", "page.md", "--kind", "servce")
    assert done.returncode == 2
    assert "--kind: kind must be one of" in done.stderr
    assert "did you mean service?" in done.stderr


def test_a_kind_of_a_list_reaches_each_card_in_every_format(desk, url):
    rows = [
        {"name": "One", "kind": "model", "evidence": ["page.md"]},
        {"name": "Two", "kind": "null", "evidence": ["page.md"]},
    ]
    desk.write("two.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    desk.write("two.csv", "name,kind,evidence\nOne,model,page.md\nTwo,null,page.md\n")
    for name in ("two.jsonl", "two.csv"):
        done = desk.run("batch", name, "--provider", url)
        assert "kind 'null' is read as unknown" in done.stderr
        run = desk.runs()[-1]
        lines = (run / "verdicts.jsonl").read_text().splitlines()
        kinds = {t["slug"]: t.get("kind") for t in (json.loads(line)["tool"] for line in lines)}
        assert kinds == {"one": "model", "two": None}


def test_personas_check_and_show_print_statements_and_kinds(desk):
    for command in (("check",), ("show", "builder")):
        text = desk.run("personas", *command).stdout
        assert "asked about: model" in text
        assert "yes: Its context length is stated · no: " in text
