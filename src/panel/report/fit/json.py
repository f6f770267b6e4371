"""JSON: every figure of the fit, every weight and every curve."""

from panel.report.scorecard.json import dump
from panel.reviews.backtest.fit_report import FitReport

SUFFIX = ".json"


def render(report: FitReport) -> str:
    """Return the report as one object."""
    return dump(report.model_dump(mode="json", by_alias=True)) + "\n"
