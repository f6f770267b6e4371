"""What a run was told when it began: written as its manifest, and asked in the same way later."""

import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from panel.engine.open_panel import open_panel, open_support
from panel.engine.options import Options
from panel.engine.review_tool import Panel
from panel.llm.local.engine import engine_version
from panel.llm.types import Endpoint
from panel.review.prompts import template_texts
from panel.review.strategies.single_call import schema_of
from panel.runs.compatibility import check_same
from panel.runs.manifest import Manifest, new_manifest


@dataclass(frozen=True)
class OpenedRun:
    """A panel ready to ask, and the endpoints that must be closed."""

    options: Options
    panel: Panel
    endpoint: Endpoint
    other: Endpoint | None
    """Checks support, where that is another provider."""

    async def close(self) -> None:
        """Close the endpoints."""
        await self.endpoint.close()
        if self.other is not None:
            await self.other.close()


async def open_from_manifest(options: Options, told: Manifest) -> OpenedRun:
    """Open the panel of a run that is gone on with; nothing is asked and nothing written.

    Raises `RunError` naming every field of the meaning that has changed, `InputError` where the
    provider or its model cannot be used.
    """
    options = _as_told(options, told)
    async with contextlib.AsyncExitStack() as stack:
        panel, endpoint = await open_panel(options)
        stack.push_async_callback(endpoint.close)
        panel, other = await open_support(options, replace(panel, rule=told.rule))
        if other is not None:
            stack.push_async_callback(other.close)
        check_same(told, first_manifest(options, panel, told.tools, told.parent))
        stack.pop_all()
    return OpenedRun(options, panel, endpoint, other)


async def check_against_manifest(options: Options, told: Manifest) -> None:
    """Raise what `open_from_manifest` raises, and open nothing."""
    opened = await open_from_manifest(options, told)
    await opened.close()


def first_manifest(options: Options, panel: Panel, tools: int, parent: str | None) -> Manifest:
    """Return the manifest of a run that is about to start."""
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


def _as_told(options: Options, told: Manifest) -> Options:
    options = replace(
        options,
        provider=options.provider or told.provider,
        model=options.model or told.model,
        ask=told.ask,
        personas=tuple(told.personas),
        context=told.context,
        samples=told.samples,
    )
    if told.support is None:
        return options
    # Support is checked by whoever did so before.
    same = (told.support.provider, told.support.wire_model) == (told.provider, told.wire_model)
    other = None if same else told.support
    return replace(
        options,
        check_support=True,
        support_provider=other.provider if other else None,
        support_model=other.model if other else None,
    )
