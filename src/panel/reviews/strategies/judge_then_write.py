"""The strategy `whole`: a judge call of all evidence; after code's vote a write call of an excerpt.

For capable models. The judge call asks for answers, upkeep and what is missing; the vote and a
short text are code's. `write_panel.py` then asks each reviewer for its review.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from panel.llm.types import ChatResponse
from panel.reviews import prompts
from panel.reviews.citations import keep_known, read_ids
from panel.reviews.compose import compose, statement
from panel.reviews.personas import Criterion, Persona
from panel.reviews.prose import tidy
from panel.reviews.review import Answer, Finding, Stance, Status, Vote
from panel.reviews.score import score_findings
from panel.reviews.strategies.context import RawReview, ReviewContext
from panel.reviews.strategies.reply_form import (
    TEXT,
    Cite,
    Prose,
    ReplyFinding,
    Strict,
    choice_schema,
    lower,
    object_schema,
    read_model,
    same_keys,
)
from panel.reviews.support_check import supported

MAX_CITES: Final = 2
MAX_MISSING: Final = 3
BECAUSE_LIMIT: Final = 240
MISSING_LIMIT: Final = 160
"""Characters."""

_TOLD: Final[Mapping[Answer, int]] = {"yes": 3, "no": 3, "unclear": 2}
"""Findings of each answer that the writer is told. Without those that stayed open it would take
what its excerpt lacks for what the page leaves out."""


class ReplyStatus(Strict):
    """The tool's upkeep, as the model gives it."""

    cites: list[Cite] = Field(max_length=50)
    is_: Annotated[Status, BeforeValidator(lower), Field(alias="is")]


class JudgeReply(Strict):
    """A reply to the judge call; which questions it must answer depends on the persona."""

    persona: str
    findings: dict[str, ReplyFinding]
    status: ReplyStatus
    missing: list[Prose] = Field(max_length=20)
    stance: Annotated[Stance, BeforeValidator(lower)]


def steps(persona: Persona) -> int:
    """Return how many answers the judging takes: one, whatever the persona asks."""
    return 1


async def ask(context: ReviewContext) -> RawReview:
    """Ask the judge call; the summary is composed by code. Raises `CallError`."""
    persona = context.persona
    reply, given = await judged(context.asking, "judge", shared=prompts.dated(context.brief))
    context.on_step("judge")
    status_cites = known_cites(context, reply.status.cites)
    findings = context.complete([*given, *await _noticed(context, reply.status.is_, status_cites)])
    scored = score_findings(persona, findings, context.plan.rule)
    missing = (tidy(keep_known(text, ())[0], limit=MISSING_LIMIT) for text in reply.missing)
    return RawReview(
        findings=findings,
        fields={},
        claim="",
        probability=None,
        summary=compose(
            persona, findings, vote=scored.vote, brief=context.brief, rule=context.plan.rule
        ),
        stance=reply.stance,
        composed=True,
        status=reply.status.is_,
        status_cites=status_cites,
        to_look_up=tuple(dict.fromkeys(filter(None, missing)))[:MAX_MISSING],
    )


async def _noticed(
    context: ReviewContext, status: Status, cites: tuple[str, ...]
) -> tuple[Finding, ...]:
    """Return a no where facts decide a yes and a cited passage says that the tool is over.

    A page that gives the tool up is a commit of its day as well. Only where a notice would answer.
    """
    if status != "deprecated" or not cites:
        return ()
    overruled = [
        context.finding(criterion, "no", cites=cites)
        for criterion in context.persona.criteria
        if criterion.notice
        and (finding := context.decided.get(criterion.id))
        and finding.answer == "yes"
    ]
    return await supported(context, overruled)


async def judged(
    context: ReviewContext, step: str, *, shared: str
) -> tuple[JudgeReply, tuple[Finding, ...]]:
    """Ask every criterion of the context's persona in one reply. Raises `CallError`."""
    persona = context.persona
    reply = await context.ask(
        step,
        prompts.judge_tail(persona, judge_form(persona)),
        lambda response: read_judgement(response, persona),
        max_tokens=300 + 100 * len(persona.criteria),
        schema=judge_schema(persona),
        repair=prompts.repair_tail,
        shared=shared,
    )
    findings = [read_finding(context, c, reply.findings[c.id]) for c in persona.criteria]
    return reply, await supported(context, findings)


def judge_form(persona: Persona) -> str:
    """Return the form of the reply in one line, as the prompt shows it."""
    finding = '{"cites": ["E1.4"], "because": "…", "answer": "yes"}, …'
    findings = f'"{persona.criteria[0].id}": {finding}' if persona.criteria else ""
    return (
        f'{{"persona": "{persona.name}", "findings": {{{findings}}}, "status": {{"cites": ["E1.2"],'
        ' "is": "active"}, "missing": ["…"], "stance": "ship"}'
    )


def judge_schema(persona: Persona) -> dict[str, Any]:
    """Return the JSON Schema of the reply, for servers that hold an answer to one."""
    return _schema(persona.name, tuple(c.id for c in persona.criteria))


def read_judgement(response: ChatResponse, persona: Persona) -> JudgeReply:
    """Validate a reply; raise `BadReply` naming all its faults, for the repair."""
    asked = [criterion.id for criterion in persona.criteria]
    reply = read_model(response.text, JudgeReply, persona.name, ["is", *asked])
    same_keys("findings", reply.findings, asked)
    return reply


def decisive_lines(persona: Persona, findings: Sequence[Finding]) -> list[str]:
    """Return the findings that weigh most for and against the tool, then those left open.

    One line each, with ids.
    """
    return [
        _line(finding)
        for answer, most in _TOLD.items()
        for finding in _heaviest(persona, findings, answer, most)
    ]


def deciding_statement(persona: Persona, findings: Sequence[Finding], vote: Vote) -> str:
    """Return the statement that weighs most on the side of a vote; "" where none does."""
    side: Answer = "yes" if vote == "ship" else "no"
    return next((f"{statement(f)}." for f in _heaviest(persona, findings, side, 1)), "")


def _line(finding: Finding) -> str:
    cites = "".join(f" [{ident}]" for ident in finding.cites)
    return f"{statement(finding)}{cites}."


def _heaviest(
    persona: Persona, findings: Sequence[Finding], answer: Answer, most: int
) -> list[Finding]:
    weights = {criterion.id: criterion.weight for criterion in persona.criteria}
    answered = [finding for finding in findings if finding.answer == answer]
    return sorted(answered, key=lambda finding: -weights[finding.criterion])[:most]


def read_finding(context: ReviewContext, criterion: Criterion, reply: ReplyFinding) -> Finding:
    """Return an answer of a reply as a finding, without what names no passage."""
    because, dropped = keep_known(reply.because, context.shown)
    context.tally.unknown_cites += dropped
    return context.finding(
        criterion,
        reply.answer,
        cites=known_cites(context, reply.cites),
        because=tidy(because, limit=BECAUSE_LIMIT),
    )


def known_cites(context: ReviewContext, cites: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of passages in a list of a reply; what names none is counted."""
    if all(cite in context.shown for cite in cites):
        return tuple(dict.fromkeys(cites))[:MAX_CITES]
    cited = read_ids(" ".join(cites), context.shown)
    # An entry of the list that holds no id at all is an invented source as well.
    without_id = sum(not read_ids(cite, ()).unknown for cite in cites)
    context.tally.unknown_cites += cited.unknown + without_id
    return cited.known[:MAX_CITES]


@lru_cache(maxsize=64)
def _schema(name: str, criteria: tuple[str, ...]) -> dict[str, Any]:
    cites = {"type": "array", "items": TEXT}
    answer = choice_schema(["yes", "no", "unclear"])
    finding = object_schema({"cites": cites, "because": TEXT, "answer": answer})
    status = choice_schema(["active", "maintenance", "deprecated", "unknown"])
    return object_schema(
        {
            "persona": choice_schema([name]),
            "findings": object_schema(dict.fromkeys(criteria, finding)),
            "status": object_schema({"cites": cites, "is": status}),
            "missing": {"type": "array", "items": TEXT},
            "stance": choice_schema(["ship", "skip"]),
        }
    )
