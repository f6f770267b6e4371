"""A second look: where reviewers contradict each other on a fact, each sees the other's passage.

What is compared is narrow. Two claims are about the same fact where both answer a question of the
kind `fact` in the same words, or both are about upkeep, which every reviewer states. Everything is
computed from the first answers, so that neither the order of reviewers nor a retry matters, and
pure but for asking, so that a stored run gives the same again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from pydantic import Field

from panel.foundation.errors import BadReply, CallError
from panel.llm.types import ChatResponse
from panel.reviews import prompts
from panel.reviews.briefs import cited, with_passages
from panel.reviews.compose import compose
from panel.reviews.personas import Criterion, Persona, applicable
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.review import Answer, FirstStatus, Review, Status, with_earlier
from panel.reviews.score import score_findings
from panel.reviews.strategies.context import AskTally, ReviewContext, added
from panel.reviews.strategies.in_order import each
from panel.reviews.strategies.judge_then_write import known_cites, read_finding
from panel.reviews.strategies.reply_form import (
    TEXT,
    Cite,
    ReplyFinding,
    Strict,
    choice_schema,
    lower,
    object_schema,
    read_model,
)
from panel.reviews.support_check import supported

STEP: Final = "second look"
TOKENS: Final = 200
UPKEEP: Final = "upkeep"

_UPKEEP_QUESTION: Final = "How is the tool's upkeep?"
_SIDES: Final[Mapping[Status, Answer]] = {
    "active": "yes", "maintenance": "no", "deprecated": "no", "unknown": "unclear",
}  # fmt: skip
_OPPOSITE: Final[Mapping[Answer, Sequence[Answer]]] = {
    "yes": ("no",), "no": ("yes",), "unclear": ("yes", "no"),
}  # fmt: skip


class SecondReply(Strict):
    """A reply to the second look; which answers it may give depends on the question."""

    persona: str
    cites: list[Cite] = Field(max_length=50)
    because: str = Field(max_length=2_000)
    answer: str


@dataclass(frozen=True)
class Claim:
    """What one reviewer says of one fact."""

    title: str
    """Of the reviewer."""
    question: str
    answer: Answer | Status
    side: Answer
    cites: tuple[str, ...]
    criterion: Criterion | None
    """None: the claim is its statement about upkeep."""
    by_fact: bool = False
    """Code read it: its reviewer is not asked again."""


@dataclass(frozen=True)
class Looker:
    """A reviewer that has judged, and the context in which it may look again."""

    context: ReviewContext
    review: Review


async def look_again(
    plan: ReviewPlan, lookers: Mapping[str, Looker], *, asks: Callable[[str, str], bool]
) -> dict[str, Review]:
    """Return the reviews by persona, after a second look of those that are contradicted.

    Args:
        plan: Of the run.
        lookers: By persona, one sample of each.
        asks: Tells of a persona and a step whether it is asked.

    Raises:
        CallError: no later call can succeed either. Another failure leaves the first answer.
    """
    claims = {name: _claims(looker) for name, looker in lookers.items()}
    panel = [looker.context.brief for looker in lookers.values()]
    work = {}
    for name, looker in lookers.items():
        opposed = {
            topic: others
            for topic, claim in claims[name].items()
            if (others := _opposed(name, topic, claim, claims)) and asks(name, _step(topic))
        }
        if opposed:
            work[name] = partial(_looked, looker, claims[name], opposed, panel)
    return {name: looker.review for name, looker in lookers.items()} | await each(plan, work)


def _claims(looker: Looker) -> dict[str, Claim]:
    """Return what a reviewer answered first, by what it is about."""
    context, review = looker.context, looker.review
    criteria = {c.id: c for c in _persona(context).criteria if c.kind == "fact"}
    claims = {}
    status = review.first_status.status if review.first_status else review.status
    cites = review.first_status.cites if review.first_status else review.status_cites
    if status is not None:
        side = _SIDES[status] if cites else "unclear"
        claims[UPKEEP] = Claim(review.title, _UPKEEP_QUESTION, status, side, cites, None)
    for finding in review.findings:
        if criterion := criteria.get(finding.criterion):
            first = finding.answer_until("second_look") or finding
            claims[_topic(criterion)] = Claim(
                review.title,
                finding.question,
                first.answer,
                first.answer,
                first.cites,
                criterion,
                by_fact=bool(finding.decided_by),
            )
    return claims


def _topic(criterion: Criterion) -> str:
    """Return what a criterion is about: upkeep where a notice forces a skip, else its question."""
    upkeep = criterion.notice and criterion.dealbreaker
    return UPKEEP if upkeep else " ".join(criterion.question.lower().split())


def _step(topic: str) -> str:
    return f"{STEP}:{topic}"


def _opposed(
    name: str, topic: str, claim: Claim, claims: Mapping[str, Mapping[str, Claim]]
) -> list[Claim]:
    """Return the claims of others that contradict one and cite a passage for it.

    An open answer is contradicted where it is to a question that counts.
    """
    if claim.by_fact or (claim.side == "unclear" and claim.criterion is None):
        return []
    others = [rows[topic] for other, rows in claims.items() if other != name and topic in rows]
    opposed = [other for other in others if other.side in _OPPOSITE[claim.side] and other.cites]
    return sorted(opposed, key=lambda other: other.title)


async def _looked(
    looker: Looker,
    claims: Mapping[str, Claim],
    opposed: Mapping[str, Sequence[Claim]],
    panel: Sequence[Brief],
) -> Review:
    """Ask one reviewer about each contradicted claim, and return its review after that."""
    review = looker.review
    for topic, others in opposed.items():
        # Its judge may have had less room than those of the others.
        idents = cited(review).union(*(claim.cites for claim in others))
        context = replace(
            looker.context,
            persona=_persona(looker.context),
            brief=with_passages(looker.context.brief, idents, panel),
            tally=AskTally(),
        )
        try:
            reply = await _asked(context, topic, claims[topic], others)
        except CallError as error:
            if error.stops_run:
                raise
            note = f"a second look got no answer ({error.reason}): the first one stays"
            notes = tuple(dict.fromkeys([*review.notes, note]))
            review = review.model_copy(update={"notes": notes})
        else:
            review = await _answered(context, review, claims[topic], reply)
        finally:
            context.on_step(STEP)
    return review


def _persona(context: ReviewContext) -> Persona:
    return applicable(context.persona, context.brief.tool.kind)


async def _asked(
    context: ReviewContext, topic: str, claim: Claim, others: Sequence[Claim]
) -> SecondReply:
    options = ("yes", "no", "unclear") if claim.criterion else tuple(_SIDES)
    name = context.persona.name
    schema = {
        "persona": choice_schema([name]),
        "cites": {"type": "array", "items": TEXT},
        "because": TEXT,
        "answer": choice_schema(options),
    }
    return await context.ask(
        _step(topic),
        prompts.second_tail(
            context.persona,
            question=claim.question,
            answer=_with_cites(claim),
            others=[f"{other.title} answered {_with_cites(other)}." for other in others],
            options=options,
            form=f'{{"persona": "{name}", "cites": ["E1.4"], "because": "…", "answer": "…"}}',
        ),
        lambda response: _read(response, name, options),
        max_tokens=TOKENS,
        schema=object_schema(schema),
        repair=prompts.repair_tail,
        shared=prompts.dated(context.brief),
    )


def _with_cites(claim: Claim) -> str:
    return " ".join([claim.answer, *(f"[{ident}]" for ident in claim.cites)])


def _read(response: ChatResponse, name: str, options: Sequence[str]) -> SecondReply:
    reply = read_model(response.text, SecondReply, name, ())
    answer = str(lower(reply.answer))
    if answer not in options:
        raise BadReply(f"answer must be one of {', '.join(options)}")
    return reply.model_copy(update={"answer": answer})


async def _answered(
    context: ReviewContext, review: Review, claim: Claim, reply: SecondReply
) -> Review:
    """Return the review with a second answer beside the first, and what follows from it by code."""
    if claim.criterion is None:
        status: Status = reply.answer  # type: ignore[assignment]
        first = FirstStatus(status=claim.answer, cites=claim.cites)
        cites = known_cites(context, reply.cites)
        update: dict[str, object] = {"first_status": first, "status": status, "status_cites": cites}
        return _counted(context, review.model_copy(update=update))
    old = next(f for f in review.findings if f.criterion == claim.criterion.id)
    answer: Answer = reply.answer  # type: ignore[assignment]
    second = ReplyFinding(cites=reply.cites, because=reply.because, answer=answer)
    finding = read_finding(context, claim.criterion, second)
    (finding,) = await supported(context, [finding])
    finding = finding.model_copy(update={"earlier": with_earlier(old, "second_look")})
    findings = tuple(finding if f is old else f for f in review.findings)
    scored = score_findings(context.persona, findings, context.plan.rule)
    summary = compose(
        context.persona, findings, vote=scored.vote, brief=context.brief, rule=context.plan.rule
    )
    update = {"findings": findings, "summary": summary, **scored._asdict()}
    return _counted(context, review.model_copy(update=update))


def _counted(context: ReviewContext, review: Review) -> Review:
    """Return the review with what the second look took added to its counts."""
    tally = context.tally
    return review.model_copy(
        update={
            "usage": added(review.usage, tally.usage),
            "unknown_cites": review.unknown_cites + tally.unknown_cites,
            "uncited_facts": review.uncited_facts + tally.uncited_facts,
            "unsupported": review.unsupported + tally.unsupported,
        }
    )
