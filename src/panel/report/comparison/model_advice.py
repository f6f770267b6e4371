"""A model's paragraph made fit to print, or turned down: pure, and ignorant of how it was asked.

The model calls the tools the first and the second; who is ahead is not its to say. A paragraph that
says otherwise, or that points at no passage, is not used.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
)

from panel.evidence.source import Passage
from panel.foundation.errors import BadReply
from panel.llm.json_reply import last_json_object, plain_key
from panel.llm.types import ChatResponse
from panel.report.comparison.preference import Side
from panel.report.comparison.statement import Piece, Pointer, Statement
from panel.review.citations import attach, keep_known
from panel.review.own_claims import own_claims
from panel.review.prose import sentences, tidy

LIMIT: Final = 1_200
"""Characters of a paragraph that are kept."""

LABEL: Final[dict[Side, str]] = {"a": "the first tool", "b": "the second tool"}

Ship = Literal["first", "second", "neither"]

_CHOICE: Final[dict[Side | None, Ship]] = {"a": "first", "b": "second", None: "neither"}
_CITE: Final = re.compile(r"\s*\[(E\d+\.\d+)\]")
_URGES: Final = (
    r"\b(?:ship(?:ping)?|go(?:ing)?|build(?:ing)?|start|choose|choosing|pick|prefer|take|use|adopt"
    r"|recommend|select|favou?r)\b[^.;:!?]{0,40}?"
)
_PRAISED: Final = r"\s+(?:is|wins|comes|would be|remains)\s+(?:the\s+|clearly\s+|out\s+)*"
_BEST: Final = r"(?:better|best|winner|ahead|right choice|stronger|one to ship)"
_ONLY_IF: Final = re.compile(
    r"\b(?:if|when|where|unless|should|in case|for (?:teams|developers|anyone|those|a)|only|instead"
    r"|not|never|than|neither|rather)\b",
    re.IGNORECASE,
)

SCHEMA: Final = {
    "type": "object",
    "properties": {
        "ship_with": {"type": "string", "enum": ["first", "second", "neither"]},
        "paragraph": {"type": "string"},
    },
    "required": ["ship_with", "paragraph"],
    "additionalProperties": False,
}


def _small(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class AdviceReply(BaseModel):
    """The reply."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    ship_with: Annotated[Ship, BeforeValidator(_small)]
    paragraph: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=20, max_length=8_000)
    ]


class ShownPassages(NamedTuple):
    """What the model was shown: passages numbered through, the first tool's before the second's."""

    passages: tuple[Passage, ...]
    pointers: dict[str, Pointer]
    """Where a number that the model uses really stands."""
    names: dict[Side, str]


class Paragraph(NamedTuple):
    """A paragraph fit to print."""

    statements: tuple[Statement, ...]
    own_claims: tuple[str, ...]
    unknown_cites: int


def read_advice(reply: ChatResponse) -> AdviceReply:
    """Read the reply; raises `BadReply` saying what a repair must mend."""
    try:
        return AdviceReply.model_validate(last_json_object(reply.text, AdviceReply.model_fields))
    except ValidationError as fault:
        rows = fault.errors(include_url=False, include_context=False, include_input=False)
        told = [f"{plain_key(row['loc'][0])}: {row['msg'].lower()}" for row in rows[:4]]
        raise BadReply("; ".join(told)) from None


def paragraph(said: AdviceReply, shown: ShownPassages) -> Paragraph:
    """Check citations as in a review, and split the paragraph into statements."""
    known = {passage.id for passage in shown.passages}
    kept, dropped = keep_known(said.paragraph, known)
    text = attach(tidy(kept, limit=LIMIT), shown.passages)
    bare = _CITE.sub("", text)
    return Paragraph(
        statements=tuple(_statement(each, shown) for each in sentences(text)),
        own_claims=own_claims([bare], shown.passages, tool=" ".join(shown.names.values())),
        unknown_cites=dropped,
    )


def objection(
    said: AdviceReply, found: Paragraph, winner: Side | None, names: dict[Side, str]
) -> str:
    """Return why the paragraph cannot be used; "" where it can."""
    if said.ship_with != _CHOICE[winner] or _urged(said.paragraph, winner, names):
        return "it names another winner than the rule"
    if not any(statement.cites for statement in found.statements):
        return "it points at no passage"
    return ""


def _urged(text: str, winner: Side | None, names: dict[Side, str]) -> bool:
    """Tell whether a sentence urges, without any condition, what the rule does not name."""
    told = sentences(_CITE.sub("", text))
    wrong: tuple[Side, ...] = ("a", "b") if winner is None else ("b" if winner == "a" else "a",)
    for side in wrong:
        called = "|".join(re.escape(name) for name in (LABEL[side], names[side]) if name)
        urges = re.compile(rf"{_URGES}(?:{called})|(?:{called}){_PRAISED}{_BEST}", re.IGNORECASE)
        if any(urges.search(each) and not _ONLY_IF.search(each) for each in told):
            return True
    return False


def _statement(sentence: str, shown: ShownPassages) -> Statement:
    return Statement(about="written", pieces=tuple(_pieces(sentence, shown)))


def _pieces(sentence: str, shown: ShownPassages) -> Iterator[Piece]:
    # Split before the names come in: a name may look like a citation.
    for number, part in enumerate(_CITE.split(sentence)):
        if number % 2:
            yield shown.pointers[part]
        elif part:
            yield _named(part, shown.names)


def _named(text: str, names: dict[Side, str]) -> str:
    sides: Sequence[Side] = ("a", "b")
    any_label = "|".join(re.escape(LABEL[side]) for side in sides)
    by_label = {LABEL[side]: " ".join(names[side].split()) for side in sides}
    return re.sub(any_label, lambda m: by_label[m[0].lower()], text, flags=re.IGNORECASE)
