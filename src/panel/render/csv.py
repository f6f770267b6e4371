"""CSV: one row a review, for spreadsheets; text that would be read as a formula is defused."""

import csv
import io
import math
from collections.abc import Sequence
from typing import Final

from panel.render.citations import line
from panel.reviews.review import Finding, Missing, Review
from panel.verdict.scorecard import Scorecard

SUFFIX = ".csv"

Cell = str | float | int | None

COLUMNS: Final = (
    "tool", "slug", "url", "category", "price", "outcome", "ship_percent", "panel_score",
    "persona", "title", "vote", "score", "coverage", "stance", "yes", "no", "unclear", "cites",
    "summary", "fields", "forecast", "forecast_probability", "forecast_by",
    "missing_reason", "missing_detail", "provider", "model", "input_tokens", "cached_tokens",
    "output_tokens", "cost_usd", "run", "created",
)  # fmt: skip

_FORMULA: Final = tuple("=+-@|%\t\r＝＋－＠")


def render(cards: Sequence[Scorecard]) -> str:
    """Return a header and one row a review; a missing review has a row that says why."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    for card in cards:
        reviews = [_review(r) for r in card.reviews] + [_missing(m) for m in card.missing]
        for cells in reviews:
            row = {**dict.fromkeys(COLUMNS), **_shared(card), **cells}
            writer.writerow({column: _safe(cell) for column, cell in row.items()})
    return out.getvalue()


def defuse(text: str) -> str:
    """Return text on one line that no spreadsheet takes for a formula."""
    flat = line(text)
    return f"'{flat}" if flat.lstrip("\"' ").startswith(_FORMULA) else flat


def _safe(cell: Cell) -> Cell:
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    return defuse(cell) if isinstance(cell, str) else cell


def _shared(card: Scorecard) -> dict[str, Cell]:
    return {
        "tool": card.tool.name,
        "slug": card.tool.slug,
        "url": card.tool.url,
        "category": card.tool.category,
        "price": card.tool.price,
        "outcome": card.verdict.outcome,
        "ship_percent": card.verdict.ship_percent,
        "panel_score": card.verdict.score,
        "provider": card.provider,
        "model": card.model,
        "run": card.run,
        "created": card.created.isoformat(),
    }


def _review(review: Review) -> dict[str, Cell]:
    forecast = review.forecast
    return {
        "persona": review.persona,
        "title": review.title,
        "vote": review.vote,
        "score": review.score,
        "coverage": review.coverage,
        "stance": review.stance,
        **_answers(review.findings),
        "summary": review.summary,
        "fields": " | ".join(f"{name}: {text}" for name, text in review.fields.items()),
        "forecast": forecast.claim if forecast else None,
        "forecast_probability": forecast.probability if forecast else None,
        "forecast_by": forecast.resolve_by.isoformat() if forecast else None,
        "provider": review.provider,
        "model": review.model,
        **review.usage.model_dump(),
    }


def _answers(findings: Sequence[Finding]) -> dict[str, Cell]:
    answers = [f.answer for f in findings]
    cites = dict.fromkeys(cite for f in findings for cite in f.cites)
    return {
        "yes": answers.count("yes"),
        "no": answers.count("no"),
        "unclear": answers.count("unclear"),
        "cites": " ".join(cites),
    }


def _missing(missing: Missing) -> dict[str, Cell]:
    return {
        "persona": missing.persona,
        "vote": "missing",
        "missing_reason": missing.reason,
        "missing_detail": missing.detail,
    }
