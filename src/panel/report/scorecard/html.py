"""HTML: one self-contained page, light and dark, without script or anything fetched."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from panel.report import figures
from panel.report.citations import Cite, Own
from panel.report.scorecard.findings import ANSWER_GLYPHS
from panel.report.scorecard.view import GLYPHS, CardView, view
from panel.review.verdict.scorecard import Scorecard

SUFFIX = ".html"

_TEMPLATES: Final = Path(__file__).parents[1] / "templates"


def render(cards: Sequence[Scorecard]) -> str:
    """Return one page: a scorecard, or several under a table of contents."""
    views = [view(card) for card in cards]
    style = stylesheet()
    return template("scorecard.html").render(
        views=views,
        title=_title(views),
        description=_description(views),
        style=style,
        style_hash=style_hash(style),
    )


def stylesheet() -> str:
    """Return the page's style sheet, exactly as it stands between the tags."""
    return (_TEMPLATES / "scorecard.css").read_text(encoding="utf-8")


def style_hash(style: str) -> str:
    """Return the Content-Security-Policy source that allows this inline style and no other."""
    digest = hashlib.sha256(style.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


@cache
def template(name: str) -> Template:
    """Return a page's template; whatever is put into it is escaped."""
    return environment().get_template(name)


def environment(*folders: Path) -> Environment:
    """Return where templates are found: in `folders` first, then among those of scorecards."""
    env = Environment(
        loader=FileSystemLoader([*folders, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    env.filters.update(
        percent=figures.percent, score=figures.score, interval=figures.interval, width=_width
    )
    env.tests["own"] = lambda part: isinstance(part, Own)
    env.tests["cite"] = lambda part: isinstance(part, Cite)
    env.globals.update(glyphs=GLYPHS, answer_glyphs=ANSWER_GLYPHS)
    return env


def _width(value: float | None) -> str:
    """Write a length of 0–100 for an SVG attribute."""
    return f"{value or 0:.2f}"


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
