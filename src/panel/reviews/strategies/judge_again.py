"""After a look-up: the questions about what was read are asked once more of those that missed it.

A reviewer is asked again only what the topic of its missing fact concerns, of the new passages
alone. An answer that stays open there leaves the first one. Pure but for asking, so that a stored
run gives the same again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from panel.evidence.source import Evidence, LookUp, Passage
from panel.evidence.topics import Topic, topic_of
from panel.foundation.errors import CallError
from panel.reviews import prompts
from panel.reviews.briefs import cited, facts_for, with_passages
from panel.reviews.compose import compose
from panel.reviews.personas import applicable
from panel.reviews.prompts import Brief
from panel.reviews.review import Finding, LookedUp, Missing, Review, with_earlier
from panel.reviews.score import score_findings
from panel.reviews.shortlist import shortlist
from panel.reviews.strategies.context import AskTally, ReviewContext, added, decided_by_facts
from panel.reviews.strategies.judge_then_write import judged

STEP: Final = "judge again"
"""The name of the call in the journal."""

PASSAGES: Final = 6
"""Of a page that was read, that are shown: those nearest to the missing fact."""
CITED: Final = 2
"""Of these that stand on the card."""


def missed_topics(answers: Iterable[Review | Missing]) -> list[Topic]:
    """Return the topics of the facts that reviewers miss, each once, in their order."""
    facts = [f for a in answers if isinstance(a, Review) for f in a.to_look_up]
    return list(dict.fromkeys(filter(None, map(topic_of, facts))))


async def judge_again(context: ReviewContext, review: Review, evidence: Evidence) -> Review:
    """Return a judgement after the look-ups: with their outcome, and with what they answer.

    Args:
        context: In which the persona judged; a tally of its own.
        review: The judgement.
        evidence: With the look-ups.

    Raises:
        CallError: no later call can succeed either. Another failure leaves the first answers.
    """
    by_topic = {look_up.topic: look_up for look_up in evidence.look_ups}
    missed = [(f, by_topic[t]) for f in review.to_look_up if (t := topic_of(f)) in by_topic]
    near = {fact: _near(fact, look_up, evidence) for fact, look_up in missed}
    review = review.model_copy(
        update={"looked_up": tuple(_outcome(f, at, near[f]) for f, at in missed)}
    )
    persona = applicable(context.persona, context.brief.tool.kind)
    topics = {look_up.topic for fact, look_up in missed if near[fact]}
    by_fact = {finding.criterion for finding in review.findings if finding.decided_by}
    criteria = tuple(
        c
        for c in persona.criteria
        if c.kind == "fact" and topic_of(c.question) in topics and c.id not in by_fact
    )
    if not criteria:
        return review
    shown = {passage.id: passage for passages in near.values() for passage in passages}
    asked = persona.model_copy(update={"criteria": criteria})
    second = replace(
        context,
        persona=asked,
        brief=replace(context.brief, passages=tuple(shown.values())),
        tally=AskTally(),
        decided=decided_by_facts(asked, facts_for((persona,), evidence), context.plan.rule),
    )
    try:
        again = await _asked_again(second)
    except CallError as error:
        if error.stops_run:
            raise
        note = f"what was looked up could not be asked about ({error.reason})"
        return review.model_copy(update={"notes": (*review.notes, note)})
    finally:
        context.on_step(STEP)
    passages = (*context.brief.passages, *shown.values())
    whole = replace(second, persona=persona, brief=replace(context.brief, passages=passages))
    return _with_answers(review, again, whole)


async def _asked_again(context: ReviewContext) -> tuple[Finding, ...]:
    """Return the answers to all criteria of the context, those of code without asking."""
    if not context.asking.persona.criteria:
        return context.complete(())
    shared = prompts.looked_up(context.brief)
    _, given = await judged(context.asking, STEP, shared=shared)
    return context.complete(given)


def with_cited(brief: Brief, evidence: Evidence, answers: Iterable[Review | Missing]) -> Brief:
    """Return the brief with the passages that were looked up, or code read, and that are cited."""
    reviews = [answer for answer in answers if isinstance(answer, Review)]
    idents = {ident for r in reviews for outcome in r.looked_up for ident in outcome.cites}
    idents = idents.union(*map(cited, reviews))
    # Code reads all of the evidence, also what a judge had no room for.
    by_fact = {c for r in reviews for f in r.findings if f.decided_by for c in f.cites}
    known = {passage.id for passage in brief.passages}
    gathered = evidence.gathered.passages
    more = [
        passage
        for ident, passage in evidence.passages.items()
        if ident in idents and ident not in known and (ident not in gathered or ident in by_fact)
    ]
    return replace(brief, passages=(*brief.passages, *more)) if more else brief


def writer_brief(
    brief: Brief,
    review: Review,
    *,
    panel: Iterable[Brief],
    evidence: Evidence,
    answers: Iterable[Review | Missing],
) -> Brief:
    """Return what a reviewer writes from: its own brief, what it cites of others', what was read.

    Args:
        brief: In which it judged.
        review: Its judgement.
        panel: The briefs of all reviewers.
        evidence: With the look-ups.
        answers: Of all reviewers.
    """
    return with_cited(with_passages(brief, cited(review), panel), evidence, answers)


def _near(fact: str, look_up: LookUp, evidence: Evidence) -> list[Passage]:
    """Return the passages of the page nearest to a missing fact; none where none was read."""
    read = next((s.passages for s in evidence.sources if s.id == look_up.source), ())
    nearest = {passage.id for passage in shortlist(fact, read, most=PASSAGES)}
    return [passage for passage in read if passage.id in nearest]


def _outcome(fact: str, look_up: LookUp, near: Sequence[Passage]) -> LookedUp:
    cites = tuple(passage.id for passage in shortlist(fact, near, most=CITED))
    return LookedUp(fact=fact, cites=cites, problem=look_up.problem)


def _with_answers(review: Review, again: Sequence[Finding], of: ReviewContext) -> Review:
    """Return the review with the new answers, and what follows from them by code.

    `of` has the persona with all its criteria, all passages, and the tally of the second call.
    """
    clear = {finding.criterion: finding for finding in again if finding.answer != "unclear"}
    findings = tuple(
        clear[old.criterion].model_copy(update={"earlier": with_earlier(old, "look_up")})
        if old.criterion in clear
        else old
        for old in review.findings
    )
    scored = score_findings(of.persona, findings, of.plan.rule)
    return review.model_copy(
        update={
            "findings": findings,
            "vote": scored.vote,
            "score": scored.score,
            "coverage": scored.coverage,
            "summary": compose(
                of.persona, findings, vote=scored.vote, brief=of.brief, rule=of.plan.rule
            ),
            "usage": added(review.usage, of.tally.usage),
            "unknown_cites": review.unknown_cites + of.tally.unknown_cites,
            "uncited_facts": review.uncited_facts + of.tally.uncited_facts,
            "unsupported": review.unsupported + of.tally.unsupported,
        }
    )
