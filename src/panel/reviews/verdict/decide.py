"""The panel's rule: from reviews to a verdict. Pure: no clock, disk, network or randomness."""

import math
from collections.abc import Collection, Mapping, Sequence

from panel.reviews.review import Missing, Review
from panel.reviews.score import Rule, supported_no
from panel.reviews.verdict.scorecard import Outcome, Verdict, VoteTotals


def decide(
    reviews: Sequence[Review],
    missing: Sequence[Missing],
    *,
    weights: Mapping[str, float],
    rule: Rule,
    suspicious: bool = False,
    interval: tuple[float, float] | None = None,
    effective_votes: float | None = None,
    dealbreakers: Mapping[str, Collection[str]] | None = None,
) -> Verdict:
    """Decide one tool (DESIGN §6). The order of `reviews` never matters.

    Args:
        reviews: one review a persona, samples already merged.
        missing: the reviews that could not be had; they never vote.
        weights: weight of every persona that was asked, by name.
        rule: ship threshold and quorum.
        suspicious: the evidence speaks to the reviewer or hides text: a person must look.
        interval: range of the score over samples, passed through.
        effective_votes: see `samples.effective_votes`, passed through.
        dealbreakers: ids of dealbreaker criteria by persona, so that a note can name them.
    """
    voting = sorted((r for r in reviews if r.vote != "abstain"), key=lambda r: r.persona)
    ship = math.fsum(weights[r.persona] for r in voting if r.vote == "ship")
    total = math.fsum(weights[r.persona] for r in voting)
    # Rounding can lift the quotient above its bound.
    percent = min(100.0, 100 * ship / total) if voting else None
    return Verdict(
        outcome=_outcome(percent, len(voting), len(weights), rule, suspicious),
        ship_percent=percent,
        score=_mean_score(voting, weights),
        interval=interval,
        votes=_count(reviews, missing),
        effective_votes=effective_votes,
        notes=_notes(reviews, len(voting), len(weights), rule, dealbreakers or {}),
    )


def quorum_of(asked: int, rule: Rule) -> int:
    """Return how many personas must vote when `asked` were asked: 3 of 4 by default."""
    return max(1, math.ceil(asked * rule.quorum - 1e-9))


def _outcome(
    percent: float | None, voting: int, asked: int, rule: Rule, suspicious: bool
) -> Outcome:
    if suspicious:
        return "hold"
    if percent is None or voting < quorum_of(asked, rule):
        return "incomplete"
    if math.isclose(percent, 50.0, abs_tol=1e-9):
        return "split"
    return "ship" if percent > 50 else "skip"


def _mean_score(voting: Sequence[Review], weights: Mapping[str, float]) -> float | None:
    scored = [(weights[r.persona], r.score) for r in voting if r.score is not None]
    if not scored:
        return None
    mean = math.fsum(w * s for w, s in scored) / math.fsum(w for w, _ in scored)
    return min(100.0, max(0.0, mean))


def _count(reviews: Sequence[Review], missing: Sequence[Missing]) -> VoteTotals:
    votes = [r.vote for r in reviews]
    return VoteTotals(
        ship=votes.count("ship"),
        skip=votes.count("skip"),
        abstain=votes.count("abstain"),
        missing=len(missing),
    )


def _notes(
    reviews: Sequence[Review],
    voting: int,
    asked: int,
    rule: Rule,
    dealbreakers: Mapping[str, Collection[str]],
) -> tuple[str, ...]:
    notes = []
    if voting < quorum_of(asked, rule):
        notes.append(f"{voting} of {asked} reviewers voted; {quorum_of(asked, rule)} are needed")
    for review in sorted(reviews, key=lambda r: r.persona):
        notes += [
            f"{review.title} skips: {finding.criterion} is a dealbreaker"
            for finding in review.findings
            if finding.criterion in dealbreakers.get(review.persona, ()) and supported_no(finding)
        ]
        if review.stance and review.vote != "abstain" and review.stance != review.vote:
            notes.append(f"{review.title} says {review.stance}; its findings come to {review.vote}")
    return tuple(notes)
