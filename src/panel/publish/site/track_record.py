"""A persona's record over the archive: what it shipped, where it stood alone, its forecasts. Pure.

Votes are counted on each tool's newest verdict only, so that a tool reviewed often counts once.
Forecasts of all verdicts count, each once: what was predicted stays predicted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, get_args

from panel.reviews.propositions import PROPOSITIONS
from panel.runs.forecasts.resolutions import KnownForecast, State
from panel.runs.forecasts.scores import ForecastScore, scores
from panel.runs.history.entry import Entry, History, Opinion

_COUNTED: Final = frozenset({"ship", "skip"})


@dataclass(frozen=True)
class PropositionCount:
    """What a persona gave one proposition over all verdicts, and what became of it."""

    claim: str
    months: int
    given: int
    mean: float
    """The mean of the probabilities given."""
    states: tuple[tuple[State, int], ...]
    """How many are in which state; zero counts left out."""


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
    open: tuple[KnownForecast, ...]
    """Its sentences, by the day they resolve, the next first."""
    due: tuple[KnownForecast, ...]
    """Past that day and not yet judged."""
    resolved: tuple[KnownForecast, ...]
    """Newest judgement first."""
    propositions: tuple[PropositionCount, ...]
    """In the order of the list; without those that it gave no probability."""
    decided: tuple[KnownForecast, ...]
    """Its propositions that are resolved, the newest end first."""
    score: ForecastScore
    """Of sentences and propositions together."""

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


def track_record(
    persona: str, histories: Sequence[History], known: Sequence[KnownForecast], today: date
) -> TrackRecord:
    """Return the record of one persona; a forecast of `today` or before is due."""
    latest = [
        (history, opinion)
        for history in histories
        if (opinion := _opinion(history.latest, persona))
    ]
    counts = Counter(opinion.vote for _, opinion in latest)
    own = [each for each in known if each.forecast.reviewer == persona]
    sentences = sorted((each for each in own if not each.forecast.proposition), key=_by_day)
    judged = [each for each in sentences if each.resolution]
    waiting = [each for each in sentences if not each.resolution]
    none = ForecastScore("reviewer", persona, 0, 0)
    by_reviewer = (score for score in scores(known) if score.by == "reviewer")
    return TrackRecord(
        votes=tuple((v, counts[v]) for v in ("ship", "abstain", "skip") if counts[v]),
        scores=tuple(opinion.score for _, opinion in latest if opinion.score is not None),
        differs=sum(opinion.stance not in (None, opinion.vote) for _, opinion in latest),
        alone=tuple(
            history for history, opinion in latest if stands_alone(opinion, history.latest)
        ),
        open=tuple(each for each in waiting if each.state(today) == "open"),
        due=tuple(each for each in waiting if each.state(today) == "due"),
        resolved=tuple(sorted(judged, key=_by_judgement, reverse=True)),
        propositions=tuple(_counted(own, today)),
        decided=tuple(
            sorted(
                (each for each in own if each.forecast.proposition and each.resolution),
                key=_by_judgement,
                reverse=True,
            )
        ),
        score=next((score for score in by_reviewer if score.who == persona), none),
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


def _counted(own: Sequence[KnownForecast], today: date) -> Iterator[PropositionCount]:
    for each in PROPOSITIONS:
        made = [known for known in own if known.forecast.proposition == each.id]
        given = [p for known in made if (p := known.forecast.probability) is not None]
        if not given:
            continue
        counts = Counter(known.state(today) for known in made)
        yield PropositionCount(
            claim=each.claim,
            months=each.months,
            given=len(given),
            mean=sum(given) / len(given),
            states=tuple((state, counts[state]) for state in get_args(State) if counts[state]),
        )


def _by_day(known: KnownForecast) -> tuple[date, str, str]:
    made = known.forecast
    return made.by, made.key, made.claim


def _by_judgement(known: KnownForecast) -> tuple[date, str, str]:
    assert known.resolution is not None
    return known.resolution.date, known.forecast.key, known.forecast.claim
