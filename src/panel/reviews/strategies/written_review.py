"""The write call: one reviewer's review in the steps of its persona, checked and repaired once.

A reply that is no review, or that breaks rules of the text, is asked for once more with every fault
named. A review that still cannot be printed does not cost the judgement: the text that code
composed stays, with a note.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Final

from panel.evidence.source import Passage
from panel.foundation.errors import BadReply, CallError
from panel.llm.types import ChatResponse, Usage
from panel.reviews import prompts
from panel.reviews.citations import keep_known
from panel.reviews.own_claims import own_claims
from panel.reviews.personas import Persona
from panel.reviews.prompts import WriterBrief
from panel.reviews.propositions import Proposition, asked, propositions, resolve_date
from panel.reviews.prose import is_finished, sentences, tidy, unmarked
from panel.reviews.review import Forecast, Missing, PropositionForecast, Review, Vote
from panel.reviews.strategies.context import ReviewContext, added
from panel.reviews.strategies.reply_form import (
    TEXT,
    Prose,
    ReplyForecast,
    Strict,
    choice_schema,
    object_schema,
    read_model,
    same_keys,
    whole_number,
)
from panel.reviews.text_rules import Grounds, RuleName, TextFault, WrittenText, text_faults

STEPS: Final = 2
"""Answers that a written review takes at most: the review, and once more after a fault."""
TOKENS: Final = 900
CLAIM_LIMIT: Final = 400
TURNS_ON_LIMIT: Final = 300
"""Characters."""

UNPRINTABLE: Final[frozenset[RuleName]] = frozenset({"copied", "vote"})
"""Rules without which a text is not printed: a page's words as the reviewer's, another vote."""

KEPT: Final[Mapping[RuleName, str]] = {
    "length": "is shorter or longer than asked for",
    "cites": "cites fewer than two passages",
    "rival": "names no rival of the reviewer's own knowledge",
    "repeated": "shares a sentence with another reviewer's",
    "forecast": "made no forecast with a name and a date or a figure: it is left out",
    "chances": "gave no probability for some propositions: all of them are left out",
    "cut": "had a sentence without an end: it is left out",
}
"""What the card says of a text that is printed though it breaks a rule."""

NOT_PRINTED: Final = "the written review could not be used: this text is put together by code"


class WriteReply(Strict):
    """A reply to the write call; which steps it must hold depends on the persona."""

    persona: str
    beats: dict[str, Prose]
    forecast: ReplyForecast
    turns_on: Prose
    chances: Any = None
    """In whole percent by the id of a proposition; read apart, as a review is printed without."""


@dataclass(frozen=True)
class Draft:
    """What came of one turn of the write call."""

    reply: WriteReply | None
    """None: the reply is no review, or there is none."""
    raw: str = ""
    """The reply as it came, to be quoted in the repair."""
    problem: str = ""
    """Why the reply is no review."""
    failed: CallError | None = None
    """Why there is no reply."""
    text: WrittenText | None = None
    unknown_cites: int = 0

    @property
    def paragraph(self) -> str:
        """The steps joined; "" without a review."""
        return self.text.paragraph if self.text else ""


@dataclass(frozen=True)
class ReviewWriter:
    """One reviewer that has judged and now writes."""

    context: ReviewContext
    review: Review
    """Its judgement: of the sample that is shown."""
    vote: Vote
    score: float | None
    """All samples merged."""
    lines: Sequence[str]
    """One line for each other reviewer."""
    decided: Sequence[str]
    """Its findings that weigh most, one line each."""
    passages: Sequence[Passage]
    """Those of the evidence that it is shown; what it writes is checked against all."""
    day: date
    """The day from which horizons count."""
    due: date
    """The day by which its forecast is to be true or false."""
    checked: list[tuple[Draft, Sequence[str], list[TextFault]]] = field(default_factory=list)
    """What was found of drafts, beside the drafts of others they were held against."""

    async def draft(self) -> Draft:
        """Ask for the review; an error that is no reply is part of the result."""
        return await self._turn("write", self._tail)

    async def revise(self, draft: Draft, others: Sequence[str]) -> Draft:
        """Return the draft, or the review asked for once more where the draft has a fault.

        `others` are the drafts of other reviewers, whose sentences are not to be said again.
        """
        if draft.failed is not None:
            return draft
        problems = [draft.problem] if draft.text is None else []
        problems += [fault.problem for fault in self.faults(draft, others)]
        if not problems:
            return draft
        raw = draft.raw
        if marker := self.context.marker:
            raw = raw.replace(marker, "")  # the model has read it, and may close the fence
        tail = prompts.repair_tail(self._tail, reply=raw, problem="; ".join(problems))
        again = await self._turn("rewrite", tail)
        if again.failed is not None and again.failed.stops_run:
            return again
        return min(again, draft, key=lambda version: self._rank(version, others))

    def finish(self, draft: Draft, others: Sequence[str]) -> Review:
        """Return the review with the text of the last draft, or as code composed it."""
        review, tally = self.review, self.context.tally
        judged = [note for note in review.notes if not note.startswith(NOT_PRINTED)]
        faults = {fault.rule for fault in self.faults(draft, others)}
        beats = _printed(draft.text) if draft.text else {}
        if (
            draft.reply is None
            or draft.text is None
            or faults & UNPRINTABLE
            or not all(beats.values())
        ):
            why = f" ({draft.failed.reason})" if draft.failed else ""
            return self._counted(notes=(*judged, NOT_PRINTED + why))
        notes = [f"the written review {KEPT[rule]}" for rule in KEPT if rule in faults]
        forecast = None
        if "forecast" not in faults:
            forecast = Forecast(
                claim=tidy(draft.text.claim, limit=CLAIM_LIMIT),
                probability=draft.reply.forecast.probability / 100,
                resolve_by=self.due,
            )
        tally.unknown_cites += draft.unknown_cites
        turns_on, dropped = keep_known(draft.reply.turns_on, self.context.shown)
        tally.unknown_cites += dropped
        chances = () if "chances" in faults else self._chances(draft.text.chances)
        summary, turns_on = " ".join(beats.values()), tidy(turns_on, limit=TURNS_ON_LIMIT)
        because = [finding.because for finding in review.findings if not finding.decided_by]
        brief = self.context.brief
        return self._counted(
            summary=summary,
            beats=beats,
            composed=False,
            turns_on=turns_on,
            forecast=forecast,
            propositions=chances,
            own_claims=own_claims(
                [summary, turns_on, *because], brief.passages, tool=brief.tool.name
            ),
            notes=(*judged, *notes),
        )

    def faults(self, draft: Draft, others: Sequence[str]) -> list[TextFault]:
        """Return the rules that a draft breaks; none where it is no review."""
        if draft.text is None:
            return []
        for known, beside, found in self.checked:
            if known is draft and beside == others:
                return found
        brief = self.context.brief
        idents = tuple(each.id for each in self._asked)
        grounds = Grounds(self.vote, brief.passages, brief.tool.name, others, idents)
        faults = text_faults(draft.text, grounds)
        self.checked.append((draft, others, faults))
        return faults

    def _counted(self, **changes: Any) -> Review:
        """Return the review changed, with what the writing took added to its counts."""
        review, tally = self.review, self.context.tally
        answered = tally.usage != Usage()
        counts = {
            "usage": added(review.usage, tally.usage) if answered else review.usage,
            "unknown_cites": review.unknown_cites + tally.unknown_cites,
        }
        return review.model_copy(update=counts | changes)

    @property
    def _asked(self) -> tuple[Proposition, ...]:
        return propositions(self.context.plan.propositions)

    def _chances(self, percents: Mapping[str, int]) -> tuple[PropositionForecast, ...]:
        return tuple(
            PropositionForecast(
                proposition=each.id,
                probability=percents[each.id] / 100,
                resolve_by=resolve_date(self.day, each.months),
            )
            for each in self._asked
        )

    @property
    def _tail(self) -> str:
        chances = asked(self._asked)
        brief = WriterBrief(self.vote, self.score, self.decided, self.lines, self.due, chances)
        persona = self.context.persona
        return prompts.write_tail(persona, brief, write_form(persona, self._asked))

    async def _turn(self, step: str, tail: str) -> Draft:
        context, persona = self.context, self.context.persona
        try:
            reply, raw = await context.ask(
                step,
                tail,
                lambda response: (read_written(response, persona), response.text),
                max_tokens=TOKENS,
                schema=write_schema(persona, context.plan.propositions),
                shared=prompts.excerpted(context.brief, self.passages),
            )
        except CallError as error:
            if isinstance(error, BadReply) and isinstance(error.reply, ChatResponse):
                return Draft(None, error.reply.text, _problem(error.reply, persona))
            return Draft(None, failed=error)
        finally:
            context.on_step(step)
        dropped = 0
        beats = {}
        for beat in persona.beats:
            beats[beat.id], unknown = keep_known(reply.beats[beat.id], context.shown)
            dropped += unknown
        claim, unknown = keep_known(reply.forecast.claim, context.shown)
        text = WrittenText(beats, claim, _percents(reply.chances))
        return Draft(reply, raw, text=text, unknown_cites=dropped + unknown)

    def _rank(self, draft: Draft, others: Sequence[str]) -> int:
        """Return how far a draft is from what can be printed: the smaller, the better."""
        if draft.text is None:
            return 100
        faults = [fault.rule for fault in self.faults(draft, others)]
        return len(faults) + 10 * sum(rule in UNPRINTABLE for rule in faults)


def was_written(answer: Review | Missing) -> bool:
    """Tell whether the write call was asked for a stored review, whatever came of it."""
    if isinstance(answer, Missing):
        return False
    return bool(answer.beats) or any(note.startswith(NOT_PRINTED) for note in answer.notes)


def write_form(persona: Persona, chances: Sequence[Proposition] = ()) -> str:
    """Return the form of the reply in one line, as the prompt shows it."""
    more = f', "chances": {{"{chances[0].id}": 60, …}}' if chances else ""
    return (
        f'{{"persona": "{persona.name}", "beats": {{"{persona.beats[0].id}": "…", …}},'
        f' "forecast": {{"claim": "…", "probability": 60}}, "turns_on": "…"{more}}}'
    )


def write_schema(persona: Persona, chances: Sequence[str] = ()) -> dict[str, Any]:
    """Return the JSON Schema of the reply, for servers that hold an answer to one.

    `chances` are the ids of the propositions that a probability is asked for.
    """
    idents = tuple(each.id for each in propositions(chances))
    return _schema(persona.name, tuple(beat.id for beat in persona.beats), idents)


def read_written(response: ChatResponse, persona: Persona) -> WriteReply:
    """Validate a reply; raise `BadReply` naming all its faults, for the repair."""
    asked = [beat.id for beat in persona.beats]
    reply = read_model(response.text, WriteReply, persona.name, asked)
    same_keys("beats", reply.beats, asked)
    return reply


def _percents(chances: object) -> dict[str, int]:
    """Return what is a whole percent in the chances of a reply."""
    if not isinstance(chances, dict):
        return {}
    values = {ident: whole_number(value) for ident, value in chances.items()}
    return {
        ident: value
        for ident, value in values.items()
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100
    }


def _problem(response: ChatResponse, persona: Persona) -> str:
    """Return what is wrong with a stored reply, in the words of today."""
    try:
        read_written(response, persona)
    except BadReply as error:
        return error.message
    return "the reply could not be used"


def _printed(text: WrittenText) -> dict[str, str]:
    """Return the steps without Markdown and without a sentence that has no end."""
    return {
        ident: " ".join(s for s in sentences(unmarked(beat)) if is_finished(s))
        for ident, beat in text.beats.items()
    }


@lru_cache(maxsize=64)
def _schema(name: str, beats: tuple[str, ...], chances: tuple[str, ...]) -> dict[str, Any]:
    percent = {"type": "integer"}
    parts = {
        "persona": choice_schema([name]),
        "beats": object_schema(dict.fromkeys(beats, TEXT)),
        "forecast": object_schema({"claim": TEXT, "probability": percent}),
        "turns_on": TEXT,
    }
    if chances:
        parts["chances"] = object_schema(dict.fromkeys(chances, percent))
    return object_schema(parts)
