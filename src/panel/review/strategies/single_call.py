"""Whole: one structured reply a persona, validated to the letter before a word of it counts.

For capable models, where every call costs money. The schema is of the portable subset only and is
shown in the prompt too: constrained or not, the reply is checked here. Knows nothing of votes.
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
from panel.review import prompts
from panel.review.citations import keep_known, read_ids
from panel.review.personas import Criterion, Persona
from panel.review.prose import tidy
from panel.review.review import Answer, Finding, Stance
from panel.review.strategies.context import RawReview, ReviewContext
from panel.review.support_check import supported

STEPS: Final = 1
MAX_CITES: Final = 3
BECAUSE_LIMIT: Final = 200
FIELD_LIMIT: Final = 400
SUMMARY_LIMIT: Final = 900

Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]


def _small(value: object) -> object:
    """A capital or a full stop makes no other answer: `Yes` is `yes`."""
    return value.strip().rstrip(".").lower() if isinstance(value, str) else value


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Strict(BaseModel):
    """Nothing is converted but what has one meaning: "7", true or 7.5 is no whole number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ReplyFinding(_Strict):
    """One answer, as the model gives it."""

    because: Annotated[str, StringConstraints(max_length=2_000)]
    cites: list[Annotated[str, StringConstraints(max_length=200)]] = Field(max_length=50)
    answer: Annotated[Answer, BeforeValidator(_small)]


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
    stance: Annotated[Stance, BeforeValidator(_small)]


async def ask(interview: ReviewContext) -> RawReview:
    """Ask for everything at once; raises `CallError`."""
    persona = interview.persona
    schema = schema_of(persona)
    said = await interview.ask(
        "review",
        prompts.whole_tail(persona, schema),
        lambda reply: read_reply(reply, persona),
        max_tokens=_budget(persona),
        schema=schema,
        repair=prompts.repair_tail,
    )
    interview.on_step("review")
    findings = [_finding(interview, c, said.findings[c.id]) for c in persona.criteria]
    return _heard(interview, said, await supported(interview, findings))


def schema_of(persona: Persona) -> dict[str, Any]:
    """Return the JSON Schema of a persona's reply, in the subset every server understands."""
    return _schema(
        persona.name, tuple(c.id for c in persona.criteria), tuple(f.id for f in persona.fields)
    )


def read_reply(reply: ChatResponse, persona: Persona) -> SingleCallReply:
    """Validate a reply; raise `BadReply` with every fault a repair must mend."""
    try:
        said = SingleCallReply.model_validate(
            last_json_object(reply.text, SingleCallReply.model_fields)
        )
    except ValidationError as fault:
        raise BadReply(_faults(fault, persona)) from None
    if _small(said.persona) != persona.name:
        raise BadReply(f"persona must be {persona.name!r}")
    _same_keys("findings", said.findings, [c.id for c in persona.criteria])
    _same_keys("fields", said.fields, [f.id for f in persona.fields])
    return said


def _heard(
    interview: ReviewContext, said: SingleCallReply, findings: tuple[Finding, ...]
) -> RawReview:
    persona, shown, tally = interview.persona, interview.shown, interview.tally

    def prose(text: str, limit: int) -> str:
        kept, dropped = keep_known(text, shown)
        tally.unknown_cites += dropped
        return tidy(kept, limit=limit)

    fields = {f.id: prose(said.fields[f.id], FIELD_LIMIT) for f in persona.fields}
    claim = prose(said.forecast.claim, FIELD_LIMIT)
    summary = prose(said.summary, SUMMARY_LIMIT)
    return RawReview(
        findings=findings,
        fields=fields,
        claim=claim,
        probability=said.forecast.probability / 100,
        summary=summary,
        stance=said.stance,
        usage=tally.usage,
        model=tally.model,
        unknown_cites=tally.unknown_cites,
        uncited_facts=tally.uncited_facts,
        unsupported=tally.unsupported,
        notes=tuple(tally.notes),
    )


def _finding(interview: ReviewContext, criterion: Criterion, said: ReplyFinding) -> Finding:
    cited = read_ids(" ".join(said.cites), interview.shown)
    # What stands in the list and is no id at all is an invented source as well.
    strangers = sum(not read_ids(c, ()).unknown for c in said.cites)
    interview.tally.unknown_cites += cited.unknown + strangers
    because, dropped = keep_known(said.because, interview.shown)
    interview.tally.unknown_cites += dropped
    return interview.finding(
        criterion,
        said.answer,
        cites=cited.known[:MAX_CITES],
        because=tidy(because, limit=BECAUSE_LIMIT),
    )


def _same_keys(what: str, given: dict[str, Any], wanted: list[str]) -> None:
    faults = [f"{what}.{key} is missing" for key in wanted if key not in given]
    # Named where it is a plain short word: it is the model's text, told outside the fence.
    if strangers := [plain_key(key) for key in given if key not in wanted]:
        faults.append(f"{what} has keys that were not asked for: {', '.join(strangers[:4])}")
    if faults:
        raise BadReply("; ".join(faults[:8]))


def _faults(error: ValidationError, persona: Persona) -> str:
    ours = {*SingleCallReply.model_fields, *ReplyFinding.model_fields, *ReplyForecast.model_fields}
    ours |= {c.id for c in persona.criteria} | {f.id for f in persona.fields}
    rows = error.errors(include_url=False, include_context=False, include_input=False)

    def told(row: ErrorDetails) -> str:
        where = [str(x) if x in ours or isinstance(x, int) else plain_key(x) for x in row["loc"]]
        extra = row["type"] == "extra_forbidden"
        what = "is a key that was not asked for" if extra else row["msg"].lower()
        return f"{'.'.join(where)}{' ' if extra else ': '}{what}"

    return "; ".join([told(row) for row in rows][:8])


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
