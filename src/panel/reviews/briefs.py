"""What each reviewer of one tool is shown: as many passages as its judge has room for."""

from collections.abc import Mapping
from typing import NamedTuple

from panel.evidence.budget import choose
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief


class Briefs(NamedTuple):
    """The briefs of a panel; equal ones are one object."""

    by_persona: Mapping[str, Brief]
    notes: tuple[str, ...]
    """One line on what was left out, for each size of a brief."""


def briefs(plan: ReviewPlan, tool: Tool, evidence: Evidence) -> Briefs:
    """Return what the personas of a plan are shown about a tool."""
    room = {p.name: plan.of(p.name).judge.evidence_tokens for p in plan.personas}
    chosen = {tokens: choose(evidence, tokens) for tokens in dict.fromkeys(room.values())}
    by_size = {
        tokens: Brief(tool=tool, passages=c.passages, context=plan.context, day=evidence.day)
        for tokens, c in chosen.items()
    }
    notes = tuple(note for c in chosen.values() for note in c.notes)
    return Briefs({name: by_size[tokens] for name, tokens in room.items()}, notes)
