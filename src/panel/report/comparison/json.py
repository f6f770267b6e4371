"""JSON: the contract `panel.comparison/1`, both scorecards and the advice in it."""

from panel.report.comparison.advice import with_advice
from panel.report.comparison.comparison import Comparison
from panel.report.scorecard.json import dump

SUFFIX = ".json"


def render(comparison: Comparison) -> str:
    """Return the comparison with its advice as one object."""
    return dump(with_advice(comparison).model_dump(mode="json", by_alias=True)) + "\n"
