"""Markdown: the answer and both scores, the rest folded below, passages as footnotes."""

from panel.report.comparison.comparison import Comparison
from panel.report.comparison.view import pair_view
from panel.report.templating import render_markdown

SUFFIX = ".md"


def render(comparison: Comparison) -> str:
    """Return the comparison as Markdown."""
    return render_markdown("pair.md", view=pair_view(comparison))
