"""Asking one persona about one tool: picks the strategy, and makes the review of what it brings.

Knows which strategies there are, not how they ask; the vote is computed, never asked for.
"""

from collections.abc import Callable
from datetime import date

from panel.llm.calls import ChatClient
from panel.llm.config import Ask
from panel.review.calibration.calibration import Calibration
from panel.review.own_claims import own_claims
from panel.review.personas import Persona
from panel.review.prompts import Brief
from panel.review.review import Forecast, Review
from panel.review.score import Rule, score_findings
from panel.review.strategies import single_call, stepwise
from panel.review.strategies.context import RawReview, ReviewContext
from panel.review.strategies.written_parts import NO_WORDS
from panel.review.support_check import steps as support_steps


async def ask_review(
    calls: ChatClient,
    persona: Persona,
    brief: Brief,
    *,
    ask: Ask,
    marker: str,
    sample: int,
    samples: int,
    rule: Rule,
    calibration: Calibration | None,
    today: date,
    on_step: Callable[[str], None],
    support: ChatClient | None = None,
    measures: bool = False,
) -> Review:
    """Ask one persona everything and return its review.

    Args:
        calls: Where questions go.
        persona: Who is asked.
        brief: The tool, the passages shown, the reader's needs.
        ask: The strategy.
        marker: The fence's marker for this evidence.
        sample: Which of the samples this is, from 0.
        samples: How many times the persona is asked in all.
        rule: The numbers of the verdict rule.
        calibration: What is known of the judge; None asks about an empty tool instead.
        today: The day the forecast's horizon is counted from.
        on_step: Told after every answer, at most `steps` times.
        support: Who is asked whether cited passages support their findings; None: nobody.
        measures: The judge is measured: written parts that cost calls of their own are left out,
            and facts that their passage does not show are counted and stay as they are.

    Raises:
        CallError: a question got no usable answer.
    """
    interview = ReviewContext(
        calls=calls,
        persona=persona,
        brief=brief,
        marker=marker,
        sample=sample,
        samples=samples,
        rule=rule,
        on_step=on_step,
        support=support,
        measures=measures,
    )
    if ask == "whole":
        heard = await single_call.ask(interview)
    else:
        heard = await stepwise.ask(interview, calibration)
    return _review(interview, heard, today)


def steps(persona: Persona, ask: Ask, *, check_support: bool = False) -> int:
    """Return how many answers a review takes at most."""
    checks = support_steps(persona) if check_support else 0
    return checks + (single_call.STEPS if ask == "whole" else stepwise.steps(persona))


def _review(interview: ReviewContext, heard: RawReview, today: date) -> Review:
    persona = interview.persona
    scored = score_findings(persona.criteria, heard.findings, interview.rule)
    forecast = None
    if heard.claim:
        due = resolve_date(today, persona.forecast.horizon_months)
        forecast = Forecast(claim=heard.claim, probability=heard.probability, resolve_by=due)
    return Review(
        persona=persona.name,
        title=persona.title,
        vote=scored.vote,
        score=scored.score,
        coverage=scored.coverage,
        stance=heard.stance,
        summary=heard.summary,
        findings=heard.findings,
        fields=heard.fields,
        forecast=forecast,
        provider=interview.calls.target.provider,
        model=heard.model or interview.calls.target.model,
        usage=heard.usage,
        unknown_cites=heard.unknown_cites,
        uncited_facts=heard.uncited_facts,
        unsupported=heard.unsupported,
        own_claims=_own_claims(interview, heard),
        notes=heard.notes,
    )


def _own_claims(interview: ReviewContext, heard: RawReview) -> tuple[str, ...]:
    """Return what the reviewer says of its own; a forecast is its own from first to last."""
    because = [finding.because for finding in heard.findings]
    words = [] if NO_WORDS in heard.notes else [heard.summary]
    brief = interview.brief
    return own_claims(
        [*words, *heard.fields.values(), *because], brief.passages, tool=brief.tool.name
    )


def resolve_date(day: date, months: int) -> date:
    """Return the same day of a later month, or the 28th where that month might not have it."""
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, min(day.day, 28))
