"""One persona's score and vote, computed from its findings: pure, no I/O."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

from panel.reviews.review import Answer, Finding, Vote
from panel.reviews.weights import NO_CURVES, Curves, FittedWeights


class Rule(BaseModel):
    """The numbers of the verdict rule; every one is a setting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ship_at: float = Field(default=60.0, ge=0, le=100)
    """A persona ships at this score and above: the burden of proof is on the tool."""
    min_coverage: float = Field(default=0.25, ge=0, le=1)
    """Below this share of answered weight a review abstains."""
    quorum: float = Field(default=0.75, gt=0, le=1)
    """Share of the personas asked that must vote: 3 of 4."""
    unclear_band: float = Field(default=0.1, ge=0, lt=0.5)
    """`p` within one half ± this is `unclear`."""
    weights: FittedWeights | None = Field(default=None, exclude_if=lambda weights: weights is None)
    """Weights fitted on a backtest, in the place of those of the persona files."""

    def plain(self) -> "Rule":
        """Return the rule without anything fitted."""
        threshold = self.weights.threshold if self.weights else None
        fitted = threshold is not None and self.ship_at == threshold.ship_at
        ship_at = threshold.plain if threshold and fitted else self.ship_at
        return self.model_copy(update={"weights": None, "ship_at": ship_at})

    def weight(self, persona: str, criterion: "Weighted") -> float:
        """Return the weight of one of a persona's criteria: the fitted one where there is one."""
        fitted = self.weights.of_criterion(persona, criterion.id) if self.weights else None
        return criterion.weight if fitted is None else fitted

    def voting_weight(self, persona: str, plain: float) -> float:
        """Return the weight of a persona's vote: the fitted one where there is one."""
        fitted = self.weights.of_persona(persona) if self.weights else None
        return plain if fitted is None else fitted

    @property
    def curves(self) -> Curves:
        """The fitted curves, by fact."""
        return self.weights.curves if self.weights else NO_CURVES


class Weighted(Protocol):
    """What a score needs of a criterion."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def weight(self) -> float:
        """How much it counts, above 0."""
        ...

    @property
    def dealbreaker(self) -> bool:
        """Whether a supported `no` forces the skip."""
        ...


class ScoredReviewer(Protocol):
    """What a score needs of a persona."""

    @property
    def name(self) -> str:
        """Its name, by which fitted weights are found."""
        ...

    @property
    def criteria(self) -> Sequence[Weighted]:
        """What it was asked, at least one."""
        ...


class Scored(NamedTuple):
    """A persona's score (0–100, None when nothing was answered), coverage (0–1) and vote."""

    score: float | None
    coverage: float
    vote: Vote


def answer_of(p: float, rule: Rule) -> Answer:
    """Turn a probability of yes into an answer."""
    if abs(p - 0.5) <= rule.unclear_band:
        return "unclear"
    return "yes" if p > 0.5 else "no"


def score_findings(persona: ScoredReviewer, findings: Sequence[Finding], rule: Rule) -> Scored:
    """Score one persona: 100 × (Σ w p + w̄) / (Σ w + 2 w̄) over answered criteria (DESIGN §6).

    One pseudo-yes and one pseudo-no of mean weight w̄ keep few answers from being extreme
    (Laplace's rule of succession, weighted). A criterion without a finding counts as unanswered.
    Weights are those of the rule where it has fitted ones.
    """
    answered = {f.criterion: f for f in findings if f.answer != "unclear"}
    weights = {c.id: rule.weight(persona.name, c) for c in persona.criteria}
    mean = sum(weights.values()) / len(weights)
    yes = total = 0.0
    for criterion, weight in weights.items():
        if finding := answered.get(criterion):
            yes += weight * probability(finding)
            total += weight
    coverage = total / (mean * len(weights))
    if not answered:
        return Scored(None, 0.0, "abstain")
    score = 100 * (yes + mean) / (total + 2 * mean)
    broken = any(c.dealbreaker and supported_no(answered.get(c.id)) for c in persona.criteria)
    return Scored(score, min(coverage, 1.0), _vote(score, coverage, broken, rule))


def _vote(
    score: float, coverage: float, broken: bool, rule: Rule
) -> Literal["ship", "skip", "abstain"]:
    if broken:
        return "skip"
    if coverage < rule.min_coverage:
        return "abstain"
    return "ship" if score >= rule.ship_at else "skip"


def probability(finding: Finding) -> float:
    """Return the probability of yes of a clear answer: `p`, else 1 or 0."""
    if finding.p is not None:
        return finding.p
    return 1.0 if finding.answer == "yes" else 0.0


def supported_no(finding: Finding | None) -> bool:
    """Tell whether a finding is a `no` with a passage behind it."""
    return finding is not None and finding.answer == "no" and bool(finding.cites)
