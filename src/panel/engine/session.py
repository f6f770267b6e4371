"""A session: one run with its provider open.

Started anew, over another run's evidence, or resumed; worked; closed.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from panel.engine.after_repair import after_repair
from panel.engine.batch import review_all
from panel.engine.from_manifest import first_manifest, open_from_manifest
from panel.engine.gather_evidence import fetch_evidence, gather_all, local_evidence
from panel.engine.open_panel import earlier_runs, open_panel, open_support
from panel.engine.options import Options
from panel.engine.remaining import find_remaining
from panel.engine.review_tool import Panel, stored_evidence
from panel.evidence.collect import Collected
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import RunError, RunStopped
from panel.llm.calls import ChatClient
from panel.llm.types import Endpoint
from panel.report import formats
from panel.review.events import Watch, ignore
from panel.review.verdict.scorecard import Scorecard
from panel.runs.expected import drop_tools, expect_tools, pending_tools
from panel.runs.journal.repair import MENDED
from panel.runs.metadata import store_panel, stored_canaries
from panel.runs.pending import ONCE_MORE, Again, lacking
from panel.runs.run import Run

KEPT_FORMATS = ("markdown", "html", "json")
"""Formats in which every scorecard is kept in the run's folder."""


LAST_ANSWERS = 0.5
"""Seconds that answers under way are waited for when a run stops by an error."""


class Session:
    """A run being worked on. Use it in an `async with`; leaving it closes provider and journal."""

    def __init__(
        self,
        panel: Panel,
        endpoint: Endpoint,
        run: Run,
        tools: Sequence[Tool],
        *,
        other: Endpoint | None = None,
        options: Options | None = None,
    ) -> None:
        """Use `start`, `rerun` or `resume` instead.

        `other` checks support; `options` say how addresses that are still to be read are read.
        """
        self.panel = panel
        self.run = run
        self.tools = tuple(tools)
        self.calls = ChatClient(endpoint, panel.target, run.journal)
        self.support = self.calls if panel.support else None
        if other is not None and panel.support is not None:
            self.support = ChatClient(other, panel.support, run.journal)
        self.left_out: tuple[str, ...] = ()
        """Tools about which nothing could be read, one line each with the reason."""
        self.again = ONCE_MORE
        """What is asked again of a run that is gone on with."""
        self._options = options
        self.lacks: list[str] = []
        """What the finished run lacks, one line each with the command that asks it."""
        self._is_new = False
        self.caution: str | None = None
        """What the finished run says of its judge where that obeyed hidden orders."""
        self._endpoints = [endpoint, other] if other is not None else [endpoint]

    @classmethod
    async def start(cls, options: Options, tools: Sequence[Tool]) -> Self:
        """Start a run over `tools`.

        The evidence about a single tool is read first. Of several tools what is at hand is read
        first, and addresses by `gather`, so that what was read is kept when the run stops.
        Raises `InputError` before anything is written, `RunError` where the folder cannot be made.
        """
        if len(tools) == 1:
            (one,) = (await gather_all(options, tools)).found
            return await cls._begin(
                options, one.tool.slug, [one.tool], {one.tool.slug: one.evidence}
            )
        known = local_evidence(options, tools)
        evidence = {slug: one.evidence for slug, one in known.items()}
        listed = [known[tool.slug].tool if tool.slug in known else tool for tool in tools]
        session = await cls._begin(options, f"{len(tools)}-tools", listed, evidence)
        session._is_new = True
        return session

    @classmethod
    async def start_over(
        cls, options: Options, slug: str, found: Sequence[tuple[Tool, Evidence]]
    ) -> Self:
        """Start a run over evidence that is at hand already; the run is named after `slug`."""
        evidence = {tool.slug: each for tool, each in found}
        return await cls._begin(options, slug, [tool for tool, _ in found], evidence)

    @classmethod
    async def rerun(cls, options: Options, parent: Run) -> Self:
        """Start a run over the evidence of `parent`, asked as it was unless said otherwise."""
        told = parent.manifest
        if pending_tools(parent):
            raise RunError(
                f"run {parent.name} has not read all its evidence yet",
                hint=f"panel resume {parent.name}",
            )
        options = replace(
            options,
            personas=options.personas or tuple(told.personas),
            context=options.context if options.context is not None else told.context,
            samples=max(options.samples, told.samples),
            check_support=options.check_support or told.support is not None,
        )
        evidence = {tool.slug: stored_evidence(parent, tool) for tool in parent.tools()}
        slug = told.run.split("-", 1)[-1].rpartition("-")[0] or "rerun"
        return await cls._begin(options, slug, parent.tools(), evidence, parent=parent)

    @classmethod
    async def resume(cls, options: Options, path: Path, *, again: Again = ONCE_MORE) -> Self:
        """Go on with the run at `path`, asking `again` what was missing.

        Refuses, with nothing changed on disk, when what it asks has changed since.
        """
        left = find_remaining(path, again)
        opened = await open_from_manifest(options, left.manifest)
        try:
            run = Run.open(path, write=True)
        except BaseException:
            await opened.close()
            raise
        try:
            await run.reopen()
            left_out: tuple[str, ...] = ()
            if run.stored.meta(MENDED) is not None:
                doubted, left_out = await after_repair(run, opened.panel)
                again = replace(again, doubted=doubted)
        except BaseException:
            run.close()
            await opened.close()
            raise
        session = cls(
            opened.panel, opened.endpoint, run, (), other=opened.other, options=opened.options
        )
        session.again, session.left_out = again, left_out
        session.tools = session._pending()
        return session

    @classmethod
    async def _begin(
        cls,
        options: Options,
        slug: str,
        tools: Sequence[Tool],
        evidence: Mapping[str, Evidence],
        parent: Run | None = None,
    ) -> Self:
        panel, endpoint = await open_panel(options)
        opened = [endpoint]
        try:
            panel, other = await open_support(options, panel)
            opened += [other] if other else []
            manifest = first_manifest(options, panel, len(tools), parent.name if parent else None)
            earlier = earlier_runs(options, panel.target)
            run = await Run.create(options.settings.runs, slug, manifest, earlier=earlier)
        except BaseException:
            for each in opened:
                await each.close()
            raise
        try:
            await store_panel(run, panel.personas, panel.calibration)
            if len(evidence) < len(tools):
                await expect_tools(run, tools)
            await run.add_tools([(t, evidence[t.slug]) for t in tools if t.slug in evidence])
        except BaseException:
            # A run without its tools could never be resumed: nothing half-written stays.
            run.close()
            shutil.rmtree(run.path, ignore_errors=True)
            for each in opened:
                await each.close()
            raise
        return cls(panel, endpoint, run, tools, other=other, options=options)

    async def gather(self) -> None:
        """Read the addresses that are still to be read; each tool is kept as it arrives.

        A tool about which nothing can be read is left out. Raises `ToolError` where that leaves
        none; a run that was started for them is then taken back.
        """
        wanted = pending_tools(self.run)
        if not wanted or self._options is None:
            return

        async def keep(found: Collected) -> None:
            await self.run.add_tools([(found.tool, found.evidence)])

        with self._naming():
            failed = await fetch_evidence(self._options, wanted, keep)
        if len(failed) == len(self.run.tools()):
            if self._is_new:
                self.run.close()
                shutil.rmtree(self.run.path, ignore_errors=True)
            raise next(iter(failed.values()))
        await drop_tools(self.run, failed)
        self.left_out += tuple(error.message for error in failed.values())
        self.tools = self._pending()

    def _pending(self) -> tuple[Tool, ...]:
        """Return the tools that are not finished, or of which a review is to be asked again."""
        finished = self.run.finished_tools(self.again.reasons)
        doubted = {slug for slug, _ in self.again.doubted}
        return tuple(t for t in self.run.tools() if t.slug not in finished - doubted)

    async def work(self, *, watch: Watch = ignore) -> list[Scorecard]:
        """Review what is left and finish the run; returns all its scorecards in tool order.

        Raises `RunStopped`, which then says how to go on with this run.
        """
        with self._naming():
            await self.gather()
            return await self._work(watch)

    @property
    def go_on(self) -> str:
        """What to type to go on with the run after a stop."""
        if self.panel.calibrates:
            return "the same `panel calibrate` again: nothing that was answered is asked twice"
        return f"panel resume {self.run.name}"

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except RunStopped as error:
            # Whoever stopped it may not know the run's name.
            hint = (error.hint or "").replace("panel resume RUN", self.go_on)
            if self.go_on not in hint:
                hint = f"{hint}; then: {self.go_on}" if hint else self.go_on
            error.hint = hint
            raise

    async def _work(self, watch: Watch) -> list[Scorecard]:
        await review_all(
            self.panel,
            self.calls,
            self.run,
            self.tools,
            support=self.support,
            watch=watch,
            again=self.again,
        )
        cards = self.run.cards()
        for card in cards:
            for name in KEPT_FORMATS:
                form = formats.load(name)
                path = f"scorecards/{card.tool.slug}{form.SUFFIX}"
                await self.run.write_file(path, form.render([card]))
        self.caution = stored_canaries(self.run).caution
        again = self.go_on if self.panel.calibrates else None
        self.lacks = lacking(self.run).lines(self.run.name, again=again)
        await self.run.finish()
        return cards

    def stop(self) -> None:
        """Begin no more requests; those under way go on and are kept."""
        for calls in self._asking():
            calls.stop()

    async def drain(self, seconds: float) -> None:
        """Wait up to so many seconds for requests under way, then give up those that are left."""
        await asyncio.gather(*(calls.drain(seconds) for calls in self._asking()))

    def _asking(self) -> list[ChatClient]:
        other = self.support if self.support is not self.calls else None
        return [self.calls, other] if other else [self.calls]

    async def __aenter__(self) -> Self:
        """Enter; the session is open already."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the provider and the journal, keeping answers that are just arriving."""
        if error is not None:
            await self.drain(LAST_ANSWERS)
        for endpoint in self._endpoints:
            await endpoint.close()
        self.run.close()
