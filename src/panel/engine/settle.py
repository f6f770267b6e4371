"""All answers about one tool, settled: samples merged, the verdict, the scorecard. Asks nothing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from panel.evidence.facts import read_facts
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.reviews.plan import ReviewPlan
from panel.reviews.review import Missing, Review
from panel.reviews.verdict.decide import decide
from panel.reviews.verdict.samples import effective_votes, merge, score_interval
from panel.reviews.verdict.scorecard import CardJudge, CardTool, RunUsage, Scorecard, Verdict

Answers = Mapping[str, Sequence[Review | Missing]]
"""Per persona, one answer a sample."""


def merged(answers: Sequence[Review | Missing]) -> Review | Missing:
    """Return one persona's samples as one answer: a review where any is one."""
    reviews = [a for a in answers if isinstance(a, Review)]
    return merge(reviews) if reviews else answers[0]


class Settled(NamedTuple):
    """The result of all answers about one tool."""

    reviews: tuple[Review, ...]
    """One a persona, samples merged."""
    missing: tuple[Missing, ...]
    verdict: Verdict


def settle(plan: ReviewPlan, answers: Answers, evidence: Evidence) -> Settled:
    """Merge samples and decide: pure, so that a stored run can be decided again."""
    every = [merged(rows) for rows in answers.values()]
    reviews = tuple(m for m in every if isinstance(m, Review))
    missing = tuple(m for m in every if isinstance(m, Missing))
    sampled = {name: [r for r in rows if isinstance(r, Review)] for name, rows in answers.items()}
    sampled = {name: rows for name, rows in sampled.items() if rows}
    weights = {p.name: plan.rule.voting_weight(p.name, p.weight) for p in plan.personas}
    verdict = decide(
        reviews,
        missing,
        weights=weights,
        rule=plan.rule,
        suspicious=any(s.flags for s in evidence.sources),
        interval=score_interval(sampled, weights),
        effective_votes=effective_votes(sampled),
        dealbreakers={p.name: [c.id for c in p.criteria if c.dealbreaker] for p in plan.personas},
    )
    return Settled(reviews, missing, verdict)


def scorecard(plan: ReviewPlan, tool: Tool, answers: Answers, evidence: Evidence) -> Scorecard:
    """Return the scorecard without what only its run knows: name, time, usage, warnings."""
    settled = settle(plan, answers, evidence)
    judges = card_judges(plan)
    return Scorecard(
        run="",
        created=datetime.now(UTC).replace(microsecond=0),
        provider=_joined(judge.provider for judge in judges),
        model=_joined(judge.model for judge in judges),
        asked=plan.judge.ask,
        tool=CardTool(**tool.model_dump(exclude={"evidence"})),
        verdict=settled.verdict,
        ship_at=plan.rule.ship_at,
        judges=judges,
        reviews=settled.reviews,
        missing=settled.missing,
        evidence=evidence.sources,
        facts=read_facts(evidence),
        usage=RunUsage(),
    )


def card_judges(plan: ReviewPlan) -> tuple[CardJudge, ...]:
    """Return who answers for whom, as a card says it."""
    judges = {persona.name: plan.of(persona.name).judge for persona in plan.personas}
    return tuple(
        CardJudge(persona=name, provider=judge.provider, model=judge.model, asked=judge.ask)
        for name, judge in judges.items()
    )


def _joined(names: Iterable[str]) -> str:
    """Return names joined, each once."""
    return ", ".join(dict.fromkeys(names))
