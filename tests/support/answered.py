"""Answers about invented tools whose fate is known, as a run would have kept them."""

import random

from panel.engine.backtest.outcomes import BacktestCase
from panel.engine.backtest.rescore import AnsweredTool
from panel.evidence.facts import Fact, Facts
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.llm.config import ProviderConfig
from panel.reviews.personas import Criterion, Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.review import Finding, Review
from panel.reviews.score import Rule, score_findings

AGE = "last_commit_age < 365 d"


def persona(name, criteria, weight=1.0):
    """Return a reviewer with criteria by id; a weight, or a weight and a condition."""
    rows = [(i, *(w if isinstance(w, tuple) else (w, None))) for i, w in criteria.items()]
    return Persona(
        name=name, title=f"The {name}", lens="You look.", voice="You look.", weight=weight,
        forecast={"ask": "Will it last a year?", "horizon_months": 12},
        criteria=[
            Criterion(
                id=i, question=f"Is it {i} or not?", kind="judgement", weight=w,
                **({"decided_by": condition} if condition else {}),
            )
            for i, w, condition in rows
        ],
    )  # fmt: skip


PERSONAS = (
    persona("first", {"tells": 1.0, "noise_a": 2.0, "noise_b": 1.0}),
    persona("second", {"noise_c": 1.0, "noise_d": 1.0, "young": (1.0, AGE)}, weight=2.0),
)


def plan(personas=PERSONAS):
    judge = ProviderConfig(
        provider="x", kind="replay", model="m", wire_model="m", ask="stepwise",
        evidence_tokens=2000, run="r",
    )  # fmt: skip
    return ReviewPlan(personas=personas, judge=judge, rule=Rule())


def review(who, answers):
    """Return a reviewer's review with an answer, or a probability of yes, by criterion."""
    findings = []
    for criterion in who.criteria:
        given = answers.get(criterion.id, "unclear")
        p = given if isinstance(given, float) else None
        answer = given if p is None else "yes" if p > 0.5 else "no"
        decided = {"decided_by": criterion.decided_by[0]} if criterion.decided_by else {}
        findings.append(
            Finding(
                criterion=criterion.id, question=criterion.question, kind="judgement",
                answer=answer, p=p, weight=criterion.weight, **decided,
            )
        )  # fmt: skip
    scored = score_findings(who, findings, Rule())
    return Review(
        persona=who.name, title=who.title, **scored._asdict(), stance=None, summary="",
        findings=tuple(findings), forecast=None, provider="x", model="m",
    )  # fmt: skip


def tools(
    pairs, seed=1, right=0.9, single=False, personas=PERSONAS, told=(0.2, 0.8), chance=(0.1, 0.9)
):
    """Return so many pairs: `first.tells` is right so often, the age a little, all else chance.

    `told` are its probabilities of died and lived, `chance` bounds those of all else.
    """
    source = random.Random(seed)
    made = []
    for number in range(pairs):
        for fate in ("lived", "died"):
            lives = fate == "lived"
            days = int(source.lognormvariate(2.5 if lives else 3.2, 0.8))
            tells = lives if source.random() < right else not lives
            p = told[tells]
            by_id = {"tells": p, "young": 1.0}
            answers = {
                who.name: [
                    review(
                        who,
                        {c.id: by_id.get(c.id, round(source.uniform(*chance), 3))
                         for c in who.criteria},
                    )
                ]
                for who in personas
            }  # fmt: skip
            slug = f"t{number}{fate[0]}"
            age = Fact(value=days, passage="E1.1")
            made.append(
                AnsweredTool(
                    BacktestCase(
                        Tool(name=slug, slug=slug), fate, pair=None if single else f"P{number}"
                    ),
                    answers, Evidence(sources=()), Facts(last_commit_age=age), None,
                )
            )  # fmt: skip
    return made
