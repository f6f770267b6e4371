"""Yes/no questions read with a judge's calibration, and with its answers on an empty tool."""

from collections.abc import Sequence
from typing import Final

from panel.evidence.tools.tool import Tool
from panel.reviews import prompts
from panel.reviews.calibration.calibration import Calibration, sigmoid
from panel.reviews.personas import Criterion
from panel.reviews.prompts import Brief
from panel.reviews.review import Answer
from panel.reviews.score import answer_of
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.yes_no import YesNo, read_yes_no

NO_PROBABILITIES: Final = (
    "this provider gives no log-probabilities: answers are plain words, without a probability"
)
NO_FIT: Final = (
    "this model was never fitted: probabilities are corrected by its answers on an empty tool only"
)
COMMON_FIT: Final = (
    "questions that no control tool answers are read by what this model's other answers have in"
    " common"
)
EMPTY_TOOL: Final = Brief(tool=Tool(name="the tool", slug="-"))


async def ask_yes_no(
    context: ReviewContext, step: str, question: str, *, shared: str | None = None
) -> YesNo:
    """Ask one question about all evidence, or behind another shared part; raises `CallError`."""
    return await context.ask(
        step,
        prompts.question_tail(question, sample=context.sample),
        read_yes_no,
        max_tokens=1,
        logprobs=True,
        shared=shared,
    )


async def calibration_of(context: ReviewContext) -> Calibration | None:
    """Return the plan's calibration, completed on an empty tool where a question is not in it.

    The line that the fitted questions have in common reads the others, where the fit has one. None
    where there is none and the provider gives no log-probabilities.
    """
    fitted, name = context.plan.calibration, context.persona.name
    unknown = [
        c
        for c in context.persona.criteria
        if fitted is None or not fitted.covers(name, c.id, c.question)
    ]
    if not unknown:
        return fitted
    free = await content_free(context, unknown)
    if free is None:
        return fitted
    if fitted is None:
        context.tally.notes[NO_FIT] = None
        return free
    context.tally.notes[COMMON_FIT if fitted.common else NO_FIT] = None
    rows = {
        key: fitted.common.correction(row.offset, row.question) if fitted.common else row
        for key, row in free.criteria.items()
    }
    return fitted.model_copy(update={"criteria": {**fitted.criteria, **rows}})


async def content_free(context: ReviewContext, criteria: Sequence[Criterion]) -> Calibration | None:
    """Measure the judge's bias: ask questions about a tool of which nothing is known.

    The requests are the same for every tool, so a run sends them once and then finds them stored.
    Returns None where the provider gives no log-probabilities.
    """
    shared = prompts.shared(EMPTY_TOOL)
    rows = {}
    for criterion in criteria:
        step = f"empty:{criterion.id}"
        answer = await ask_yes_no(context, step, criterion.question, shared=shared)
        if answer.difference is None:
            return None
        rows[f"{context.persona.name}.{criterion.id}"] = {
            "offset": answer.difference,
            "slope": 1.0,
            "source": "content_free",
            "question": criterion.question,
        }
    return Calibration.model_validate(
        {"model": context.calls.config.model, "made": "from an empty tool", "criteria": rows}
    )


def calibrated_answer(
    context: ReviewContext, criterion: Criterion, yes_no: YesNo, calibration: Calibration | None
) -> tuple[float | None, Answer]:
    """Return the probability of yes, None without log-probabilities, and the answer it makes."""
    if yes_no.difference is None:
        context.tally.notes[NO_PROBABILITIES] = None
        return None, yes_no.greedy
    if calibration is None:
        p = sigmoid(yes_no.difference)
    else:
        p = calibration.probability(yes_no.difference, context.persona.name, criterion.id)
    return round(p, 4), answer_of(p, context.plan.rule)
