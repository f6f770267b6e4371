"""The support check: a second pass that asks whether a cited passage shows what it was cited for.

The question goes out with the cited passages alone, to the same provider or to another. A fact
they do not show becomes unclear before anything is scored; in a calibration it is only counted.
Votes are not known here.
"""

from collections.abc import Sequence
from typing import Final

from panel.foundation.errors import BadReply, Empty, Filtered, Refused, Truncated
from panel.reviews import prompts
from panel.reviews.personas import Persona
from panel.reviews.prompts import Brief
from panel.reviews.review import Finding
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.yes_no import read_yes_no

_NO_ANSWER: Final = (BadReply, Empty, Filtered, Refused, Truncated)
"""Answered, but not with yes or no: then nothing vouches for the fact."""

ONLY_COUNTED: Final = "facts that their passage does not show are counted, and not made unclear"


def steps(persona: Persona) -> int:
    """Return how many answers the second pass takes at most."""
    return sum(c.kind == "fact" for c in persona.criteria)


async def supported(context: ReviewContext, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings, facts whose passages do not show them counted and made unclear.

    Without anybody to ask the findings come back as they are. Raises `CallError` where no answer
    could be had at all.
    """
    if context.support is None:
        return tuple(findings)
    return tuple([await _checked(context, finding) for finding in findings])


async def _checked(context: ReviewContext, finding: Finding) -> Finding:
    if finding.kind != "fact" or finding.answer == "unclear" or not finding.cites:
        return finding
    if finding.decided_by:  # code read it in that passage
        return finding
    shows = await _shows(context, finding)
    context.on_step(f"{finding.criterion}: support")
    if shows:
        return finding
    context.tally.unsupported += 1
    if context.plan.calibrates:
        context.tally.notes[ONLY_COUNTED] = None
        return finding
    criterion = next(c for c in context.persona.criteria if c.id == finding.criterion)
    return finding.model_copy(update={"answer": "unclear", "says": criterion.statement("unclear")})


async def _shows(context: ReviewContext, finding: Finding) -> bool:
    cited = tuple(p for p in context.brief.passages if p.id in finding.cites)
    try:
        answer = await context.ask(
            f"support:{finding.criterion}",
            prompts.support_tail(finding.question, finding.answer, finding.cites),
            read_yes_no,
            max_tokens=1,
            logprobs=True,
            shared=prompts.shared(Brief(tool=context.brief.tool, passages=cited)),
            of=context.support,
        )
    except _NO_ANSWER:
        return False
    return answer.greedy == "yes"
