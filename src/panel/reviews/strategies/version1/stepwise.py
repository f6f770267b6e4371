"""The strategy `stepwise`: one short question a criterion on a shared prefix, then the texts.

For models too small to fill in a form: yes or no is read from one token. The questions are sent
without the persona's preamble, which takes about a third off the difference between tools with
the default local model; personas differ in the questions they ask.
"""

from typing import Final

from panel.evidence.tools.tool import Tool
from panel.llm.thinking import spoken
from panel.llm.types import ChatResponse
from panel.reviews import prompts
from panel.reviews.calibration.calibration import Calibration, sigmoid
from panel.reviews.citations import Cited, likely, read_ids
from panel.reviews.personas import Criterion, Persona
from panel.reviews.prompts import Brief
from panel.reviews.review import Answer, Finding, Stance
from panel.reviews.score import answer_of, score_findings
from panel.reviews.strategies.context import RawReview, ReviewContext
from panel.reviews.strategies.version1.written_parts import UNWRITTEN, decisive, stand_in, write
from panel.reviews.strategies.yes_no import YesNo, read_yes_no
from panel.reviews.support_check import supported

CANDIDATES: Final = 4
"""Passages suggested for a citation."""

NO_PROBABILITIES: Final = (
    "this provider gives no log-probabilities: answers are plain words, without a probability"
)
NO_FIT: Final = (
    "this model was never fitted: probabilities are corrected by its answers on an empty tool only"
)
EMPTY_TOOL: Final = Brief(tool=Tool(name="the tool", slug="-"))


def steps(persona: Persona) -> int:
    """Return how many answers a review takes at most: questions, citations, stance, texts."""
    facts = sum(c.kind == "fact" for c in persona.criteria)
    return len(persona.criteria) + facts + 1 + len(persona.fields) + 2


async def ask(context: ReviewContext) -> RawReview:
    """Ask question by question; a calibrating run asks for no written parts. Raises `CallError`."""
    calibration = context.plan.calibration
    if calibration is None or not _covers(calibration, context.persona):
        free = await content_free(context)
        if free is not None:
            context.tally.notes[NO_FIT] = None
        calibration = free if calibration is None else _joined(calibration, free)
    findings = await supported(
        context, [await _finding(context, c, calibration) for c in context.persona.criteria]
    )
    scored = score_findings(context.persona.criteria, findings, context.plan.rule)
    stance = await _stance(context, findings)
    decided_by = [_sentence(f) for f in decisive(context, findings, scored.vote)]
    written = UNWRITTEN
    if not context.plan.calibrates:
        written = await write(context, decided_by=decided_by, vote=scored.vote)
    return RawReview(
        findings=findings,
        fields=written.fields,
        claim=written.claim,
        probability=written.probability,
        summary=written.summary or stand_in(findings, scored.vote),
        stance=stance,
    )


async def content_free(context: ReviewContext) -> Calibration | None:
    """Measure the judge's bias: ask every question about a tool of which nothing is known.

    The requests are the same for every tool, so a run sends them once and then finds them stored.
    Returns None where the provider gives no log-probabilities.
    """
    shared = prompts.shared(EMPTY_TOOL)
    rows = {}
    for criterion in context.persona.criteria:
        answer = await _ask_yes_no(context, criterion, step="empty", shared=shared)
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


async def difference(context: ReviewContext, criterion: Criterion) -> float | None:
    """Return ln p(yes) − ln p(no) of one question, to which a calibration is fitted."""
    return (await _ask_yes_no(context, criterion)).difference


async def _finding(
    context: ReviewContext, criterion: Criterion, calibration: Calibration | None
) -> Finding:
    yes_no = await _ask_yes_no(context, criterion)
    context.on_step(criterion.id)
    p, answer = _calibrated(context, criterion, yes_no, calibration)
    cites: tuple[str, ...] = ()
    if criterion.kind == "fact":
        if answer != "unclear":
            cites = await _cites(context, criterion, answer)
        context.on_step(f"{criterion.id}: passage")
    return context.finding(criterion, answer, p=p, cites=cites)


def _calibrated(
    context: ReviewContext, criterion: Criterion, yes_no: YesNo, calibration: Calibration | None
) -> tuple[float | None, Answer]:
    if yes_no.difference is None:
        context.tally.notes[NO_PROBABILITIES] = None
        return None, yes_no.greedy
    if calibration is None:
        p = sigmoid(yes_no.difference)
    else:
        p = calibration.probability(yes_no.difference, context.persona.name, criterion.id)
    return round(p, 4), answer_of(p, context.plan.rule)


async def _ask_yes_no(
    context: ReviewContext,
    criterion: Criterion,
    *,
    step: str = "answer",
    shared: str | None = None,
) -> YesNo:
    return await context.ask(
        f"{step}:{criterion.id}",
        prompts.question_tail(criterion.question, sample=context.sample),
        read_yes_no,
        max_tokens=1,
        logprobs=True,
        shared=shared,
    )


async def _cites(context: ReviewContext, criterion: Criterion, answer: Answer) -> tuple[str, ...]:
    candidates = likely(
        criterion.question,
        answer,
        context.brief.passages,
        most=CANDIDATES,
        cues=criterion.cues,
    )

    def parse(reply: ChatResponse) -> Cited:
        return read_ids(spoken(reply.text), context.shown)

    cited = await context.ask(
        f"cite:{criterion.id}",
        prompts.cite_tail(criterion.question, answer, candidates),
        parse,
        max_tokens=12,
    )
    context.tally.unknown_cites += cited.unknown
    return cited.known[:1]


async def _stance(context: ReviewContext, findings: tuple[Finding, ...]) -> Stance | None:
    sentences = [_sentence(f) + "".join(f" [{i}]" for i in f.cites) for f in findings]
    so_far = prompts.findings_part(context.persona, sentences)
    answer = await context.ask(
        "stance",
        so_far + prompts.stance_tail(),
        read_yes_no,
        max_tokens=1,
        logprobs=True,
    )
    context.on_step("stance")
    sides: dict[str, Stance] = {"yes": "ship", "no": "skip"}
    return sides.get(answer.greedy)


def _sentence(finding: Finding) -> str:
    return f"{finding.question} {finding.answer.capitalize()}."


def _covers(calibration: Calibration, persona: Persona) -> bool:
    return all(calibration.covers(persona.name, c.id, c.question) for c in persona.criteria)


def _joined(fitted: Calibration, free: Calibration | None) -> Calibration:
    """Complete a fit from the empty tool where a question is missing or has another wording."""
    if free is None:
        return fitted
    rows = {
        key: row
        if (fit := fitted.criteria.get(key)) is None or fit.question not in ("", row.question)
        else fit
        for key, row in free.criteria.items()
    }
    return fitted.model_copy(update={"criteria": {**fitted.criteria, **rows}})
