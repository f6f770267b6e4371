"""One persona asked about one tool: the plan's strategy, and the review made of its result.

The vote is computed from the findings; no model is asked for it. Where the review is written after
the vote, what is made here is the judgement with a text of code.
"""

from dataclasses import replace
from datetime import date
from typing import Any, Final, Protocol

from panel.evidence.tools.tool import ToolKind
from panel.llm.config import Ask
from panel.reviews.own_claims import own_claims
from panel.reviews.personas import Persona, applicable, not_applicable
from panel.reviews.plan import ReviewPlan
from panel.reviews.propositions import resolve_date
from panel.reviews.review import Forecast, Review
from panel.reviews.score import score_findings
from panel.reviews.strategies import judge_then_write, passage_by_passage, written_review
from panel.reviews.strategies.context import RawReview, ReviewContext, decided_by_facts
from panel.reviews.strategies.version1 import single_call, stepwise
from panel.reviews.strategies.version1.written_parts import NO_WORDS
from panel.reviews.support_check import steps as support_steps


class Strategy(Protocol):
    """A way of asking one persona; each is a module."""

    def steps(self, persona: Persona) -> int:
        """Return how many answers a review takes at most."""

    async def ask(self, context: ReviewContext) -> RawReview:
        """Ask every question; raises `CallError`."""


VERSION_1: Final[dict[Ask, Strategy]] = {"whole": single_call, "stepwise": stepwise}
"""For personas with written fields and no beats: those of runs before 0.2."""

STRATEGIES: Final[dict[Ask, Strategy]] = {
    "whole": judge_then_write,
    "stepwise": passage_by_passage,
}
"""For personas with beats."""


async def ask_review(context: ReviewContext, *, today: date) -> Review:
    """Ask one persona every question that applies to the tool, and return its review.

    Args:
        context: Who is asked about what, by which plan.
        today: The day from which the forecast's horizon is counted.

    Raises:
        CallError: a question got no usable answer.
    """
    kind = context.brief.tool.kind
    left_out = not_applicable(context.persona, kind)
    context = replace(context, persona=applicable(context.persona, kind))
    if not context.plan.calibrates:  # which measures the judge
        decided = decided_by_facts(context.persona, context.brief.facts, context.plan.rule)
        context = replace(context, decided=decided)
    raw = await _strategy(context.plan, context.persona).ask(context)
    persona, judge, tally = context.persona, context.calls.config, context.tally
    scored = score_findings(persona, raw.findings, context.plan.rule)
    forecast = None
    if raw.claim:
        due = resolve_date(today, persona.forecast.horizon_months)
        forecast = Forecast(claim=raw.claim, probability=raw.probability, resolve_by=due)
    return Review(
        persona=persona.name,
        title=persona.title,
        vote=scored.vote,
        score=scored.score,
        coverage=scored.coverage,
        stance=raw.stance,
        summary=raw.summary,
        findings=raw.findings,
        not_applicable=left_out,
        fields=raw.fields,
        status=raw.status,
        status_cites=raw.status_cites,
        to_look_up=raw.to_look_up,
        beats=dict(raw.beats),
        composed=raw.composed,
        turns_on=raw.turns_on,
        stance_log_odds=raw.stance_log_odds,
        forecast=forecast,
        provider=judge.provider,
        model=tally.model or judge.model,
        usage=tally.usage,
        unknown_cites=tally.unknown_cites,
        uncited_facts=tally.uncited_facts,
        unsupported=tally.unsupported,
        own_claims=_own_claims(context, raw),
        notes=tuple(tally.notes),
    )


def _strategy(plan: ReviewPlan, persona: Persona) -> Strategy:
    return (STRATEGIES if persona.beats else VERSION_1)[plan.of(persona.name).judge.ask]


def steps(plan: ReviewPlan, persona: Persona, kind: ToolKind | None = None) -> int:
    """Return how many answers one persona gives about a tool at most, samples included."""
    persona = applicable(persona, kind)
    support = support_steps(persona) if plan.support else 0
    written = written_review.STEPS if writes(plan, persona) else 0
    return plan.samples * (_strategy(plan, persona).steps(persona) + support) + written


def names_missing(plan: ReviewPlan, persona: Persona) -> bool:
    """Tell whether a persona names facts that could be looked up."""
    is_whole = plan.of(persona.name).judge.ask == "whole"
    return bool(persona.beats) and is_whole and not plan.calibrates


def writes(plan: ReviewPlan, persona: Persona) -> bool:
    """Tell whether a persona's review is written after the vote, in a call of its own."""
    return names_missing(plan, persona) and plan.write


def reply_schemas(plan: ReviewPlan, persona: Persona) -> dict[str, Any]:
    """Return the JSON Schemas that a persona's replies are held to; none where it is asked yes/no.

    They are part of what a run means.
    """
    if plan.of(persona.name).judge.ask != "whole":
        return {}
    if not persona.beats:
        return single_call.schema_of(persona)
    return {
        "judge": judge_then_write.judge_schema(persona),
        "write": written_review.write_schema(persona, plan.propositions),
    }


def _own_claims(context: ReviewContext, raw: RawReview) -> tuple[str, ...]:
    """Return the review's statements without a source; a forecast is the persona's own anyway."""
    if raw.composed:
        return ()
    because = [finding.because for finding in raw.findings if not finding.decided_by]
    summary = [] if NO_WORDS in context.tally.notes else [raw.summary]
    brief = context.brief
    texts = [*summary, *raw.fields.values(), *because]
    return own_claims(texts, brief.passages, tool=brief.tool.name)
