"""Asking one persona about one tool: picks the strategy, and makes the review of what it brings.

Knows which strategies there are, not how they ask; the vote is computed, never asked for.
"""

from collections.abc import Callable
from datetime import date

from panel.calls import Calls
from panel.personas import Persona
from panel.prompts import Brief
from panel.providers.target import Ask
from panel.reviews import stepwise, whole
from panel.reviews.calibration import Calibration
from panel.reviews.interview import Heard, Interview
from panel.reviews.review import Forecast, Review
from panel.reviews.score import Rule, score_findings


async def ask_review(
    calls: Calls,
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
    texts: bool = True,
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
        texts: False leaves out written parts that cost calls of their own.

    Raises:
        CallError: a question got no usable answer.
    """
    interview = Interview(
        calls=calls,
        persona=persona,
        brief=brief,
        marker=marker,
        sample=sample,
        samples=samples,
        rule=rule,
        on_step=on_step,
    )
    if ask == "whole":
        heard = await whole.hear(interview)
    else:
        heard = await stepwise.hear(interview, calibration, texts=texts)
    return _review(interview, heard, today)


def steps(persona: Persona, ask: Ask) -> int:
    """Return how many answers a review takes at most."""
    return whole.STEPS if ask == "whole" else stepwise.steps(persona)


def _review(interview: Interview, heard: Heard, today: date) -> Review:
    persona = interview.persona
    scored = score_findings(persona.criteria, heard.findings, interview.rule)
    forecast = None
    if heard.claim:
        due = _months_after(today, persona.forecast.horizon_months)
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
        notes=heard.notes,
    )


def _months_after(day: date, months: int) -> date:
    """Return the same day of a later month, or the 28th where that month might not have it."""
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, min(day.day, 28))
