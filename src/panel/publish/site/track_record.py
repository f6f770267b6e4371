"""A persona's record over the archive: what it shipped, where it stood alone, its forecasts. Pure.

Votes are counted on each tool's newest verdict only, so that a tool reviewed often counts once.
Forecasts of all verdicts count, each once: what was predicted stays predicted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from panel.publish.site.forecasts import Resolution
from panel.runs.history.entry import Entry, History, Opinion

_COUNTED: Final = frozenset({"ship", "skip"})


@dataclass(frozen=True)
class Prediction:
    """A forecast with what became of it."""

    key: str
    tool: str
    claim: str
    probability: float | None
    by: date
    made: date
    resolution: Resolution | None


@dataclass(frozen=True)
class TrackRecord:
    """What a persona did."""

    votes: tuple[tuple[str, int], ...]
    """Vote and count in the order ship, abstain, skip; zero counts left out."""
    scores: tuple[float, ...]
    differs: int
    """Its own stance differs from its vote."""
    alone: tuple[History, ...]
    """Tools on which it voted one way and all other voters, at least two, the other way."""
    open: tuple[Prediction, ...]
    """By the day they resolve, the next first."""
    due: tuple[Prediction, ...]
    """Past that day and not yet judged."""
    resolved: tuple[Prediction, ...]
    """Newest judgement first."""

    @property
    def reviewed(self) -> int:
        """Tools it gave a review on."""
        return sum(count for _, count in self.votes)

    @property
    def ship_share(self) -> float | None:
        """Percent of its votes that ship, None without votes."""
        counts = dict(self.votes)
        voted = counts.get("ship", 0) + counts.get("skip", 0)
        return 100 * counts.get("ship", 0) / voted if voted else None

    @property
    def brier(self) -> float | None:
        """Mean squared error of its probabilities over what was judged, None without any."""
        errors = [
            (prediction.probability - prediction.resolution.came_true) ** 2
            for prediction in self.resolved
            if prediction.resolution and prediction.probability is not None
        ]
        return sum(errors) / len(errors) if errors else None

    @property
    def scored(self) -> int:
        """Judged forecasts that had a probability."""
        return sum(prediction.probability is not None for prediction in self.resolved)


def track_record(
    persona: str, histories: Sequence[History], resolutions: Sequence[Resolution], today: date
) -> TrackRecord:
    """Return the record of one persona; a forecast of `today` or before is due."""
    latest = [
        (history, opinion)
        for history in histories
        if (opinion := _opinion(history.latest, persona))
    ]
    counts = Counter(opinion.vote for _, opinion in latest)
    predictions = sorted(_predictions(persona, histories, resolutions), key=_by_day)
    judged = [prediction for prediction in predictions if prediction.resolution]
    waiting = [prediction for prediction in predictions if not prediction.resolution]
    return TrackRecord(
        votes=tuple((v, counts[v]) for v in ("ship", "abstain", "skip") if counts[v]),
        scores=tuple(opinion.score for _, opinion in latest if opinion.score is not None),
        differs=sum(opinion.stance not in (None, opinion.vote) for _, opinion in latest),
        alone=tuple(
            history for history, opinion in latest if stands_alone(opinion, history.latest)
        ),
        open=tuple(prediction for prediction in waiting if prediction.by > today),
        due=tuple(prediction for prediction in waiting if prediction.by <= today),
        resolved=tuple(sorted(judged, key=_by_judgement, reverse=True)),
    )


def stands_alone(opinion: Opinion, entry: Entry) -> bool:
    """Tell whether all other voters, at least two, voted the other way.

    Nobody does in a verdict that does not count: on hold, or incomplete.
    """
    if entry.verdict.outcome in ("hold", "incomplete"):
        return False
    others = {
        other_opinion.persona: other_opinion.vote
        for other_opinion in entry.opinions
        if other_opinion.vote in _COUNTED and other_opinion.persona != opinion.persona
    }
    opposite = "skip" if opinion.vote == "ship" else "ship"
    return opinion.vote in _COUNTED and len(others) > 1 and set(others.values()) == {opposite}


def _opinion(entry: Entry, persona: str) -> Opinion | None:
    return next((opinion for opinion in entry.opinions if opinion.persona == persona), None)


def _predictions(
    persona: str, histories: Iterable[History], resolutions: Sequence[Resolution]
) -> Iterator[Prediction]:
    for history in histories:
        seen = set()
        for entry in history.entries:
            opinion = _opinion(entry, persona)
            forecast = opinion.forecast if opinion else None
            if forecast is None or (forecast.claim, forecast.resolve_by) in seen:
                continue
            seen.add((forecast.claim, forecast.resolve_by))
            judged = [
                resolution
                for resolution in resolutions
                if resolution.meets(history, persona, forecast)
            ]
            yield Prediction(
                key=history.key,
                tool=entry.tool.name,
                claim=forecast.claim,
                probability=forecast.probability,
                by=forecast.resolve_by,
                made=entry.created.date(),
                resolution=judged[-1] if judged else None,
            )


def _by_day(prediction: Prediction) -> tuple[date, str, str]:
    return (prediction.by, prediction.key, prediction.claim)


def _by_judgement(prediction: Prediction) -> tuple[date, str, str]:
    assert prediction.resolution is not None
    return (prediction.resolution.date, prediction.key, prediction.claim)
