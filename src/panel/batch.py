"""Many tools past the panel: a few in flight at once, results in the order of the list.

Knows nothing of what a review is; all waiting and retrying is done by the calls themselves.
"""

import asyncio
from collections.abc import Sequence

from panel.calls import Calls
from panel.engine import Panel, review_tool
from panel.events import Watch, ignore
from panel.runs.store import Run
from panel.tools.tool import Tool
from panel.verdict.scorecard import Scorecard


async def review_all(
    panel: Panel,
    calls: Calls,
    run: Run,
    tools: Sequence[Tool],
    *,
    support: Calls | None = None,
    watch: Watch = ignore,
) -> list[Scorecard]:
    """Review every tool and return the scorecards in the order of `tools`.

    Raises the first `RunStopped` or `DiskFull`; what was answered by then is on disk.
    """
    cards: dict[str, Scorecard] = {}
    waiting = iter(tools)

    async def worker() -> None:
        for tool in waiting:
            cards[tool.slug] = await review_tool(
                panel, calls, run, tool, support=support, watch=watch
            )

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(tools), tools_in_flight(panel))):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        # One reason stops every worker; the first is told.
        raise errors.exceptions[0] from None
    return [cards[tool.slug] for tool in tools]


def tools_in_flight(panel: Panel) -> int:
    """Return how many tools keep all allowed calls busy: each tool asks its personas at once."""
    return max(1, -(-panel.target.concurrency // len(panel.personas)))
