"""What changed between two runs, in every form."""

import io
import json
import unicodedata

import html5lib
import pytest
from markdown_it import MarkdownIt

from panel.foundation.errors import InputError
from panel.report import formats
from panel.report.changes import terminal as changes_terminal
from panel.report.scorecard import terminal
from panel.reviews.verdict.scorecard import Verdict, VoteTotals
from panel.runs.diff import compare
from tests.support.cards import BUILDER, FUTURIST, PAYLOADS, batch, finding, hostile, named


def pair():
    before = list(batch())
    answers = (
        finding("installs", "Does it install with one command?", "no", 0.2),
        *BUILDER.findings[1:],
    )
    builder = BUILDER.model_copy(update={"findings": answers})
    won = Verdict(outcome="ship", ship_percent=100, score=70.0, votes=VoteTotals(ship=2, missing=2))
    changed = named("Parley", provider="cerebras", reviews=(builder, FUTURIST), verdict=won)
    return compare(before, [before[0], changed, *before[3:], named("Newcomer")])


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_a_comparison_says_what_changed(form):
    text = formats.render(pair(), form, "changes")
    assert "1 of 4 verdicts changed" in text
    assert "41.2 → 70.0 (+28.8)" in text
    assert "Does it install with one command?" in text
    assert "ostrich-db" in text
    assert "newcomer" in text
    assert "unknown" in text


def test_a_comparison_in_json_is_one_object():
    value = json.loads(formats.render(pair(), "json", "changes"))
    assert value["tools"][1]["outcome_after"] == "ship"
    assert value["before"]["cost_usd"] is None


def test_equal_runs_have_no_change_to_tell():
    text = formats.render(compare(batch(), batch()), "terminal", "changes")
    assert "0 of 5 verdicts changed" in text
    assert "5 tools with the same verdict, votes and answers" in text
    assert "unchanged" not in formats.render(compare([], []), "markdown", "changes")


def test_a_form_that_is_not_written_is_refused_with_the_others_named():
    with pytest.raises(InputError) as caught:
        formats.render(pair(), "csv", "changes")
    assert caught.value.hint == "choose from json, markdown, terminal"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_o3_a_payload_in_a_comparison_stays_text(payload):
    diff = compare([hostile(payload)], [hostile("plain").model_copy(
        update={"tool": hostile(payload).tool})])  # fmt: skip
    forge = MarkdownIt("commonmark", {"html": True}).enable("table")
    tree = html5lib.parse(
        forge.render(formats.render(diff, "markdown", "changes")), namespaceHTMLElements=False
    )
    assert {n.tag for n in tree.iter()} <= {
        "html", "head", "body", "h1", "h2", "p", "ul", "li", "strong", "code", "table", "thead",
        "tbody", "tr", "th", "td",
    }  # fmt: skip
    for form in formats.names("changes"):
        kinds = {c: unicodedata.category(c) for c in formats.render(diff, form, "changes")}
        assert {c for c, k in kinds.items() if k in ("Cc", "Cf", "Cs", "Co")} == {"\n"}


def test_a_comparison_prints_on_a_console_as_it_renders():
    out = io.StringIO()
    changes_terminal.show(pair(), terminal.console(out, color="never"))
    printed = [row.rstrip() for row in out.getvalue().splitlines()]
    assert printed == changes_terminal.render(pair()).splitlines()


def test_a_comparison_on_the_terminal(golden):
    golden("difference.txt", formats.render(pair(), "terminal", "changes"))
