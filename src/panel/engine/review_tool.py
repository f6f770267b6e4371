"""One tool past all personas: asks, merges samples, decides, and stores the scorecard.

The same code serves one tool and thousands; formats and the command line are not known here.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from time import monotonic
from typing import NamedTuple

from panel.evidence.budget import choose
from panel.evidence.facts import contradictions, read_facts
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import CallError, RunError, RunStopped
from panel.llm.calls import ChatClient
from panel.reviews.events import Decided, Reviewed, Started, Stepped, Watch, ignore
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.review import Missing, Review
from panel.reviews.strategies.ask import ask_review, steps
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.verdict.decide import decide
from panel.reviews.verdict.samples import effective_votes, merge, score_interval
from panel.reviews.verdict.scorecard import CardTool, RunUsage, Scorecard, Verdict
from panel.runs.pending import ONCE_MORE, Again
from panel.runs.run import Run


@dataclass(frozen=True)
class ReviewJob:
    """How the tools of one run are reviewed, and where the answers go."""

    plan: ReviewPlan
    calls: ChatClient
    run: Run
    support: ChatClient | None = None
    """Where it is asked whether cited passages support their findings; None: nowhere."""
    watch: Watch = ignore
    again: Again = ONCE_MORE
    """Which stored answers are asked again; the others are used as they are."""


async def review_tool(
    job: ReviewJob, tool: Tool, *, cautions: Callable[[], Sequence[str]] = tuple
) -> Scorecard:
    """Take one tool past all personas and return its scorecard, which is then on disk.

    A persona that cannot answer becomes `missing`. `cautions` returns the warnings about the judge
    that are known when the scorecard is written. Raises `RunStopped` when no later call can
    succeed either (key, quota, model) or when the run is stopped.
    """
    plan, run = job.plan, job.run
    start = monotonic()
    job.watch(Started(tool))
    evidence = stored_evidence(run, tool)
    chosen = choose(evidence, plan.judge.evidence_tokens)
    brief = Brief(tool=tool, passages=chosen.passages, context=plan.context)
    answers = await _ToolReview(job, brief, job.again.final(run, tool.slug)).all_personas()
    card = _card(plan, tool, answers, evidence)
    usage = run.usage(tool.slug)
    card = card.model_copy(
        update={
            "run": run.name,
            "created": _now(run).replace(microsecond=0),
            "usage": usage.model_copy(update={"seconds": round(monotonic() - start, 2)}),
            "warnings": (
                *plan.warnings,
                *cautions(),
                *filter(None, [plan.judge_note]),
                *contradictions(tool, card.facts, evidence),
                *evidence.notes,
                *chosen.notes,
            ),
        }
    )
    await run.save_scorecard(card)
    job.watch(Decided(tool, card))
    return card


def stored_evidence(run: Run, tool: Tool) -> Evidence:
    """Return a tool's evidence from the journal; raises `RunError` where it is lost."""
    if (evidence := run.evidence(tool.slug)) is None:
        raise RunError(
            f"run {run.name}: the evidence about {tool.name} is damaged or missing",
            hint="review the tool again: panel review",
        )
    return evidence


def _now(run: Run) -> datetime:
    """Return the time, or that of the run's start where the clock was put back since."""
    return max(datetime.now(UTC), run.manifest.created)


Answers = Mapping[str, Sequence[Review | Missing]]
"""Per persona, one answer a sample."""


@dataclass(frozen=True)
class _ToolReview:
    """One tool under review."""

    job: ReviewJob
    brief: Brief
    stored: Mapping[tuple[str, int], Review | Missing]
    """Answers that are not asked again, by persona and sample."""

    async def all_personas(self) -> Answers:
        plan = self.job.plan
        if plan.judge.concurrency == 1:
            # In turn, so that one slot's prompt cache serves all questions of a persona.
            return {p.name: await self.persona(p) for p in plan.personas}
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {p.name: group.create_task(self.persona(p)) for p in plan.personas}
        except BaseExceptionGroup as errors:
            # The run stops, so that every task fails for the same reason: one is raised.
            raise errors.exceptions[0] from None
        return {name: task.result() for name, task in tasks.items()}

    async def persona(self, persona: Persona) -> list[Review | Missing]:
        job, tool = self.job, self.brief.tool
        total = steps(job.plan, persona, tool.kind)
        done = count(1)

        def on_step(name: str) -> None:
            job.watch(Stepped(tool, persona.name, name, min(next(done), total), total))

        answers: list[Review | Missing] = []
        for sample in range(job.plan.samples):
            if stored := self.stored.get((persona.name, sample)):
                answers.append(stored)
                continue
            answer = await self.once(persona, sample, on_step)
            answers.append(answer)
            if isinstance(answer, Review):
                await job.run.save_review(tool.slug, sample, answer)
            else:
                await job.run.save_missing(tool.slug, sample, answer)
        job.watch(Reviewed(tool, _merged(answers)))
        return answers

    async def once(
        self, persona: Persona, sample: int, on_step: Callable[[str], None]
    ) -> Review | Missing:
        job = self.job
        context = ReviewContext(
            job.plan, persona, self.brief, job.calls, job.support, sample=sample, on_step=on_step
        )
        try:
            return await ask_review(context, today=_now(job.run).date())
        except CallError as error:
            if error.stops_run:
                raise RunStopped(error.message, hint=error.hint) from error
            return Missing(persona=persona.name, reason=error.reason, detail=error.message)


def _merged(answers: Sequence[Review | Missing]) -> Review | Missing:
    reviews = [a for a in answers if isinstance(a, Review)]
    return merge(reviews) if reviews else answers[0]


class Settled(NamedTuple):
    """The result of all answers about one tool."""

    reviews: tuple[Review, ...]
    """One a persona, samples merged."""
    missing: tuple[Missing, ...]
    verdict: Verdict


def settle(plan: ReviewPlan, answers: Answers, evidence: Evidence) -> Settled:
    """Merge samples and decide: pure, so that a stored run can be decided again."""
    merged = [_merged(rows) for rows in answers.values()]
    reviews = tuple(m for m in merged if isinstance(m, Review))
    missing = tuple(m for m in merged if isinstance(m, Missing))
    sampled = {name: [r for r in rows if isinstance(r, Review)] for name, rows in answers.items()}
    sampled = {name: rows for name, rows in sampled.items() if rows}
    weights = {p.name: p.weight for p in plan.personas}
    verdict = decide(
        reviews,
        missing,
        weights=weights,
        rule=plan.rule,
        suspicious=any(s.flags for s in evidence.sources),
        interval=score_interval(sampled, weights),
        effective_votes=effective_votes(sampled),
        dealbreakers={p.name: [c.id for c in p.criteria if c.dealbreaker] for p in plan.personas},
    )
    return Settled(reviews, missing, verdict)


def _card(plan: ReviewPlan, tool: Tool, answers: Answers, evidence: Evidence) -> Scorecard:
    settled = settle(plan, answers, evidence)
    return Scorecard(
        run="",
        created=datetime.now(UTC).replace(microsecond=0),
        provider=plan.judge.provider,
        model=plan.judge.model,
        asked=plan.judge.ask,
        tool=CardTool(**tool.model_dump(exclude={"evidence"})),
        verdict=settled.verdict,
        ship_at=plan.rule.ship_at,
        reviews=settled.reviews,
        missing=settled.missing,
        evidence=evidence.sources,
        facts=read_facts(evidence),
        usage=RunUsage(),
    )
