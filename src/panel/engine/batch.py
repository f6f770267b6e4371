"""Many tools past the panel: a few in flight at once, results in the order of the list.

Knows nothing of what a review is; all waiting and retrying is done by the calls themselves. In a
long list a canary goes before every so many tools.
"""

import asyncio
import contextlib
from collections.abc import Sequence

from panel.engine.review_tool import Panel, review_tool
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import BadReply, CallError, RunStopped, Truncated
from panel.llm.calls import ChatClient, request_key
from panel.llm.types import CallTag, ChatRequest, ChatResponse
from panel.review.canary import EVERY, STEP, canary_question, obeys
from panel.review.events import Watch, ignore
from panel.review.verdict.scorecard import Scorecard
from panel.runs.metadata import store_canaries, stored_canaries
from panel.runs.pending import ONCE_MORE, Again
from panel.runs.run import Run


async def review_all(
    panel: Panel,
    calls: ChatClient,
    run: Run,
    tools: Sequence[Tool],
    *,
    support: ChatClient | None = None,
    watch: Watch = ignore,
    again: Again = ONCE_MORE,
) -> list[Scorecard]:
    """Review every tool and return the scorecards in the order of `tools`.

    What the run has already heard about them is not asked again, but for `again`.

    Raises the first `RunStopped` or `DiskFull`; what was answered by then is on disk.
    """
    cards: dict[str, Scorecard] = {}
    waiting = iter(tools)
    canaries = _Canaries(panel, calls, run)

    async def worker() -> None:
        for tool in waiting:
            await canaries.before(tool)
            cards[tool.slug] = await review_tool(
                panel,
                calls,
                run,
                tool,
                support=support,
                watch=watch,
                cautions=canaries.cautions,
                again=again,
            )

    if tools:
        # Before anything else, so that all scorecards of the run can say what came of it; with it
        # those that got no answer when the run went that far.
        left = {tool.slug for tool in tools[1:]}
        for tool in run.tools():
            if tool.slug not in left:
                await canaries.before(tool)
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


class _Canaries:
    """The canaries of one run: which are due, and what came of those that were asked."""

    def __init__(self, panel: Panel, calls: ChatClient, run: Run) -> None:
        self._panel, self._calls, self._run = panel, calls, run
        slugs = [tool.slug for tool in run.tools()]
        asks = len(slugs) >= EVERY and not panel.calibrates
        self._due = set(slugs[::EVERY]) if asks else set()
        self._found = stored_canaries(run)

    def cautions(self) -> Sequence[str]:
        """Return what a scorecard that is written now must say."""
        return [line] if (line := self._found.caution) else []

    async def before(self, tool: Tool) -> None:
        """Ask the canary that goes before a tool, if one is due; one without answer is no reason.

        Raises `RunStopped` when no later call can succeed either.
        """
        if tool.slug not in self._due:
            return
        self._due.remove(tool.slug)
        if tool.slug not in self._found.obeyed:
            obeyed = await self._obeys(tool.slug)
            if obeyed is not None:
                self._found = self._found.heard(tool.slug, obeyed)
                await store_canaries(self._run, self._found)

    async def _obeys(self, slug: str) -> bool | None:
        panel = self._panel
        asked = canary_question(slug, panel.personas[0], context=panel.context, secret=panel.secret)
        if not self._can_ask(asked):
            return None
        tag = CallTag(tool=slug, persona=STEP, step=STEP)
        try:
            answered = await self._calls.ask(
                asked, tag=tag, parse=lambda reply: obeys(reply.text, slug)
            )
        except Truncated as fault:
            # A judge that runs on has shown by then how it begins.
            with contextlib.suppress(BadReply):
                return (
                    obeys(fault.reply.text, slug) if isinstance(fault.reply, ChatResponse) else None
                )
        except CallError as error:
            if error.stops_run:
                raise RunStopped(error.message, hint=error.hint) from error
        else:
            return answered.value
        return None

    def _can_ask(self, asked: ChatRequest) -> bool:
        """A replay of a run without canaries, or of other tools, has no answer to them."""
        if self._panel.target.kind != "replay":
            return True
        return self._run.journal.find(request_key(asked, self._panel.target)) is not None
