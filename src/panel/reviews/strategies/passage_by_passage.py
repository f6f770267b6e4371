"""The strategy `stepwise`: yes/no questions only, each citation asked of one passage alone.

For models too small to fill in a form or to write. A criterion is asked about all evidence, read
from one token. Whether a passage shows the answer is the same question put to that passage and
nothing else: a small model that is asked to name a passage among many names a wrong one more often
than not. The words of the review are put together by code (`compose`).

Calls about all evidence come first, then those about single passages, so that an engine that keeps
one prompt reads the evidence once.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from panel.evidence.source import Passage
from panel.evidence.tools.tool import Tool
from panel.reviews import prompts
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.citations import denies
from panel.reviews.compose import compose, guessed, noticed, quoted, turning_fact
from panel.reviews.fact_rules import decide
from panel.reviews.personas import Criterion, Persona
from panel.reviews.prompts import Brief
from panel.reviews.review import Answer, Finding, Stance
from panel.reviews.score import score_findings
from panel.reviews.shortlist import (
    BAD_NEWS,
    announces,
    holds_code,
    holds_date,
    shortlist,
    tells_bad_news,
)
from panel.reviews.strategies.calibrated import ask_yes_no, calibrated_answer, calibration_of
from panel.reviews.strategies.context import RawReview, ReviewContext
from panel.reviews.strategies.yes_no import read_yes_no
from panel.reviews.support_check import supported

CANDIDATES: Final = 2
"""Passages put to the model for a citation, each alone, up to one that shows the answer. Of those
that might deny a fact, which few pages do, only the first."""

TOP: Final = 4
"""Passages at the top of the evidence: where a page says that its tool is over."""

NOTICE_CUT: Final = -0.4
"""ln p(yes) − ln p(no) from which a notice is believed. Of 52 pages, controls and READMEs, those
with a notice have at least −0.31 and those without at most −0.50 (`benchmarks.notice`)."""

SHOWS: Final = 0.45
"""The same, the model's lean on the question taken away, from which a passage is held to show an
answer; set on labels, `benchmarks/data/citations.yaml`."""

SURE: Final = 1.0
"""The same from which no further passage is searched for the words of a notice."""

TOLD: Final = 4
"""Statements that a reviewer is reminded of when it is asked for its stance."""

NOT_WRITTEN: Final = (
    "put together by code from findings and quotes: this model does not write the rest of the"
    " argument or a forecast"
)


class _Answered(NamedTuple):
    """A criterion after the questions about all evidence."""

    criterion: Criterion
    answer: Answer
    p: float | None
    notice: tuple[str, ...]
    """The passage with the notice that answers it; () where there is none."""
    decided: Finding | None = None
    """What a fact decides; no model was asked."""


def steps(persona: Persona) -> int:
    """Return how many answers a review takes at most: questions, passages, stance."""
    facts = sum(c.kind == "fact" for c in persona.criteria)
    notices = sum(bool(c.notice) for c in persona.criteria)
    passages = TOP * notices + CANDIDATES * facts
    return len(persona.criteria) + notices + passages + 1


async def ask(context: ReviewContext) -> RawReview:
    """Ask question by question. Raises `CallError`."""
    persona = context.persona
    notices = {
        c.id: await _notice(context, c)
        for c in persona.criteria
        if c.notice and not _denied(context, c)
    }
    calibration = await calibration_of(context.asking)
    answered = [
        await _answered(context, criterion, notices.get(criterion.id, ()), calibration)
        for criterion in persona.criteria
    ]
    stance, log_odds = await _stance(context, answered)
    findings = await supported(
        context, [await _finding(context, row, calibration) for row in answered]
    )
    scored = score_findings(persona, findings, context.plan.rule)
    if not context.plan.calibrates:
        context.tally.notes[NOT_WRITTEN] = None
    return RawReview(
        findings=findings,
        fields={},
        claim="",
        probability=None,
        summary=compose(
            persona, findings, vote=scored.vote, brief=context.brief, rule=context.plan.rule
        ),
        stance=stance,
        stance_log_odds=log_odds,
        beats=_beats(context, findings),
        composed=True,
        turns_on=turning_fact(persona, findings, context.plan.rule),
    )


def _denied(context: ReviewContext, criterion: Criterion) -> bool:
    """Tell whether facts decide a no, which no notice can change."""
    decided = context.decided.get(criterion.id)
    return decided is not None and decided.answer == "no"


async def _answered(
    context: ReviewContext,
    criterion: Criterion,
    notice: tuple[str, ...],
    calibration: Calibration | None,
) -> _Answered:
    """Answer a criterion: by its notice, by a fact, else by asking about all evidence.

    A page that gives the tool up is a commit of its day as well, so that a notice goes first.
    """
    row = _Answered(criterion, "no", None, notice)
    if notice and not context.plan.calibrates:
        return row
    if decided := context.decided.get(criterion.id):
        # The stance is told the findings that weigh most: by plain weights and assumed
        # probabilities, so that it is the same question, answered once, whatever was fitted.
        plain = decide(criterion.decided_by, context.brief.facts)
        return _Answered(criterion, decided.answer, plain and plain.p, (), decided)
    # A fit is made from every question, also where a notice answers.
    yes_no = await ask_yes_no(context, f"answer:{criterion.id}", criterion.question)
    context.on_step(criterion.id)
    p, answer = calibrated_answer(context, criterion, yes_no, calibration)
    return row if notice else row._replace(answer=answer, p=p)


async def notice_log_odds(context: ReviewContext, criterion: Criterion) -> float:
    """Return by how much the top of the evidence says that the tool is over, in log-odds."""
    tail = prompts.question_tail(criterion.notice)
    return await _alone(context, f"notice:{criterion.id}", tail, context.brief.passages[:TOP])


async def _notice(context: ReviewContext, criterion: Criterion) -> tuple[str, ...]:
    """Return the passage at the top that says the tool is over; () where none does."""
    if not context.brief.passages:
        return ()
    together = await notice_log_odds(context, criterion)
    context.on_step(f"{criterion.id}: notice")
    if together < NOTICE_CUT:
        return ()
    tail = prompts.question_tail(criterion.notice)

    async def weigh(passage: Passage) -> float:
        return await _alone(context, f"notice:{criterion.id}:{passage.id}", tail, (passage,))

    found = await _best(context, context.brief.passages[:TOP], weigh, enough=SURE)
    return (found.passage.id,) if found else ()


async def _finding(
    context: ReviewContext, row: _Answered, calibration: Calibration | None
) -> Finding:
    """Return the finding, with the passage that shows it where it is a fact.

    What no passage was asked about is told as a guess; what follows from a notice says so.
    """
    if row.decided:
        return row.decided
    criterion, cites = row.criterion, row.notice
    if criterion.kind == "fact" and row.answer != "unclear" and not cites:
        lean = calibration.lean(context.persona.name, criterion.id) if calibration else 0.0
        cites = await _citation(context, criterion, row.answer, lean)
    finding = context.finding(criterion, row.answer, p=row.p, cites=cites)
    if row.notice and not criterion.dealbreaker:  # which asks what the notice says
        return finding.model_copy(update={"says": noticed(finding.says)})
    if finding.cites or finding.answer == "unclear":
        return finding
    return finding.model_copy(update={"says": guessed(finding.says)})


async def _citation(
    context: ReviewContext, criterion: Criterion, answer: Answer, lean: float
) -> tuple[str, ...]:
    """Return the passage that shows an answer best; () where none does."""
    candidates = _candidates(criterion, answer, context.brief.passages)

    async def weigh(passage: Passage) -> float:
        if answer == "yes":
            return await affirms(context, criterion, passage, lean)
        # The question would not do: of a passage about anything else its answer is no as well.
        denial = criterion.statement("no") or f"The answer to “{criterion.question}” is no"
        tail = prompts.statement_tail(denial)
        return await _alone(context, f"shows:{criterion.id}:{passage.id}", tail, (passage,))

    found = await _best(context, candidates, weigh, enough=SHOWS)
    return (found.passage.id,) if found and found.log_odds >= SHOWS else ()


def _candidates(criterion: Criterion, answer: Answer, passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages that may show an answer, the likeliest first.

    Only a passage that denies something can show a no: the silence of one shows nothing.
    """
    words = f"{criterion.question} {criterion.cues}"
    if answer == "no":
        denying = [p for p in passages if denies(p.text) or tells_bad_news(p.text)]
        return shortlist(f"{words} {BAD_NEWS}", denying, most=1, fewest=0)
    if criterion.shown_by == "top":
        telling = [p for p in passages if p.kind in ("prose", "list") and not announces(p)]
        return telling[:CANDIDATES]
    shows = {"code": holds_code, "date": holds_date}.get(criterion.shown_by or "", lambda _: True)
    showing = [passage for passage in passages if shows(passage)]
    return shortlist(words, showing, most=CANDIDATES, fewest=0)


async def affirms(
    context: ReviewContext, criterion: Criterion, passage: Passage, lean: float
) -> float:
    """Return by how much a passage alone answers a criterion with yes, in log-odds.

    The mean of the question, less the model's lean on it, and of the statement on the card; the
    statement is not asked where the question already says no.
    """
    step = f"shows:{criterion.id}:{passage.id}"
    question = prompts.question_tail(criterion.question)
    log_odds = await _alone(context, step, question, (passage,)) - lean
    if log_odds <= 0 or not criterion.says:
        return log_odds
    statement = prompts.statement_tail(criterion.says.yes)
    return (log_odds + await _alone(context, f"{step}:states", statement, (passage,))) / 2


def _beats(context: ReviewContext, findings: Sequence[Finding]) -> dict[str, str]:
    """Return, for a beat that a criterion's passage makes, that passage; none is quoted twice."""
    cited = {f.criterion: f.cites[0] for f in findings if f.answer == "yes" and f.cites}
    passages = {passage.id: passage for passage in context.brief.passages}
    beats: dict[str, str] = {}
    for beat in context.persona.beats:
        idents = [cited[criterion] for criterion in beat.quotes if criterion in cited]
        quotes = [quoted(passages[ident]) for ident in idents if ident in passages]
        if quote := next((quote for quote in quotes if quote not in beats.values()), ""):
            beats[beat.id] = quote
    return beats


class _Shown(NamedTuple):
    """A passage, and by how much it is held to show what was asked."""

    passage: Passage
    log_odds: float


async def _best(
    context: ReviewContext,
    passages: Sequence[Passage],
    weigh: Callable[[Passage], Awaitable[float]],
    *,
    enough: float,
) -> _Shown | None:
    """Weigh passages in turn, up to one that shows it well enough, and return the best."""
    best: _Shown | None = None
    for passage in passages:
        shown = _Shown(passage, await weigh(passage))
        context.on_step(passage.id)
        if best is None or shown.log_odds > best.log_odds:
            best = shown
        if shown.log_odds >= enough:
            break
    return best


async def _alone(
    context: ReviewContext, step: str, tail: str, passages: tuple[Passage, ...]
) -> float:
    """Ask about these passages and nothing else, not even the tool's own description.

    Returns ln p(yes) − ln p(no); for a plain word without probabilities, a sure yes or no.
    """
    tool = context.brief.tool
    bare = Brief(tool=Tool(name=tool.name, slug=tool.slug), passages=passages)
    answer = await context.ask(
        step, tail, read_yes_no, max_tokens=1, logprobs=True, shared=prompts.shared(bare)
    )
    if answer.difference is not None:
        return answer.difference
    return SURE if answer.greedy == "yes" else -SURE


def _pull(row: _Answered) -> tuple[bool, float]:
    """Return the order by weight: what a notice answered first, then the surest."""
    sure = 0.5 if row.p is None else abs(row.p - 0.5)
    return not row.notice, -row.criterion.weight * sure


async def _stance(
    context: ReviewContext, answered: Sequence[_Answered]
) -> tuple[Stance | None, float | None]:
    """Return the reviewer's own ship or skip, and ln p(ship) − ln p(skip) where it is known."""
    decisive = sorted((row for row in answered if row.answer != "unclear"), key=_pull)[:TOLD]
    statements = [
        row.criterion.statement(row.answer)
        or f"{row.criterion.question} {row.answer.capitalize()}."
        for row in decisive
    ]
    answer = await context.ask(
        "stance",
        prompts.leaning_tail(context.persona, statements),
        read_yes_no,
        max_tokens=1,
        logprobs=True,
    )
    context.on_step("stance")
    sides: dict[str, Stance] = {"yes": "ship", "no": "skip"}
    log_odds = None if answer.difference is None else round(answer.difference, 4)
    return sides.get(answer.greedy), log_odds
