"""Tools of a run whose evidence is still to be read: named in their order, completed one by one.

A run that stops in between knows what is left. `Run.add_tools` completes a tool.
"""

from collections.abc import Iterable, Sequence

from panel.evidence.tools.tool import Tool
from panel.runs.run import Run


async def expect_tools(run: Run, tools: Sequence[Tool]) -> None:
    """Name all tools of a run, in their order, before any evidence; all in one commit."""
    await run.journal.put_expected(tools)


def pending_tools(run: Run) -> tuple[Tool, ...]:
    """Return the tools whose evidence is still to be read."""
    tools = run.tools()
    return tuple(tool for tool in tools if run.stored.evidence_fingerprint(tool.slug) is None)


async def drop_tools(run: Run, slugs: Iterable[str]) -> None:
    """Leave tools out about which nothing can be read; one that has evidence stays."""
    await run.journal.drop_expected(slugs)
