"""The written part of a stepwise review: one short question for each part, made fit to print.

Asked for everything at once, a small model skips the form or repeats itself; asked one thing at a
time it answers that thing. Knows what was asked for; nothing of calibration or citations' picking.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from panel.evidence.tools.tool import Tool
from panel.foundation.errors import BadReply, Empty, Truncated
from panel.llm.thinking import spoken
from panel.llm.types import ChatResponse
from panel.review import prompts
from panel.review.calibration.calibration import sigmoid
from panel.review.citations import attach, keep_known
from panel.review.prompts import UNNAMED
from panel.review.prose import finished, fresh, sentences, tidy
from panel.review.review import Finding, Vote
from panel.review.strategies.context import ReviewContext
from panel.review.strategies.yes_no import read_yes_no

FIELD_SIZE: Final = (90, 240)
SUMMARY_SIZE: Final = (160, 600)
"""Tokens at most, and characters kept at most."""

MOST_SENTENCES: Final = 3

MISSING_PART: Final = "a written part could not be used and is left out"
NO_WORDS: Final = "the written part could not be used: the summary is put together from the answers"

_PREAMBLE: Final = re.compile(
    r"^(?:as (?:the|a) [\w -]{2,40}?,\s*|(?:summary|conclusion|answer|review)\s*:\s*"
    r"|(?:in conclusion|in summary|overall),\s*)+",
    re.IGNORECASE,
)


class WrittenParts(NamedTuple):
    """A persona's own words."""

    fields: dict[str, str]
    claim: str
    probability: float | None
    summary: str


UNWRITTEN: Final = WrittenParts({}, "", None, "")
"""When nobody asks for words."""


async def write(interview: ReviewContext, *, told: Sequence[str], vote: Vote) -> WrittenParts:
    """Ask for every written part; one that cannot be used is left out, and the card says so.

    Args:
        interview: Who is asked about what.
        told: The findings that decided the vote, as sentences.
        vote: The vote the findings come to.
    """
    persona = interview.persona
    taken: list[str] = []
    fields = {}
    for field in persona.fields:
        tail = prompts.field_tail(persona, field.ask)
        if said := await _part(interview, field.id, tail, taken):
            fields[field.id] = said
    tail = prompts.field_tail(persona, persona.forecast.ask)
    claim = await _part(interview, "forecast", tail, taken)
    probability = await _odds(interview, claim) if claim else None
    tail = prompts.summary_tail(persona, vote=vote, told=" ".join(told))
    summary = named(await _part(interview, "summary", tail, taken), interview.brief.tool)
    return WrittenParts(fields, claim, probability, summary)


def named(text: str, tool: Tool) -> str:
    """Call the tool by its name where the text first says `this tool`.

    The judge is not given the name outside the fence, so the opening it is told to use has none.
    """
    name = " ".join(tool.name.split())
    return re.sub(rf"\b{UNNAMED}\b", lambda _: name, text, count=1, flags=re.IGNORECASE)


def decisive(interview: ReviewContext, findings: Sequence[Finding], vote: Vote) -> list[Finding]:
    """Return the two findings that did most for the vote.

    Shown all of them, a small model recites them instead of concluding.
    """
    weights = {c.id: c.weight for c in interview.persona.criteria}

    def pull(finding: Finding) -> float:
        return -weights[finding.criterion] * abs((1.0 if finding.p is None else finding.p) - 0.5)

    side = "yes" if vote == "ship" else "no"
    return sorted((f for f in findings if f.answer == side), key=pull)[:2]


def stand_in(findings: Sequence[Finding], vote: Vote) -> str:
    """Return what stands for a summary that could not be had: a count, in nobody's voice."""
    count = {a: sum(f.answer == a for f in findings) for a in ("yes", "no", "unclear")}
    return (
        f"No written review could be had. Of {len(findings)} questions {count['yes']} were "
        f"answered yes, {count['no']} no and {count['unclear']} unclear; the vote is {vote}."
    )


async def _part(interview: ReviewContext, step: str, tail: str, taken: list[str]) -> str:
    """Ask for one part and return it, without sentences that another part has said before."""
    tokens, limit = SUMMARY_SIZE if step == "summary" else FIELD_SIZE
    try:
        text = await interview.ask(f"written:{step}", tail, _text, max_tokens=tokens)
    except Truncated as fault:
        text = finished(spoken(fault.reply.text)) if isinstance(fault.reply, ChatResponse) else ""
    except (BadReply, Empty):
        text = ""
    interview.on_step(step)
    kept, dropped = keep_known(text, interview.shown)
    interview.tally.unknown_cites += dropped
    said = tidy(_PREAMBLE.sub("", tidy(kept, limit=10_000)), limit=limit)
    new = fresh(sentences(said)[:MOST_SENTENCES], taken)
    taken.extend(new)
    if not new:
        interview.tally.notes[NO_WORDS if step == "summary" else MISSING_PART] = None
    joined = attach(" ".join(new), interview.brief.passages)
    return joined[:1].upper() + joined[1:]


async def _odds(interview: ReviewContext, claim: str) -> float | None:
    """Return how likely the persona takes its forecast to be; None without log-probabilities."""
    tail = prompts.odds_tail(interview.persona, claim)
    try:
        said = await interview.ask("odds", tail, read_yes_no, max_tokens=1, logprobs=True)
    except (BadReply, Empty):
        return None
    return None if said.difference is None else round(sigmoid(said.difference), 2)


def _text(reply: ChatResponse) -> str:
    said = spoken(reply.text)
    if not re.search(r"[^\W\d_]{3}", said):
        raise BadReply("the reply holds no words")
    return said
