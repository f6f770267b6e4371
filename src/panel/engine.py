"""One tool past all reviewers: asks, merges samples, decides, and keeps what it is told to keep.

Knows nothing of files, formats or the command line; the same code serves one tool and thousands.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any

from panel.calls import Calls
from panel.errors import CallError, RunError, RunStopped
from panel.evidence.budget import choose
from panel.evidence.fence import fenced, marker
from panel.evidence.source import Evidence
from panel.personas import Persona
from panel.prompts import Brief
from panel.providers.target import Target
from panel.reviews.asking import ask_review, steps
from panel.reviews.calibration import Calibration
from panel.reviews.review import Missing, Review
from panel.reviews.score import Rule
from panel.runs.store import Run
from panel.tools.tool import Tool
from panel.verdict.decide import decide
from panel.verdict.samples import effective_votes, merge, score_interval
from panel.verdict.scorecard import CardTool, RunUsage, Scorecard


@dataclass(frozen=True)
class Panel:
    """Who is asked, where, and by which rule: the same for every tool of a run."""

    personas: tuple[Persona, ...]
    target: Target
    rule: Rule
    secret: bytes
    """Of this installation: keys the fence's marker."""
    samples: int = 1
    context: str | None = None
    calibration: Calibration | None = None
    warnings: tuple[str, ...] = ()
    """What every scorecard of the run must say, for instance that the model cannot judge."""

    @property
    def weights(self) -> dict[str, float]:
        """Weight of every persona asked, by name."""
        return {p.name: p.weight for p in self.personas}


@dataclass(frozen=True)
class Started:
    """A tool's first question is about to be asked."""

    tool: Tool


@dataclass(frozen=True)
class Stepped:
    """A reviewer has one more answer."""

    tool: Tool
    persona: str
    step: str
    done: int
    total: int


@dataclass(frozen=True)
class Reviewed:
    """A reviewer is through with a tool, with a review or without."""

    tool: Tool
    review: Review | Missing


@dataclass(frozen=True)
class Decided:
    """A tool has its verdict."""

    tool: Tool
    card: Scorecard


Event = Started | Stepped | Reviewed | Decided
Watch = Callable[[Event], None]
"""Is told what happens, as it happens: progress. Must not raise."""


def ignore(event: Event) -> None:
    """Watch nothing."""


async def review_tool(
    panel: Panel, calls: Calls, run: Run, tool: Tool, *, watch: Watch = ignore
) -> Scorecard:
    """Take one tool past all personas and return its scorecard, which is then on disk.

    A persona that cannot answer becomes `missing`. Raises `RunStopped` when no later call can
    succeed either (key, quota, model) or when the run was told to stop.
    """
    began = monotonic()
    watch(Started(tool))
    evidence = stored_evidence(run, tool)
    chosen = choose(evidence, panel.target.evidence_tokens)
    brief = Brief(tool=tool, passages=chosen.passages, context=panel.context)
    mark = marker(panel.secret, fenced(chosen.passages))
    ask = partial(_ask_persona, panel, calls, run, brief, mark, watch)
    answers = await _all_personas(panel, ask)
    card = _card(panel, run.name, tool, evidence, answers, chosen.notes)
    usage = run.usage(tool.slug).model_copy(update={"seconds": round(monotonic() - began, 2)})
    card = card.model_copy(update={"usage": usage})
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


Answers = Mapping[str, Sequence[Review | Missing]]
"""Per persona, one answer a sample."""


async def _all_personas(
    panel: Panel, ask: Callable[[Persona], Coroutine[Any, Any, list[Review | Missing]]]
) -> Answers:
    if panel.target.concurrency == 1:
        # In turn, so that one slot's prompt cache serves all questions of a persona.
        return {p.name: await ask(p) for p in panel.personas}
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {p.name: group.create_task(ask(p)) for p in panel.personas}
    except BaseExceptionGroup as errors:
        # Every task fails for the same reason: the run stops. One is told.
        raise errors.exceptions[0] from None
    return {name: task.result() for name, task in tasks.items()}


async def _ask_persona(
    panel: Panel, calls: Calls, run: Run, brief: Brief, mark: str, watch: Watch, persona: Persona
) -> list[Review | Missing]:
    answers: list[Review | Missing] = []
    done = 0
    total = steps(persona, panel.target.ask) * panel.samples

    def step(name: str) -> None:
        nonlocal done
        done += 1
        watch(Stepped(brief.tool, persona.name, name, min(done, total), total))

    for sample in range(panel.samples):
        answer = await _ask_once(panel, calls, brief, mark, persona, sample, step)
        answers.append(answer)
        if isinstance(answer, Review):
            await run.save_review(brief.tool.slug, sample, answer)
        else:
            await run.save_missing(brief.tool.slug, sample, answer)
    watch(Reviewed(brief.tool, _merged(answers)))
    return answers


async def _ask_once(
    panel: Panel,
    calls: Calls,
    brief: Brief,
    mark: str,
    persona: Persona,
    sample: int,
    step: Callable[[str], None],
) -> Review | Missing:
    try:
        return await ask_review(
            calls,
            persona,
            brief,
            ask=panel.target.ask,
            marker=mark,
            sample=sample,
            samples=panel.samples,
            rule=panel.rule,
            calibration=panel.calibration,
            today=datetime.now(UTC).date(),
            on_step=step,
        )
    except CallError as error:
        if error.stops_run:
            raise RunStopped(error.message, hint=error.hint) from error
        return Missing(persona=persona.name, reason=error.reason, detail=error.message)


def _merged(answers: Sequence[Review | Missing]) -> Review | Missing:
    reviews = [a for a in answers if isinstance(a, Review)]
    return merge(reviews) if reviews else answers[0]


def _card(
    panel: Panel,
    run: str,
    tool: Tool,
    evidence: Evidence,
    answers: Answers,
    notes: Sequence[str],
) -> Scorecard:
    merged = [_merged(rows) for rows in answers.values()]
    reviews = tuple(m for m in merged if isinstance(m, Review))
    missing = tuple(m for m in merged if isinstance(m, Missing))
    sampled = {name: [r for r in rows if isinstance(r, Review)] for name, rows in answers.items()}
    sampled = {name: rows for name, rows in sampled.items() if rows}
    return Scorecard(
        run=run,
        created=datetime.now(UTC).replace(microsecond=0),
        provider=panel.target.provider,
        model=panel.target.model,
        asked=panel.target.ask,
        tool=CardTool(**tool.model_dump(exclude={"evidence"})),
        verdict=decide(
            reviews,
            missing,
            weights=panel.weights,
            rule=panel.rule,
            suspicious=any(s.flags for s in evidence.sources),
            interval=score_interval(sampled, panel.weights),
            effective_votes=effective_votes(sampled),
        ),
        reviews=reviews,
        missing=missing,
        evidence=evidence.sources,
        usage=RunUsage(),
        warnings=(*panel.warnings, *notes),
    )
