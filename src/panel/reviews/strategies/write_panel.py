"""All reviewers of one tool write: each is told its vote and how the others voted.

No review is written before every reviewer has judged. What a writer is told of the others is vote,
score and the statement that decided, in words of code. A pure function of the judgements and of the
replies, so that a stored run gives the same texts again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from panel.foundation.errors import CallError
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.propositions import resolve_date
from panel.reviews.review import Missing, Review
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.excerpt import excerpt
from panel.reviews.strategies.in_order import each
from panel.reviews.strategies.judge_then_write import deciding_statement, decisive_lines
from panel.reviews.strategies.written_review import Draft, ReviewWriter


@dataclass(frozen=True)
class Unwritten:
    """A judgement whose review is to be written."""

    sample: Review
    """Of several samples the one that is shown."""
    context: ReviewContext
    """That it was asked in, with a tally of its own."""


@dataclass(frozen=True)
class Seat:
    """One reviewer after the judging."""

    persona: Persona
    answer: Review | Missing
    """Samples merged."""
    unwritten: Unwritten | None = None
    """None: it does not write, or has written."""


async def write_all(
    plan: ReviewPlan, seats: Sequence[Seat], *, today: date
) -> Mapping[str, Review | CallError]:
    """Return the written samples by persona, or the errors after which no call can succeed.

    A forecast's horizon counts from the day on which the evidence was read; from `today` where
    there is none. Every draft is checked against those of the reviewers before it, and asked for
    once more where it breaks a rule.
    """
    writers = {seat.persona.name: w for seat in seats if (w := _writer(seat, seats, today))}
    if not writers:
        return {}
    texts = dict(filter(None, map(_written_text, seats)))
    names = [seat.persona.name for seat in seats if seat.persona.name in {*writers, *texts}]
    drafts = await each(plan, {name: writer.draft for name, writer in writers.items()})
    texts |= {name: draft.paragraph for name, draft in drafts.items()}
    before = {name: [texts[other] for other in names[:place]] for place, name in enumerate(names)}
    revised = await each(
        plan, {name: _revision(writers[name], drafts[name], before[name]) for name in writers}
    )
    texts |= {name: draft.paragraph for name, draft in revised.items()}
    written: dict[str, Review | CallError] = {}
    for place, name in enumerate(names):
        if name in writers:
            earlier = [texts[other] for other in names[:place]]
            written[name] = _finished(writers[name], revised[name], earlier)
    return written


def _writer(seat: Seat, seats: Sequence[Seat], today: date) -> ReviewWriter | None:
    if seat.unwritten is None or isinstance(seat.answer, Missing):
        return None
    review, context = seat.unwritten.sample, seat.unwritten.context
    day = context.brief.day or today
    others = [other for other in seats if other is not seat]
    judged = [other.answer for other in others if isinstance(other.answer, Review)]
    return ReviewWriter(
        context=context,
        review=review,
        vote=seat.answer.vote,
        score=seat.answer.score,
        lines=[_line(other) for other in others],
        decided=decisive_lines(seat.persona, review.findings),
        passages=excerpt(context.brief.passages, seat.persona, review, judged),
        day=day,
        due=resolve_date(day, seat.persona.forecast.horizon_months),
    )


def _revision(
    writer: ReviewWriter, draft: Draft, before: Sequence[str]
) -> Callable[[], Awaitable[Draft]]:
    return lambda: writer.revise(draft, before)


def _finished(writer: ReviewWriter, draft: Draft, before: Sequence[str]) -> Review | CallError:
    if draft.failed is not None and draft.failed.stops_run:
        return draft.failed
    return writer.finish(draft, before)


def _written_text(seat: Seat) -> tuple[str, str] | None:
    """Return persona and paragraph of a review that was written before."""
    answer = seat.answer
    if seat.unwritten or isinstance(answer, Missing) or not answer.beats:
        return None
    return seat.persona.name, answer.summary


def _line(seat: Seat) -> str:
    """Return what a writer is told of another reviewer."""
    answer, title = seat.answer, seat.persona.title
    if isinstance(answer, Missing):
        return f"{title}: gave no review."
    if answer.score is None:
        return f"{title}: abstains."
    reason = deciding_statement(seat.persona, answer.findings, answer.vote)
    return f"{title}: {answer.vote}, {answer.score:.0f} of 100. {reason}".rstrip()
