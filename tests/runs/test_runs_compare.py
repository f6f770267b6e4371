"""Two runs side by side, and scorecards as rows for other programs."""

import builtins
import csv
import io
import json
import re
from datetime import date

import pytest

from panel.foundation.errors import SettingsError
from panel.llm.types import Usage
from panel.report.scorecard import csv as form
from panel.reviews.review import Forecast, Missing
from panel.reviews.verdict.scorecard import RunUsage, Verdict, VoteTotals
from panel.runs.diff import compare
from panel.runs.export import COLUMNS, jsonl, rows, write_parquet
from tests.support import cards as samples
from tests.support.command import ROOT
from tests.support.runs_samples import card, files_in, review

HOSTILE = ("=1+1", "a\n\n=b", "\u202e\x1b[31m", "'", "two  blanks\u00a0here", *samples.PAYLOADS[:4])


def judged(outcome, score):
    return Verdict(outcome=outcome, score=score, votes=VoteTotals())


def test_equal_runs_agree_in_everything():
    diff = compare([card("one"), card("two")], [card("one"), card("two")])
    assert not any(tool.changed for tool in diff.tools)
    assert (diff.agreement.outcomes, diff.agreement.votes, diff.agreement.findings) == (1, 1, 1)
    assert (diff.agreement.outcomes_of, diff.agreement.votes_of) == (2, 4)


def test_what_changed_is_told_tool_by_tool():
    before = card(verdict=judged("ship", 61.5))
    after = card(
        verdict=judged("skip", 40.0),
        reviews=(review("builder", "skip", "no"), review("business", "ship")),
        missing=(Missing(persona="skeptic", reason="refused", detail=""),),
    )
    (tool,) = compare([before], [after]).tools
    assert (tool.outcome_before, tool.outcome_after, tool.score_change) == ("ship", "skip", -21.5)
    assert [(v.persona, v.before, v.after) for v in tool.votes] == [
        ("builder", "ship", "skip"), ("skeptic", "skip", None), ("business", None, "ship"),
    ]  # fmt: skip
    assert [(f.persona, f.criterion, f.before, f.after) for f in tool.findings] == [
        ("builder", "maintained", "yes", "no")
    ]
    assert tool.findings[0].question == "Is it maintained today?"
    assert tool.changed


def test_agreement_is_over_what_both_runs_have():
    before = [card("a"), card("b"), card("c")]
    after = [card("b", verdict=judged("skip", None)), card("c"), card("d")]
    diff = compare(before, after)
    assert (diff.only_before, diff.only_after) == (("a",), ("d",))
    assert (diff.agreement.outcomes, diff.agreement.outcomes_of) == (0.5, 2)
    assert [tool.slug for tool in diff.tools] == ["b", "c"]
    assert diff.tools[0].score_change is None


def test_nothing_in_common_is_none_and_never_nan():
    diff = compare([], [card()])
    assert diff.agreement.outcomes is None
    assert "NaN" not in diff.model_dump_json()
    assert diff.before.cost_usd is None


def test_each_side_sums_what_it_took_and_unknown_cost_stays_unknown():
    priced = RunUsage(calls=2, input_tokens=7, cost_usd=0.5, seconds=1.25)
    diff = compare([card("a"), card("b")], [card("a", usage=priced), card("b", model="big")])
    assert (diff.before.calls, diff.before.input_tokens, diff.before.cost_usd) == (8, 80, None)
    assert (diff.after.calls, diff.after.input_tokens, diff.after.cost_usd) == (6, 47, 0.5)
    assert diff.after.seconds == 3.25
    assert diff.after.models == ("tiny", "big")


def test_there_is_one_row_a_persona_and_missing_reviews_have_one_too():
    table = list(rows([card("one"), card("two")]))
    assert [(row["slug"], row["persona"], row["vote"], row["missing_reason"]) for row in table] == [
        ("one", "builder", "ship", None), ("one", "skeptic", "skip", None),
        ("one", "business", "missing", "timeout"), ("two", "builder", "ship", None),
        ("two", "skeptic", "skip", None), ("two", "business", "missing", "timeout"),
    ]  # fmt: skip
    assert all(list(row) == list(COLUMNS) for row in table)
    assert (table[0]["yes"], table[0]["no"], table[1]["no"]) == (1, 0, 1)
    assert json.loads(table[0]["fields"]) == {"primitive": "a sieve"}
    assert json.loads(table[0]["findings"])[0]["cites"] == ["E1.1"]
    assert table[0]["forecast_by"] == "2027-11-22"


@pytest.mark.parametrize(
    "cards",
    [[card("one"), card("two")], samples.batch(), *[[samples.hostile(p)] for p in HOSTILE]],
    ids=["plain", "batch", *map(repr, HOSTILE)],
)
def test_json_lines_csv_and_parquet_are_equal_cell_by_cell(tmp_path, cards):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet(cards, tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    held = table.to_pylist()
    assert [field.name for field in table.schema] == list(COLUMNS)
    assert {field.name: str(field.type) for field in table.schema} == COLUMNS
    lines = [json.loads(line) for line in "".join(jsonl(cards)).split("\n") if line]
    assert [list(line) for line in lines] == [list(COLUMNS)] * len(held)
    assert lines == held
    assert [
        {name: csv_cell(name, cell, row[name]) for name, cell in line.items()}
        for line, row in zip(
            csv.DictReader(io.StringIO(form.render(cards)), strict=True), held, strict=True
        )
    ] == held


def csv_cell(name, cell, expected):
    """Read a CSV cell by its column's type; an apostrophe may stand before a formula."""
    if cell == "":
        return None
    if COLUMNS[name] == "string":
        return expected if cell == f"'{expected}" else cell
    return {"double": float, "int64": int}[COLUMNS[name]](cell)


def test_the_columns_are_documented_in_their_order():
    page = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE)
    types = {"string": "text", "double": "number", "int64": "integer"}
    assert documented == [(name, types[kind]) for name, kind in COLUMNS.items()]


def test_no_number_that_is_none_is_exported():
    odd = review(usage=Usage(cost_usd=float("inf")), flip_rate=float("nan"))
    (row, *_) = rows([card("one", reviews=(odd,))])
    assert (row["cost_usd"], row["flip_rate"]) == (None, None)


def test_parquet_holds_the_rows_with_their_types(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "out.parquet"
    bare = review(
        forecast=Forecast(claim="x", probability=None, resolve_by=date(2027, 1, 1)),
        usage=Usage(cost_usd=0.25), stance=None, score=None,
    )  # fmt: skip
    cards = [card("one"), card("two", reviews=(bare,))]
    write_parquet(cards, path)
    table = parquet.read_table(path)
    assert table.to_pylist() == list(rows(cards))
    assert str(table.schema.field("yes").type) == "int64"
    write_parquet([], path)
    assert parquet.read_table(path).num_rows == 0
    assert files_in(tmp_path) == {"out.parquet"}


def test_without_pyarrow_the_hint_is_what_to_install(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError) as caught:
        write_parquet([card()], tmp_path / "out.parquet")
    assert "panel-verdict[parquet]" in (caught.value.hint or "")
