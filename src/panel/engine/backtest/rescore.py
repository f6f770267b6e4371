"""Stored answers about a tool, scored again by another rule. Asks nothing; reads no file twice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from panel.engine.backtest.outcomes import BacktestCase
from panel.engine.settle import settle
from panel.evidence.facts import Facts
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import ToolKind
from panel.reviews.fact_rules import decide
from panel.reviews.personas import Persona, applicable
from panel.reviews.plan import ReviewPlan
from panel.reviews.review import Finding, Missing, Review
from panel.reviews.score import Rule, probability, score_findings
from panel.reviews.verdict.samples import merge
from panel.reviews.verdict.scorecard import Verdict
from panel.runs.run import Run

Term = tuple[str, str]
"""A persona and one of its criteria."""


@dataclass(frozen=True)
class AnsweredTool:
    """A tool whose fate is known, with all that was answered about it."""

    case: BacktestCase
    answers: Mapping[str, Sequence[Review | Missing]]
    """By persona, one a sample."""
    evidence: Evidence
    facts: Facts
    kind: ToolKind | None


def answered_tools(run: Run, cases: Sequence[BacktestCase]) -> tuple[AnsweredTool, ...]:
    """Return the tools of the cases that the run has a verdict on, in the order of the cases."""
    tools = []
    for case in cases:
        slug = case.tool.slug
        card, evidence = run.stored.verdict(slug), run.evidence(slug)
        if card is None or evidence is None:
            continue
        kept: dict[tuple[str, int], Review | Missing] = {**run.missing(slug), **run.reviews(slug)}
        answers = {
            name: [kept[name, n] for n in range(run.manifest.samples) if (name, n) in kept]
            for name in run.manifest.personas
        }
        answers = {name: rows for name, rows in answers.items() if rows}
        tools.append(AnsweredTool(case, answers, evidence, card.facts, card.tool.kind))
    return tuple(tools)


def verdict_by(rule: Rule, plan: ReviewPlan, tool: AnsweredTool) -> Verdict:
    """Return the verdict that the stored answers come to by a rule."""
    answers = _scored(rule, plan, tool)
    return settle(replace(plan, rule=rule), answers, tool.evidence).verdict


def scores_by(rule: Rule, plan: ReviewPlan, tool: AnsweredTool) -> list[float]:
    """Return the score of each review by a rule, 0–100, samples apart."""
    answers = (answer for row in _scored(rule, plan, tool).values() for answer in row)
    return [a.score for a in answers if isinstance(a, Review) and a.score is not None]


def terms_by(rule: Rule, plan: ReviewPlan, tool: AnsweredTool) -> dict[Term, float]:
    """Return what each criterion adds to the tool's score, less one half.

    The sum of all is score / 100 − 1/2, exactly: the share of its persona among the weights that
    vote, times w (p − 1/2) / (Σ w + 2 w̄) as in `score_findings`.
    """
    rows = {
        name: [answer for answer in answers if isinstance(answer, Review)]
        for name, answers in _scored(rule, plan, tool).items()
    }
    voting = {name for name, row in rows.items() if row and merge(row).vote != "abstain"}
    personas = [p for p in plan.personas if p.name in voting]
    total = sum(rule.voting_weight(p.name, p.weight) for p in personas)
    terms: dict[Term, float] = {}
    for persona in personas:
        share = rule.voting_weight(persona.name, persona.weight) / total
        asked = applicable(persona, tool.kind)
        scored = [review for review in rows[persona.name] if review.score is not None]
        for review in scored:
            for name, part in _parts(rule, asked, review.findings):
                term = (persona.name, name)
                terms[term] = terms.get(term, 0.0) + share * part / len(scored)
    return terms


def decided_by_number(tools: Sequence[AnsweredTool]) -> frozenset[Term]:
    """Return the criteria that a number decides, such as an age, for at least half of the tools."""
    counts = Counter(
        (name, finding.criterion)
        for tool in tools
        for name, answers in tool.answers.items()
        for finding in _first_findings(answers)
        if finding.decided_by and finding.p is not None
    )
    return frozenset(term for term, count in counts.items() if 2 * count >= len(tools))


def _first_findings(answers: Sequence[Review | Missing]) -> Sequence[Finding]:
    return next((answer.findings for answer in answers if isinstance(answer, Review)), ())


def _parts(rule: Rule, persona: Persona, findings: Sequence[Finding]) -> list[tuple[str, float]]:
    answered = {f.criterion: f for f in findings if f.answer != "unclear"}
    weights = {c.id: rule.weight(persona.name, c) for c in persona.criteria}
    total = sum(weight for name, weight in weights.items() if name in answered)
    total += 2 * sum(weights.values()) / len(weights)
    return [
        (name, weight * (probability(answered[name]) - 0.5) / total)
        for name, weight in weights.items()
        if name in answered
    ]


def _scored(rule: Rule, plan: ReviewPlan, tool: AnsweredTool) -> dict[str, list[Review | Missing]]:
    personas = {persona.name: applicable(persona, tool.kind) for persona in plan.personas}
    return {
        name: [
            _again(rule, personas[name], answer, tool.facts)
            if isinstance(answer, Review)
            else answer
            for answer in answers
        ]
        for name, answers in tool.answers.items()
    }


def _again(rule: Rule, persona: Persona, review: Review, facts: Facts) -> Review:
    conditions = {criterion.id: criterion.decided_by for criterion in persona.criteria}
    findings = tuple(
        _decided_again(rule, finding, conditions.get(finding.criterion, ()), facts)
        if finding.decided_by
        else finding
        for finding in review.findings
    )
    scored = score_findings(persona, findings, rule)
    return review.model_copy(update={"findings": findings, **scored._asdict()})


def _decided_again(
    rule: Rule, finding: Finding, conditions: Sequence[str], facts: Facts
) -> Finding:
    """Return a finding of code with its probability by the rule's curve, or the assumed one."""
    decision = decide(conditions, facts, rule.curves)
    return finding.model_copy(update={"p": decision.p}) if decision else finding
