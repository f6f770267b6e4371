"""Markdown: a few lines that fit a pull request, the reviews and their evidence folded below."""

from collections.abc import Sequence

from panel.report.scorecard.view import ranked, view
from panel.report.templating import render_markdown
from panel.reviews.verdict.scorecard import Scorecard

SUFFIX = ".md"


def render(cards: Sequence[Scorecard]) -> str:
    """Return the scorecards as Markdown, an overview first where there are several."""
    views = [view(card) for card in cards]
    return render_markdown("scorecard.md", views=views, ranked=ranked(views))
