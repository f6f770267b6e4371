"""One tool past all personas: asks, merges samples, decides, and stores the scorecard.

The same code serves one tool and thousands; formats and the command line are not known here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, count
from time import monotonic
from typing import Final, NamedTuple

from panel.evidence.budget import choose, estimated_tokens
from panel.evidence.facts import contradictions, read_facts
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.evidence.topics import Topic
from panel.foundation.errors import CallError, RunError, RunStopped
from panel.llm.calls import ChatClient
from panel.reviews import prompts
from panel.reviews.events import Decided, Reviewed, Started, Stepped, Watch, ignore
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.review import Missing, Review
from panel.reviews.strategies.ask import ask_review, names_missing, steps, writes
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.in_order import each
from panel.reviews.strategies.judge_again import judge_again, missed_topics, with_cited
from panel.reviews.strategies.write_panel import Seat, Unwritten, write_all
from panel.reviews.verdict.decide import decide
from panel.reviews.verdict.samples import effective_votes, merge, score_interval, shown_sample
from panel.reviews.verdict.scorecard import CardTool, RunUsage, Scorecard, Verdict
from panel.runs.pending import ONCE_MORE, Again
from panel.runs.run import Run

CACHED_PREFIX: Final = 1_024
"""Tokens from which providers keep a prompt's beginning for the next one."""


LookUpPages = Callable[[Tool, Evidence, Sequence[Topic]], Awaitable[Evidence]]
"""Returns the evidence with what could be read about these topics."""


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
    look_up: LookUpPages | None = None
    """Reads pages on what reviewers missed; None: this run reads no more."""


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
    gathered = evidence.gathered
    chosen = choose(gathered, plan.judge.evidence_tokens)
    brief = Brief(tool=tool, passages=chosen.passages, context=plan.context, day=gathered.day)
    stored = job.again.final(run, tool.slug)
    answers, evidence = await _ToolReview(job, brief, evidence, stored).all_personas()
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
    """Of what was gathered before the judging."""
    evidence: Evidence
    stored: Mapping[tuple[str, int], Review | Missing]
    """Answers that are not asked again, by persona and sample."""
    is_warm: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the provider has read the evidence, or need not have."""

    async def all_personas(self) -> tuple[Answers, Evidence]:
        """Return every persona's answers, stored, and the evidence with what was looked up.

        What is missed is looked up, and reviews are written, after the last judgement. Of a long
        prompt the first persona's first answer goes ahead of all others, so that the provider's
        prefix cache serves those.
        """
        plan = self.job.plan
        if estimated_tokens(prompts.shared(self.brief)) < CACHED_PREFIX:
            self.is_warm.set()
        askers = {p.name: _Asker(self, p) for p in plan.personas}
        judged = await each(plan, {name: asker.judge for name, asker in askers.items()})
        evidence = await self._looked_up(judged)
        if evidence.look_ups:
            again = {
                name: partial(a.judge_again, judged[name], evidence) for name, a in askers.items()
            }
            judged = await each(plan, again)
        brief = with_cited(self.brief, evidence, chain.from_iterable(judged.values()))
        seats = [askers[name].seat(answers, brief) for name, answers in judged.items()]
        written = await write_all(plan, seats, today=_now(self.job.run).date())
        for name, review in written.items():
            if isinstance(review, CallError):
                raise _stopped(review)
            shown = next(s.unwritten for s in seats if s.persona.name == name)
            judged[name] = [
                review if shown and answer is shown.sample else answer for answer in judged[name]
            ]
        for name, asker in askers.items():
            await asker.finish(judged[name])
        return judged, evidence

    async def _looked_up(self, judged: Answers) -> Evidence:
        """Return the evidence with pages on what the reviewers missed, read once and stored."""
        job, evidence = self.job, self.evidence
        topics = missed_topics(chain.from_iterable(judged.values()))
        if job.look_up is None or evidence.look_ups or not evidence.links or not topics:
            return evidence
        evidence = await job.look_up(self.brief.tool, evidence, topics)
        await job.run.extend_evidence(self.brief.tool, evidence)
        return evidence


@dataclass(frozen=True)
class _Asker:
    """One persona under way on a tool."""

    tool_review: _ToolReview
    persona: Persona
    done: Iterator[int] = field(default_factory=lambda: count(1))

    async def judge(self) -> list[Review | Missing]:
        """Return an answer a sample; what is not written later is kept at once."""
        tool_review, plan = self.tool_review, self.tool_review.job.plan
        first = self.persona is plan.personas[0]
        if not first:
            await tool_review.is_warm.wait()
        answers: list[Review | Missing] = []
        try:
            for sample in range(plan.samples):
                if (answer := self._stored(sample)) is None:
                    answer = await self._once(sample)
                    if isinstance(answer, Missing) or not self._goes_on:
                        await self._keep(sample, answer)
                answers.append(answer)
        finally:
            tool_review.is_warm.set()
        if not self._goes_on:
            self._watch(answers)
        return answers

    async def judge_again(
        self, answers: Sequence[Review | Missing], evidence: Evidence
    ) -> list[Review | Missing]:
        """Return the answers with the outcome of the look-ups; stored ones have theirs."""
        later: list[Review | Missing] = []
        for sample, answer in enumerate(answers):
            if isinstance(answer, Review) and self._stored(sample) is None:
                try:
                    answer = await judge_again(self._context(sample), answer, evidence)
                except CallError as error:
                    raise _stopped(error) from error
            later.append(answer)
        return later

    @property
    def _goes_on(self) -> bool:
        """Whether an answer may change once all have judged."""
        tool_review = self.tool_review
        job, evidence = tool_review.job, tool_review.evidence
        if writes(job.plan, self.persona):
            return True
        looks_up = evidence.look_ups or (job.look_up and evidence.links)
        return bool(looks_up) and names_missing(job.plan, self.persona)

    def seat(self, answers: Sequence[Review | Missing], brief: Brief) -> Seat:
        """Return the persona's place among those that write."""
        plan = self.tool_review.job.plan
        seat = Seat(self.persona, _merged(answers))
        reviews = [answer for answer in answers if isinstance(answer, Review)]
        if not reviews or not writes(plan, self.persona):
            return seat
        shown = shown_sample(reviews)
        if shown.beats or all(self._stored(n) for n in range(plan.samples)):
            return seat
        sample = next(n for n, answer in enumerate(answers) if answer is shown)
        context = replace(self._context(sample), brief=brief)
        return replace(seat, unwritten=Unwritten(shown, context))

    async def finish(self, answers: Sequence[Review | Missing]) -> None:
        """Keep the answers that were not kept when they were given."""
        if not self._goes_on:
            return
        for sample, answer in enumerate(answers):
            if isinstance(answer, Review) and answer is not self._stored(sample):
                await self._keep(sample, answer)
        self._watch(answers)

    def _stored(self, sample: int) -> Review | Missing | None:
        """Return an answer that is not asked again."""
        return self.tool_review.stored.get((self.persona.name, sample))

    async def _once(self, sample: int) -> Review | Missing:
        try:
            today = _now(self.tool_review.job.run).date()
            return await ask_review(self._context(sample), today=today)
        except CallError as error:
            if error.stops_run:
                raise _stopped(error) from error
            return Missing(persona=self.persona.name, reason=error.reason, detail=error.message)

    async def _keep(self, sample: int, answer: Review | Missing) -> None:
        run, slug = self.tool_review.job.run, self.tool_review.brief.tool.slug
        if isinstance(answer, Review):
            await run.save_review(slug, sample, answer)
        else:
            await run.save_missing(slug, sample, answer)

    def _watch(self, answers: Sequence[Review | Missing]) -> None:
        tool_review = self.tool_review
        tool_review.job.watch(Reviewed(tool_review.brief.tool, _merged(answers)))

    def _context(self, sample: int) -> ReviewContext:
        job, brief = self.tool_review.job, self.tool_review.brief
        total = steps(job.plan, self.persona, brief.tool.kind)

        def on_step(name: str) -> None:
            self.tool_review.is_warm.set()
            done = min(next(self.done), total)
            job.watch(Stepped(brief.tool, self.persona.name, name, done, total))

        return ReviewContext(
            job.plan, self.persona, brief, job.calls, job.support, sample=sample, on_step=on_step
        )


def _stopped(error: CallError) -> RunStopped:
    return RunStopped(error.message, hint=error.hint)


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
