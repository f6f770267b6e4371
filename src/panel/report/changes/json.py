"""JSON: every difference as data."""

from panel.report.scorecard.json import dump
from panel.runs.diff import RunDiff

SUFFIX = ".json"


def render(diff: RunDiff) -> str:
    """Return the difference as one object."""
    return dump(diff.model_dump(mode="json")) + "\n"
