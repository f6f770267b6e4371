"""What repeated samples tell: a merged review, flip rates, spread and independence. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import get_args

from panel.llm.types import summed
from panel.reviews.review import Review, Vote


def merge(samples: Sequence[Review]) -> Review:
    """Merge one persona's samples: majority vote (a tie abstains), mean score, flip rate.

    Findings and text are those of `shown_sample`.
    """
    if len(samples) == 1:
        return samples[0]
    vote, mean = _majority(samples), _mean_score(samples)
    same = max(sum(r.vote == v for r in samples) for v in get_args(Vote))
    return shown_sample(samples).model_copy(
        update={
            "vote": vote,
            "score": mean,
            "usage": summed([r.usage for r in samples]),
            "flip_rate": 1 - same / len(samples),
        }
    )


def shown_sample(samples: Sequence[Review]) -> Review:
    """Return the sample nearest to the mean score among those that voted with the majority.

    Its findings and text stand for all, so that what is published was really written together.
    Of these, one that was written after the vote goes first.
    """
    vote, mean = _majority(samples), _mean_score(samples)
    candidates = [r for r in samples if r.vote == vote] or list(samples)
    candidates = [r for r in candidates if r.beats] or candidates
    return min(candidates, key=lambda r: abs((r.score or 0.0) - (mean or 0.0)))


def _majority(samples: Sequence[Review]) -> Vote:
    counts = {vote: sum(r.vote == vote for r in samples) for vote in get_args(Vote)}
    leading = [vote for vote, count in counts.items() if count == max(counts.values())]
    vote: Vote = leading[0] if len(leading) == 1 else "abstain"
    return vote


def _mean_score(samples: Sequence[Review]) -> float | None:
    scores = [r.score for r in samples if r.score is not None]
    return statistics.fmean(scores) if scores else None


def score_interval(
    by_persona: Mapping[str, Sequence[Review]], weights: Mapping[str, float]
) -> tuple[float, float] | None:
    """Return the lowest and highest panel score over samples; None with fewer than two."""
    scores = []
    for row in zip(*by_persona.values(), strict=False):
        scored = [(weights[r.persona], r.score) for r in row if r.score is not None]
        if scored:
            scores.append(sum(w * s for w, s in scored) / sum(w for w, _ in scored))
    return (min(scores), max(scores)) if len(scores) > 1 else None


def effective_votes(by_persona: Mapping[str, Sequence[Review]]) -> float | None:
    """Return how many independent votes the personas are worth: see `design_effect`.

    ρ is the mean correlation of persona scores over samples. None with fewer than three samples or
    when no score varies.
    """
    rows = [[r.score for r in reviews if r.score is not None] for reviews in by_persona.values()]
    length = min((len(row) for row in rows), default=0)
    if length < 3 or len(rows) < 2:
        return None
    varying = [row[:length] for row in rows if len(set(row[:length])) > 1]
    if len(varying) < 2:
        return None
    pairs = [statistics.correlation(a, b) for a, b in combinations(varying, 2)]
    return design_effect(len(rows), statistics.fmean(pairs))


def design_effect(votes: int, correlation: float) -> float:
    """Return how many independent votes so many are worth whose mean correlation is this.

    n / (1 + (n − 1) ρ), ρ between 0 and 1 (Kish, Survey Sampling, 1965).
    """
    return votes / (1 + (votes - 1) * min(1.0, max(0.0, correlation)))
