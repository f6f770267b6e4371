"""What each reviewer of one tool is shown: as many passages as its judge has room for."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from panel.evidence.budget import choose
from panel.evidence.facts import Facts, read_facts
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.review import Review


class Briefs(NamedTuple):
    """The briefs of a panel; equal ones are one object."""

    by_persona: Mapping[str, Brief]
    notes: tuple[str, ...]
    """One line on what was left out, for each size of a brief."""


def briefs(plan: ReviewPlan, tool: Tool, evidence: Evidence) -> Briefs:
    """Return what the personas of a plan are shown about a tool."""
    room = {p.name: plan.of(p.name).judge.evidence_tokens for p in plan.personas}
    chosen = {tokens: choose(evidence, tokens) for tokens in dict.fromkeys(room.values())}
    facts = facts_for(plan.personas, evidence)
    by_size = {
        tokens: Brief(tool, c.passages, plan.context, day=evidence.day, facts=facts)
        for tokens, c in chosen.items()
    }
    notes = tuple(note for c in chosen.values() for note in c.notes)
    return Briefs({name: by_size[tokens] for name, tokens in room.items()}, notes)


def facts_for(personas: Iterable[Persona], evidence: Evidence) -> Facts:
    """Return the facts of the evidence; none are read where no persona is decided by any."""
    decides = any(c.decided_by for persona in personas for c in persona.criteria)
    return read_facts(evidence) if decides else Facts()


def cited(review: Review) -> set[str]:
    """Return the ids of the passages that a judgement cites."""
    return {ident for finding in review.findings for ident in finding.cites}.union(
        review.status_cites
    )


def with_passages(brief: Brief, idents: Collection[str], panel: Iterable[Brief]) -> Brief:
    """Return the brief with passages that other briefs of the panel show, in reading order."""
    shown = {passage.id: passage for passage in brief.passages}
    more = {p.id: p for other in panel for p in other.passages if p.id in idents}
    if more.keys() <= shown.keys():
        return brief
    passages = shown | more
    order = sorted(passages, key=lambda ident: [int(n) for n in ident[1:].split(".")])
    return replace(brief, passages=tuple(passages[ident] for ident in order))
