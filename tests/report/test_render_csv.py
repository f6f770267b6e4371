"""CSV, judged by a CSV parser: one row a review, no formula in any text."""

import csv
import io
import unicodedata

import pytest

from panel.report.scorecard import csv as form
from tests.support.cards import PAYLOADS, batch, card, hostile

NUMBERS = {
    "ship_percent", "panel_score", "score", "coverage", "yes", "no", "unclear",
    "forecast_probability", "input_tokens", "cached_tokens", "output_tokens", "cost_usd",
}  # fmt: skip
FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u00a0=1", "\u2003 =1", "a\n=1", "'=1",
    '"=1', "＝1", "|cmd", "%0A=1", "\u200b=1", "\ufeff=1", "-", "=cmd|'/c calc'!A1",
]  # fmt: skip


def rows(cards):
    return list(csv.DictReader(io.StringIO(form.render(cards)), strict=True))


def starts_a_formula(cell):
    return any(part.strip("\"' \u00a0")[:1] in tuple("=+-@|%＝＋－＠") and part.strip()
               and not cell.startswith("'") for part in cell.split("\n"))  # fmt: skip


def test_there_is_one_row_a_review_and_one_a_missing_review():
    table = list(rows(batch()))
    assert [r["persona"] for r in table[:4]] == ["builder", "skeptic", "business", "futurist"]
    assert len(table) == 5 * 4
    assert table[-1]["vote"] == "missing"
    assert table[-1]["missing_reason"] == "timeout"


@pytest.mark.parametrize("payload", [*PAYLOADS, *FORMULAS])
def test_o3_no_text_cell_is_a_formula(payload):
    table = rows([hostile(payload)])
    assert len(table) == 2
    for row in table:
        assert list(row) == list(form.COLUMNS)
        assert [c for n, c in row.items() if n not in NUMBERS and starts_a_formula(c)] == []


@pytest.mark.parametrize("payload", [*PAYLOADS, *FORMULAS])
def test_o3_no_control_character_reaches_the_file(payload):
    text = form.render([hostile(payload)])
    kinds = {c: unicodedata.category(c) for c in text}
    assert {c for c, kind in kinds.items() if kind in ("Cc", "Cf", "Cs", "Co")} == {"\n"}


@pytest.mark.parametrize("text", FORMULAS)
def test_o3_a_defused_cell_starts_with_an_apostrophe_or_no_formula(text):
    assert form.defuse(text)[:1] in ("'", "a")


def test_numbers_stay_numbers_and_unknown_ones_are_empty():
    row = rows([card()])[0]
    assert {n: float(row[n]) for n in ("score", "coverage", "ship_percent", "cached_tokens")} == {
        "score": 81.4, "coverage": 0.92, "ship_percent": 75.0, "cached_tokens": 2710.0,
    }  # fmt: skip
    assert row["cost_usd"] == ""
    numbers = csv.reader(io.StringIO(form.render([card()])), quoting=csv.QUOTE_NONNUMERIC)
    assert isinstance(list(numbers)[1][[*form.COLUMNS].index("score")], float)


def test_no_nan_or_infinity_is_written():
    usage = card().reviews[0].usage.model_copy(update={"cost_usd": float("inf")})
    review = card().reviews[0].model_copy(update={"usage": usage, "flip_rate": float("nan")})
    assert rows([card(reviews=(review,))])[0]["cost_usd"] == ""
