"""The strategy `whole`: one structured reply a persona, validated completely before use.

For capable models, where every call costs money. The schema stays in the subset that all servers
accept and is shown in the prompt too: constrained or not, the reply is validated here.
"""

from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from panel.llm.types import ChatResponse
from panel.reviews import prompts
from panel.reviews.citations import keep_known, read_ids
from panel.reviews.personas import Criterion, Persona
from panel.reviews.prose import tidy
from panel.reviews.review import Finding, Stance
from panel.reviews.strategies.context import RawReview, ReviewContext
from panel.reviews.strategies.reply_form import (
    TEXT,
    Prose,
    ReplyFinding,
    ReplyForecast,
    Strict,
    choice_schema,
    lower,
    object_schema,
    read_model,
    same_keys,
)
from panel.reviews.support_check import supported

MAX_CITES: Final = 3
BECAUSE_LIMIT: Final = 200
FIELD_LIMIT: Final = 400
SUMMARY_LIMIT: Final = 900


class SingleCallReply(Strict):
    """A whole reply; which criteria and fields it must hold depends on the persona."""

    persona: str
    findings: dict[str, ReplyFinding]
    fields: dict[str, Prose]
    forecast: ReplyForecast
    summary: Prose
    stance: Annotated[Stance, BeforeValidator(lower)]


def steps(persona: Persona) -> int:
    """Return how many answers a review takes: one, whatever the persona asks."""
    return 1


async def ask(context: ReviewContext) -> RawReview:
    """Ask for the whole review at once; raises `CallError`."""
    persona = context.asking.persona
    schema = schema_of(persona)
    reply = await context.ask(
        "review",
        prompts.whole_tail(persona, schema),
        lambda response: read_reply(response, persona),
        max_tokens=_budget(persona),
        schema=schema,
        repair=prompts.repair_tail,
    )
    context.on_step("review")
    findings = [_finding(context, c, reply.findings[c.id]) for c in persona.criteria]
    return _raw_review(context, reply, context.complete(await supported(context, findings)))


def schema_of(persona: Persona) -> dict[str, Any]:
    """Return the JSON Schema of a persona's reply, in the subset every server understands."""
    return _schema(
        persona.name, tuple(c.id for c in persona.criteria), tuple(f.id for f in persona.fields)
    )


def read_reply(response: ChatResponse, persona: Persona) -> SingleCallReply:
    """Validate a reply; raise `BadReply` naming all its faults, for the repair."""
    asked = [*(c.id for c in persona.criteria), *(f.id for f in persona.fields)]
    reply = read_model(response.text, SingleCallReply, persona.name, asked)
    same_keys("findings", reply.findings, [c.id for c in persona.criteria])
    same_keys("fields", reply.fields, [f.id for f in persona.fields])
    return reply


def _raw_review(
    context: ReviewContext, reply: SingleCallReply, findings: tuple[Finding, ...]
) -> RawReview:
    def prose(text: str, limit: int) -> str:
        text, dropped = keep_known(text, context.shown)
        context.tally.unknown_cites += dropped
        return tidy(text, limit=limit)

    return RawReview(
        findings=findings,
        fields={f.id: prose(reply.fields[f.id], FIELD_LIMIT) for f in context.persona.fields},
        claim=prose(reply.forecast.claim, FIELD_LIMIT),
        probability=reply.forecast.probability / 100,
        summary=prose(reply.summary, SUMMARY_LIMIT),
        stance=reply.stance,
    )


def _finding(context: ReviewContext, criterion: Criterion, reply: ReplyFinding) -> Finding:
    cited = read_ids(" ".join(reply.cites), context.shown)
    # An entry of the list that holds no id at all is an invented source as well.
    without_id = sum(not read_ids(cite, ()).unknown for cite in reply.cites)
    context.tally.unknown_cites += cited.unknown + without_id
    because, dropped = keep_known(reply.because, context.shown)
    context.tally.unknown_cites += dropped
    return context.finding(
        criterion,
        reply.answer,
        cites=cited.known[:MAX_CITES],
        because=tidy(because, limit=BECAUSE_LIMIT),
    )


def _budget(persona: Persona) -> int:
    """Return room for a reply of the length asked for, twice over."""
    return 400 + 110 * len(persona.criteria) + 120 * len(persona.fields)


@lru_cache(maxsize=64)
def _schema(name: str, criteria: tuple[str, ...], fields: tuple[str, ...]) -> dict[str, Any]:
    cites = {"type": "array", "items": TEXT}
    answer = choice_schema(["yes", "no", "unclear"])
    finding = object_schema({"because": TEXT, "cites": cites, "answer": answer})
    return object_schema(
        {
            "persona": choice_schema([name]),
            "findings": object_schema(dict.fromkeys(criteria, finding)),
            "fields": object_schema(dict.fromkeys(fields, TEXT)),
            "forecast": object_schema({"claim": TEXT, "probability": {"type": "integer"}}),
            "summary": TEXT,
            "stance": choice_schema(["ship", "skip"]),
        }
    )
