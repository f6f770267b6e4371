"""Structured replies: what their models share, and the JSON Schemas that ask for them.

Schemas stay in the subset that every server understands.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

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
from panel.reviews.review import Answer

M = TypeVar("M", bound=BaseModel)

TEXT: Final[dict[str, Any]] = {"type": "string"}

Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
Cite = Annotated[str, StringConstraints(max_length=200)]
"""Free text that should hold one passage id."""


def lower(value: object) -> object:
    """Lower a text and take its final full stop off: `Yes.` is `yes`."""
    return value.strip().rstrip(".").lower() if isinstance(value, str) else value


def whole_number(value: object) -> object:
    """Read `60.0` as 60; leave everything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Strict(BaseModel):
    """Converts nothing implicitly: "7", true and 7.5 are not whole numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ReplyFinding(Strict):
    """One answer, as the model gives it."""

    cites: list[Cite] = Field(max_length=50)
    because: Annotated[str, StringConstraints(max_length=2_000)]
    answer: Annotated[Answer, BeforeValidator(lower)]


class ReplyForecast(Strict):
    """A claim and its likelihood in whole percent."""

    claim: Prose
    probability: Annotated[int, BeforeValidator(whole_number), Field(ge=0, le=100)]


_KEYS: Final = frozenset({*ReplyFinding.model_fields, *ReplyForecast.model_fields})


def read_model(text: str, model: type[M], persona: str, known: Collection[str]) -> M:
    """Return the JSON object of a reply as a model that has a field `persona`.

    Args:
        text: The reply.
        model: What it must be.
        persona: Whose reply it must be.
        known: Keys, besides those of the model, that a message may repeat.

    Raises:
        BadReply: names all faults, for the repair.
    """
    try:
        reply = model.model_validate(last_json_object(text, model.model_fields))
    except ValidationError as error:
        raise BadReply(_faults(error, {*_KEYS, *model.model_fields, *known})) from None
    if lower(getattr(reply, "persona", None)) != persona:
        raise BadReply(f"persona must be {persona!r}")
    return reply


def same_keys(name: str, values: Mapping[str, object], expected: Sequence[str]) -> None:
    """Raise `BadReply` where an object of the reply has other keys than expected."""
    faults = [f"{name}.{key} is missing" for key in expected if key not in values]
    # A key is the model's own text and is repeated outside the fence: only plain words are shown.
    if unexpected := [plain_key(key) for key in values if key not in expected]:
        faults.append(f"{name} has keys that were not asked for: {', '.join(unexpected[:4])}")
    if faults:
        raise BadReply("; ".join(faults[:8]))


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of an object that has exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def choice_schema(values: Iterable[str]) -> dict[str, Any]:
    """Return the JSON Schema of one of several words."""
    return {**TEXT, "enum": list(values)}


def _faults(error: ValidationError, known: Collection[str]) -> str:
    """Return the first faults in one line; keys that nobody asked for are not shown."""
    rows = error.errors(include_url=False, include_context=False, include_input=False)

    def describe(row: ErrorDetails) -> str:
        where = [str(x) if x in known or isinstance(x, int) else plain_key(x) for x in row["loc"]]
        extra = row["type"] == "extra_forbidden"
        what = "is a key that was not asked for" if extra else row["msg"].lower()
        return f"{'.'.join(where)}{' ' if extra else ': '}{what}"

    return "; ".join([describe(row) for row in rows][:8])
