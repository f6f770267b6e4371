"""JSON: every figure of the report, and every tool."""

from panel.report.scorecard.json import dump
from panel.reviews.backtest.report import BacktestReport

SUFFIX = ".json"


def render(report: BacktestReport) -> str:
    """Return the report as one object."""
    return dump(report.model_dump(mode="json", by_alias=True)) + "\n"
