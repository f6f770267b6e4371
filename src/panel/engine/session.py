"""A session: one run with its provider open, from its start, rerun or resume to its end."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from panel.engine.after_repair import after_repair
from panel.engine.batch import review_all, tools_in_flight
from panel.engine.batch_jobs import answer_by_jobs, cancel_jobs, check_batch_api
from panel.engine.caps import CapGuard, CappedEndpoint, Spent, is_free
from panel.engine.card_files import CardFiles
from panel.engine.evidence_stream import EvidenceStream, PendingTools
from panel.engine.fallbacks import NamingRecorder, Stored, pacing_of
from panel.engine.from_manifest import (
    all_fallbacks,
    first_manifest,
    open_from_manifest,
    rerun_options,
)
from panel.engine.gather_evidence import gather_all, look_up_pages, stored_ahead
from panel.engine.open_panel import OpenedPanel, open_panel
from panel.engine.open_provider import earlier_runs
from panel.engine.options import Options
from panel.engine.remaining import find_remaining
from panel.engine.review_job import ReviewJob
from panel.engine.review_tool import stored_evidence
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import RunDamaged, RunError, RunStopped, ToolError
from panel.llm.calls import ChatClient
from panel.llm.config import ProviderConfig
from panel.llm.types import Endpoint, Recorder
from panel.report.run.html import report_file
from panel.reviews.events import LeftOut, Watch, ignore
from panel.reviews.evidence_changes import Reason
from panel.runs.folders import find_folder
from panel.runs.journal.repair import REPAIRED
from panel.runs.manifest import ItemCounts, Manifest, public
from panel.runs.metadata import (
    BatchJob,
    store_fallbacks,
    store_gathering,
    store_limits,
    store_panel,
    store_reasons,
    stored_canaries,
    stored_gathering,
    stored_jobs,
)
from panel.runs.pending import (
    ONCE_MORE,
    Again,
    check_all_read,
    drop_tools,
    expect_tools,
    lacking,
)
from panel.runs.run import Run

Reasons = Mapping[str, Sequence[Reason]]
NO_REASONS: Final[Reasons] = {}
LAST_ANSWERS = 0.5
"""Seconds to wait for answers under way when an error stops a run."""
PAID_ANSWERS = 60.0
"""The same when a cap stops it: the calls under way are paid for."""


class Session:
    """A run in work. An `async with` closes its provider and its journal."""

    def __init__(
        self,
        opened: OpenedPanel,
        run: Run,
        pending: PendingTools,
        *,
        options: Options,
    ) -> None:
        """Use `start`, `rerun` or `resume` instead.

        `options` say how addresses that are still to be read are read.
        """
        self.plan = plan = opened.plan
        self.run = run
        self._pending = pending
        # To add up the calls of a long run takes a while: done where a cap counts them.
        before = Spent(*run.stored.spent()) if options.caps.counts else Spent()
        self._guard = CapGuard(options.caps, before, self.stop)
        self._clients: dict[Endpoint, ChatClient] = {}
        self.calls = self._client(opened.endpoint, plan.judge)
        self.judges = {
            name: self._client(endpoint, plan.judges[name].config)
            for name, endpoint in opened.judges.items()
        }
        """Clients of the reviewers for which another model answers, by persona."""
        self.fallbacks = {
            fallback.config.provider: self._client(
                opened.fallbacks[fallback.config.provider], fallback.config
            )
            for fallback in plan.fallbacks
        }
        """Clients of those that are asked where one of these cannot answer, by provider."""
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

        The evidence about a single tool is gathered first. Of several tools the list is stored
        first, and their evidence is read while others are asked about, so that a stop loses
        nothing. Raises `InputError` before anything is written, `RunError` where the folder cannot
        be made.
        """
        if len(tools) == 1:
            (collected,) = (await gather_all(options, tools)).collected
            tool = collected.tool
            return await cls._begin(options, tool.slug, [tool], {tool.slug: collected.evidence})
        ahead = await asyncio.to_thread(stored_ahead, options, tools)
        evidence = {slug: collected.evidence for slug, collected in ahead.items()}
        listed = [ahead[tool.slug].tool if tool.slug in ahead else tool for tool in tools]
        session = await cls._begin(options, f"{len(tools)}-tools", listed, evidence)
        session._is_new = True
        return session

    @classmethod
    async def start_over(
        cls,
        options: Options,
        slug: str,
        tools: Sequence[tuple[Tool, Evidence]],
        *,
        parent: str | None = None,
        reasons: Reasons = NO_REASONS,
    ) -> Self:
        """Start a run over tools with their evidence; the run is named after `slug`.

        `parent` is the run whose verdicts it renews, `reasons` say why, by the tool's slug.
        """
        evidence = {tool.slug: evidence for tool, evidence in tools}
        listed = [tool for tool, _ in tools]
        return await cls._begin(options, slug, listed, evidence, parent=parent, reasons=reasons)

    @classmethod
    async def rerun(cls, options: Options, parent: Run, *, samples: int | None = None) -> Self:
        """Start a run over the evidence of `parent`, asked alike but for what the options say.

        `samples` is how often each persona is asked; None: as the options or `parent` say.
        """
        manifest = parent.manifest
        check_all_read(parent)
        options = rerun_options(options, manifest, samples=samples)
        evidence = {tool.slug: stored_evidence(parent, tool).offline for tool in parent.tools()}
        slug = manifest.run.split("-", 1)[-1].rpartition("-")[0] or "rerun"
        return await cls._begin(options, slug, parent.tools(), evidence, parent=parent.name)

    @classmethod
    async def resume(
        cls, options: Options, path: Path, *, again: Again = ONCE_MORE, every_row: bool = False
    ) -> Self:
        """Continue the run at `path`, asking `again` what is missing.

        The rows of a long journal are checked while `work` asks; with `every_row`, before.
        Raises `RunError`, with nothing changed on disk, where its questions have changed since.
        """
        manifest = find_remaining(path, again).manifest
        opened = await open_from_manifest(options, manifest)
        try:
            _check(opened, options)
            run = Run.open(path, write=True, every_row=every_row)
        except BaseException:
            await opened.close()
            raise
        try:
            current = first_manifest(options, opened, manifest.tools, manifest.parent)
            await run.reopen(fallbacks=all_fallbacks(manifest, current))
            await store_fallbacks(run, opened.plan)
            left_out: tuple[str, ...] = ()
            if run.stored.meta(REPAIRED) is not None:
                doubted, left_out = await after_repair(run, opened.plan)
                again = replace(again, doubted=doubted)
        except BaseException:
            run.close()
            await opened.close()
            raise
        finished = run.finished_tools(again.reasons) - {slug for slug, _ in again.doubted}
        # Older runs stored what is in files first: what is left is to be fetched.
        fetches = stored_gathering(run) != "local"
        tools = run.stored.each_tool(but=finished)
        pending = PendingTools.of(tools, replace(options, fetch=fetches))
        session = cls(opened, run, pending, options=options)
        session.again, session.left_out = again, left_out
        return session

    @classmethod
    async def _begin(
        cls,
        options: Options,
        slug: str,
        tools: Sequence[Tool],
        evidence: Mapping[str, Evidence],
        *,
        parent: str | None = None,
        reasons: Reasons = NO_REASONS,
    ) -> Self:
        options = replace(options, tools=len(tools))
        opened = await open_panel(options)
        try:
            _check(opened, options)
            manifest = first_manifest(options, opened, len(tools), parent)
            earlier = earlier_runs(options, opened.plan)
            run = await Run.create(options.settings.runs, slug, manifest, earlier=earlier)
        except BaseException:
            await opened.close()
            raise
        try:
            await store_panel(run, opened.plan)
            if reasons:
                await store_reasons(run, reasons)
            if len(evidence) < len(tools):
                await store_gathering(run, "fetch" if options.fetch else "local")
                await expect_tools(run, tools)
            await run.add_tools([(t, evidence[t.slug]) for t in tools if t.slug in evidence])
        except BaseException:
            # A run without its tools could never be resumed: an incomplete folder is removed.
            run.close()
            shutil.rmtree(run.path, ignore_errors=True)
            await opened.close()
            raise
        pending = PendingTools.of(((tool, tool.slug in evidence) for tool in tools), options)
        return cls(opened, run, pending, options=options)

    @property
    def total(self) -> int:
        """How many tools this work is about."""
        return min(len(self._pending), self._options.limit or len(self._pending))

    async def work(self, *, watch: Watch = ignore) -> Manifest:
        """Review the pending tools and finish the run; return its manifest with the counts.

        A tool about which nothing can be read is left out. Raises `ToolError` where no tool is
        left; the folder of a new run is then removed. Raises `RunStopped` with the command that
        continues this run as its hint; it is `RunDamaged` where the rows of a long journal turn out
        not to be as they were written, and what was asked until then is kept.
        """
        with self._named_hint(), self._guard.timed():
            try:
                return await self._work(watch)
            except RunDamaged:
                await self.drain(PAID_ANSWERS)
                raise
            except RunStopped:
                if self._guard.reached is None:
                    raise
                await self.drain(PAID_ANSWERS)
                raise self._guard.reached from None

    @property
    def go_on(self) -> str:
        """The command that continues the run after a stop."""
        if command := self._starts_over:
            return f"the same `panel {command}` again: nothing that was answered is asked twice"
        return f"panel resume {self.run.name}"

    @property
    def _starts_over(self) -> str:
        """The command that is given once more to go on, since it also reports; "" of others."""
        if self.plan.calibrates:
            return "calibrate"
        if not self.plan.backtest or self.run.manifest.parent:
            return ""
        return "fit" if "fit" in self._options.command[1:2] else "backtest"

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
        files = CardFiles(self.run, self._options.scorecards)
        await files.store_choice()
        try:
            async with self._checked_meanwhile():
                await self._review(replace(self._job(watch), write_card=files.write), watch)
        finally:
            with contextlib.suppress(RunError):
                await store_limits(self.run, self._found_limits())
        await files.write_missing()
        self.caution = stored_canaries(self.run).caution
        again = self.go_on if self._starts_over else None
        self.lacks = lacking(self.run).lines(self.run.name, again=again)
        if len(self.run.slugs()) > 1 and not self.plan.calibrates:
            await self.run.write_files(partial(report_file, self.run.path))
        if not (held_back := len(self._pending) - self.total):
            return await self.run.finish()
        many = "1 tool is" if held_back == 1 else f"{held_back:,} tools are"
        self.lacks.append(f"{many} left: {self.go_on}")
        await self.run.write_verdicts()
        counts = ItemCounts.of(self.run.each_verdict())
        self.run.close()
        return self.run.manifest.model_copy(update={"counts": counts})

    @contextlib.asynccontextmanager
    async def _checked_meanwhile(self) -> AsyncIterator[None]:
        """Check the rows of a long journal while the body asks; damage comes before its errors."""

        def ended(check: "asyncio.Task[None]") -> None:
            if not check.cancelled() and check.exception():
                self.stop()

        check = asyncio.create_task(self.run.check_rows())
        check.add_done_callback(ended)
        try:
            yield
        except Exception:
            await check
            raise
        else:
            await check
        finally:
            check.cancel()

    async def _review(self, job: ReviewJob, watch: Watch) -> None:
        """Review the pending tools as their evidence is read; drop those that cannot be read."""
        failed: dict[str, ToolError] = {}

        def leave_out(tool: Tool, error: ToolError) -> None:
            failed[tool.slug] = error
            watch(LeftOut(error.message))

        def stream(pending: PendingTools) -> EvidenceStream:
            ahead = tools_in_flight(self.plan)
            return EvidenceStream(
                self.run, pending, self._options, ahead=ahead, leave_out=leave_out
            )

        pending = self._pending.first(self._options.limit)
        if self._options.engine == "batch-api" or stored_jobs(self.run):
            read = await stream(pending).read_all()
            begin = self._options.engine == "batch-api"
            await answer_by_jobs(job, read, begin=begin)
            await review_all(job, read, stream(PendingTools(slugs=read, stored=read)))
        else:
            await review_all(job, pending.slugs, stream(pending))
        if not failed:
            return
        in_order = [slug for slug in pending.slugs if slug in failed]
        if len(failed) == len(self.run.slugs()):
            if self._is_new:
                self.run.close()
                shutil.rmtree(self.run.path, ignore_errors=True)
            raise failed[in_order[0]]
        await drop_tools(self.run, failed)
        self.left_out += tuple(failed[slug].message for slug in in_order)

    def _job(self, watch: Watch) -> ReviewJob:
        options, replays = self._options, self.plan.judge.kind == "replay"
        return ReviewJob(
            self.plan,
            self.calls,
            self.run,
            self.support,
            self.judges,
            self.fallbacks,
            watch=watch,
            again=self.again,
            look_up=None if options.offline or replays else partial(look_up_pages, options),
            replayed=self._replayed if replays and self.plan.fallbacks else None,
        )

    def _replayed(self, slug: str) -> Stored:
        """Return the answers about a tool of the run that this one replays."""
        with Run.open(find_folder(self._options.settings.runs, self.plan.judge.run)) as run:
            return {**run.missing(slug), **run.reviews(slug)}

    @property
    def jobs_under_way(self) -> tuple[BatchJob, ...]:
        """Batch jobs that go on at a provider when this session ends."""
        jobs = stored_jobs(self.run)
        return jobs.waiting if jobs else ()

    async def cancel_jobs(self, *, watch: Watch = ignore) -> list[str]:
        """End the run's batch jobs, keep what they answered, and return a line on each.

        Raises `RunStopped` where a provider does not end its job.
        """
        with self._named_hint():
            return await cancel_jobs(self._job(watch), self._pending.slugs)

    def _found_limits(self) -> dict[str, int]:
        found = {calls.config.provider: calls.found_limit for calls in self._clients.values()}
        return {public(provider): limit for provider, limit in found.items() if limit}

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
            capped = CappedEndpoint(endpoint, self._guard, free=is_free(config))
            recorder: Recorder = self.run.journal
            if config.provider in (f.config.provider for f in self.plan.fallbacks):
                recorder = NamingRecorder(recorder, config.provider)
            pacing = pacing_of(self.plan, config)
            self._clients[endpoint] = ChatClient(capped, config, recorder, pacing=pacing)
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


def _check(opened: OpenedPanel, options: Options) -> None:
    """Raise `InputError` where a cap cannot be held, or the engine is not for this panel."""
    plan = opened.plan
    if options.engine == "batch-api":
        check_batch_api(plan, options.caps)
    judges = [plan.of(persona.name).judge for persona in plan.personas]
    judges += [fallback.config for fallback in plan.fallbacks]
    options.caps.check_prices([*judges, *([plan.support] if plan.support else [])])
