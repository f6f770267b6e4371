"""The files of one scorecard, in every format that a run's folder keeps: its view is built once."""

from collections.abc import Iterator

from panel.report.scorecard import html, json, markdown
from panel.report.scorecard.view import view
from panel.reviews.verdict.scorecard import Scorecard

STORED_SUFFIXES = (markdown.SUFFIX, html.SUFFIX, json.SUFFIX)


def card_texts(card: Scorecard) -> Iterator[tuple[str, str]]:
    """Yield suffix and text of each file; the text is what its format renders."""
    shown = view(card)
    yield markdown.SUFFIX, markdown.render_view(shown)
    yield html.SUFFIX, html.render_view(shown)
    yield json.SUFFIX, json.render([card])


def card_file(slug: str, suffix: str) -> str:
    """Return the name of a scorecard's file inside a run's folder."""
    return f"scorecards/{slug}{suffix}"
