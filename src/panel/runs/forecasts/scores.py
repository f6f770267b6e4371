"""How good resolved forecasts were: Brier score, skill and calibration, by who made them. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from panel.foundation.ranking import brier_score
from panel.runs.forecasts.resolutions import KnownForecast

FEWEST: Final = 10
"""Resolved forecasts below which no figure is given: it would say nothing."""
BINS: Final = 5
"""Equal parts of 0 to 1 that probabilities are put together in."""

SENTENCES: Final = "sentences"
"""What free sentences are called among the kinds."""


@dataclass(frozen=True)
class CalibrationBin:
    """Forecasts of about the same probability."""

    low: float
    high: float
    forecasts: int
    mean: float
    """The mean probability given."""
    came_true: int

    @property
    def share(self) -> float:
        """The share that came true."""
        return self.came_true / self.forecasts


@dataclass(frozen=True)
class ForecastScore:
    """The score of a group of forecasts."""

    by: str
    """What the group is by: `all`, `reviewer`, `judge`, `horizon`, `kind`."""
    who: str
    resolved: int
    """Forecasts with a probability that came true or did not; void ones are none of them."""
    came_true: int
    brier: float | None = None
    """0 is perfect, 0.25 a coin; None where too few are resolved."""
    skill: float | None = None
    """1 − Brier / that of the base rate; None where too few are resolved, or the base rate errs
    never."""
    bins: tuple[CalibrationBin, ...] = ()
    """Without empty ones; () where too few are resolved."""


def scores(known: Iterable[KnownForecast]) -> tuple[ForecastScore, ...]:
    """Return the scores of all forecasts, then by reviewer, judge, horizon and kind.

    The base rate of a forecast is the share that came true of all resolved ones of its kind: of its
    proposition, or of free sentences. It is taken from the same forecasts, so it knows more than
    anybody did when they were made, and skill is understated.
    """
    resolved = [each for each in known if is_scored(each)]
    bases = {kind: _share(group) for kind, group in _grouped(resolved, _kind).items()}
    made = [_score("all", "all", resolved, bases)]
    keys: dict[str, Callable[[KnownForecast], str]] = {
        "reviewer": lambda each: each.forecast.reviewer,
        "judge": lambda each: each.forecast.model,
        "horizon": lambda each: f"{each.forecast.months} months",
        "kind": _kind,
    }
    for by, key in keys.items():
        groups = _grouped(resolved, key)
        order = sorted(groups, key=lambda who: (len(who) if by == "horizon" else 0, who))
        made += [_score(by, who, groups[who], bases) for who in order]
    return tuple(made)


def is_scored(known: KnownForecast) -> bool:
    """Tell whether a forecast counts in scores: one with a probability that ended yes or no."""
    end = known.resolution
    return known.forecast.probability is not None and end is not None and end.came_true != "void"


def _kind(known: KnownForecast) -> str:
    return known.forecast.proposition or SENTENCES


def _grouped(
    resolved: Sequence[KnownForecast], key: Callable[[KnownForecast], str]
) -> dict[str, list[KnownForecast]]:
    groups: dict[str, list[KnownForecast]] = defaultdict(list)
    for each in resolved:
        groups[key(each)].append(each)
    return groups


def _came_true(known: KnownForecast) -> bool:
    return known.resolution is not None and known.resolution.came_true == "yes"


def _share(group: Sequence[KnownForecast]) -> float:
    return sum(map(_came_true, group)) / len(group)


def _score(
    by: str, who: str, group: Sequence[KnownForecast], bases: dict[str, float]
) -> ForecastScore:
    ended = [(each.forecast.probability or 0.0, _came_true(each)) for each in group]
    came_true = sum(happened for _, happened in ended)
    if len(ended) < FEWEST:
        return ForecastScore(by, who, len(ended), came_true)
    brier = brier_score(ended)
    base = brier_score([(bases[_kind(each)], _came_true(each)) for each in group])
    skill = 1 - brier / base if brier is not None and base else None
    return ForecastScore(by, who, len(ended), came_true, brier, skill, _bins(ended))


def _bins(ended: Sequence[tuple[float, bool]]) -> tuple[CalibrationBin, ...]:
    members: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for probability, happened in ended:
        members[min(int(probability * BINS), BINS - 1)].append((probability, happened))
    return tuple(
        CalibrationBin(
            low=place / BINS,
            high=(place + 1) / BINS,
            forecasts=len(group),
            mean=sum(probability for probability, _ in group) / len(group),
            came_true=sum(happened for _, happened in group),
        )
        for place, group in sorted(members.items())
    )
