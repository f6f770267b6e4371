"""A journal, read: tools, evidence, reviews, verdicts, calls and usage as they were stored.

Opening creates, changes and leaves nothing, also in a read-only folder, after a writer was killed,
and while one writes. A damaged row is left out and named in `damaged`; only a journal that cannot
be opened at all is an error.
"""

import contextlib
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from os.path import join, normpath
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import RunError
from panel.llm.types import ChatResponse
from panel.reviews.review import Missing, Review
from panel.reviews.verdict.scorecard import RunUsage, Scorecard
from panel.runs.journal.call_rows import row_reply
from panel.runs.journal.opening import connect
from panel.runs.journal.schema import CALL_COLUMNS, FORMAT, Row, checksum_matches
from panel.runs.journal.writer import SQLITE_ERRORS, sqlite_error

USAGE: Final = """
SELECT count(*) FILTER (WHERE reused = 0),
    sum(1.0 * input_tokens) FILTER (WHERE reused = 0),
    sum(1.0 * cached_tokens) FILTER (WHERE reused = 0),
    sum(1.0 * output_tokens) FILTER (WHERE reused = 0),
    sum(cost_usd) FILTER (WHERE reused = 0),
    count(*) FILTER (WHERE reused = 0 AND cost_usd IS NULL AND status <> 'failed'),
    count(*) FILTER (WHERE reused = 0 AND output_tokens + input_tokens IS NULL
        AND status <> 'failed'), count(*) FILTER (WHERE reused = 1)
FROM calls"""
"""A `WHERE` may follow. Answers reused from an earlier run are counted apart."""


def run_usage(row: Sequence[Any], seconds: float) -> RunUsage:
    """Return the usage in one row of `USAGE`; what no call reports is None, never 0."""
    calls, *tokens, cost, unpriced, uncounted, reused = row
    # Added up as floats, which no sum of what servers claim can overflow.
    read, cached, written = (None if n is None and uncounted else int(n or 0) for n in tokens)
    return RunUsage(
        calls=calls, input_tokens=read, cached_tokens=cached, output_tokens=written,
        cost_usd=None if cost is None else round(cost, 9), unpriced_calls=unpriced,
        uncounted_calls=uncounted, reused_calls=reused, seconds=seconds,
    )  # fmt: skip


M = TypeVar("M", bound=BaseModel)

_START: Final = "start the run again, or take the folder from a copy"

_FALLBACK: Final = """CASE WHEN reply LIKE '{"provider"%' AND json_valid(reply)
    THEN json_extract(reply, '$.provider') END"""
_CALL: Final = f"SELECT {', '.join(CALL_COLUMNS)} FROM calls"
_REASON: Final = CALL_COLUMNS.index("reason")
_CALLS: Final = 32
"""Calls that are read at a time; one may hold log-probabilities of every token."""


_REVIEWS: Final = '"reviews":['


def _without_reviews(card: str, known: Mapping[str, Review]) -> tuple[str, tuple[Review, ...]]:
    """Return a scorecard's JSON without its reviews, and these, where all are known by their JSON.

    Elsewhere it stays as it is.
    """
    start = place = card.find(_REVIEWS) + len(_REVIEWS)
    reviews: list[Review] = []
    left = dict(known)
    while text := next((text for text in left if card.startswith(text, place)), None):
        reviews.append(left.pop(text))
        place += len(text)
        if card.startswith("]", place):
            return card[:start] + card[place:], tuple(reviews)
        if not card.startswith(",", place):
            break
        place += 1
    return card, ()


class JournalReader:
    """The reading side of one journal; close it, or use it in a `with`."""

    def __init__(self, path: Path) -> None:
        """Open the journal at `path`.

        Raises `RunError` where it is missing, no journal, or of a format this panel cannot read.
        """
        self.path = path
        self._folder = path.parent.resolve()
        self._damaged: dict[str, None] = {}
        with contextlib.ExitStack() as stack:
            self._connection = connect(path, stack)
            self._check_format()
            self._stack = stack.pop_all()

    @property
    def damaged(self) -> tuple[str, ...]:
        """Damaged rows that were read so far and left out, one line each."""
        return tuple(self._damaged)

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def meta(self, name: str) -> str | None:
        """Return a value about the whole run, or None where there is none or it is damaged."""
        rows = self._rows("SELECT name, value, sum FROM meta WHERE name = ?", name)
        return str(rows[0][1]) if rows and self._is_sound(rows[0], f"meta {name}") else None

    def tools(self, slugs: Collection[str] | None = None) -> tuple[Tool, ...]:
        """Return the tools, or those of `slugs`, in the order they were added.

        Evidence paths are absolute.
        """
        return tuple(tool for tool, _ in self.each_tool(only=slugs))

    def each_tool(
        self, *, only: Collection[str] | None = None, but: Collection[str] = ()
    ) -> Iterator[tuple[Tool, bool]]:
        """Yield the tools in the order they were added, and whether their evidence was read.

        `only` are slugs of those that are wanted, `but` of those that are left out.
        """
        for row in self._select("SELECT slug, body, fingerprint, sum FROM tools ORDER BY rowid"):
            if row[0] in but or (only is not None and row[0] not in only):
                continue
            if tool := self._model(Tool, row, row[1], f"tool {row[0]}"):
                yield self._placed(tool, self._folder), row[2] is not None

    def tool(self, slug: str) -> Tool | None:
        """Return a tool, None where there is none of that slug or its row is damaged."""
        rows = self._rows("SELECT slug, body, fingerprint, sum FROM tools WHERE slug = ?", slug)
        tool = self._model(Tool, rows[0], rows[0][1], f"tool {slug}") if rows else None
        return tool and self._placed(tool, self._folder)

    def unread(self) -> frozenset[str]:
        """Return the slugs of the tools that have no evidence yet."""
        rows = self._select("SELECT slug FROM tools WHERE fingerprint IS NULL")
        return frozenset(slug for (slug,) in rows)

    def slugs(self) -> tuple[str, ...]:
        """Return the slugs of all tools, in the order they were added."""
        return tuple(slug for (slug,) in self._select("SELECT slug FROM tools ORDER BY rowid"))

    def evidence_fingerprint(self, slug: str) -> str | None:
        """Return the fingerprint of a tool's evidence, None while it has none."""
        rows = self._rows("SELECT slug, body, fingerprint, sum FROM tools WHERE slug = ?", slug)
        return rows[0][2] if rows and checksum_matches(rows[0]) else None

    def evidence(self, slug: str) -> Evidence | None:
        """Return a tool's evidence, or None where there is none or it is damaged."""
        rows = self._rows("SELECT slug, body, sum FROM evidence WHERE slug = ?", slug)
        return self._model(Evidence, rows[0], rows[0][1], f"evidence of {slug}") if rows else None

    def reviews(self, slug: str) -> dict[tuple[str, int], Review]:
        """Return a tool's reviews by persona and sample."""
        return self._by_persona(Review, "reviews", slug)

    def missing(self, slug: str) -> dict[tuple[str, int], Missing]:
        """Return a tool's missing reviews by persona and sample."""
        return self._by_persona(Missing, "missing", slug)

    def all_missing(self) -> Iterator[tuple[str, Missing]]:
        """Yield every missing review with the slug of its tool."""
        for row in self._rows("SELECT tool, persona, sample, body, sum FROM missing"):
            if item := self._model(Missing, row, row[3], f"missing row of {row[1]} on {row[0]}"):
                yield row[0], item

    def judged(self, *, checked: bool = False) -> frozenset[str]:
        """Return the slugs of the tools whose verdict and evidence are stored and undamaged.

        `checked`: every row is compared with its checksum elsewhere, by whoever opened the run.
        """
        if checked:
            sql = "SELECT tool FROM verdicts WHERE tool IN (SELECT slug FROM evidence)"
            return frozenset(slug for (slug,) in self._select(sql))
        verdicts = self._select("SELECT tool, body, sum FROM verdicts")
        judged = {row[0] for row in verdicts if self._is_sound(row, f"verdict on {row[0]}")}
        evidence = self._select("SELECT slug, body, sum FROM evidence")
        read = {row[0] for row in evidence if self._is_sound(row, f"evidence of {row[0]}")}
        return frozenset(judged & read)

    def card(self, slug: str) -> Scorecard | None:
        """Return a tool's scorecard with its evidence, None where it has none or it is damaged."""
        card, evidence = self.verdict(slug), self.evidence(slug)
        if card is None or evidence is None:
            return None
        return card.model_copy(update={"evidence": evidence.sources})

    def verdict(self, slug: str) -> Scorecard | None:
        """Return a tool's scorecard without its evidence, which is most of it; None as `card`."""
        return self._verdict(slug, {})

    def verdict_and_reviews(
        self, slug: str
    ) -> tuple[Scorecard | None, dict[tuple[str, int], Review]]:
        """Return what `verdict` and `reviews` return.

        A review that stands in both letter for letter is read once, and is one object.
        """
        texts: dict[str, Review] = {}
        reviews = self._by_persona(Review, "reviews", slug, texts)
        return self._verdict(slug, texts), reviews

    def _verdict(self, slug: str, known: Mapping[str, Review]) -> Scorecard | None:
        rows = self._rows("SELECT tool, body, sum FROM verdicts WHERE tool = ?", slug)
        if not rows:
            return None
        body, reviews = _without_reviews(rows[0][1], known)
        card = self._model(Scorecard, rows[0], body, f"verdict on {slug}")
        return card.model_copy(update={"reviews": reviews}) if card and reviews else card

    def verdicts(self) -> Iterator[Scorecard]:
        """Yield the scorecards without their evidence in tool order, reading one at a time."""
        for slug in self.slugs():
            if card := self.verdict(slug):
                yield card

    def cards(self) -> Iterator[Scorecard]:
        """Yield the scorecards in tool order, reading one at a time."""
        whole = 0
        for slug in self.slugs():
            if card := self.card(slug):
                whole += 1
                yield card
        # Counted without the index that finds them: it may be what is damaged.
        for (stored,) in self._rows("SELECT count(*) FROM verdicts NOT INDEXED"):
            if stored > whole:
                self._damaged[f"{stored - whole} of {stored} verdicts cannot be read"] = None

    def find(self, key: str) -> ChatResponse | None:
        """Return the usable stored reply to the question with this key, or None."""
        row = self.call_row(key)
        return None if row is None else row_reply(row)

    def call_row(self, key: str) -> Row | None:
        """Return the undamaged row of the first usable answer with this key, or None."""
        row: Row
        for row in self._rows(f"{_CALL} WHERE key = ? AND status = 'ok' ORDER BY id", key):
            if row[0] == key and self._is_sound(row, f"answer {key[:12]}"):
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    row_reply(row)
                    return row
        return None

    def failure(self, key: str) -> tuple[str, ChatResponse | None] | None:
        """Return why the question with this key got no usable answer, and what came back."""
        rows = self._rows(f"{_CALL} WHERE key = ? AND status <> 'ok' ORDER BY id DESC", key)
        for row in rows:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return str(row[_REASON]), row_reply(row)
            return str(row[_REASON]), None
        return None

    def text(self, digest: str | None) -> str | None:
        """Return a shared text (system message, shared part or schema) by its digest."""
        rows = self._rows("SELECT body FROM texts WHERE digest = ?", digest)
        return rows[0][0] if rows else None

    def calls(self, slug: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the calls about one tool, or all, as columns by name, in the order of writing.

        The number of the row is `id`.
        """
        last = 0
        where = "WHERE id > ?" if slug is None else "WHERE id > ? AND tool = ?"
        # Some at a time: an open cursor would keep the write-ahead log from being emptied.
        columns = ", ".join(CALL_COLUMNS)
        sql = f"SELECT id, {columns} FROM calls {where} ORDER BY id LIMIT {_CALLS}"
        while rows := self._rows(sql, last, *([slug] if slug is not None else [])):
            for row in rows:
                before, last = last, row[0]
                if last <= before:
                    self._damaged[f"{self.path.name}: calls out of order"] = None
                    return
                if self._is_sound(row[1:], f"call {last}"):
                    yield dict(zip(("id", *CALL_COLUMNS), row, strict=True))
            if len(rows) < _CALLS:
                return

    def count_calls(self, known: Collection[int] = ()) -> int:
        """Return how many calls are undamaged; the others are in `damaged`.

        `known` are rows that were found undamaged before. All are counted without an index, which
        may be what is damaged.
        """
        last = sound = 0
        rest = []
        for (number,) in self._select("SELECT id FROM calls NOT INDEXED ORDER BY id"):
            if number <= last:
                self._damaged[f"{self.path.name}: calls out of order"] = None
                break
            last = number
            if number in known:
                sound += 1
            else:
                rest.append(number)
        sql = f"SELECT {', '.join(CALL_COLUMNS)} FROM calls WHERE id = ?"
        return sound + sum(
            self._is_sound(row, f"call {number}")
            for number in rest
            for row in self._select(sql, number)
        )

    def call_figures(self, *, fallbacks: bool = False) -> Iterator[tuple[Any, ...]]:
        """Yield some figures of each call, in no order.

        They are persona, the fallback that was asked (None where none was, or where `fallbacks`
        are not wanted: it stands in the reply), who served it, status, reason, whether it was
        reused, seconds, tokens read, cached and written, and cost.
        """
        fallback = _FALLBACK if fallbacks else "NULL"
        return self._select(
            f"SELECT persona, {fallback}, served_by, status, reason, reused, seconds,"
            " input_tokens, cached_tokens, output_tokens, cost_usd FROM calls"
        )

    def asked_fallbacks(self) -> frozenset[str]:
        """Return the names of the fallbacks that were asked in this run."""
        rows = self._select(f"SELECT DISTINCT {_FALLBACK} FROM calls WHERE reused = 0")
        return frozenset(name for (name,) in rows if name)

    def usage(self, slug: str | None = None) -> RunUsage:
        """Return what the calls about one tool, or all, took in this run.

        Reused answers are counted apart and cost nothing here. Tokens and `cost_usd` are sums of
        what is known, None when nothing is. `seconds` is the time with a call in flight.
        """
        where, values = ("", ()) if slug is None else (" WHERE tool = ?", (slug,))
        rows = self._rows(USAGE + where, *values)
        return run_usage(rows[0], self._busy(where, values)) if rows else RunUsage()

    def spent(self) -> tuple[int, float, int]:
        """Return the calls made for this run, their cost in US dollars, and how many have none."""
        row = self._rows(USAGE)[0]
        return int(row[0]), float(row[4] or 0.0), int(row[5])

    def steps(self, step: str) -> Iterator[dict[str, Any]]:
        """Yield the calls of one step, about whatever tool, as `calls` does."""
        rows = self._rows(f"SELECT id, {', '.join(CALL_COLUMNS)} FROM calls WHERE step = ?", step)
        for row in rows:
            if self._is_sound(row[1:], f"call {row[0]}"):
                yield dict(zip(CALL_COLUMNS, row[1:], strict=True))

    def has_file(self, name: str) -> bool:
        """Tell whether this run wrote the file `name`."""
        return bool(self._rows("SELECT 1 FROM files WHERE name = ?", name))

    def files(self, folder: str) -> frozenset[str]:
        """Return the names, inside a folder of the run, of the files that this run wrote there."""
        rows = self._select("SELECT name FROM files WHERE name LIKE ?", f"{folder}/%")
        return frozenset(str(name).removeprefix(f"{folder}/") for (name,) in rows)

    def _busy(self, where: str, values: tuple[str, ...]) -> float:
        and_ = " AND " if where else " WHERE "
        sql = f"SELECT started, seconds FROM calls{where}{and_}reused = 0 ORDER BY started"
        total, until = 0.0, 0.0
        for started, seconds in self._select(sql, *values):
            with contextlib.suppress(ValueError, TypeError):
                begin = datetime.fromisoformat(started).timestamp()
                total += max(0.0, begin + seconds - max(begin, until))
                until = max(until, begin + seconds)
        return round(total, 3)

    def _by_persona(
        self, model: type[M], table: str, slug: str, texts: dict[str, M] | None = None
    ) -> dict[tuple[str, int], M]:
        """Return the rows about a tool by persona and sample; `texts` takes them by their JSON."""
        sql = f"SELECT tool, persona, sample, body, sum FROM {table} WHERE tool = ? ORDER BY rowid"
        models = {}
        for row in self._rows(sql, slug):
            what = f"{table} row of {row[1]} on {slug}"
            if item := self._model(model, row, row[3], what):
                models[row[1], row[2]] = item
                if texts is not None:
                    texts[row[3]] = item
        return models

    def _model(self, model: type[M], row: Row, body: Any, what: str) -> M | None:
        if self._is_sound(row, what):
            try:
                return model.model_validate_json(body)
            except ValidationError as error:
                first = error.errors()[0]
                self._damaged[f"{what}: {first['msg']} at {first['loc']}"] = None
        return None

    def _is_sound(self, row: Row, what: str) -> bool:
        good = checksum_matches(row)
        if not good:
            self._damaged[f"{what}: changed since it was written"] = None
        return good

    def _placed(self, tool: Tool, folder: Path) -> Tool:
        if not tool.evidence:
            return tool
        # As they were written: relative to the resolved folder.
        paths = tuple(Path(normpath(join(folder, path))) for path in tool.evidence)
        return tool.model_copy(update={"evidence": paths})

    def _rows(self, sql: str, *values: str | int | None) -> list[Any]:
        return list(self._select(sql, *values))

    def _select(self, sql: str, *values: str | int | None) -> Iterator[Any]:
        try:
            yield from self._connection.execute(sql, values)
        except sqlite3.ProgrammingError:
            raise RunError(f"{self.path} is closed") from None
        except SQLITE_ERRORS as error:
            self._damaged[f"{self.path.name}: {error}"] = None

    def _check_format(self) -> None:
        try:
            row = self._connection.execute("SELECT value FROM meta WHERE name='format'").fetchone()
        except sqlite3.OperationalError as error:
            raise RunError(f"{self.path} is no journal: {error}", hint=_START) from error
        except SQLITE_ERRORS as error:
            raise sqlite_error(error, self.path) from error
        version = row[0] if row else "none"
        if version != FORMAT:
            raise RunError(
                f"{self.path} has journal format {version}; this panel reads format {FORMAT}",
                hint="use the panel that wrote it, or a newer one",
            )
