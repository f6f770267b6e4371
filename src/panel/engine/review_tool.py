"""One tool past all personas: asks, merges samples, decides, and stores the scorecard.

The same code serves one tool and thousands; formats and the command line are not known here.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, count
from time import monotonic
from typing import Final

from panel.engine.fallbacks import Stored, first_asked, goes_over, last_asked, next_asked
from panel.engine.review_job import ReviewJob
from panel.engine.settle import Answers, merged, scorecard
from panel.evidence.budget import estimated_tokens
from panel.evidence.facts import contradictions
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import CallError, RunError, RunStopped
from panel.llm.calls import ChatClient
from panel.reviews import prompts
from panel.reviews.briefs import Briefs, briefs
from panel.reviews.events import Decided, Reviewed, Started, Stepped, WentOver
from panel.reviews.personas import Persona
from panel.reviews.review import Missing, Review
from panel.reviews.strategies.ask import ask_review, names_missing, steps, writes
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.in_order import Work, each
from panel.reviews.strategies.judge_again import (
    judge_again,
    missed_topics,
    with_cited,
    writer_brief,
)
from panel.reviews.strategies.second_look import Looker, look_again
from panel.reviews.strategies.write_panel import Seat, Unwritten, write_all
from panel.reviews.verdict.samples import shown_sample
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.run import Run

CACHED_PREFIX: Final = 1_024
"""Tokens from which providers keep a prompt's beginning for the next one."""


async def review_tool(
    job: ReviewJob, tool: Tool, *, cautions: Callable[[], Sequence[str]] = tuple
) -> Scorecard:
    """Take one tool past all personas and return its scorecard, which is then on disk.

    A persona that cannot answer becomes `missing`. `cautions` returns the warnings about the judge
    that are known when the scorecard is written. Raises `RunStopped` when no later call can
    succeed either (key, quota, model) or when the run is stopped.
    """
    run = job.run
    start = monotonic()
    job.watch(Started(tool))
    done, answers = await _answers(job, tool)
    plan, evidence = done.job.plan, done.evidence
    card = scorecard(plan, tool, answers, evidence)
    usage = run.usage(tool.slug)
    card = card.model_copy(
        update={
            "run": run.name,
            "created": _now(run).replace(microsecond=0),
            "usage": usage.model_copy(update={"seconds": round(monotonic() - start, 2)}),
            "warnings": (
                *plan.warnings,
                *cautions(),
                *_judge_notes(done),
                *contradictions(tool, card.facts, evidence),
                *evidence.notes,
                *done.briefs.notes,
            ),
        }
    )
    if job.write_card is not None:
        await job.write_card(card)
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


async def _answers(job: ReviewJob, tool: Tool) -> tuple["_ToolReview", Answers]:
    """Return all answers about a tool, stored, and the review that they were given in.

    Where a provider cannot answer, the reviewers that it was to answer for begin again elsewhere.
    The answers of the others are found in the journal then, and what hangs on a vote that is
    another one now is asked anew.
    """
    stored = job.again.final(job.run, tool.slug)
    known: Stored = stored
    if job.replayed is not None:
        known = {**job.replayed(tool.slug), **stored}
        asked = last_asked(job.plan, known)
    else:
        asked = first_asked(job.plan, job.client, stored)
    exact = {at: answer.fallback for at, answer in known.items()}
    while True:
        evidence = stored_evidence(job.run, tool)
        at = job.asking(asked)
        shown = briefs(at.plan, tool, evidence.gathered)
        under_way = _ToolReview(job, at, tool, shown, evidence, stored, asked, exact)
        try:
            answers, evidence = await under_way.all_personas()
        except _CannotAnswer:
            before, failed = asked, under_way.failed
            asked = next_asked(job.plan, job.client, asked, failed)
            for persona, error in failed.items():
                who = job.client(persona, before[persona]).config.provider
                job.watch(WentOver(tool, persona, who, error.message, asked[persona]))
        else:
            return replace(under_way, evidence=evidence), answers


def _judge_notes(done: "_ToolReview") -> list[str]:
    """Return how those that answered did on control tools."""
    names, plan = {*done.asked.values()}, done.base.plan
    fallbacks = (fallback for fallback in plan.fallbacks if fallback.config.provider in names)
    own = [plan.judge_note] if plan.judge_note and "" in names else []
    return [*own, *(note for fallback in fallbacks for note in fallback.notes)]


class _CannotAnswer(Exception):
    """A provider could not answer for a reviewer, and another one is asked."""


@dataclass(frozen=True)
class _ToolReview:
    """One tool under review."""

    base: ReviewJob
    """Of the run."""
    job: ReviewJob
    """With the fallbacks that are asked about this tool."""
    tool: Tool
    briefs: Briefs
    """What each persona is shown of what was gathered before the judging."""
    evidence: Evidence
    stored: Stored
    asked: Mapping[str, str]
    """By persona, the fallback that answers for it; "" is its own judge."""
    exact: Mapping[tuple[str, int], str]
    """The same by persona and sample, of answers that are known."""
    failed: dict[str, CallError] = field(default_factory=dict)
    """By persona, why its provider could not answer, where another one is asked."""
    warm: dict[ChatClient, asyncio.Event] = field(default_factory=dict)
    """By judge: set once its provider has read the evidence, or need not have."""

    async def all_personas(self) -> tuple[Answers, Evidence]:
        """Return every persona's answers, stored, and the evidence with what was looked up.

        What is missed is looked up, reviewers that contradict each other look again where that was
        asked for, and reviews are written, after the last judgement. Of a long prompt the first
        answer of each judge's first persona goes ahead of its others, so that the provider's prefix
        cache serves those.
        """
        plan = self.job.plan
        askers: dict[str, _Asker] = {}
        for persona in plan.personas:
            client = self.job.client(persona.name)
            goes_first = client not in self.warm
            if goes_first:
                self.warm[client] = asyncio.Event()
            askers[persona.name] = _Asker(self, persona, goes_first)
            shown = self.briefs.by_persona[persona.name]
            if estimated_tokens(prompts.shared(shown)) < CACHED_PREFIX:
                self.warm[client].set()
        judged = await self._each({name: asker.judge for name, asker in askers.items()})
        evidence = await self._looked_up(judged)
        if evidence.look_ups:
            again = {
                name: partial(a.judge_again, judged[name], evidence) for name, a in askers.items()
            }
            judged = await self._each(again)
        if plan.second_look:
            judged = await self._second_looks(askers, judged, evidence)
        every = list(chain.from_iterable(judged.values()))
        seats = [askers[name].seat(answers, evidence, every) for name, answers in judged.items()]
        written = await write_all(plan, seats, today=_now(self.job.run).date())
        self._check_all_answered()
        for name, review in written.items():
            if isinstance(review, CallError):
                raise _stopped(review)
            unwritten = next(s.unwritten for s in seats if s.persona.name == name)
            judged[name] = [
                review if unwritten and answer is unwritten.sample else answer
                for answer in judged[name]
            ]
        open_ = {name: asker for name, asker in askers.items() if asker.goes_on}
        unkept = [kept for name, asker in open_.items() for kept in asker.unkept(judged[name])]
        await self.job.run.save_reviews(self.tool.slug, unkept)
        for name, asker in open_.items():
            asker.watch(judged[name])
        return judged, evidence

    async def _each(
        self, work: Mapping[str, Work[list[Review | Missing]]]
    ) -> dict[str, list[Review | Missing]]:
        """Do work by persona; where a provider cannot answer, the others end theirs first.

        Raises `_CannotAnswer` then.
        """

        async def done(begin: Work[list[Review | Missing]]) -> list[Review | Missing]:
            with contextlib.suppress(_CannotAnswer):
                return await begin()
            return []

        answers = await each(self.job.plan, {n: partial(done, begin) for n, begin in work.items()})
        self._check_all_answered()
        return answers

    def _check_all_answered(self) -> None:
        if self.failed:
            raise _CannotAnswer

    async def _looked_up(self, judged: Answers) -> Evidence:
        """Return the evidence with pages on what the reviewers missed, read once and stored."""
        job, evidence = self.job, self.evidence
        topics = missed_topics(chain.from_iterable(judged.values()))
        if job.look_up is None or evidence.look_ups or not evidence.links or not topics:
            return evidence
        evidence = await job.look_up(self.tool, evidence, topics)
        await job.run.extend_evidence(self.tool, evidence)
        return evidence

    async def _second_looks(
        self, askers: Mapping[str, "_Asker"], judged: Answers, evidence: Evidence
    ) -> dict[str, list[Review | Missing]]:
        """Return the answers after the second looks, sample by sample; stored ones stay."""
        later = {name: list(answers) for name, answers in judged.items()}
        every = list(chain.from_iterable(judged.values()))

        def looker(name: str, sample: int, review: Review) -> Looker:
            context = askers[name].context(sample)
            brief = with_cited(context.brief, evidence, every)
            return Looker(replace(context, brief=brief), review)

        for sample in range(self.job.plan.samples):
            lookers = {
                name: looker(name, sample, answer)
                for name, answers in judged.items()
                if isinstance(answer := answers[sample], Review)
            }

            def asks(name: str, step: str, sample: int = sample) -> bool:
                return (name, sample) not in self.stored

            try:
                looked = await look_again(self.job.plan, lookers, asks=asks)
            except CallError as error:
                self._check_all_answered()
                raise _stopped(error) from error
            self._check_all_answered()
            for name, review in looked.items():
                later[name][sample] = review
        return later


@dataclass(frozen=True)
class _Asker:
    """One persona under way on a tool."""

    tool_review: _ToolReview
    persona: Persona
    goes_first: bool
    """Of those that its judge answers for."""
    done: Iterator[int] = field(default_factory=lambda: count(1))

    async def judge(self) -> list[Review | Missing]:
        """Return an answer a sample; what is not written later is kept at once."""
        tool_review, plan = self.tool_review, self.tool_review.job.plan
        is_warm = tool_review.warm[tool_review.job.client(self.persona.name)]
        if not self.goes_first:
            await is_warm.wait()
        answers: list[Review | Missing] = []
        try:
            for sample in range(plan.samples):
                if (answer := self._stored(sample)) is None:
                    answer = await self._once(sample)
                    if isinstance(answer, Missing) or not self.goes_on:
                        await self._keep(sample, answer)
                answers.append(answer)
        finally:
            is_warm.set()
        if not self.goes_on:
            self.watch(answers)
        return answers

    async def judge_again(
        self, answers: Sequence[Review | Missing], evidence: Evidence
    ) -> list[Review | Missing]:
        """Return the answers with the outcome of the look-ups; stored ones have theirs."""
        later: list[Review | Missing] = []
        for sample, answer in enumerate(answers):
            if isinstance(answer, Review) and self._stored(sample) is None:
                try:
                    answer = await judge_again(self.context(sample), answer, evidence)
                except CallError as error:
                    self._check_answered()
                    raise _stopped(error) from error
            later.append(answer)
        return later

    @property
    def goes_on(self) -> bool:
        """Whether an answer may change once all have judged."""
        tool_review = self.tool_review
        job, evidence = tool_review.job, tool_review.evidence
        if job.plan.second_look or writes(job.plan, self.persona):
            return True
        looks_up = evidence.look_ups or (job.look_up and evidence.links)
        return bool(looks_up) and names_missing(job.plan, self.persona)

    def seat(
        self,
        answers: Sequence[Review | Missing],
        evidence: Evidence,
        every: Sequence[Review | Missing],
    ) -> Seat:
        """Return the persona's place among those that write."""
        plan = self.tool_review.job.plan
        seat = Seat(self.persona, merged(answers))
        reviews = [answer for answer in answers if isinstance(answer, Review)]
        if not reviews or not writes(plan, self.persona):
            return seat
        shown = shown_sample(reviews)
        if shown.beats or all(self._stored(n) for n in range(plan.samples)):
            return seat
        sample = next(n for n, answer in enumerate(answers) if answer is shown)
        if self._stored(sample) and shown.fallback != self.tool_review.asked[self.persona.name]:
            return seat  # another model judged: this one does not write for it
        context = self.context(sample)
        panel = self.tool_review.briefs.by_persona.values()
        brief = writer_brief(context.brief, shown, panel=panel, evidence=evidence, answers=every)
        return replace(seat, unwritten=Unwritten(shown, replace(context, brief=brief)))

    def unkept(self, answers: Sequence[Review | Missing]) -> list[tuple[int, Review]]:
        """Return the reviews that were not kept when they were given, with their samples."""
        return [
            (sample, answer)
            for sample, answer in enumerate(answers)
            if isinstance(answer, Review) and answer is not self._stored(sample)
        ]

    def _stored(self, sample: int) -> Review | Missing | None:
        """Return an answer that is not asked again."""
        return self.tool_review.stored.get((self.persona.name, sample))

    async def _once(self, sample: int) -> Review | Missing:
        fallback = self._fallback(sample)
        try:
            today = _now(self.tool_review.job.run).date()
            review = await ask_review(self.context(sample), today=today)
        except CallError as error:
            self._check_answered()
            if error.stops_run:
                raise _stopped(error) from error
            name, reason = self.persona.name, error.reason
            return Missing(persona=name, reason=reason, detail=error.message, fallback=fallback)
        self._check_answered()
        return review.model_copy(update={"fallback": fallback}) if fallback else review

    def _fallback(self, sample: int) -> str:
        """Return the provider that answers for it; "" where that is its own judge's."""
        name = self.persona.name
        return self.tool_review.exact.get((name, sample), self.tool_review.asked[name])

    def _check_answered(self) -> None:
        if self.persona.name in self.tool_review.failed:
            raise _CannotAnswer

    async def _keep(self, sample: int, answer: Review | Missing) -> None:
        run, slug = self.tool_review.job.run, self.tool_review.tool.slug
        if isinstance(answer, Review):
            await run.save_review(slug, sample, answer)
        else:
            await run.save_missing(slug, sample, answer)

    def watch(self, answers: Sequence[Review | Missing]) -> None:
        """Tell who watches that the persona is done."""
        tool_review = self.tool_review
        tool_review.job.watch(Reviewed(tool_review.tool, merged(answers)))

    def context(self, sample: int) -> ReviewContext:
        """Return the context of one sample, with a tally of its own."""
        job, tool, failed = self.tool_review.base, self.tool_review.tool, self.tool_review.failed
        name, fallback = self.persona.name, self._fallback(sample)
        plan, client = job.plan.asking({name: fallback}), job.client(name, fallback)
        may_fail = goes_over(job.plan, job.client, name, fallback)
        total = steps(plan, self.persona, tool.kind)

        warm = self.tool_review.warm[self.tool_review.job.client(name)]

        def on_step(step: str) -> None:
            warm.set()
            done = min(next(self.done), total)
            job.watch(Stepped(tool, name, step, done, total))

        def on_failure(error: CallError) -> None:
            if may_fail:
                failed.setdefault(name, error)

        return ReviewContext(
            plan.of(name),
            self.persona,
            self.tool_review.briefs.by_persona[name],
            client,
            job.support,
            sample=sample,
            on_step=on_step,
            on_failure=on_failure,
        )


def _stopped(error: CallError) -> RunStopped:
    return RunStopped(error.message, hint=error.hint)
