"""Where a session's evidence comes from: a tool's own files, its address, or an earlier run.

An address is read where it is all that is known of a tool, or where the user asked for it; never
because a tool file happens to name one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from panel.engine.options import Options
from panel.evidence.adapters.client import EvidenceClient
from panel.evidence.collect import Collected, collect, tool_name
from panel.evidence.gather import gather
from panel.evidence.tools.tool import Tool
from panel.evidence.tools.tool_list import same_tool
from panel.foundation.errors import RunError, ToolError
from panel.runs.folders import list_folders
from panel.runs.run import Run

TOOLS_AT_ONCE: Final = 8
"""Tools whose addresses are read at a time."""


@dataclass(frozen=True)
class GatheredEvidence:
    """Tools with their evidence, and the tools about which nothing could be read."""

    found: tuple[Collected, ...]
    left_out: tuple[str, ...] = ()
    """One line each with the reason."""


def is_fetched(tool: Tool, options: Options) -> bool:
    """Tell whether a tool's address is read."""
    if options.offline or not tool.url:
        return False
    return options.fetch or not (tool.evidence or tool.documents or tool.description)


async def gather_all(options: Options, tools: Sequence[Tool]) -> GatheredEvidence:
    """Return the tools with their evidence, in their order.

    Raises:
        ToolError: a file cannot be used; or nothing is known of the only tool, or of any.
    """
    found = local_evidence(options, tools)

    async def keep(one: Collected) -> None:
        found[one.tool.slug] = one

    away = [tool for tool in tools if is_fetched(tool, options)]
    failed = await fetch_evidence(options, away, keep)
    if failed and not found:
        raise failed[away[0].slug]
    kept = tuple(found[tool.slug] for tool in tools if tool.slug in found)
    return GatheredEvidence(kept, tuple(error.message for error in failed.values()))


def local_evidence(options: Options, tools: Sequence[Tool]) -> dict[str, Collected]:
    """Return those of the tools whose address is not read, with their evidence, by slug.

    Raises:
        ToolError: a file cannot be used, or nothing is known of one.
    """
    now = datetime.now(UTC)
    stored = _stored(options.settings.runs, tools) if options.offline else {}
    near = [tool for tool in tools if not is_fetched(tool, options)]
    return {tool.slug: stored.get(tool.slug) or _own(tool, now) for tool in near}


async def fetch_evidence(
    options: Options, tools: Sequence[Tool], keep: Callable[[Collected], Awaitable[None]]
) -> dict[str, ToolError]:
    """Read the tools' addresses, a few at a time, and give each to `keep` as it arrives.

    Returns why nothing could be read of the others, by slug, in the tools' order. Raises what
    `keep` raises.
    """
    if not tools:
        return {}
    now = datetime.now(UTC)
    internet = EvidenceClient.open(options.environ, hosts=options.hosts, discreet=options.discreet)
    turns = asyncio.Semaphore(TOOLS_AT_ONCE)
    failed: dict[str, ToolError] = {}

    async def one(tool: Tool) -> None:
        async with turns:
            try:
                found = await collect(tool, internet, now=now)
            except ToolError as error:
                failed[tool.slug] = error
                return
        options.on_read(_told(found))
        await keep(found)

    try:
        async with asyncio.TaskGroup() as group:
            for tool in tools:
                group.create_task(one(tool))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        await internet.close()
    return {tool.slug: failed[tool.slug] for tool in tools if tool.slug in failed}


def stored_tool(runs: Path, name: str) -> Tool | None:
    """Return the tool of that name or address that an earlier run holds, the newest; else None."""
    wanted = Tool(name=name, url=name if "://" in name else None)
    found = _stored(runs, [wanted])
    return found[""].tool if found else None


def _own(tool: Tool, now: datetime) -> Collected:
    if not (tool.evidence or tool.documents or tool.description):
        raise ToolError(
            f"no earlier run holds evidence about {tool.name}, and --offline fetches none",
            hint="without --offline it is read from its address",
        )
    return Collected(tool, gather(tool, now=now))


def _told(found: Collected) -> str:
    sources = found.evidence.sources
    passages = len(found.evidence.passages)
    return f"{found.tool.name}: {len(sources)} sources, {passages} passages"


def _stored(runs: Path, tools: Sequence[Tool]) -> dict[str, Collected]:
    """Return what the newest runs hold about tools that bring no files of their own, by slug."""
    wanted = {tool.slug: tool for tool in tools if not (tool.evidence or tool.documents)}
    found: dict[str, Collected] = {}
    for path in list_folders(runs):
        if not wanted:
            break
        try:
            with Run.open(path) as run:
                for slug, one in _kept(run, wanted):
                    found[slug] = one
                    del wanted[slug]
        except RunError:
            continue
    return found


def _kept(run: Run, wanted: Mapping[str, Tool]) -> list[tuple[str, Collected]]:
    found: dict[str, Collected] = {}
    for kept in run.tools():
        slugs = [slug for slug, tool in wanted.items() if same_tool(tool, kept)]
        evidence = run.evidence(kept.slug) if slugs else None
        if evidence is not None:
            found |= {slug: Collected(_named(wanted[slug], kept), evidence) for slug in slugs}
    return list(found.items())


def _named(tool: Tool, kept: Tool) -> Tool:
    """Return the tool, filled from the stored entry where it is a bare name or address."""
    bare = tool.url is None or tool.name in {tool.url, tool_name(tool.url)}
    if bare and not tool.description:
        return kept.model_copy(update={"slug": tool.slug or kept.slug, "evidence": ()})
    return tool
