"""JSON: the contract `panel.agreement/1`."""

from panel.report.scorecard.json import dump
from panel.runs.agreement import RunsAgreement

SUFFIX = ".json"


def render(agreement: RunsAgreement) -> str:
    """Return the agreement as one object."""
    return dump({"schema": "panel.agreement/1", **agreement.model_dump(mode="json")}) + "\n"
