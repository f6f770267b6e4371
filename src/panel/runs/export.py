"""Scorecards as data for other programs: flat rows, JSON Lines, Parquet."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from panel.errors import SettingsError
from panel.reviews.review import Missing, Review
from panel.runs.files import write_error
from panel.verdict.scorecard import Scorecard

COLUMNS: Final[dict[str, str]] = {
    "run": "string", "created": "string", "provider": "string", "model": "string",
    "asked": "string", "tool": "string", "slug": "string", "url": "string", "category": "string",
    "price": "string", "outcome": "string", "ship_percent": "double", "tool_score": "double",
    "persona": "string", "title": "string", "vote": "string", "score": "double",
    "coverage": "double", "stance": "string", "flip_rate": "double", "yes": "int64", "no": "int64",
    "unclear": "int64", "summary": "string", "forecast": "string",
    "forecast_probability": "double", "forecast_resolve_by": "string", "fields": "string",
    "findings": "string", "input_tokens": "int64", "cached_tokens": "int64",
    "output_tokens": "int64", "cost_usd": "double", "missing_reason": "string",
    "missing_detail": "string",
}  # fmt: skip
"""The columns of a row and their Arrow types. `fields` and `findings` are JSON texts."""


def rows(cards: Iterable[Scorecard]) -> list[dict[str, Any]]:
    """Return one row per persona of each tool, all with every column of `COLUMNS`.

    A review that is missing is a row with `missing_reason`; what is not known is None.
    """
    return list(_rows(cards))


def jsonl(cards: Iterable[Scorecard]) -> str:
    """Return the scorecards in the JSON contract, one a line."""
    return "".join(card.model_dump_json(by_alias=True) + "\n" for card in cards)


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


def _rows(cards: Iterable[Scorecard]) -> Iterator[dict[str, Any]]:
    nothing = dict.fromkeys(COLUMNS)
    for card in cards:
        about = nothing | _about(card)
        yield from (about | _review(review) for review in card.reviews)
        yield from (about | _missing(missing) for missing in card.missing)


def _about(card: Scorecard) -> dict[str, Any]:
    tool, verdict = card.tool, card.verdict
    return {
        "run": card.run, "created": card.created.isoformat(), "provider": card.provider,
        "model": card.model, "asked": card.asked, "tool": tool.name, "slug": tool.slug,
        "url": tool.url, "category": tool.category, "price": tool.price,
        "outcome": verdict.outcome, "ship_percent": verdict.ship_percent,
        "tool_score": verdict.score,
    }  # fmt: skip


def _review(review: Review) -> dict[str, Any]:
    answers = Counter(finding.answer for finding in review.findings)
    forecast = review.forecast
    findings = [finding.model_dump(mode="json") for finding in review.findings]
    return {
        "persona": review.persona, "title": review.title, "vote": review.vote,
        "score": review.score, "coverage": review.coverage, "stance": review.stance,
        "flip_rate": review.flip_rate, "yes": answers["yes"], "no": answers["no"],
        "unclear": answers["unclear"], "summary": review.summary,
        "forecast": forecast and forecast.claim,
        "forecast_probability": forecast and forecast.probability,
        "forecast_resolve_by": forecast and forecast.resolve_by.isoformat(),
        "fields": json.dumps(review.fields, ensure_ascii=False, allow_nan=False),
        "findings": json.dumps(findings, ensure_ascii=False, allow_nan=False),
        "provider": review.provider, "model": review.model,
        "input_tokens": review.usage.input_tokens, "cached_tokens": review.usage.cached_tokens,
        "output_tokens": review.usage.output_tokens, "cost_usd": review.usage.cost_usd,
    }  # fmt: skip


def _missing(missing: Missing) -> dict[str, Any]:
    return {
        "persona": missing.persona,
        "missing_reason": missing.reason,
        "missing_detail": missing.detail,
    }
