"""Where a session's evidence comes from: a tool's own files, its address, or an earlier run.

An address is read where nothing else is known of a tool, or where the user asks for it; never just
because a tool file names one.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from panel.engine.options import Options
from panel.evidence.adapters.client import EvidenceClient
from panel.evidence.collect import Collected, collect, tool_name
from panel.evidence.gather import check_readable, gather
from panel.evidence.kinds import with_kind
from panel.evidence.look_up import look_up
from panel.evidence.source import Evidence
from panel.evidence.tools.identity import same_tool, url_key
from panel.evidence.tools.tool import Tool
from panel.evidence.topics import Topic
from panel.foundation.errors import RunError, ToolError
from panel.runs.folders import list_folders
from panel.runs.run import Run

TOOLS_AT_ONCE: Final = 8
"""Tools whose addresses are read at a time."""


@dataclass(frozen=True)
class GatheredEvidence:
    """Tools with their evidence, and the tools about which nothing could be read."""

    collected: tuple[Collected, ...]
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
    by_slug = local_evidence(options, tools)

    failed: dict[str, ToolError] = {}
    remote = [tool for tool in tools if is_fetched(tool, options)]
    async with aclosing(fetch_each(options, iter(remote))) as fetched:
        async for tool, outcome in fetched:
            if isinstance(outcome, ToolError):
                failed[tool.slug] = outcome
            else:
                by_slug[tool.slug] = outcome
    if failed and not by_slug:
        raise failed[remote[0].slug]
    in_order = tuple(by_slug[tool.slug] for tool in tools if tool.slug in by_slug)
    return GatheredEvidence(in_order, tuple(error.message for error in failed.values()))


def local_evidence(options: Options, tools: Sequence[Tool]) -> dict[str, Collected]:
    """Return those of the tools whose address is not read, with their evidence, by slug.

    Raises:
        ToolError: a file cannot be used, or nothing is known of one.
    """
    now = datetime.now(UTC)
    stored = _stored(options.settings.runs, tools) if options.offline else {}
    local = [tool for tool in tools if not is_fetched(tool, options)]
    known = {slug: _with_kind(found) for slug, found in stored.items()}
    return {tool.slug: known.get(tool.slug) or own_evidence(tool, now) for tool in local}


def stored_ahead(options: Options, tools: Sequence[Tool]) -> dict[str, Collected]:
    """Return those of a list's tools that a run must hold from its start, with their evidence.

    They are tools whose evidence comes from earlier runs, or from texts of a program. Files of the
    others are looked at, and not read.

    Raises:
        ToolError: a file cannot be used, or nothing is known of a tool.
    """
    now = datetime.now(UTC)
    stored = _stored(options.settings.runs, tools) if options.offline else {}
    ahead = {}
    for tool in tools:
        if found := stored.get(tool.slug):
            ahead[tool.slug] = _with_kind(found)
        elif not is_fetched(tool, options):
            _check_known(tool)
            check_readable(tool)
            if tool.documents:
                ahead[tool.slug] = own_evidence(tool, now)
    return ahead


async def fetch_each(
    options: Options, tools: Iterator[Tool]
) -> AsyncGenerator[tuple[Tool, Collected | ToolError], None]:
    """Read the tools' addresses, a few at a time, and yield each tool as it arrives.

    Yields each tool with its evidence, or with the error of one about which nothing could be read.
    """
    client = EvidenceClient.open(options.environ, hosts=options.hosts, discreet=options.discreet)
    try:
        first = islice(tools, TOOLS_AT_ONCE)
        under_way = {asyncio.ensure_future(_fetched(tool, client)) for tool in first}
        try:
            while under_way:
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                following = islice(tools, len(done))
                under_way |= {asyncio.ensure_future(_fetched(t, client)) for t in following}
                for tool, outcome in [task.result() for task in done]:
                    if isinstance(outcome, Collected):
                        options.on_read(_counts(outcome))
                        outcome = _with_kind(outcome)
                    yield tool, outcome
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
    finally:
        await client.close()


async def _fetched(tool: Tool, client: EvidenceClient) -> tuple[Tool, Collected | ToolError]:
    try:
        return tool, await collect(tool, client, now=datetime.now(UTC))
    except ToolError as error:
        return tool, error


async def look_up_pages(
    options: Options, tool: Tool, evidence: Evidence, topics: Sequence[Topic]
) -> Evidence:
    """Return the evidence with pages on these topics, read at addresses met while gathering."""
    client = EvidenceClient.open(options.environ, hosts=options.hosts, discreet=options.discreet)
    try:
        return await look_up(tool, evidence, topics, client)
    finally:
        await client.close()


def stored_tool(runs: Path, name: str) -> Tool | None:
    """Return the tool of that name or address in the newest run that has one; None without."""
    tool = Tool(name=name, url=name if "://" in name else None)
    stored = _stored(runs, [tool])
    return stored[""].tool if stored else None


def own_evidence(tool: Tool, now: datetime) -> Collected:
    """Return a tool, of the kind that its evidence shows, with what its files or description say.

    Raises:
        ToolError: a file cannot be used, or nothing is known of it.
    """
    _check_known(tool)
    return _with_kind(Collected(tool, gather(tool, now=now)))


def _check_known(tool: Tool) -> None:
    if not (tool.evidence or tool.documents or tool.description):
        raise ToolError(
            f"no earlier run holds evidence about {tool.name}, and --offline fetches none",
            hint="without --offline it is read from its address",
        )


def _with_kind(collected: Collected) -> Collected:
    return replace(collected, tool=with_kind(collected.tool, collected.evidence))


def _counts(collected: Collected) -> str:
    sources = collected.evidence.sources
    passages = len(collected.evidence.passages)
    return f"{collected.tool.name}: {len(sources)} sources, {passages} passages"


def _stored(runs: Path, tools: Sequence[Tool]) -> dict[str, Collected]:
    """Return the evidence of the newest runs about tools without files of their own, by slug."""
    pending = {tool.slug: tool for tool in tools if not (tool.evidence or tool.documents)}
    by_slug: dict[str, Collected] = {}
    for path in list_folders(runs):
        if not pending:
            break
        try:
            with Run.open(path) as run:
                if run.manifest.backtest:
                    continue  # its evidence is of the past
                for slug, collected in _stored_in(run, pending):
                    by_slug[slug] = collected
                    del pending[slug]
        except RunError:
            continue
    return by_slug


def _stored_in(run: Run, pending: Mapping[str, Tool]) -> list[tuple[str, Collected]]:
    by_slug: dict[str, Collected] = {}
    for stored in run.tools():
        slugs = [slug for slug, tool in pending.items() if same_source(tool, stored)]
        evidence = run.evidence(stored.slug) if slugs else None
        if evidence is not None:
            collected = {s: Collected(_named(pending[s], stored), evidence.offline) for s in slugs}
            by_slug |= collected
    return list(by_slug.items())


def same_source(tool: Tool, stored: Tool) -> bool:
    """Tell whether a stored tool's evidence is about `tool`: of its address, whatever its name."""
    if tool.url and stored.url:
        return url_key(tool.url) == url_key(stored.url)
    return same_tool(tool, stored)


def _named(tool: Tool, stored: Tool) -> Tool:
    """Return the tool, completed from the stored entry where it is a bare name or address."""
    is_bare = tool.url is None or tool.name in {tool.url, tool_name(tool.url)}
    if is_bare and not tool.description:
        return stored.model_copy(update={"slug": tool.slug or stored.slug, "evidence": ()})
    return tool
