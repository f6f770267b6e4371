"""JSON: every figure of the report."""

from panel.report.scorecard.json import dump
from panel.reviews.calibration.report import CalibrationReport

SUFFIX = ".json"


def render(report: CalibrationReport) -> str:
    """Return the report as one object."""
    return dump(report.model_dump(mode="json", by_alias=True)) + "\n"
