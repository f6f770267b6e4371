"""HTML: one self-contained page, light and dark, without script or anything fetched."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache

from panel.report import figures
from panel.report.scorecard.view import CardView, ranked, view
from panel.report.templating import FOLDER, html_template
from panel.reviews.verdict.scorecard import Scorecard

SUFFIX = ".html"


def render(cards: Sequence[Scorecard]) -> str:
    """Return one page: a scorecard, or several under a table of contents."""
    return _page([view(card) for card in cards])


def render_view(shown: CardView) -> str:
    """Return the page of one scorecard."""
    return _page([shown])


def _page(views: Sequence[CardView]) -> str:
    style = stylesheet()
    return html_template("scorecard.html").render(
        views=views,
        ranked=ranked(views),
        title=_title(views),
        description=_description(views),
        style=style,
        style_hash=style_hash(style),
    )


@cache
def stylesheet() -> str:
    """Return the page's style sheet, exactly as it stands between the tags."""
    return (FOLDER / "scorecard.css").read_text(encoding="utf-8")


def style_hash(style: str) -> str:
    """Return the Content-Security-Policy source that allows this inline style and no other."""
    digest = hashlib.sha256(style.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _title(views: Sequence[CardView]) -> str:
    if len(views) == 1:
        return f"{views[0].name}: {views[0].outcome}"
    return f"Panel verdicts on {len(views)} tools"


def _description(views: Sequence[CardView]) -> str:
    if len(views) == 1:
        shown = views[0]
        score = figures.score(shown.score)
        return f"Panel verdict on {shown.name}: {shown.outcome}, score {score} of 100. " + (
            f"{shown.headline}."
        )
    return "What a review panel says about " + ", ".join(v.name for v in views[:12])
