"""Forecasts and their scores as rows, for JSON and CSV. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from panel.runs.export import Cell
from panel.runs.forecasts.resolutions import KnownForecast
from panel.runs.forecasts.scores import ForecastScore, is_scored


def forecast_rows(known: Iterable[KnownForecast], today: date) -> Iterator[dict[str, Cell]]:
    """Yield a row a forecast, all with the same keys; what is not known is None."""
    for each in known:
        made, end = each.forecast, each.resolution
        error = None
        if is_scored(each) and end and made.probability is not None:
            error = (made.probability - (end.came_true == "yes")) ** 2
        yield {
            "tool": made.tool,
            "key": made.key,
            "forecast": made.id,
            "reviewer": made.reviewer,
            "judge": made.model,
            "proposition": made.proposition or None,
            "claim": made.claim,
            "probability": made.probability,
            "made": made.made.isoformat(),
            "by": made.by.isoformat(),
            "state": each.state(today),
            "resolved": end.date.isoformat() if end else None,
            "decided": end.decided if end else None,
            "why": end.note if end else None,
            "passage": end.passage if end else None,
            "source": end.source if end else None,
            "read": end.read.isoformat() if end and end.read else None,
            "squared_error": error,
            "run": made.run,
        }


def score_rows(scores: Iterable[ForecastScore]) -> Iterator[dict[str, Cell]]:
    """Yield a row a group, without its calibration."""
    for score in scores:
        yield {
            "by": score.by,
            "who": score.who,
            "resolved": score.resolved,
            "came_true": score.came_true,
            "brier": score.brier,
            "skill": score.skill,
        }


def score_data(score: ForecastScore) -> dict[str, Any]:
    """Return a score with its calibration as JSON data."""
    return asdict(score) | {"bins": [asdict(each) | {"share": each.share} for each in score.bins]}
