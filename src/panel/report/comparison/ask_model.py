"""Which one to ship with, written by a model: one question on both tools' fenced evidence.

The rule has decided before the model is asked. The model calls the tools the first and the second;
who is ahead is not its to say. A paragraph that says otherwise, or that cites no passage, is not
used. The reply is stored with the advice, used or not.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from panel.evidence.budget import choose
from panel.evidence.fence import fenced, marker
from panel.evidence.source import Evidence, Passage
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import BadReply
from panel.foundation.text import neutralise
from panel.llm.calls import ChatClient, ParsedAnswer, request_key
from panel.llm.config import ProviderConfig
from panel.llm.json_reply import last_json_object, plain_key
from panel.llm.types import CallRecord, CallTag, ChatRequest, ChatResponse
from panel.report.comparison.advice import advise, backed
from panel.report.comparison.comparison import (
    Advice,
    Comparison,
    ModelReply,
    Piece,
    Pointer,
    Statement,
)
from panel.report.comparison.preference import Side
from panel.reviews import prompts
from panel.reviews.citations import attach, keep_known
from panel.reviews.own_claims import own_claims
from panel.reviews.prompts import Choice
from panel.reviews.prose import sentences, tidy
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.manifest import public

MAX_TOKENS = 500
"""Of the reply."""

LIMIT: Final = 1_200
"""Characters of a paragraph, at most."""

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


def _lowered(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class AdviceReply(BaseModel):
    """The reply."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    ship_with: Annotated[Ship, BeforeValidator(_lowered)]
    paragraph: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=20, max_length=8_000)
    ]


class ShownPassages(NamedTuple):
    """What the model was shown: passages numbered through, the first tool's before the second's."""

    passages: tuple[Passage, ...]
    pointers: dict[str, Pointer]
    """The stored passage behind each id that the model sees."""
    names: dict[Side, str]


class Paragraph(NamedTuple):
    """A paragraph fit to print."""

    statements: tuple[Statement, ...]
    own_claims: tuple[str, ...]
    unknown_cites: int


class CallLog:
    """A recorder in memory, for a question that belongs to no run; finds no earlier answer."""

    def __init__(self) -> None:
        """Start with no calls."""
        self.calls: list[CallRecord] = []

    def find(self, key: str) -> ChatResponse | None:
        """Return None: every question is asked."""
        return None

    async def record(self, call: CallRecord) -> None:
        """Append the call."""
        self.calls.append(call)


def composed_by_code(card: Scorecard) -> bool:
    """Tell whether code put a review of the card together: no model is asked about such a card.

    The model that judged did not pass the checks of a writer, and its findings would be all that
    another has to go by.
    """
    return any(review.composed for review in card.reviews)


async def write_advice(
    comparison: Comparison,
    calls: ChatClient,
    *,
    secret: bytes,
    now: datetime,
    context: str | None = None,
) -> Advice:
    """Ask a model for the paragraph and return it, or the rule's where it cannot be used.

    Args:
        comparison: The two tools; who is ahead is decided in it.
        calls: Where the question goes.
        secret: This installation's: keys the fence's marker.
        now: The time to note as that of asking.
        context: The reader's own needs.

    Raises:
        CallError: the question got no usable answer.
    """
    shown = _shown(comparison, calls.config.evidence_tokens)
    question = _question(comparison, shown, secret, context)
    tag = CallTag(tool=comparison.a.tool.slug, persona="", step="compare")
    answer = await calls.ask(question, tag=tag, parse=read_advice, repair=prompts.repair_tail)
    checked = paragraph(answer.value, shown)
    refusal = objection(answer.value, checked, comparison.preference.winner, shown.names)
    reply = _model_reply(answer, question, calls.config, now=now, used=not refusal)
    if refusal:
        note = f"A model's paragraph was not used: {refusal}"
        return advise(comparison).model_copy(update={"written": reply, "note": note})
    return Advice(
        preference=comparison.preference,
        by="model",
        statements=checked.statements,
        own_claims=checked.own_claims,
        unknown_cites=checked.unknown_cites,
        written=reply,
    )


def _shown(comparison: Comparison, tokens: int) -> ShownPassages:
    """Choose the passages, half of the budget for each tool, and number them through."""
    passages: list[Passage] = []
    pointers: dict[str, Pointer] = {}
    offset = len(comparison.a.evidence)
    sides: tuple[tuple[Side, Scorecard, int], ...] = (
        ("a", comparison.a, 0),
        ("b", comparison.b, offset),
    )
    for side, card, shift in sides:
        for passage in choose(Evidence(sources=card.evidence), tokens // 2).passages:
            ident = _shifted(passage.id, shift)
            passages.append(passage.model_copy(update={"id": ident}))
            pointers[ident] = Pointer(side=side, passage=passage.id)
    names: dict[Side, str] = {"a": comparison.a.tool.name, "b": comparison.b.tool.name}
    return ShownPassages(tuple(passages), pointers, names)


def _shifted(ident: str, shift: int) -> str:
    source, _, passage = ident.removeprefix("E").partition(".")
    return f"E{int(source) + shift}.{passage}"


def _question(
    comparison: Comparison, shown: ShownPassages, secret: bytes, context: str | None
) -> ChatRequest:
    facts = [
        line
        for side, label in LABEL.items()
        for line in (label.capitalize(), *_facts(comparison.card(side)))
    ]
    choice = Choice(
        whose=_whose(comparison),
        standing=_standing(comparison.preference.winner),
        told=_answers(comparison, shown),
        opening=_opening(comparison.preference.winner),
        schema=SCHEMA,
    )
    shared, tail = prompts.compare_parts(fenced(shown.passages, facts), choice, context=context)
    return ChatRequest(
        system=prompts.system(),
        shared=shared,
        tail=tail,
        max_tokens=MAX_TOKENS,
        schema=dict(SCHEMA),
        marker=marker(secret, shared),
    )


def _facts(card: Scorecard) -> list[str]:
    return prompts.tool_facts(Tool(**card.tool.model_dump()))


def _whose(comparison: Comparison) -> str:
    first = len(comparison.a.evidence)
    last = first + len(comparison.b.evidence)
    return (
        f"Those of {_numbers(1, first)} are about the first tool, those of"
        f" {_numbers(first + 1, last)} about the second."
    )


def _numbers(first: int, last: int) -> str:
    return f"E{first}" if first >= last else f"E{first} to E{last}"


def _standing(winner: Side | None) -> str:
    who = LABEL[winner] if winner else "neither tool"
    return f"By their rule {who} is ahead, and that is settled."


def _opening(winner: Side | None) -> str:
    return f"Ship with {LABEL[winner]}" if winner else "Neither tool is ahead"


def _answers(comparison: Comparison, shown: ShownPassages) -> str:
    """Return the answers that speak for each tool, as lines without the tools' names."""
    back = {pointer: ident for ident, pointer in shown.pointers.items()}
    lines = [
        f"- {d.title} on “{d.question}”: {d.a.answer} for the first tool"
        f"{_ids('a', d.a.cites, back)}, {d.b.answer} for the second tool"
        f"{_ids('b', d.b.cites, back)}"
        for side in LABEL
        for d in backed(comparison, side)
    ]
    text = "\n".join(" ".join(neutralise(line).split()) for line in lines)
    return text or "- Their answers differ nowhere that a passage shows."


def _ids(side: Side, cites: tuple[str, ...], back: dict[Pointer, str]) -> str:
    known = [back.get(Pointer(side=side, passage=cite)) for cite in cites]
    return "".join(f" ({ident})" for ident in known if ident)


def _model_reply(
    answer: ParsedAnswer[AdviceReply],
    question: ChatRequest,
    target: ProviderConfig,
    *,
    now: datetime,
    used: bool,
) -> ModelReply:
    secret = target.key.get_secret_value() if target.key else ""
    return ModelReply(
        provider=public(target.provider, secret),
        model=answer.response.model or target.model,
        asked=now,
        key=request_key(question, target),
        text=answer.response.text,
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
        cost_usd=answer.usage.cost_usd,
        used=used,
    )


def read_advice(reply: ChatResponse) -> AdviceReply:
    """Read the reply; raises `BadReply`, whose message says what to repair."""
    try:
        return AdviceReply.model_validate(last_json_object(reply.text, AdviceReply.model_fields))
    except ValidationError as error:
        rows = error.errors(include_url=False, include_context=False, include_input=False)
        messages = [f"{plain_key(row['loc'][0])}: {row['msg'].lower()}" for row in rows[:4]]
        raise BadReply("; ".join(messages)) from None


def paragraph(reply: AdviceReply, shown: ShownPassages) -> Paragraph:
    """Check citations as in a review, and split the paragraph into statements."""
    known = {passage.id for passage in shown.passages}
    text, dropped = keep_known(reply.paragraph, known)
    text = attach(tidy(text, limit=LIMIT), shown.passages)
    bare = _CITE.sub("", text)
    return Paragraph(
        statements=tuple(_statement(sentence, shown) for sentence in sentences(text)),
        own_claims=own_claims([bare], shown.passages, tool=" ".join(shown.names.values())),
        unknown_cites=dropped,
    )


def objection(
    reply: AdviceReply, checked: Paragraph, winner: Side | None, names: dict[Side, str]
) -> str:
    """Return why the paragraph cannot be used; "" where it can."""
    if reply.ship_with != _CHOICE[winner] or _urged(reply.paragraph, winner, names):
        return "it names another winner than the rule"
    if not any(statement.cites for statement in checked.statements):
        return "it points at no passage"
    return ""


def _urged(text: str, winner: Side | None, names: dict[Side, str]) -> bool:
    """Tell whether a sentence urges, without any condition, what the rule does not name."""
    wrong: tuple[Side, ...] = ("a", "b") if winner is None else ("b" if winner == "a" else "a",)
    for side in wrong:
        called = "|".join(re.escape(name) for name in (LABEL[side], names[side]) if name)
        urges = re.compile(rf"{_URGES}(?:{called})|(?:{called}){_PRAISED}{_BEST}", re.IGNORECASE)
        if any(urges.search(s) and not _ONLY_IF.search(s) for s in sentences(_CITE.sub("", text))):
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
