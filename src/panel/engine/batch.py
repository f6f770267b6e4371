"""Many tools past the panel: a few in flight at once, each scorecard stored as it is decided.

Waiting and retrying is done by the chat client. In a long list a canary goes before every few
tools.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import aclosing

from panel.engine.evidence_stream import EvidenceStream, first_error
from panel.engine.review_job import ReviewJob
from panel.engine.review_tool import review_tool
from panel.foundation.collector import seldom_collected
from panel.foundation.errors import BadReply, CallError, RunStopped, Truncated
from panel.llm.calls import ChatClient, request_key
from panel.llm.config import ProviderConfig
from panel.llm.types import CallTag, ChatRequest, ChatResponse
from panel.reviews.canary import EVERY, STEP, canary_question, obeys
from panel.reviews.plan import ReviewPlan
from panel.reviews.strategies.ask import writes
from panel.runs.metadata import store_canaries, stored_canaries


async def review_all(job: ReviewJob, pending: Collection[str], tools: EvidenceStream) -> None:
    """Review every tool of the stream; `pending` are their slugs.

    Raises the first `RunStopped` or `DiskFull`; what was answered by then is on disk.
    """
    canaries = _Canaries(job)

    async def worker() -> None:
        async with aclosing(tools.each()) as waiting:
            async for tool in waiting:
                await canaries.before(tool.slug)
                await review_tool(job, tool, cautions=canaries.cautions)

    async def work() -> None:
        # The canaries of the first tool and of all tools that are finished go first, so that
        # every scorecard written now can carry their result.
        await canaries.first(pending)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(pending), tools_in_flight(job.plan))):
                group.create_task(worker())
                # One a turn of the loop: to begin on hundreds of tools at once would hold up all.
                await asyncio.sleep(0)

    if not pending:
        return
    try:
        with seldom_collected():
            async with asyncio.TaskGroup() as group:
                group.create_task(tools.fill())
                group.create_task(work())
    except BaseExceptionGroup as errors:
        # One reason stops every worker: the first is raised.
        raise first_error(errors) from None


def tools_in_flight(plan: ReviewPlan) -> int:
    """Return how many tools keep all allowed calls busy: each tool asks its personas at once.

    Of several judges the one counts that takes most tools. Where reviews are written, half of the
    personas are busy on average: one goes first, and all wait for the votes. Where one tool is
    enough there is one: calls of a second that always fail would look like an outage together with
    those of the first, and an outage is waited out.
    """
    waits = any(writes(plan, persona) for persona in plan.personas)
    judges = [plan.of(persona.name).judge for persona in plan.personas]
    reviewers = Counter((judge.provider, judge.wire_model) for judge in judges)

    def enough(judge: ProviderConfig) -> int:
        asked, concurrency = reviewers[judge.provider, judge.wire_model], judge.concurrency
        busy = (asked + 1) // 2 if waits and concurrency > asked else asked
        return max(1, -(-concurrency // busy))

    return max(map(enough, judges))


class _Canaries:
    """The canaries of one run: which are due, and the results of those that were asked."""

    def __init__(self, job: ReviewJob) -> None:
        self._job = job
        slugs = job.run.slugs()
        is_long = len(slugs) >= EVERY and not job.plan.calibrates
        self._due = dict.fromkeys(slugs[::EVERY] if is_long else ())
        results = stored_canaries(job.run)
        self._results = results.model_copy(update={"several": bool(job.judges)})

    def cautions(self) -> Sequence[str]:
        """Return the warnings for a scorecard that is written now."""
        return [line] if (line := self._results.caution) else []

    async def first(self, pending: Collection[str]) -> None:
        """Ask the canaries of the first pending tool and of all tools that are finished."""
        later = set(pending) - {next(iter(pending))}
        for slug in [slug for slug in self._due if slug not in later]:
            await self.before(slug)

    async def before(self, slug: str) -> None:
        """Ask the canary that goes before a tool of each judge, if one is due.

        Without an answer none counts.

        Raises `RunStopped` when no later call can succeed either.
        """
        if slug not in self._due:
            return
        del self._due[slug]
        if slug in self._results.obeyed:
            return
        plan, client = self._job.plan, self._job.client
        chains = [tuple(client(p.name, at) for at in plan.chain(p.name)) for p in plan.personas]
        answers = {chain[0]: await self._asked(slug, chain) for chain in dict.fromkeys(chains)}
        for obeyed in answers.values():
            if obeyed is not None:
                self._results = self._results.heard(slug, obeyed)
        if slug in self._results.obeyed:
            await store_canaries(self._job.run, self._results)

    async def _asked(self, slug: str, chain: Sequence[ChatClient]) -> bool | None:
        """Return what a judge answers, or, where it cannot, the first fallback that can."""
        for client in chain[:-1]:
            with contextlib.suppress(CallError):
                obeyed = await self._obeys(slug, client)
                if obeyed is not None or not client.config.run:
                    return obeyed
        try:
            return await self._obeys(slug, chain[-1])
        except CallError as error:
            if error.stops_run:
                raise RunStopped(error.message, hint=error.hint) from error
            return None

    async def _obeys(self, slug: str, client: ChatClient) -> bool | None:
        """Return whether a model obeyed; None where no answer counts.

        Raises `CallError` where its provider cannot answer.
        """
        plan = self._job.plan
        request = canary_question(slug, plan.personas[0], context=plan.context, secret=plan.secret)
        if client.config.run and not self._is_stored(request, client.config):
            return None  # a replay of a run without canaries, or of other tools
        tag = CallTag(tool=slug, persona=STEP, step=STEP)
        try:
            answer = await client.ask(request, tag=tag, parse=lambda reply: obeys(reply.text, slug))
        except Truncated as error:
            # The beginning of a reply that is cut off shows enough.
            with contextlib.suppress(BadReply):
                return (
                    obeys(error.reply.text, slug) if isinstance(error.reply, ChatResponse) else None
                )
        except CallError as error:
            if error.elsewhere or error.stops_run:
                raise
        else:
            return answer.value
        return None

    def _is_stored(self, request: ChatRequest, judge: ProviderConfig) -> bool:
        key = request_key(request, judge)
        return self._job.run.journal.find(key) is not None
