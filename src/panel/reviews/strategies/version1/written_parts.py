"""The texts of a stepwise review: one short question for each part, cleaned for print.

A small model that is asked for all parts at once skips some or repeats itself; asked for one part
at a time, it writes that part.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from panel.evidence.tools.tool import Tool
from panel.foundation.errors import BadReply, Empty, Truncated
from panel.llm.thinking import spoken
from panel.llm.types import ChatResponse
from panel.reviews import prompts
from panel.reviews.calibration.calibration import sigmoid
from panel.reviews.citations import attach, keep_known
from panel.reviews.prompts import UNNAMED
from panel.reviews.prose import finished, fresh, sentences, tidy
from panel.reviews.review import Finding, Vote
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.yes_no import read_yes_no

FIELD_SIZE: Final = (90, 240)
SUMMARY_SIZE: Final = (160, 600)
"""Limits: tokens of the reply, characters of the text."""

MOST_SENTENCES: Final = 3

MISSING_PART: Final = "a written part could not be used and is left out"
NO_WORDS: Final = "the written part could not be used: the summary is put together from the answers"

_PREAMBLE: Final = re.compile(
    r"^(?:as (?:the|a) [\w -]{2,40}?,\s*|(?:summary|conclusion|answer|review)\s*:\s*"
    r"|(?:in conclusion|in summary|overall),\s*)+",
    re.IGNORECASE,
)


class WrittenParts(NamedTuple):
    """The texts a persona wrote."""

    fields: dict[str, str]
    claim: str
    probability: float | None
    summary: str


UNWRITTEN: Final = WrittenParts({}, "", None, "")
"""Where no texts are asked for."""


async def write(context: ReviewContext, *, decided_by: Sequence[str], vote: Vote) -> WrittenParts:
    """Ask for every written part; one that cannot be used is left out, with a note.

    Args:
        context: Who is asked about what.
        decided_by: The findings that decided the vote, as sentences.
        vote: The vote that follows from the findings.
    """
    persona = context.persona
    earlier: list[str] = []
    fields = {}
    for field in persona.fields:
        tail = prompts.field_tail(persona, field.ask)
        if text := await _part(context, field.id, tail, earlier):
            fields[field.id] = text
    tail = prompts.field_tail(persona, persona.forecast.ask)
    claim = await _part(context, "forecast", tail, earlier)
    probability = await _odds(context, claim) if claim else None
    tail = prompts.summary_tail(persona, vote=vote, told=" ".join(decided_by))
    summary = named(await _part(context, "summary", tail, earlier), context.brief.tool)
    return WrittenParts(fields, claim, probability, summary)


def named(text: str, tool: Tool) -> str:
    """Put the tool's name in the place of the first `this tool`.

    The name is untrusted and stays inside the fence, so the opening in the prompt does not use it.
    """
    name = " ".join(tool.name.split())
    return re.sub(rf"\b{UNNAMED}\b", lambda _: name, text, count=1, flags=re.IGNORECASE)


def decisive(context: ReviewContext, findings: Sequence[Finding], vote: Vote) -> list[Finding]:
    """Return the two findings with the most weight for the vote.

    Shown all findings, a small model repeats them instead of concluding.
    """
    weights = {c.id: c.weight for c in context.persona.criteria}

    def pull(finding: Finding) -> float:
        return -weights[finding.criterion] * abs((1.0 if finding.p is None else finding.p) - 0.5)

    side = "yes" if vote == "ship" else "no"
    return sorted((f for f in findings if f.answer == side), key=pull)[:2]


def stand_in(findings: Sequence[Finding], vote: Vote) -> str:
    """Return the replacement for a summary that could not be used: the answers counted."""
    count = {a: sum(f.answer == a for f in findings) for a in ("yes", "no", "unclear")}
    return (
        f"No written review could be had. Of {len(findings)} questions {count['yes']} were "
        f"answered yes, {count['no']} no and {count['unclear']} unclear; the vote is {vote}."
    )


async def _part(context: ReviewContext, step: str, tail: str, earlier: list[str]) -> str:
    """Ask for one part and return it, without the sentences of `earlier` parts; adds its own."""
    tokens, limit = SUMMARY_SIZE if step == "summary" else FIELD_SIZE
    try:
        text = await context.ask(f"written:{step}", tail, _text, max_tokens=tokens)
    except Truncated as error:
        text = finished(spoken(error.reply.text)) if isinstance(error.reply, ChatResponse) else ""
    except (BadReply, Empty):
        text = ""
    context.on_step(step)
    text, dropped = keep_known(text, context.shown)
    context.tally.unknown_cites += dropped
    text = tidy(_PREAMBLE.sub("", tidy(text, limit=10_000)), limit=limit)
    new = fresh(sentences(text)[:MOST_SENTENCES], earlier)
    earlier.extend(new)
    if not new:
        context.tally.notes[NO_WORDS if step == "summary" else MISSING_PART] = None
    joined = attach(" ".join(new), context.brief.passages)
    return joined[:1].upper() + joined[1:]


async def _odds(context: ReviewContext, claim: str) -> float | None:
    """Return the probability the persona gives its forecast; None without log-probabilities."""
    tail = prompts.odds_tail(context.persona, claim)
    try:
        answer = await context.ask("odds", tail, read_yes_no, max_tokens=1, logprobs=True)
    except (BadReply, Empty):
        return None
    return None if answer.difference is None else round(sigmoid(answer.difference), 2)


def _text(reply: ChatResponse) -> str:
    text = spoken(reply.text)
    if not re.search(r"[^\W\d_]{3}", text):
        raise BadReply("the reply holds no words")
    return text
