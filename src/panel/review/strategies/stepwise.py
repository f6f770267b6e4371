"""Stepwise: one short question a criterion on a shared prefix, then the reviewer's own words.

For judges too small to fill in a form: yes or no is read off one token. The questions go out
without the persona's preamble: with the default local model, one takes about a third off the
difference between tools; who asks shows in what is asked. Knows nothing of votes.
"""

from typing import Final

from panel.evidence.tools.tool import Tool
from panel.llm.thinking import spoken
from panel.llm.types import ChatResponse
from panel.review import prompts
from panel.review.calibration.calibration import Calibration, sigmoid
from panel.review.citations import Cited, likely, read_ids
from panel.review.personas import Criterion, Persona
from panel.review.prompts import Brief
from panel.review.review import Answer, Finding, Stance
from panel.review.score import answer_of, score_findings
from panel.review.strategies.context import RawReview, ReviewContext
from panel.review.strategies.written_parts import UNWRITTEN, decisive, stand_in, write
from panel.review.strategies.yes_no import YesNo, read_yes_no
from panel.review.support_check import supported

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


async def ask(interview: ReviewContext, calibration: Calibration | None) -> RawReview:
    """Ask everything, one thing at a time; measuring a judge, no words. Raises `CallError`."""
    if calibration is None or not _covers(calibration, interview.persona):
        free = await content_free(interview)
        if free is not None:
            interview.tally.notes[NO_FIT] = None
        calibration = free if calibration is None else _joined(calibration, free)
    findings = await supported(
        interview, [await _finding(interview, c, calibration) for c in interview.persona.criteria]
    )
    scored = score_findings(interview.persona.criteria, findings, interview.rule)
    stance = await _stance(interview, findings)
    told = [_told(f) for f in decisive(interview, findings, scored.vote)]
    written = UNWRITTEN
    if not interview.measures:
        written = await write(interview, told=told, vote=scored.vote)
    tally = interview.tally
    return RawReview(
        findings=findings,
        fields=written.fields,
        claim=written.claim,
        probability=written.probability,
        summary=written.summary or stand_in(findings, scored.vote),
        stance=stance,
        usage=tally.usage,
        model=tally.model,
        unknown_cites=tally.unknown_cites,
        uncited_facts=tally.uncited_facts,
        unsupported=tally.unsupported,
        notes=tuple(tally.notes),
    )


async def content_free(interview: ReviewContext) -> Calibration | None:
    """Ask every question about a tool of which nothing is known: the judge's own lean.

    The question is the same for every tool, so within a run it is asked once and then found again.
    Returns None where no log-probabilities come.
    """
    shared = prompts.shared(EMPTY_TOOL)
    rows = {}
    for criterion in interview.persona.criteria:
        said = await _ask_yes_no(interview, criterion, step="empty", shared=shared)
        if said.difference is None:
            return None
        rows[f"{interview.persona.name}.{criterion.id}"] = {
            "offset": said.difference,
            "slope": 1.0,
            "source": "content_free",
            "question": criterion.question,
        }
    return Calibration.model_validate(
        {"model": interview.calls.target.model, "made": "from an empty tool", "criteria": rows}
    )


async def difference(interview: ReviewContext, criterion: Criterion) -> float | None:
    """Return the raw yes/no difference of one question: what a calibration is fitted to."""
    return (await _ask_yes_no(interview, criterion)).difference


async def _finding(
    interview: ReviewContext, criterion: Criterion, calibration: Calibration | None
) -> Finding:
    said = await _ask_yes_no(interview, criterion)
    interview.on_step(criterion.id)
    p, answer = _weighed(interview, criterion, said, calibration)
    cites: tuple[str, ...] = ()
    if criterion.kind == "fact":
        if answer != "unclear":
            cites = await _cites(interview, criterion, answer)
        interview.on_step(f"{criterion.id}: passage")
    return interview.finding(criterion, answer, p=p, cites=cites)


def _weighed(
    interview: ReviewContext, criterion: Criterion, said: YesNo, calibration: Calibration | None
) -> tuple[float | None, Answer]:
    if said.difference is None:
        interview.tally.notes[NO_PROBABILITIES] = None
        return None, said.greedy
    if calibration is None:
        p = sigmoid(said.difference)
    else:
        p = calibration.probability(said.difference, interview.persona.name, criterion.id)
    return round(p, 4), answer_of(p, interview.rule)


async def _ask_yes_no(
    interview: ReviewContext,
    criterion: Criterion,
    *,
    step: str = "answer",
    shared: str | None = None,
) -> YesNo:
    return await interview.ask(
        f"{step}:{criterion.id}",
        prompts.question_tail(criterion.question, sample=interview.sample),
        read_yes_no,
        max_tokens=1,
        logprobs=True,
        shared=shared,
    )


async def _cites(interview: ReviewContext, criterion: Criterion, answer: Answer) -> tuple[str, ...]:
    candidates = likely(
        criterion.question,
        answer,
        interview.brief.passages,
        most=CANDIDATES,
        cues=criterion.cues,
    )

    def parse(reply: ChatResponse) -> Cited:
        return read_ids(spoken(reply.text), interview.shown)

    cited = await interview.ask(
        f"cite:{criterion.id}",
        prompts.cite_tail(criterion.question, answer, candidates),
        parse,
        max_tokens=12,
    )
    interview.tally.unknown_cites += cited.unknown
    return cited.known[:1]


async def _stance(interview: ReviewContext, findings: tuple[Finding, ...]) -> Stance | None:
    told = [_told(f) + "".join(f" [{i}]" for i in f.cites) for f in findings]
    so_far = prompts.findings_part(interview.persona, told)
    said = await interview.ask(
        "stance",
        so_far + prompts.stance_tail(),
        read_yes_no,
        max_tokens=1,
        logprobs=True,
    )
    interview.on_step("stance")
    sides: dict[str, Stance] = {"yes": "ship", "no": "skip"}
    return sides.get(said.greedy)


def _told(finding: Finding) -> str:
    return f"{finding.question} {finding.answer.capitalize()}."


def _covers(calibration: Calibration, persona: Persona) -> bool:
    return all(calibration.covers(persona.name, c.id, c.question) for c in persona.criteria)


def _joined(fitted: Calibration, free: Calibration | None) -> Calibration:
    """Fill what the fit does not know, or knows under other wording, from the empty tool."""
    if free is None:
        return fitted
    rows = {
        key: row
        if (own := fitted.criteria.get(key)) is None or own.question not in ("", row.question)
        else own
        for key, row in free.criteria.items()
    }
    return fitted.model_copy(update={"criteria": {**fitted.criteria, **rows}})
