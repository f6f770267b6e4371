"""Markdown: a few lines that fit a pull request, the reviews and their evidence folded below."""

from collections.abc import Iterable, Iterator, Sequence

from panel.report.scorecard.summary import SummaryRow, summarise
from panel.report.scorecard.view import CardView, view
from panel.report.templating import render_markdown
from panel.reviews.verdict.scorecard import Scorecard

SUFFIX = ".md"


def render(cards: Sequence[Scorecard]) -> str:
    """Return the scorecards as Markdown, an overview first where there are several."""
    return "".join(stream(cards))


def stream(cards: Iterable[Scorecard]) -> Iterator[str]:
    """Yield the text of `render`, card by card; `cards` is read twice."""
    rows = summarise(cards).rows
    if len(rows) > 1:
        yield _filled(rows=rows)
    for number, card in enumerate(cards):
        yield ("\n" if number or len(rows) > 1 else "") + render_view(view(card))


def render_view(shown: CardView) -> str:
    """Return one scorecard as Markdown."""
    return _filled(views=(shown,))


def _filled(views: Sequence[CardView] = (), rows: Sequence[SummaryRow] = ()) -> str:
    return render_markdown("scorecard.md", views=views, rows=rows)
