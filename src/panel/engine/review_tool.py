"""One tool past all reviewers: asks, merges samples, decides, and keeps what it is told to keep.

Knows nothing of files, formats or the command line; the same code serves one tool and thousands.
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
from panel.evidence.fence import marker
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import CallError, RunError, RunStopped
from panel.llm.calls import ChatClient
from panel.llm.config import ProviderConfig
from panel.review.calibration.calibration import Calibration
from panel.review.events import Decided, Reviewed, Started, Stepped, Watch, ignore
from panel.review.personas import Persona
from panel.review.prompts import Brief, shared
from panel.review.review import Missing, Review
from panel.review.score import Rule
from panel.review.strategies.ask import ask_review, steps
from panel.review.verdict.decide import decide
from panel.review.verdict.samples import effective_votes, merge, score_interval
from panel.review.verdict.scorecard import CardTool, RunUsage, Scorecard, Verdict
from panel.runs.pending import ONCE_MORE, Again
from panel.runs.run import Run


@dataclass(frozen=True)
class Panel:
    """Who is asked, where, and by which rule: the same for every tool of a run."""

    personas: tuple[Persona, ...]
    target: ProviderConfig
    rule: Rule
    secret: bytes
    """Of this installation: keys the fence's marker."""
    samples: int = 1
    context: str | None = None
    calibration: Calibration | None = None
    support: ProviderConfig | None = None
    """Who is asked whether cited passages support their findings; None: nobody."""
    calibrates: bool = False
    """The judge is measured: written parts are left out where they cost calls of their own."""
    warnings: tuple[str, ...] = ()
    """What every scorecard of the run must say, for instance that the model cannot judge."""
    judge: str = ""
    """One line on how the judge did on control tools, or that it was never measured."""

    def steps(self, persona: Persona) -> int:
        """Return how many answers one persona gives about one tool at most."""
        checked = self.support is not None
        return self.samples * steps(persona, self.target.ask, check_support=checked)


async def review_tool(
    panel: Panel,
    calls: ChatClient,
    run: Run,
    tool: Tool,
    *,
    support: ChatClient | None = None,
    watch: Watch = ignore,
    cautions: Callable[[], Sequence[str]] = tuple,
    again: Again = ONCE_MORE,
) -> Scorecard:
    """Take one tool past all personas and return its scorecard, which is then on disk.

    What the run has already heard about the tool is not asked again, but for `again`.

    `support` asks, where it is given, whether cited passages support their findings. `cautions`
    returns what came to be known of the judge by the time the scorecard is written.
    A persona that cannot answer becomes `missing`. Raises `RunStopped` when no later call can
    succeed either (key, quota, model) or when the run was told to stop.
    """
    began = monotonic()
    watch(Started(tool))
    evidence = stored_evidence(run, tool)
    chosen = choose(evidence, panel.target.evidence_tokens)
    brief = Brief(tool=tool, passages=chosen.passages, context=panel.context)
    sitting = _Sitting(
        panel=panel,
        calls=calls,
        support=support,
        run=run,
        brief=brief,
        marker=marker(panel.secret, shared(brief)),
        watch=watch,
        kept=again.kept(run, tool.slug),
    )
    answers = await sitting.all_personas()
    card = _card(panel, tool, answers, evidence)
    usage = run.usage(tool.slug)
    card = card.model_copy(
        update={
            "run": run.name,
            "created": _now(run).replace(microsecond=0),
            "usage": usage.model_copy(update={"seconds": round(monotonic() - began, 2)}),
            "warnings": (
                *panel.warnings,
                *cautions(),
                *filter(None, [panel.judge]),
                *contradictions(tool, card.facts, evidence),
                *evidence.notes,
                *chosen.notes,
            ),
        }
    )
    await run.save_scorecard(card)
    watch(Decided(tool, card))
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
    """Return the time; that of the run's beginning where the clock was put back since."""
    return max(datetime.now(UTC), run.manifest.created)


Answers = Mapping[str, Sequence[Review | Missing]]
"""Per persona, one answer a sample."""


@dataclass(frozen=True)
class _Sitting:
    """One tool before the panel."""

    panel: Panel
    calls: ChatClient
    support: ChatClient | None
    run: Run
    brief: Brief
    marker: str
    watch: Watch

    kept: Mapping[tuple[str, int], Review | Missing]
    """What was answered before and is not asked again, by persona and sample."""

    async def all_personas(self) -> Answers:
        personas = self.panel.personas
        if self.panel.target.concurrency == 1:
            # In turn, so that one slot's prompt cache serves all questions of a persona.
            return {p.name: await self.persona(p) for p in personas}
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {p.name: group.create_task(self.persona(p)) for p in personas}
        except BaseExceptionGroup as errors:
            # Every task fails for the same reason: the run stops. One is told.
            raise errors.exceptions[0] from None
        return {name: task.result() for name, task in tasks.items()}

    async def persona(self, persona: Persona) -> list[Review | Missing]:
        tool, samples = self.brief.tool, self.panel.samples
        total = self.panel.steps(persona)
        done = count(1)

        def step(name: str) -> None:
            self.watch(Stepped(tool, persona.name, name, min(next(done), total), total))

        answers: list[Review | Missing] = []
        for sample in range(samples):
            if known := self.kept.get((persona.name, sample)):
                answers.append(known)
                continue
            answer = await self.once(persona, sample, step)
            answers.append(answer)
            if isinstance(answer, Review):
                await self.run.save_review(tool.slug, sample, answer)
            else:
                await self.run.save_missing(tool.slug, sample, answer)
        self.watch(Reviewed(tool, _merged(answers)))
        return answers

    async def once(
        self, persona: Persona, sample: int, step: Callable[[str], None]
    ) -> Review | Missing:
        try:
            return await ask_review(
                self.calls,
                persona,
                self.brief,
                ask=self.panel.target.ask,
                marker=self.marker,
                sample=sample,
                samples=self.panel.samples,
                rule=self.panel.rule,
                calibration=self.panel.calibration,
                today=_now(self.run).date(),
                on_step=step,
                support=self.support,
                measures=self.panel.calibrates,
            )
        except CallError as error:
            if error.stops_run:
                raise RunStopped(error.message, hint=error.hint) from error
            return Missing(persona=persona.name, reason=error.reason, detail=error.message)


def _merged(answers: Sequence[Review | Missing]) -> Review | Missing:
    reviews = [a for a in answers if isinstance(a, Review)]
    return merge(reviews) if reviews else answers[0]


class Settled(NamedTuple):
    """What all answers about one tool come to."""

    reviews: tuple[Review, ...]
    """One a persona, samples merged."""
    missing: tuple[Missing, ...]
    verdict: Verdict


def settle(
    answers: Answers, evidence: Evidence, *, personas: Sequence[Persona], rule: Rule
) -> Settled:
    """Merge samples and decide: pure, so that a stored run can be decided again."""
    merged = [_merged(rows) for rows in answers.values()]
    reviews = tuple(m for m in merged if isinstance(m, Review))
    missing = tuple(m for m in merged if isinstance(m, Missing))
    sampled = {name: [r for r in rows if isinstance(r, Review)] for name, rows in answers.items()}
    sampled = {name: rows for name, rows in sampled.items() if rows}
    weights = {p.name: p.weight for p in personas}
    verdict = decide(
        reviews,
        missing,
        weights=weights,
        rule=rule,
        suspicious=any(s.flags for s in evidence.sources),
        interval=score_interval(sampled, weights),
        effective_votes=effective_votes(sampled),
        dealbreakers={p.name: [c.id for c in p.criteria if c.dealbreaker] for p in personas},
    )
    return Settled(reviews, missing, verdict)


def _card(panel: Panel, tool: Tool, answers: Answers, evidence: Evidence) -> Scorecard:
    settled = settle(answers, evidence, personas=panel.personas, rule=panel.rule)
    return Scorecard(
        run="",
        created=datetime.now(UTC).replace(microsecond=0),
        provider=panel.target.provider,
        model=panel.target.model,
        asked=panel.target.ask,
        tool=CardTool(**tool.model_dump(exclude={"evidence"})),
        verdict=settled.verdict,
        reviews=settled.reviews,
        missing=settled.missing,
        evidence=evidence.sources,
        facts=read_facts(evidence),
        usage=RunUsage(),
    )
