"""A run as the engine, the renderers and the command line use it: one folder, made or opened.

Everything a person reads is rebuilt from the journal. Knows neither providers nor renderers.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Sized
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Final, Self

from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.atomic_files import inside, sweep, write_atomic
from panel.foundation.errors import PASSING, MissingReason, RunDamaged, RunError
from panel.reviews.review import Missing, Review
from panel.reviews.verdict.scorecard import RunUsage, Scorecard
from panel.runs.compatibility import check_known, evidence_fingerprint, tool_fingerprint
from panel.runs.folders import JOURNAL, LOCK, MANIFEST, VERDICTS, create_folder, lock_run
from panel.runs.journal.health import COLUMNS, FIRST, LATER, damaged_rows
from panel.runs.journal.journal import Journal
from panel.runs.journal.opening import size
from panel.runs.journal.reader import JournalReader
from panel.runs.journal.repair import REPAIRED, named, repair
from panel.runs.journal.writer import SQLITE_ERRORS, sqlite_error
from panel.runs.manifest import ItemCounts, JudgeRecord, Manifest, read_manifest

_LONG: Final = 2**26
"""Bytes of a journal from which on most of its rows are checked while the run goes on already: to
check so many takes a seventh of a second."""


class Run:
    """A run. Made, or opened for writing, it holds the run's lock until `close`."""

    def __init__(
        self,
        path: Path,
        source: Journal | JournalReader,
        stack: contextlib.ExitStack,
        notes: list[str],
    ) -> None:
        """Use `create` or `open` instead."""
        self.path = path
        self.notes = notes
        """What a person should know: repairs, earlier runs that could not be read."""
        self._journal = source if isinstance(source, Journal) else None
        self._stored = source.stored if isinstance(source, Journal) else source
        self._stack = stack
        self._manifest: Manifest | None = None
        self._unchecked = False

    @classmethod
    async def create(
        cls, runs: Path, slug: str, manifest: Manifest, *, earlier: Sequence[Path] = ()
    ) -> Self:
        """Make a run folder in `runs`, named after `slug`, and open it for writing.

        `earlier` are the run folders whose answers may be reused. Raises `RunError`, `DiskFull`.
        """
        path = create_folder(runs, slug, now=manifest.created)
        try:
            run = cls._open_for_writing(path, earlier)
            try:
                await run._put_manifest(manifest.model_copy(update={"run": path.name}))
            except BaseException:
                run.close()
                raise
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return run

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        write: bool = False,
        earlier: Sequence[Path] = (),
        every_row: bool = True,
    ) -> Self:
        """Open a stored run; with `write`, to go on with it.

        Raises `RunError` where it cannot be read, `RunStopped` naming the process that writes it.
        A damaged journal is repaired when opened for writing: see `notes`. Without
        `every_row` most rows of a long one are left to `check_rows`.
        """
        if write:
            run = cls._open_for_writing(path, earlier, every_row=every_row)
        else:
            run = cls._open_for_reading(path)
        try:
            run._manifest = run._read_manifest()
            if write and run._manifest.tools and not run.slugs():
                raise RunError(
                    f"run {path.name} holds no tools: it ended before any was stored",
                    hint="start it again",
                )
        except BaseException:
            run.close()
            raise
        return run

    @property
    def name(self) -> str:
        """The run's name: that of its folder."""
        return self.path.name

    @property
    def manifest(self) -> Manifest:
        """What was asked of whom."""
        if self._manifest is None:
            raise RunError(f"run {self.name} has no manifest")
        return self._manifest

    @property
    def journal(self) -> Journal:
        """The `Recorder` of this run's calls. Raises `RunError` on a run opened for reading."""
        if self._journal is None:
            raise RunError(f"run {self.name} is open for reading only")
        return self._journal

    @property
    def stored(self) -> JournalReader:
        """The journal's reading side, for calls and texts."""
        return self._stored

    @property
    def damaged(self) -> tuple[str, ...]:
        """Damaged rows that were read so far and left out, one line each."""
        return self._stored.damaged

    async def add_tools(self, tools: Sequence[tuple[Tool, Evidence]]) -> None:
        """Keep tools with their evidence, in order, in one commit: a kill leaves all or none.

        Raises `RunError` where a known tool's entry or evidence is not what it was.
        """
        new = []
        for tool, evidence in tools:
            now = evidence_fingerprint(evidence)
            before = self._stored.evidence_fingerprint(tool.slug)
            if before is None:  # reading may give a tool its name
                new.append((tool, evidence, now))
                continue
            known = self._stored.tool(tool.slug)
            fingerprint = tool_fingerprint(known) if known else None
            check_known(self.name, f"tool {tool.slug}", fingerprint, tool_fingerprint(tool))
            check_known(self.name, f"evidence {tool.slug}", before, now)
            if self._stored.evidence(tool.slug) is None:
                new.append((tool, evidence, now))
        if new:
            await self.journal.put_tools(new)

    async def extend_evidence(self, tool: Tool, evidence: Evidence) -> None:
        """Store a tool's evidence with sources behind those that it has.

        Raises `RunError` where one of these is not what it was.
        """
        before = self.evidence(tool.slug)
        if before is None or evidence.gathered.passages != before.gathered.passages:
            raise RunError(f"run {self.name}: the evidence about {tool.name} is not what it was")
        await self.journal.put_tools([(tool, evidence, evidence_fingerprint(evidence))])

    def tools(self, slugs: Collection[str] | None = None) -> tuple[Tool, ...]:
        """Return the tools, or those of `slugs`, in the order they were added."""
        return self._stored.tools(slugs)

    def tool(self, slug: str) -> Tool | None:
        """Return a tool, None where there is none of that slug or its row is damaged."""
        return self._stored.tool(slug)

    def slugs(self) -> tuple[str, ...]:
        """Return the slugs of all tools in the order they were added."""
        return self._stored.slugs()

    def judged_tools(self) -> frozenset[str]:
        """Return the slugs of the tools whose verdict and evidence are stored and undamaged."""
        return self._stored.judged(checked=self._journal is not None)

    def finished_tools(self, again: Collection[MissingReason] = PASSING) -> frozenset[str]:
        """Return the slugs of the tools judged of which no review is missing for such a reason."""
        waiting = {slug for slug, missing in self._stored.all_missing() if missing.reason in again}
        return self.judged_tools() - waiting

    def evidence(self, slug: str) -> Evidence | None:
        """Return a tool's evidence, None where it was not gathered or is damaged."""
        return self._stored.evidence(slug)

    def reviews(self, slug: str) -> dict[tuple[str, int], Review]:
        """Return a tool's reviews by persona and sample."""
        return self._stored.reviews(slug)

    def missing(self, slug: str) -> dict[tuple[str, int], Missing]:
        """Return why reviews of a tool are missing, by persona and sample."""
        return self._stored.missing(slug)

    def card(self, slug: str) -> Scorecard | None:
        """Return a tool's scorecard, None where it has none or it is damaged."""
        return self._stored.card(slug)

    def cards(self) -> list[Scorecard]:
        """Return all scorecards in tool order."""
        return list(self._stored.cards())

    def each_card(self) -> Iterator[Scorecard]:
        """Yield the scorecards in tool order, one at a time."""
        return self._stored.cards()

    def each_verdict(self) -> Iterator[Scorecard]:
        """Yield the scorecards in tool order without their evidence, which is most of them."""
        return self._stored.verdicts()

    def stored_cards(self, slug: str | None = None) -> "StoredCards":
        """Return the scorecards, or one tool's, to be read one at a time while the run is open."""
        return StoredCards(self, slug)

    def has_files(self, folder: str) -> frozenset[str]:
        """Return the names, inside a folder of the run, of the files that this run wrote there."""
        return self._stored.files(folder)

    def usage(self, slug: str | None = None) -> RunUsage:
        """Return what the calls about one tool, or about all, took over all resumes."""
        return self._stored.usage(slug)

    async def save_review(self, slug: str, sample: int, review: Review) -> None:
        """Store a review; returns after its commit."""
        await self.journal.put_review(slug, sample, review)

    async def save_reviews(self, slug: str, reviews: Sequence[tuple[int, Review]]) -> None:
        """Store reviews of a tool with their samples; returns after their one commit."""
        if reviews:
            await self.journal.put_reviews(slug, reviews)

    async def save_missing(self, slug: str, sample: int, missing: Missing) -> None:
        """Store why a review is missing; returns after its commit."""
        await self.journal.put_missing(slug, sample, missing)

    async def save_scorecard(self, card: Scorecard) -> None:
        """Store a verdict; returns after its commit. The tool is finished then."""
        await self.journal.put_verdict(card)

    async def write_file(self, name: str, text: str) -> Path:
        """Write a file that people read, such as `scorecards/SLUG.md`, inside the run's folder.

        Replaces what this run wrote before, never anything else: that is a `RunError`.
        """
        return await self._write(name, [text])

    async def write_files(self, texts: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """Write several files as `write_file` does, in a thread that also makes their texts.

        `texts` returns names and texts. All names are noted in one commit before any is written.
        """
        files = await asyncio.to_thread(lambda: list(texts()))
        if new := [name for name, _ in files if not self._is_own(name)]:
            await self.journal.put_files(new)
        await asyncio.to_thread(self._write_all, files)

    def _write_all(self, files: Iterable[tuple[str, str]]) -> None:
        for name, text in files:
            write_atomic(self.path, name, [text])

    async def write_verdicts(self) -> Path:
        """Write `verdicts.jsonl`: the scorecards so far, one a line in the JSON contract."""
        return await self._write(VERDICTS, _lines(self.path / JOURNAL))

    async def finish(self, *, now: datetime | None = None) -> Manifest:
        """Write `verdicts.jsonl`, complete the manifest and close; the journal is then one file."""
        await self.write_verdicts()
        counts = ItemCounts.of(self.each_card())
        done = {"finished": now or datetime.now(UTC), "counts": counts, "tools": counts.tools}
        manifest = self.manifest.model_copy(update=done)
        await self._put_manifest(manifest)
        await self.journal.drop_meta(REPAIRED)
        self.close()
        return manifest

    async def reopen(self, *, fallbacks: Sequence[JudgeRecord]) -> None:
        """Note that the run goes on: until `finish` it counts as one that stopped early.

        `fallbacks` are those that it had and those that are asked now.
        """
        manifest = self.manifest
        update = {"finished": None, "fallbacks": tuple(fallbacks)}
        if manifest.finished is not None or manifest.fallbacks != update["fallbacks"]:
            await self._put_manifest(manifest.model_copy(update=update))

    async def check_rows(self) -> None:
        """Compare the rows of a long journal with their checksums, as far as `open` did not.

        Reads in a thread, which ends soon after this is cancelled. Raises `RunDamaged` where rows
        are not as they were written.
        """
        if not self._unchecked:
            return
        ended, journal = Event(), self.path / JOURNAL
        try:
            rows = await asyncio.to_thread(damaged_rows, journal, LATER, ended.is_set)
        except SQLITE_ERRORS as error:
            raise sqlite_error(error, journal) from error
        finally:
            ended.set()
        if rows:
            raise RunDamaged(named(journal, rows))
        self._unchecked = False

    def close(self) -> None:
        """Commit what is queued, close the journal and release the run; may be called twice."""
        self._stack.close()

    @classmethod
    def _open_for_reading(cls, path: Path) -> Self:
        stack = contextlib.ExitStack()
        stored = stack.enter_context(contextlib.closing(JournalReader(path / JOURNAL)))
        return cls(path, stored, stack, [])

    @classmethod
    def _open_for_writing(
        cls, path: Path, earlier: Sequence[Path], *, every_row: bool = True
    ) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(lock_run(path))
            sweep(path)
            is_long = not every_row and size(path / JOURNAL) >= _LONG
            notes = repair(path / JOURNAL, tables=FIRST if is_long else COLUMNS)
            if (path / JOURNAL).exists():
                JournalReader(
                    path / JOURNAL
                ).close()  # refuses another format before anything is written
            other_runs = [folder for folder in earlier if folder.resolve() != path.resolve()]
            journal = stack.enter_context(contextlib.closing(Journal(path / JOURNAL, other_runs)))
            run = cls(path, journal, stack.pop_all(), [*notes, *journal.notes])
            run._unchecked = is_long
            return run

    def _read_manifest(self) -> Manifest:
        path = self.path / MANIFEST
        # The journal's copy has a checksum, and is committed before the file is written.
        stored = self._stored.meta("manifest")
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            if stored is None:
                raise RunError(f"cannot read {path}: {error.strerror or error}") from error
            text = ""
        if stored is not None and stored != text:
            self.notes.append(f"{MANIFEST} is not what was stored; the journal's copy is used")
        manifest = read_manifest(stored or text, where=path)
        return manifest.model_copy(update={"run": self.path.name})

    async def _put_manifest(self, manifest: Manifest) -> None:
        text = manifest.text()
        await self.journal.put_meta("manifest", text)
        await asyncio.to_thread(write_atomic, self.path, MANIFEST, [text])
        self._manifest = manifest

    async def _write(self, name: str, chunks: Iterable[str]) -> Path:
        if not self._is_own(name):
            await self.journal.put_files([name])
        return await asyncio.to_thread(write_atomic, self.path, name, chunks)

    def _is_own(self, name: str) -> bool:
        path = inside(self.path, name)
        own = self._stored.has_file(name)
        reserved = path.parent == self.path and path.name.startswith((JOURNAL, MANIFEST, LOCK))
        if reserved or (os.path.lexists(path) and not own):
            raise RunError(f"{path} was not written by this run", hint="move it away and try again")
        return own

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class StoredCards(Iterable[Scorecard], Sized):
    """The scorecards of an open run in tool order: read anew, one at a time, at each iteration."""

    def __init__(self, run: Run, slug: str | None = None) -> None:
        """Use `Run.stored_cards` instead."""
        self._run = run
        self._slug = slug

    def __iter__(self) -> Iterator[Scorecard]:
        if self._slug is None:
            yield from self._run.each_card()
        elif card := self._run.card(self._slug):
            yield card

    def short(self) -> Iterator[Scorecard]:
        """Yield the scorecards without their evidence, which is most of them."""
        if self._slug is None:
            yield from self._run.each_verdict()
        else:
            yield from self

    def __len__(self) -> int:
        judged = self._run.judged_tools()
        return len(judged) if self._slug is None else int(self._slug in judged)


def _lines(path: Path) -> Iterator[str]:
    # A connection of its own: this runs in a thread.
    with contextlib.closing(JournalReader(path)) as stored:
        for card in stored.cards():
            yield card.model_dump_json(by_alias=True) + "\n"
