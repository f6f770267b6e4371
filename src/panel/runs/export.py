"""Scorecards as data for other programs: one row a review, as JSON Lines, CSV and Parquet."""

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel

from panel.foundation.atomic_files import write_error
from panel.foundation.errors import SettingsError
from panel.foundation.text import clean, one_line
from panel.reviews.review import Answer, Forecast, Missing, Review
from panel.reviews.verdict.scorecard import CardJudge, Scorecard

Cell = str | float | int | None
Type = Literal["string", "double", "int64"]
CellReader = Callable[[Scorecard, Review | Missing], Cell]


@dataclass(frozen=True)
class ExportColumn:
    """One column of the rows."""

    name: str
    type: Type
    """Its type in Arrow's words."""
    text: str
    """What it holds, for docs/exports.md."""
    cell: CellReader
    """Returns the value in the row of a review or of a missing one."""


def _of_review(cell: Callable[[Review], Cell]) -> CellReader:
    return lambda _, review: cell(review) if isinstance(review, Review) else None


def _of_missing(cell: Callable[[Missing], Cell]) -> CellReader:
    return lambda _, missing: cell(missing) if isinstance(missing, Missing) else None


def _of_forecast(cell: Callable[[Forecast], Cell]) -> CellReader:
    return _of_review(lambda review: cell(review.forecast) if review.forecast else None)


def _answers(review: Review, answer: Answer) -> int:
    return sum(finding.answer == answer for finding in review.findings)


def _cites(review: Review) -> str:
    return " ".join(dict.fromkeys(c for finding in review.findings for c in finding.cites))


def _answerer(card: Scorecard, review: Review | Missing) -> Review | CardJudge | Scorecard:
    """Return what names the provider and model of a row."""
    if isinstance(review, Review):
        return review
    return next((judge for judge in card.judges if judge.persona == review.persona), card)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _json_list(rows: Sequence[BaseModel]) -> str | None:
    return _json([row.model_dump(mode="json") for row in rows]) if rows else None


SCHEMA: Final = (
    ExportColumn("tool", "string", "the tool's name", lambda card, _: card.tool.name),
    ExportColumn("slug", "string", "its name in files and addresses, unique within the run",
                 lambda card, _: card.tool.slug),
    ExportColumn("url", "string", "its address", lambda card, _: card.tool.url),
    ExportColumn("category", "string", "its category", lambda card, _: card.tool.category),
    ExportColumn("price", "string", "its entry price as it is stated",
                 lambda card, _: card.tool.price),
    ExportColumn("outcome", "string", "the panel's verdict: ship, skip, split, hold, incomplete",
                 lambda card, _: card.verdict.outcome),
    ExportColumn("ship_percent", "double", "weighted share of ship among the votes, 0 to 100",
                 lambda card, _: card.verdict.ship_percent),
    ExportColumn("panel_score", "double", "the panel's score, 0 to 100",
                 lambda card, _: card.verdict.score),
    ExportColumn("persona", "string", "the reviewer", lambda _, review: review.persona),
    ExportColumn("title", "string", "the reviewer's title; empty for a missing review",
                 _of_review(lambda review: review.title)),
    ExportColumn("vote", "string", "ship, skip, abstain, or missing",
                 lambda _, review: review.vote if isinstance(review, Review) else "missing"),
    ExportColumn("score", "double", "the reviewer's score, 0 to 100",
                 _of_review(lambda review: review.score)),
    ExportColumn("coverage", "double", "share of the weight that was answered, 0 to 1",
                 _of_review(lambda review: review.coverage)),
    ExportColumn("stance", "string", "the reviewer's own ship or skip; never counted",
                 _of_review(lambda review: review.stance)),
    ExportColumn("yes", "int64", "answers that say yes",
                 _of_review(lambda review: _answers(review, "yes"))),
    ExportColumn("no", "int64", "answers that say no",
                 _of_review(lambda review: _answers(review, "no"))),
    ExportColumn("unclear", "int64", "answers that are unclear",
                 _of_review(lambda review: _answers(review, "unclear"))),
    ExportColumn("cites", "string", "ids of the passages cited, with blanks between them",
                 _of_review(_cites)),
    ExportColumn("summary", "string", "the written review",
                 _of_review(lambda review: review.summary)),
    ExportColumn("fields", "string", "the written parts, a JSON object",
                 _of_review(lambda review: _json(review.beats or review.fields))),
    ExportColumn("forecast", "string", "what the reviewer predicts",
                 _of_forecast(lambda forecast: forecast.claim)),
    ExportColumn("forecast_probability", "double", "how probable it calls that, 0 to 1",
                 _of_forecast(lambda forecast: forecast.probability)),
    ExportColumn("forecast_by", "string", "the day by which it is due, YYYY-MM-DD",
                 _of_forecast(lambda forecast: forecast.resolve_by.isoformat())),
    ExportColumn("missing_reason", "string",
                 "why there is no review: the codes of the JSON contract",
                 _of_missing(lambda missing: missing.reason)),
    ExportColumn("missing_detail", "string", "the same in words",
                 _of_missing(lambda missing: missing.detail)),
    ExportColumn("provider", "string", "who was asked",
                 lambda card, review: _answerer(card, review).provider),
    ExportColumn("model", "string", "which model answered",
                 lambda card, review: _answerer(card, review).model),
    ExportColumn("input_tokens", "int64", "tokens read",
                 _of_review(lambda review: review.usage.input_tokens)),
    ExportColumn("cached_tokens", "int64", "of these, read from a cache",
                 _of_review(lambda review: review.usage.cached_tokens)),
    ExportColumn("output_tokens", "int64", "tokens written",
                 _of_review(lambda review: review.usage.output_tokens)),
    ExportColumn("cost_usd", "double", "cost in US dollars; empty when unknown, never 0",
                 _of_review(lambda review: review.usage.cost_usd)),
    ExportColumn("run", "string", "the run", lambda card, _: card.run),
    ExportColumn("created", "string", "when the verdict was made, ISO 8601",
                 lambda card, _: card.created.isoformat()),
    ExportColumn("asked", "string", "stepwise or whole", lambda card, _: card.asked),
    ExportColumn("flip_rate", "double", "with --samples: share of samples that voted otherwise",
                 _of_review(lambda review: review.flip_rate)),
    ExportColumn("findings", "string",
                 "the answers with their citations, the facts that decided and earlier answers, a"
                 " JSON list",
                 _of_review(lambda review: _json([f.model_dump(mode="json")
                                                  for f in review.findings]))),
    ExportColumn("kind", "string",
                 "what the tool is: library, service, model, application, standard",
                 lambda card, _: card.tool.kind),
    ExportColumn("not_applicable", "string",
                 "ids of the criteria that a tool of this kind is not asked, with blanks between"
                 " them",
                 _of_review(lambda review: " ".join(review.not_applicable))),
    ExportColumn("first_status", "string", "its statement about upkeep before a second look",
                 _of_review(lambda r: r.first_status.status if r.first_status else None)),
    ExportColumn("looked_up", "string",
                 "the facts that it missed and that were looked up, a JSON list; empty where none",
                 _of_review(lambda review: _json_list(review.looked_up))),
    ExportColumn("propositions", "string",
                 "its probabilities of the propositions, 0 to 1, each with its day, a JSON list;"
                 " empty where it gave none",
                 _of_review(lambda review: _json_list(review.propositions))),
)  # fmt: skip
"""The columns of a row, in order: the same in JSON Lines, CSV, Parquet and docs/exports.md."""

_GROUP: Final = 4_096
"""Rows that Parquet holds in memory at a time, and in one row group."""

COLUMNS: Final[dict[str, Type]] = {column.name: column.type for column in SCHEMA}


def rows(cards: Iterable[Scorecard]) -> Iterator[dict[str, Cell]]:
    """Yield one row per persona of each tool, all with every column of `COLUMNS`, in that order.

    A review that is missing is a row with the vote `missing` and `missing_reason`. Text is on one
    line, without signs that a screen would obey or hide; what is not known or empty is None.
    """
    for card in cards:
        reviews: tuple[Review | Missing, ...] = (*card.reviews, *card.missing)
        for review in reviews:
            yield {column.name: _cell(column.cell(card, review)) for column in SCHEMA}


def jsonl(cards: Iterable[Scorecard]) -> Iterator[str]:
    """Yield the rows as JSON Lines: an object a row, all with every column."""
    for row in rows(cards):
        yield json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def write_parquet(cards: Iterable[Scorecard], path: Path) -> None:
    """Write the rows to a Parquet file, in place of what is at `path`; some thousands at a time.

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
        with parquet.ParquetWriter(temporary, schema) as writer:
            every = rows(cards)
            while group := list(islice(every, _GROUP)):
                writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
        os.replace(temporary, path)
    except OSError as error:
        raise write_error(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def _cell(value: Cell) -> Cell:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        if value.isascii() and value.isprintable():
            return " ".join(value.split()) or None
        return one_line(clean(value)[0]) or None
    return value
