"""One case decided by the stored answers, or by another calibration of them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from panel.engine.calibrate.cases import Case
from panel.reviews.personas import Persona
from panel.reviews.review import Finding, Missing, Review
from panel.reviews.score import Rule, answer_of, score_findings
from panel.reviews.verdict.decide import decide
from panel.reviews.verdict.scorecard import Outcome

Read = Callable[[str], float | None]
"""From `persona.criterion` to a probability of yes; None where there is none."""


@dataclass(frozen=True)
class CaseAnswers:
    """The judge's answers about one case, by sample."""

    case: Case
    held: bool
    """The evidence is suspicious: a card would say hold, whatever the votes."""
    reviews: tuple[tuple[Review, ...], ...]
    missing: tuple[tuple[Missing, ...], ...]


@dataclass(frozen=True)
class CaseDecision:
    """The decision about one case, holds left aside."""

    answers: CaseAnswers
    outcome: Outcome
    score: float | None
    """Weighted mean over all reviewers that have a score, those that abstain included."""
    ships_up_to: float | None
    """The highest threshold at which it ships, None where it ships at none."""
    reviews: tuple[Review, ...]


def decide_case(
    answers: CaseAnswers,
    personas: Sequence[Persona],
    rule: Rule,
    *,
    read: Read | None = None,
    sample: int = 0,
) -> CaseDecision:
    """Decide a case by the reviews of one sample, with the probabilities of `read` if any."""
    by_name = {p.name: p for p in personas}
    reviews = tuple(_again(r, by_name[r.persona], rule, read) for r in answers.reviews[sample])
    missing = answers.missing[sample]

    weights = {p.name: rule.voting_weight(p.name, p.weight) for p in personas}

    def outcome(at: float) -> Outcome:
        moved = rule.model_copy(update={"ship_at": at})
        votes = [_voted(r, by_name[r.persona], moved) for r in reviews]
        return decide(votes, missing, weights=weights, rule=moved).outcome

    marks = sorted({r.score for r in reviews if r.score is not None}, reverse=True)
    up_to = next((at for at in marks if outcome(at) == "ship"), None)
    return CaseDecision(answers, outcome(rule.ship_at), _mean(reviews, weights), up_to, reviews)


def uncited(finding: Finding, rule: Rule) -> bool:
    """Tell a fact that is unclear only because no passage was cited, where p shows it."""
    clear = finding.p is not None and answer_of(finding.p, rule) != "unclear"
    return finding.kind == "fact" and finding.answer == "unclear" and clear


def _mean(reviews: Sequence[Review], weights: Mapping[str, float]) -> float | None:
    scored = [(weights[r.persona], r.score) for r in reviews if r.score is not None]
    if not scored:
        return None
    return sum(w * s for w, s in scored) / sum(w for w, _ in scored)


def _again(review: Review, persona: Persona, rule: Rule, read: Read | None) -> Review:
    if read is None:
        return review
    findings = tuple(_read_again(f, persona.name, rule, read) for f in review.findings)
    return _voted(review.model_copy(update={"findings": findings}), persona, rule)


def _read_again(finding: Finding, persona: str, rule: Rule, read: Read) -> Finding:
    """Apply a probability to a finding; a citation that was never asked for is assumed.

    A finding that has none, where the judge gives them, comes from a notice and stays.
    """
    p = read(f"{persona}.{finding.criterion}")
    if p is None or finding.p is None:
        return finding
    answer = "unclear" if uncited(finding, rule) else answer_of(p, rule)
    cites = finding.cites or (("E1.1",) if answer != "unclear" else ())
    return finding.model_copy(update={"p": p, "answer": answer, "cites": cites})


def _voted(review: Review, persona: Persona, rule: Rule) -> Review:
    scored = score_findings(persona, review.findings, rule)
    return review.model_copy(
        update={"score": scored.score, "vote": scored.vote, "coverage": scored.coverage}
    )
