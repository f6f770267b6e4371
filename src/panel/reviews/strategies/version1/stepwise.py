"""The strategy `stepwise`: one short question a criterion on a shared prefix, then the texts.

For models too small to fill in a form: yes or no is read from one token. The questions are sent
without the persona's preamble, which takes about a third off the difference between tools with
the default local model; personas differ in the questions they ask.
"""

from typing import Final

from panel.llm.thinking import spoken
from panel.llm.types import ChatResponse
from panel.reviews import prompts
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.citations import Cited, likely, read_ids
from panel.reviews.personas import Criterion, Persona
from panel.reviews.review import Answer, Finding, Stance
from panel.reviews.score import score_findings
from panel.reviews.strategies.calibrated import ask_yes_no, calibrated_answer, calibration_of
from panel.reviews.strategies.context import RawReview, ReviewContext
from panel.reviews.strategies.version1.written_parts import UNWRITTEN, decisive, stand_in, write
from panel.reviews.strategies.yes_no import read_yes_no
from panel.reviews.support_check import supported

CANDIDATES: Final = 4
"""Passages suggested for a citation."""


def steps(persona: Persona) -> int:
    """Return how many answers a review takes at most: questions, citations, stance, texts."""
    facts = sum(c.kind == "fact" for c in persona.criteria)
    return len(persona.criteria) + facts + 1 + len(persona.fields) + 2


async def ask(context: ReviewContext) -> RawReview:
    """Ask question by question; a calibrating run asks for no written parts. Raises `CallError`."""
    asking = context.asking
    calibration = await calibration_of(asking)
    given = [await _finding(context, c, calibration) for c in asking.persona.criteria]
    findings = context.complete(await supported(context, given))
    scored = score_findings(context.persona, findings, context.plan.rule)
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


async def _finding(
    context: ReviewContext, criterion: Criterion, calibration: Calibration | None
) -> Finding:
    yes_no = await ask_yes_no(context, f"answer:{criterion.id}", criterion.question)
    context.on_step(criterion.id)
    p, answer = calibrated_answer(context, criterion, yes_no, calibration)
    cites: tuple[str, ...] = ()
    if criterion.kind == "fact":
        if answer != "unclear":
            cites = await _cites(context, criterion, answer)
        context.on_step(f"{criterion.id}: passage")
    return context.finding(criterion, answer, p=p, cites=cites)


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
