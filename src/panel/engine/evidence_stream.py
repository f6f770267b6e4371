"""The evidence of a run's tools as a stream: read and stored while earlier tools are asked about.

A tool is handed on once its evidence is on disk, so that a stop at any point leaves a run that
knows what is still to be read. Files are examined in this process, and in child processes where
there are many; addresses are read beside that.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Self

from panel.engine.gather_evidence import fetch_each, is_fetched, own_evidence
from panel.engine.options import Options
from panel.evidence.collect import Collected
from panel.evidence.examiner import Examiner, ExaminerGone
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError
from panel.runs.run import Run

MANY: Final = 32
"""Tools to examine from which child processes are started: each takes half a second of a core."""
CHILDREN: Final = 4
"""Child processes at most; with fewer cores there are fewer."""


@dataclass(frozen=True)
class PendingTools:
    """The slugs of the tools that are still to be reviewed, by where their evidence is."""

    slugs: tuple[str, ...] = ()
    """All of them, in the order of the list."""
    stored: tuple[str, ...] = ()
    """In the run already."""
    local: tuple[str, ...] = ()
    """In files, or it is the tool's description."""
    remote: tuple[str, ...] = ()
    """At the tool's address."""
    held: Mapping[str, Tool] = field(default_factory=dict)
    """Tools with texts of a program, which no run stores until they are examined."""

    @classmethod
    def of(cls, tools: Iterable[tuple[Tool, bool]], options: Options) -> Self:
        """Sort tools; each comes with whether its evidence is stored."""
        slugs: list[str] = []
        stored: list[str] = []
        local: list[str] = []
        remote: list[str] = []
        held = {}
        for tool, is_stored in tools:
            kind = stored if is_stored else remote if is_fetched(tool, options) else local
            kind.append(tool.slug)
            slugs.append(tool.slug)
            if tool.documents and not is_stored:
                held[tool.slug] = tool
        return cls(tuple(slugs), tuple(stored), tuple(local), tuple(remote), held)

    def first(self, count: int | None) -> Self:
        """Return the first so many; all where `count` is None."""
        if count is None or count >= len(self):
            return self
        slugs = set(self.slugs[:count])
        kinds = (self.stored, self.local, self.remote)
        kept = (tuple(slug for slug in kind if slug in slugs) for kind in kinds)
        stored, local, remote = kept
        return replace(self, slugs=self.slugs[:count], stored=stored, local=local, remote=remote)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.slugs)


class EvidenceStream:
    """Yields the tools of a run whose evidence is stored, each once; `fill` makes it so."""

    def __init__(
        self,
        run: Run,
        pending: PendingTools,
        options: Options,
        *,
        ahead: int,
        leave_out: Callable[[Tool, ToolError], None],
    ) -> None:
        """Begin with nothing read.

        Args:
            run: Where the evidence is stored.
            pending: The tools.
            options: How addresses are read.
            ahead: Tools that are ready at most.
            leave_out: Hears of tools that cannot be read.
        """
        self._run = run
        self._pending = pending
        self._options = options
        self._leave_out = leave_out
        self._ready: asyncio.Queue[Tool | None] = asyncio.Queue(max(1, ahead))
        self._local = self._tools(pending.local)
        self._children_answer = False

    async def fill(self) -> None:
        """Read, examine and store until every tool is handed on; raises what storing raises."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hand_on_stored())
            if self._pending.local:
                group.create_task(self._examine_here())
            for _ in range(children(len(self._pending.local))):
                group.create_task(self._examine_in_child())
            if self._pending.remote:
                group.create_task(self._fetch())
        await self._ready.put(None)

    async def each(self) -> AsyncGenerator[Tool, None]:
        """Yield tools until all are handed on; any number of readers may share them."""
        while (tool := await self._ready.get()) is not None:
            yield tool
        await self._ready.put(None)

    async def read_all(self) -> tuple[str, ...]:
        """Read and store the evidence of all tools; return the slugs of those that have some."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.fill())
                slugs = {tool.slug async for tool in self.each()}
        except BaseExceptionGroup as errors:
            raise first_error(errors) from None
        return tuple(slug for slug in self._pending.slugs if slug in slugs)

    def _tools(self, slugs: Iterable[str]) -> Iterator[Tool]:
        for slug in slugs:
            if tool := self._pending.held.get(slug) or self._run.tool(slug):
                yield tool

    async def _hand_on_stored(self) -> None:
        for tool in self._tools(self._pending.stored):
            await self._ready.put(tool)

    async def _examine_here(self) -> None:
        """Examine in a thread, until child processes have begun to answer."""
        for tool in self._local:
            await self._examined(tool)
            if self._children_answer:
                return

    async def _examine_in_child(self) -> None:
        async with Examiner() as examiner:
            for tool in self._local:
                self._note_changes(tool)
                try:
                    collected = Collected(*await examiner.examine(tool))
                except ToolError as error:
                    self._leave_out(tool, error)
                except ExaminerGone:
                    await self._examined(tool)  # here: a child that was killed loses no tool
                else:
                    self._children_answer = True
                    await self._store(collected)

    async def _examined(self, tool: Tool) -> None:
        self._note_changes(tool)
        try:
            collected = await asyncio.to_thread(own_evidence, tool, datetime.now(UTC))
        except ToolError as error:
            self._leave_out(tool, error)
        else:
            await self._store(collected)

    async def _fetch(self) -> None:
        async with aclosing(
            fetch_each(self._options, self._tools(self._pending.remote))
        ) as fetched:
            async for tool, outcome in fetched:
                if isinstance(outcome, ToolError):
                    self._leave_out(tool, outcome)
                else:
                    await self._store(outcome)

    async def _store(self, collected: Collected) -> None:
        await self._run.add_tools([(collected.tool, collected.evidence)])
        await self._ready.put(collected.tool)

    def _note_changes(self, tool: Tool) -> None:
        """Say which files have changed since the run began: they are read as they are now."""
        begun = self._run.manifest.created.timestamp()
        for path in tool.evidence:
            try:
                changed = path.stat().st_mtime > begun
            except OSError:
                continue  # reading it says so
            if changed:
                self._options.on_read(f"{tool.name}: {path.name} changed since the run began")


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of nested groups: one reason stops every task."""
    error = errors.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error


def children(tools: int) -> int:
    """Return how many child processes examine so many tools."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(CHILDREN, max(1, (cores or 1) - 1)) if tools >= MANY else 0
