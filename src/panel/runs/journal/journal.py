"""The journal of a run: every call, review and verdict, on disk before it is acknowledged.

One writer thread commits in groups (`writer`), a second connection reads (`reader`). Answers paid
for in earlier runs are found here too. Knows what a row holds, not what a review means.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import RunError
from panel.llm.types import CallRecord, ChatResponse
from panel.reviews.review import Missing, Review
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.folders import JOURNAL
from panel.runs.journal import call_rows
from panel.runs.journal.reader import JournalReader
from panel.runs.journal.schema import CALL_COLUMNS, Row, Statement, with_checksum
from panel.runs.journal.writer import Writer

_KNOWN: Final = 4096
"""Digests of stored texts that are remembered, so that a text is sent to SQLite once."""

_PUT_META: Final = "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)"
_DROP_META: Final = "DELETE FROM meta WHERE name = ?"
_PUT_TOOL: Final = (
    "INSERT INTO tools VALUES (?, ?, ?, ?) ON CONFLICT (slug) DO UPDATE SET"
    " body = excluded.body, fingerprint = excluded.fingerprint, sum = excluded.sum"
)
_DROP_TOOL: Final = "DELETE FROM tools WHERE slug = ? AND fingerprint IS NULL"
_PUT_EVIDENCE: Final = "INSERT OR REPLACE INTO evidence VALUES (?, ?, ?)"
_PUT_REVIEW: Final = "INSERT OR REPLACE INTO reviews VALUES (?, ?, ?, ?, ?)"
_PUT_MISSING: Final = "INSERT OR REPLACE INTO missing VALUES (?, ?, ?, ?, ?)"
_DROP_REVIEW: Final = "DELETE FROM reviews WHERE tool = ? AND persona = ? AND sample = ?"
_DROP_ANSWERS: Final = tuple(
    f"DELETE FROM {table} WHERE tool = ?" for table in ("reviews", "missing", "verdicts")
)
_DROP_VERDICT: Final = "DELETE FROM verdicts WHERE tool = ?"
"""In the commit of an answer: what was decided without it holds no more, also after a kill."""
_DROP_MISSING: Final = "DELETE FROM missing WHERE tool = ? AND persona = ? AND sample = ?"
_PUT_VERDICT: Final = "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)"
_PUT_FILE: Final = "INSERT OR IGNORE INTO files VALUES (?)"


class Journal:
    """A run's journal open for writing: `Recorder` for its calls, and all else a run keeps."""

    def __init__(self, path: Path, earlier: Sequence[Path] = ()) -> None:
        """Open the journal at `path`, or make it; the caller holds the run's lock.

        `earlier` are journals (or run folders) whose answers may be reused; one that cannot be
        read is left out and named in `notes`. Raises `RunError` or `DiskFull`.
        """
        self.notes: tuple[str, ...] = ()
        self._known: dict[str, None] = {}
        with contextlib.ExitStack() as stack:
            self._writer = Writer(path)
            stack.callback(self._writer.close)
            self.stored = JournalReader(path)
            """The reading side, which sees every acknowledged write."""
            stack.callback(self.stored.close)
            self._folder = path.parent.resolve()
            self._earlier = [reader for reader in map(self._open_earlier, earlier) if reader]
            for reader in self._earlier:
                stack.callback(reader.close)
            self._stack = stack.pop_all()

    @property
    def commits(self) -> int:
        """Transactions committed since the journal was opened."""
        return self._writer.commits

    def find(self, key: str) -> ChatResponse | None:
        """Return a usable stored reply with this key: this run's, else an earlier run's.

        An earlier run's answer is copied into this journal, marked as reused, so that the run
        stands alone; the copy is on disk before anything that is acknowledged later.
        """
        if reply := self.stored.find(key):
            return reply
        for reader in self._earlier:
            if row := reader.call_row(key):
                self._writer.commit_later(self._copied(reader, row))
                return call_rows.row_reply(row)
        return None

    async def record(self, call: CallRecord) -> None:
        """Store the call; returns after its commit. Raises `DiskFull` or `RunError`."""
        texts = self._new(call_rows.texts_of(call.question))
        statements = [*call_rows.put_texts(texts), (call_rows.PUT_CALL, call_rows.call_row(call))]
        await self._writer.commit(statements)
        self._remember(texts)

    async def put_meta(self, name: str, value: str) -> None:
        """Store a value about the whole run."""
        await self._writer.commit([(_PUT_META, with_checksum(name, value))])

    async def drop_meta(self, name: str) -> None:
        """Delete a value about the whole run."""
        await self._writer.commit([(_DROP_META, (name,))])

    async def put_tools(self, tools: Sequence[tuple[Tool, Evidence, str]]) -> None:
        """Store tools with their evidence and its fingerprint, all in one commit."""
        statements: list[Statement] = []
        for tool, evidence, fingerprint in tools:
            row = with_checksum(tool.slug, evidence.model_dump_json())
            statements += [self._tool(tool, fingerprint), (_PUT_EVIDENCE, row)]
        await self._writer.commit(statements)

    async def put_expected(self, tools: Sequence[Tool]) -> None:
        """Store tools whose evidence is still to be read, all in one commit."""
        await self._writer.commit(_Expected(tools, self._tool))

    async def drop_expected(self, slugs: Iterable[str]) -> None:
        """Delete tools that have no evidence yet."""
        await self._writer.commit([(_DROP_TOOL, (slug,)) for slug in slugs])

    async def drop_answers(self, slug: str) -> None:
        """Delete what was made of the replies about a tool; the replies themselves stay."""
        await self._writer.commit([(sql, (slug,)) for sql in _DROP_ANSWERS])

    async def put_review(self, slug: str, sample: int, review: Review) -> None:
        """Store a review; it takes the place of a missing one, and the tool's verdict falls."""
        await self.put_reviews(slug, [(sample, review)])

    async def put_reviews(self, slug: str, reviews: Sequence[tuple[int, Review]]) -> None:
        """Store reviews of a tool with their samples, all in one commit."""
        where = [(slug, review.persona, sample) for sample, review in reviews]
        bodies = [review.model_dump_json() for _, review in reviews]
        rows = [with_checksum(*at, body) for at, body in zip(where, bodies, strict=True)]
        drops: list[Statement] = [(_DROP_VERDICT, (slug,)), *((_DROP_MISSING, at) for at in where)]
        await self._writer.commit([*drops, *((_PUT_REVIEW, row) for row in rows)])

    async def put_missing(self, slug: str, sample: int, missing: Missing) -> None:
        """Store why a review is missing; the tool's verdict falls."""
        where = (slug, missing.persona, sample)
        row = with_checksum(*where, _json(missing))
        drops: list[Statement] = [(_DROP_VERDICT, (slug,)), (_DROP_REVIEW, where)]
        await self._writer.commit([*drops, (_PUT_MISSING, row)])

    async def put_verdict(self, card: Scorecard) -> None:
        """Store a scorecard; its evidence is stored once, with the tool."""
        bare = card.model_copy(update={"evidence": ()})
        row = with_checksum(card.tool.slug, bare.model_dump_json(by_alias=True))
        await self._writer.commit([(_PUT_VERDICT, row)])

    async def put_files(self, names: Iterable[str]) -> None:
        """Note that this run is about to write these files, all in one commit."""
        await self._writer.commit([(_PUT_FILE, (name,)) for name in names])

    def close(self) -> None:
        """Commit what is queued and close; the journal is then a single file."""
        self._stack.close()

    def _tool(self, tool: Tool, fingerprint: str | None) -> Statement:
        if tool.evidence:
            # Relative to the run, so that a shared run reveals nothing about this machine.
            paths = (_relative(path.parent, self._folder) / path.name for path in tool.evidence)
            tool = tool.model_copy(update={"evidence": tuple(paths)})
        return (_PUT_TOOL, with_checksum(tool.slug, tool.model_dump_json(), fingerprint))

    def _copied(self, source: JournalReader, row: Row) -> list[Statement]:
        column = dict(zip(CALL_COLUMNS, row, strict=True))
        digests = [str(column[name]) for name in ("system", "shared", "schema") if column[name]]
        texts = {digest: source.text(digest) for digest in digests}
        stored = {digest: text for digest, text in texts.items() if text is not None}
        copy = (*call_rows.reused_row(row), column["key"])
        return [*call_rows.put_texts(stored), (call_rows.COPY_CALL, copy)]

    def _open_earlier(self, path: Path) -> JournalReader | None:
        try:
            return JournalReader(path / JOURNAL if path.is_dir() else path)
        except RunError as error:
            self.notes += (f"its answers cannot be reused: {error.message}",)
            return None

    def _new(self, texts: dict[str, str]) -> dict[str, str]:
        return {digest: text for digest, text in texts.items() if digest not in self._known}

    def _remember(self, texts: dict[str, str]) -> None:
        self._known |= dict.fromkeys(texts)
        while len(self._known) > _KNOWN:
            del self._known[next(iter(self._known))]


@dataclass(frozen=True)
class _Expected:
    """The statements that store a list of tools, made one at a time: a list may be long."""

    tools: Sequence[Tool]
    statement: Callable[[Tool, None], Statement]

    def __iter__(self) -> Iterator[Statement]:
        return (self.statement(tool, None) for tool in self.tools)


@lru_cache(maxsize=256)
def _relative(path: Path, folder: Path) -> Path:
    try:
        return Path(os.path.relpath(path, folder))
    except ValueError:  # another drive
        return path


def _json(model: BaseModel) -> str:
    # The detail of a failure quotes a server, which may send what UTF-8 cannot hold.
    fields = {
        name: call_rows.plain(value) if isinstance(value, str) else value
        for name, value in model.model_dump(mode="python").items()
    }
    return type(model).model_validate(fields).model_dump_json()
