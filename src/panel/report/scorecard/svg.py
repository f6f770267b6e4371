"""A picture of the terminal scorecard, for READMEs and slides."""

from collections.abc import Sequence

from panel.report.scorecard.terminal import render_svg
from panel.reviews.verdict.scorecard import Scorecard

SUFFIX = ".svg"


def render(cards: Sequence[Scorecard]) -> str:
    """Return the scorecards one below the other as SVG; nothing for none."""
    return render_svg(cards).rstrip() + "\n" if cards else ""
