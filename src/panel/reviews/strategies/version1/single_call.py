"""The strategy `whole`: one structured reply a persona, validated completely before use.

For capable models, where every call costs money. The schema stays in the subset that all servers
accept and is shown in the prompt too: constrained or not, the reply is validated here.
"""

from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from panel.foundation.errors import BadReply
from panel.llm.json_reply import last_json_object, plain_key
from panel.llm.types import ChatResponse
from panel.reviews import prompts
from panel.reviews.citations import keep_known, read_ids
from panel.reviews.personas import Criterion, Persona
from panel.reviews.prose import tidy
from panel.reviews.review import Answer, Finding, Stance
from panel.reviews.strategies.context import RawReview, ReviewContext
from panel.reviews.support_check import supported

MAX_CITES: Final = 3
BECAUSE_LIMIT: Final = 200
FIELD_LIMIT: Final = 400
SUMMARY_LIMIT: Final = 900

Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]


def _lower(value: object) -> object:
    """Lower a text and take its final full stop off: `Yes.` is `yes`."""
    return value.strip().rstrip(".").lower() if isinstance(value, str) else value


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Strict(BaseModel):
    """Converts nothing implicitly: "7", true and 7.5 are not whole numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ReplyFinding(_Strict):
    """One answer, as the model gives it."""

    because: Annotated[str, StringConstraints(max_length=2_000)]
    cites: list[Annotated[str, StringConstraints(max_length=200)]] = Field(max_length=50)
    answer: Annotated[Answer, BeforeValidator(_lower)]


class ReplyForecast(_Strict):
    """A claim and its likelihood in whole percent."""

    claim: Prose
    probability: Annotated[int, BeforeValidator(_whole), Field(ge=0, le=100)]


class SingleCallReply(_Strict):
    """A whole reply; which criteria and fields it must hold depends on the persona."""

    persona: str
    findings: dict[str, ReplyFinding]
    fields: dict[str, Prose]
    forecast: ReplyForecast
    summary: Prose
    stance: Annotated[Stance, BeforeValidator(_lower)]


def steps(persona: Persona) -> int:
    """Return how many answers a review takes: one, whatever the persona asks."""
    return 1


async def ask(context: ReviewContext) -> RawReview:
    """Ask for the whole review at once; raises `CallError`."""
    persona = context.persona
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
    return _raw_review(context, reply, await supported(context, findings))


def schema_of(persona: Persona) -> dict[str, Any]:
    """Return the JSON Schema of a persona's reply, in the subset every server understands."""
    return _schema(
        persona.name, tuple(c.id for c in persona.criteria), tuple(f.id for f in persona.fields)
    )


def read_reply(response: ChatResponse, persona: Persona) -> SingleCallReply:
    """Validate a reply; raise `BadReply` naming all its faults, for the repair."""
    try:
        reply = SingleCallReply.model_validate(
            last_json_object(response.text, SingleCallReply.model_fields)
        )
    except ValidationError as error:
        raise BadReply(_faults(error, persona)) from None
    if _lower(reply.persona) != persona.name:
        raise BadReply(f"persona must be {persona.name!r}")
    _same_keys("findings", reply.findings, [c.id for c in persona.criteria])
    _same_keys("fields", reply.fields, [f.id for f in persona.fields])
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


def _same_keys(name: str, found: dict[str, Any], expected: list[str]) -> None:
    faults = [f"{name}.{key} is missing" for key in expected if key not in found]
    # A key is the model's own text and is repeated outside the fence: only plain words are shown.
    if unexpected := [plain_key(key) for key in found if key not in expected]:
        faults.append(f"{name} has keys that were not asked for: {', '.join(unexpected[:4])}")
    if faults:
        raise BadReply("; ".join(faults[:8]))


def _faults(error: ValidationError, persona: Persona) -> str:
    known = {*SingleCallReply.model_fields, *ReplyFinding.model_fields, *ReplyForecast.model_fields}
    known |= {c.id for c in persona.criteria} | {f.id for f in persona.fields}
    rows = error.errors(include_url=False, include_context=False, include_input=False)

    def describe(row: ErrorDetails) -> str:
        where = [str(x) if x in known or isinstance(x, int) else plain_key(x) for x in row["loc"]]
        extra = row["type"] == "extra_forbidden"
        what = "is a key that was not asked for" if extra else row["msg"].lower()
        return f"{'.'.join(where)}{' ' if extra else ': '}{what}"

    return "; ".join([describe(row) for row in rows][:8])


def _budget(persona: Persona) -> int:
    """Return room for a reply of the length asked for, twice over."""
    return 400 + 110 * len(persona.criteria) + 120 * len(persona.fields)


@lru_cache(maxsize=64)
def _schema(name: str, criteria: tuple[str, ...], fields: tuple[str, ...]) -> dict[str, Any]:
    text = {"type": "string"}
    answer = {"type": "string", "enum": ["yes", "no", "unclear"]}
    cites = {"type": "array", "items": text}
    finding = _object({"because": text, "cites": cites, "answer": answer})
    return _object(
        {
            "persona": {"type": "string", "enum": [name]},
            "findings": _object(dict.fromkeys(criteria, finding)),
            "fields": _object(dict.fromkeys(fields, text)),
            "forecast": _object({"claim": text, "probability": {"type": "integer"}}),
            "summary": text,
            "stance": {"type": "string", "enum": ["ship", "skip"]},
        }
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
