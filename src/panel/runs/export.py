"""Scorecards as data for other programs: one row a review, as JSON Lines, CSV and Parquet."""

import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from panel.foundation.atomic_files import write_error
from panel.foundation.errors import SettingsError
from panel.foundation.text import clean, printable
from panel.reviews.review import Missing, Review
from panel.reviews.verdict.scorecard import Scorecard

COLUMNS: Final[dict[str, str]] = {
    "tool": "string", "slug": "string", "url": "string", "category": "string", "price": "string",
    "outcome": "string", "ship_percent": "double", "panel_score": "double",
    "persona": "string", "title": "string", "vote": "string", "score": "double",
    "coverage": "double", "stance": "string", "yes": "int64", "no": "int64", "unclear": "int64",
    "cites": "string", "summary": "string", "fields": "string", "forecast": "string",
    "forecast_probability": "double", "forecast_by": "string", "missing_reason": "string",
    "missing_detail": "string", "provider": "string", "model": "string", "input_tokens": "int64",
    "cached_tokens": "int64", "output_tokens": "int64", "cost_usd": "double", "run": "string",
    "created": "string", "asked": "string", "flip_rate": "double", "findings": "string",
}  # fmt: skip
"""The columns of a row and their Arrow types: the same in JSON Lines, CSV and Parquet.

`fields` and `findings` are JSON texts; `cites` are passage ids with blanks between them.
"""

Cell = str | float | int | None


def rows(cards: Iterable[Scorecard]) -> list[dict[str, Cell]]:
    """Return one row per persona of each tool, all with every column of `COLUMNS`, in that order.

    A review that is missing is a row with the vote `missing` and `missing_reason`. Text is on one
    line, without signs that a screen would obey or hide; what is not known or empty is None.
    """
    return list(_rows(cards))


def jsonl(cards: Iterable[Scorecard]) -> str:
    """Return the rows as JSON Lines: an object a row, all with every column."""
    return "".join(
        json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in _rows(cards)
    )


def write_parquet(cards: Sequence[Scorecard], path: Path) -> None:
    """Write the rows to a Parquet file, in place of what is at `path`.

    Raises `SettingsError` without pyarrow, `RunError` or `DiskFull` where it cannot be written.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise SettingsError(
            "Parquet needs pyarrow, which is not installed",
            hint="pip install 'panel-verdict[parquet]'",
        ) from error
    types = {"string": pyarrow.string(), "double": pyarrow.float64(), "int64": pyarrow.int64()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    temporary = path.with_name(f".panel-{os.getpid()}.tmp")
    try:
        parquet.write_table(pyarrow.Table.from_pylist(rows(cards), schema=schema), temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise write_error(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def _rows(cards: Iterable[Scorecard]) -> Iterator[dict[str, Cell]]:
    for card in cards:
        shared = _about(card)
        for review in (*map(_review, card.reviews), *map(_missing, card.missing)):
            cells = {**shared, **review}
            yield {name: _cell(cells.get(name)) for name in COLUMNS}


def _cell(value: Cell) -> Cell:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return " ".join(printable(clean(value)[0]).split()) or None
    return value


def _about(card: Scorecard) -> dict[str, Cell]:
    tool, verdict = card.tool, card.verdict
    return {
        "run": card.run, "created": card.created.isoformat(), "provider": card.provider,
        "model": card.model, "asked": card.asked, "tool": tool.name, "slug": tool.slug,
        "url": tool.url, "category": tool.category, "price": tool.price,
        "outcome": verdict.outcome, "ship_percent": verdict.ship_percent,
        "panel_score": verdict.score,
    }  # fmt: skip


def _review(review: Review) -> dict[str, Cell]:
    answers = Counter(finding.answer for finding in review.findings)
    cites = dict.fromkeys(cite for finding in review.findings for cite in finding.cites)
    forecast = review.forecast
    findings = [finding.model_dump(mode="json") for finding in review.findings]
    return {
        "persona": review.persona, "title": review.title, "vote": review.vote,
        "score": review.score, "coverage": review.coverage, "stance": review.stance,
        "flip_rate": review.flip_rate, "yes": answers["yes"], "no": answers["no"],
        "unclear": answers["unclear"], "cites": " ".join(cites), "summary": review.summary,
        "forecast": forecast.claim if forecast else None,
        "forecast_probability": forecast.probability if forecast else None,
        "forecast_by": forecast.resolve_by.isoformat() if forecast else None,
        "fields": json.dumps(review.beats or review.fields, ensure_ascii=False, allow_nan=False),
        "findings": json.dumps(findings, ensure_ascii=False, allow_nan=False),
        "provider": review.provider, "model": review.model,
        "input_tokens": review.usage.input_tokens, "cached_tokens": review.usage.cached_tokens,
        "output_tokens": review.usage.output_tokens, "cost_usd": review.usage.cost_usd,
    }  # fmt: skip


def _missing(missing: Missing) -> dict[str, Cell]:
    return {
        "persona": missing.persona,
        "vote": "missing",
        "missing_reason": missing.reason,
        "missing_detail": missing.detail,
    }
