"""Which one to ship with, written by a model: one question on both tools' fenced evidence.

The rule has decided before the model is asked. Its reply is kept with the advice, used or not.
"""

from datetime import datetime

from panel.evidence.budget import choose
from panel.evidence.fence import fenced, marker
from panel.evidence.source import Evidence, Passage
from panel.evidence.tools.tool import Tool
from panel.foundation.text import neutralise
from panel.llm.calls import ChatClient, ParsedAnswer, request_key
from panel.llm.config import ProviderConfig
from panel.llm.types import CallTag, ChatRequest
from panel.report.comparison.advice import advise, backed
from panel.report.comparison.comparison import Comparison
from panel.report.comparison.model_advice import (
    LABEL,
    SCHEMA,
    AdviceReply,
    ShownPassages,
    objection,
    paragraph,
    read_advice,
)
from panel.report.comparison.preference import Side
from panel.report.comparison.statement import Advice, Pointer
from panel.report.comparison.statement import ModelReply as Kept
from panel.review import prompts
from panel.review.prompts import Choice
from panel.review.verdict.scorecard import Scorecard
from panel.runs.manifest import public

MAX_TOKENS = 500


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
    shown = _shown(comparison, calls.target.evidence_tokens)
    question = _question(comparison, shown, secret, context)
    tag = CallTag(tool=comparison.a.tool.slug, persona="", step="compare")
    answered = await calls.ask(question, tag=tag, parse=read_advice, repair=prompts.repair_tail)
    said = answered.value
    found = paragraph(said, shown)
    why_not = objection(said, found, comparison.preference.winner, shown.names)
    kept = _kept(answered, question, calls.target, now=now, used=not why_not)
    if why_not:
        note = f"A model's paragraph was not used: {why_not}"
        return advise(comparison).model_copy(update={"written": kept, "note": note})
    return Advice(
        preference=comparison.preference,
        by="model",
        statements=found.statements,
        own_claims=found.own_claims,
        unknown_cites=found.unknown_cites,
        written=kept,
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
        told=_told(comparison, shown),
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


def _told(comparison: Comparison, shown: ShownPassages) -> str:
    """Return the answers that speak for each tool, as lines without the tools' names."""
    back = {pointer: ident for ident, pointer in shown.pointers.items()}
    lines = [
        f"- {found.title} on “{found.question}”: {found.a.answer} for the first tool"
        f"{_ids('a', found.a.cites, back)}, {found.b.answer} for the second tool"
        f"{_ids('b', found.b.cites, back)}"
        for side in LABEL
        for found in backed(comparison, side)
    ]
    told = "\n".join(" ".join(neutralise(line).split()) for line in lines)
    return told or "- Their answers differ nowhere that a passage shows."


def _ids(side: Side, cites: tuple[str, ...], back: dict[Pointer, str]) -> str:
    known = [back.get(Pointer(side=side, passage=cite)) for cite in cites]
    return "".join(f" ({ident})" for ident in known if ident)


def _kept(
    answered: ParsedAnswer[AdviceReply],
    question: ChatRequest,
    target: ProviderConfig,
    *,
    now: datetime,
    used: bool,
) -> Kept:
    secret = target.key.get_secret_value() if target.key else ""
    return Kept(
        provider=public(target.provider, secret),
        model=answered.response.model or target.model,
        asked=now,
        key=request_key(question, target),
        text=answered.response.text,
        input_tokens=answered.usage.input_tokens,
        output_tokens=answered.usage.output_tokens,
        cost_usd=answered.usage.cost_usd,
        used=used,
    )
