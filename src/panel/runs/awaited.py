"""Tools of a run whose evidence is still to be read: named in their order, completed one by one.

A run that stops in between knows what is left. `Run.add_tools` completes a tool.
"""

from collections.abc import Iterable, Sequence

from panel.runs.store import Run
from panel.tools.tool import Tool


async def expect(run: Run, tools: Sequence[Tool]) -> None:
    """Name all tools of a run, in their order, before any evidence; all in one commit."""
    await run.journal.put_expected(tools)


def awaited(run: Run) -> tuple[Tool, ...]:
    """Return the tools whose evidence is still to be read."""
    tools = run.tools()
    return tuple(tool for tool in tools if run.stored.evidence_fingerprint(tool.slug) is None)


async def give_up(run: Run, slugs: Iterable[str]) -> None:
    """Leave tools out about which nothing can be read; one that has evidence stays."""
    await run.journal.drop_expected(slugs)
