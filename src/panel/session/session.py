"""A session: one run with its provider open.

Started anew, over another run's evidence, or resumed; worked; closed.
"""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from panel.batch import review_all
from panel.calls import Calls
from panel.engine import Panel, stored_evidence
from panel.errors import RunError
from panel.events import Watch, ignore
from panel.evidence.source import Evidence
from panel.local.engine import engine_version
from panel.prompts import template_texts
from panel.providers.message import Endpoint
from panel.render import formats
from panel.reviews.whole import schema_of
from panel.runs.kept import keep_panel, kept_canaries
from panel.runs.manifest import Manifest, new_manifest
from panel.runs.meaning import check_same
from panel.runs.store import Run
from panel.session.opening import earlier_runs, open_panel, open_support
from panel.session.options import Options
from panel.session.sourcing import source
from panel.tools.tool import Tool
from panel.verdict.scorecard import Scorecard

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
    ) -> None:
        """Use `start`, `rerun` or `resume` instead; `other` checks support."""
        self.panel = panel
        self.run = run
        self.tools = tuple(tools)
        self.calls = Calls(endpoint, panel.target, run.journal)
        self.support = self.calls if panel.support else None
        if other is not None and panel.support is not None:
            self.support = Calls(other, panel.support, run.journal)
        self.left_out: tuple[str, ...] = ()
        """Tools about which nothing could be read, one line each with the reason."""
        self.caution: str | None = None
        """What the finished run says of its judge where that obeyed hidden orders."""
        self._endpoints = [endpoint, other] if other is not None else [endpoint]

    @classmethod
    async def start(cls, options: Options, tools: Sequence[Tool]) -> Self:
        """Start a run over `tools`, reading their evidence first.

        Raises `InputError` before anything is written, `RunError` where the folder cannot be made.
        """
        sourced = await source(options, tools)
        evidence = {one.tool.slug: one.evidence for one in sourced.found}
        slug = tools[0].slug if len(tools) == 1 else f"{len(tools)}-tools"
        known = [one.tool for one in sourced.found]
        session = await cls._begin(options, slug, known, evidence)
        session.left_out = sourced.left_out
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
    async def resume(cls, options: Options, path: Path) -> Self:
        """Go on with the run at `path`; refuses when what it asks has changed since."""
        run = Run.open(path, write=True)
        try:
            told = run.manifest
            if told.calibrates:
                raise RunError(
                    f"run {run.name} measures a judge; it is not resumed by itself",
                    hint="the same `panel calibrate` again: what was answered is found",
                )
            options = replace(
                options,
                provider=options.provider or told.provider,
                model=options.model or told.model,
                ask=told.ask,
                personas=tuple(told.personas),
                context=told.context,
                samples=told.samples,
            )
            options = _support_as_told(options, told)
            panel, endpoint = await open_panel(options)
            panel, other = await open_support(options, replace(panel, rule=told.rule))
            check_same(told, _manifest(options, panel, len(run.tools()), told.parent))
        except BaseException:
            run.close()
            raise
        finished = run.finished_tools()
        left = [t for t in run.tools() if t.slug not in finished]
        return cls(panel, endpoint, run, left, other=other)

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
            manifest = _manifest(options, panel, len(tools), parent.name if parent else None)
            earlier = earlier_runs(options, panel.target)
            run = await Run.create(options.settings.runs, slug, manifest, earlier=earlier)
        except BaseException:
            for each in opened:
                await each.close()
            raise
        try:
            await keep_panel(run, panel.personas, panel.calibration)
            await run.add_tools([(tool, evidence[tool.slug]) for tool in tools])
        except BaseException:
            # A run without its tools could never be resumed: nothing half-written stays.
            run.close()
            shutil.rmtree(run.path, ignore_errors=True)
            for each in opened:
                await each.close()
            raise
        return cls(panel, endpoint, run, tools, other=other)

    async def work(self, *, watch: Watch = ignore) -> list[Scorecard]:
        """Review what is left and finish the run; returns all its scorecards in tool order."""
        await review_all(
            self.panel, self.calls, self.run, self.tools, support=self.support, watch=watch
        )
        cards = self.run.cards()
        for card in cards:
            for name in KEPT_FORMATS:
                form = formats.load(name)
                path = f"scorecards/{card.tool.slug}{form.SUFFIX}"
                await self.run.write_file(path, form.render([card]))
        self.caution = kept_canaries(self.run).caution
        await self.run.finish()
        return cards

    def stop(self) -> None:
        """Begin no more requests; those under way go on and are kept."""
        for calls in self._asking():
            calls.stop()

    async def drain(self, seconds: float) -> None:
        """Wait up to so many seconds for requests under way, then give up those that are left."""
        await asyncio.gather(*(calls.drain(seconds) for calls in self._asking()))

    def _asking(self) -> list[Calls]:
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


def _support_as_told(options: Options, told: Manifest) -> Options:
    """Return the options of a resume: support is checked by whoever did so before."""
    if told.support is None:
        return options
    same = (told.support.provider, told.support.wire_model) == (told.provider, told.wire_model)
    other = None if same else told.support
    return replace(
        options,
        check_support=True,
        support_provider=other.provider if other else None,
        support_model=other.model if other else None,
    )


def _manifest(options: Options, panel: Panel, tools: int, parent: str | None) -> Manifest:
    whole = panel.target.ask == "whole"
    return new_manifest(
        created=datetime.now(UTC),
        command=options.command,
        target=panel.target,
        personas=panel.personas,
        prompts=template_texts(),
        schemas={p.name: schema_of(p) for p in panel.personas} if whole else {},
        rule=panel.rule,
        samples=panel.samples,
        context=panel.context,
        calibration=panel.calibration,
        support=panel.support,
        calibrates=panel.calibrates,
        tools=tools,
        parent=parent,
        engine={"xllamacpp": engine_version()} if panel.target.kind == "local" else {},
    )
