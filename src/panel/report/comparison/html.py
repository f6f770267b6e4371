"""HTML: one self-contained page, without script or anything fetched.

The body is the macro `pair_body` of `templates/pair.html`, which other pages use as well.
"""

from panel.report.comparison.comparison import Comparison
from panel.report.comparison.view import pair_view
from panel.report.scorecard.html import style_hash, stylesheet
from panel.report.templating import FOLDER, html_template

SUFFIX = ".html"


def render(comparison: Comparison) -> str:
    """Return the page."""
    style = stylesheet() + pair_styles()
    return html_template("pair_page.html").render(
        view=pair_view(comparison), style=style, style_hash=style_hash(style)
    )


def pair_styles() -> str:
    """Return what a comparison needs beside the scorecard's style sheet."""
    return (FOLDER / "pair.css").read_text(encoding="utf-8")
