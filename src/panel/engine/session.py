"""A session: one run with its provider open, from its start, rerun or resume to its end."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from panel.engine.after_repair import after_repair
from panel.engine.batch import review_all
from panel.engine.card_files import CardFiles
from panel.engine.from_manifest import first_manifest, open_from_manifest, rerun_options
from panel.engine.gather_evidence import (
    fetch_evidence,
    gather_all,
    local_evidence,
    look_up_pages,
)
from panel.engine.open_panel import OpenedPanel, open_panel
from panel.engine.open_provider import earlier_runs
from panel.engine.options import Options
from panel.engine.remaining import find_remaining
from panel.engine.review_tool import ReviewJob, stored_evidence
from panel.evidence.collect import Collected
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import RunError, RunStopped
from panel.llm.calls import ChatClient
from panel.llm.config import ProviderConfig
from panel.llm.types import Endpoint
from panel.report.run.html import report_file
from panel.reviews.choices import inherited_choices
from panel.reviews.events import Watch, ignore
from panel.runs.journal.repair import REPAIRED
from panel.runs.manifest import Manifest
from panel.runs.metadata import store_panel, stored_canaries
from panel.runs.pending import (
    ONCE_MORE,
    Again,
    drop_tools,
    expect_tools,
    lacking,
    pending_tools,
)
from panel.runs.run import Run

LAST_ANSWERS = 0.5
"""Seconds to wait for answers under way when an error stops a run."""


class Session:
    """A run in work. An `async with` closes its provider and its journal."""

    def __init__(
        self,
        opened: OpenedPanel,
        run: Run,
        tools: Sequence[Tool],
        *,
        options: Options,
    ) -> None:
        """Use `start`, `rerun` or `resume` instead.

        `options` say how addresses that are still to be read are read.
        """
        self.plan = plan = opened.plan
        self.run = run
        self.tools = tuple(tools)
        self._clients: dict[Endpoint, ChatClient] = {}
        self.calls = self._client(opened.endpoint, plan.judge)
        self.judges = {
            name: self._client(endpoint, plan.judges[name].config)
            for name, endpoint in opened.judges.items()
        }
        """Clients of the reviewers for which another model answers, by persona."""
        self.support = self.calls if plan.support else None
        if opened.support_endpoint is not None and plan.support is not None:
            self.support = self._client(opened.support_endpoint, plan.support)
        self.left_out: tuple[str, ...] = ()
        """Tools about which nothing could be read, one line each with the reason."""
        self.again = ONCE_MORE
        """Which missing reviews of a resumed run are asked again."""
        self._options = options
        self.lacks: list[str] = []
        """Reviews missing from the finished run, in lines with the command that asks them."""
        self._is_new = False
        self.caution: str | None = None
        """The finished run's warning about its judge, where that obeyed a canary."""
        self._opened = opened

    @classmethod
    async def start(cls, options: Options, tools: Sequence[Tool]) -> Self:
        """Start a run over `tools`.

        The evidence about a single tool is gathered first. Of several tools local evidence is
        gathered first and addresses are read by `gather`, so that a stop loses nothing.
        Raises `InputError` before anything is written, `RunError` where the folder cannot be made.
        """
        if len(tools) == 1:
            (collected,) = (await gather_all(options, tools)).collected
            tool = collected.tool
            return await cls._begin(options, tool.slug, [tool], {tool.slug: collected.evidence})
        local = local_evidence(options, tools)
        evidence = {slug: collected.evidence for slug, collected in local.items()}
        listed = [local[tool.slug].tool if tool.slug in local else tool for tool in tools]
        session = await cls._begin(options, f"{len(tools)}-tools", listed, evidence)
        session._is_new = True
        return session

    @classmethod
    async def start_over(
        cls, options: Options, slug: str, tools: Sequence[tuple[Tool, Evidence]]
    ) -> Self:
        """Start a run over tools with their evidence; the run is named after `slug`."""
        evidence_by_slug = {tool.slug: evidence for tool, evidence in tools}
        return await cls._begin(options, slug, [tool for tool, _ in tools], evidence_by_slug)

    @classmethod
    async def rerun(cls, options: Options, parent: Run, *, samples: int | None = None) -> Self:
        """Start a run over the evidence of `parent`, asked alike but for what the options say.

        `samples` is how often each persona is asked; None: as the options or `parent` say.
        """
        manifest = parent.manifest
        if pending_tools(parent):
            raise RunError(
                f"run {parent.name} has not read all its evidence yet",
                hint=f"panel resume {parent.name}",
            )
        choices = inherited_choices(options, manifest)
        if samples is not None:
            choices["samples"] = samples
        options = replace(
            rerun_options(options, manifest),
            personas=options.personas or tuple(manifest.personas),
            check_support=options.check_support or manifest.support is not None,
            **choices,
        )
        evidence = {tool.slug: stored_evidence(parent, tool).offline for tool in parent.tools()}
        slug = manifest.run.split("-", 1)[-1].rpartition("-")[0] or "rerun"
        return await cls._begin(options, slug, parent.tools(), evidence, parent=parent)

    @classmethod
    async def resume(cls, options: Options, path: Path, *, again: Again = ONCE_MORE) -> Self:
        """Continue the run at `path`, asking `again` what is missing.

        Raises `RunError`, with nothing changed on disk, where its questions have changed since.
        """
        manifest = find_remaining(path, again).manifest
        opened = await open_from_manifest(options, manifest)
        try:
            run = Run.open(path, write=True)
        except BaseException:
            await opened.close()
            raise
        try:
            await run.reopen()
            left_out: tuple[str, ...] = ()
            if run.stored.meta(REPAIRED) is not None:
                doubted, left_out = await after_repair(run, opened.plan)
                again = replace(again, doubted=doubted)
        except BaseException:
            run.close()
            await opened.close()
            raise
        session = cls(opened, run, (), options=options)
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
        options = replace(options, tools=len(tools))
        opened = await open_panel(options)
        try:
            manifest = first_manifest(options, opened, len(tools), parent.name if parent else None)
            earlier = earlier_runs(options, opened.plan)
            run = await Run.create(options.settings.runs, slug, manifest, earlier=earlier)
        except BaseException:
            await opened.close()
            raise
        try:
            await store_panel(run, opened.plan)
            if len(evidence) < len(tools):
                await expect_tools(run, tools)
            await run.add_tools([(t, evidence[t.slug]) for t in tools if t.slug in evidence])
        except BaseException:
            # A run without its tools could never be resumed: an incomplete folder is removed.
            run.close()
            shutil.rmtree(run.path, ignore_errors=True)
            await opened.close()
            raise
        return cls(opened, run, tools, options=options)

    async def gather(self) -> None:
        """Read the addresses that are still to be read; each tool is stored as it arrives.

        A tool about which nothing can be read is left out. Raises `ToolError` where no tool is
        left; the folder of a new run is then removed.
        """
        pending = pending_tools(self.run)
        if not pending:
            return

        async def store(collected: Collected) -> None:
            await self.run.add_tools([(collected.tool, collected.evidence)])

        with self._named_hint():
            failed = await fetch_evidence(self._options, pending, store)
        if len(failed) == len(self.run.tools()):
            if self._is_new:
                self.run.close()
                shutil.rmtree(self.run.path, ignore_errors=True)
            raise next(iter(failed.values()))
        await drop_tools(self.run, failed)
        self.left_out += tuple(error.message for error in failed.values())
        self.tools = self._pending()

    def _pending(self) -> tuple[Tool, ...]:
        """Return the tools that are not finished or have a review that is asked again."""
        finished = self.run.finished_tools(self.again.reasons)
        done = finished - {slug for slug, _ in self.again.doubted}
        left = frozenset(self.run.stored.slugs()) - done
        return self.run.tools(left) if left else ()

    async def work(self, *, watch: Watch = ignore) -> Manifest:
        """Review the pending tools and finish the run; return its manifest with the counts.

        The scorecards are in the run's folder. Raises `RunStopped` with the command that continues
        this run as its hint.
        """
        with self._named_hint():
            await self.gather()
            return await self._work(watch)

    @property
    def go_on(self) -> str:
        """The command that continues the run after a stop."""
        if self.plan.calibrates:
            return "the same `panel calibrate` again: nothing that was answered is asked twice"
        return f"panel resume {self.run.name}"

    @contextlib.contextmanager
    def _named_hint(self) -> Iterator[None]:
        try:
            yield
        except RunStopped as error:
            # The code that stopped the run may not know its name.
            hint = (error.hint or "").replace("panel resume RUN", self.go_on)
            if self.go_on not in hint:
                hint = f"{hint}; then: {self.go_on}" if hint else self.go_on
            error.hint = hint
            raise

    async def _work(self, watch: Watch) -> Manifest:
        options, replays = self._options, self.plan.judge.kind == "replay"
        files = CardFiles(self.run, options.scorecards)
        await files.store_choice()
        job = ReviewJob(
            self.plan,
            self.calls,
            self.run,
            self.support,
            self.judges,
            watch=watch,
            again=self.again,
            look_up=None if options.offline or replays else partial(look_up_pages, options),
            write_card=files.write,
        )
        await review_all(job, self.tools)
        await files.write_missing()
        self.caution = stored_canaries(self.run).caution
        again = self.go_on if self.plan.calibrates else None
        self.lacks = lacking(self.run).lines(self.run.name, again=again)
        if len(self.run.stored.slugs()) > 1 and not self.plan.calibrates:
            await self.run.write_files(partial(report_file, self.run.path))
        return await self.run.finish()

    def stop(self) -> None:
        """Begin no more requests; those under way continue and are stored."""
        for calls in self._clients.values():
            calls.stop()

    async def drain(self, seconds: float) -> None:
        """Wait up to so many seconds for requests under way, then cancel the rest."""
        await asyncio.gather(*(calls.drain(seconds) for calls in self._clients.values()))

    def _client(self, endpoint: Endpoint, config: ProviderConfig) -> ChatClient:
        """Return the client of an endpoint: one for all who ask it, who share its limits."""
        if endpoint not in self._clients:
            self._clients[endpoint] = ChatClient(endpoint, config, self.run.journal)
        return self._clients[endpoint]

    async def __aenter__(self) -> Self:
        """Enter; the session is open already."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the provider and the journal; answers that are arriving are stored first."""
        if error is not None:
            await self.drain(LAST_ANSWERS)
        await self._opened.close()
        self.run.close()
