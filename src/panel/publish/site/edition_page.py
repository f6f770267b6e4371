"""The weekly editions on the site: each shows what its mail shows, and a list of all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from panel.publish import page_urls
from panel.publish.newsletter.answers import answered
from panel.publish.newsletter.edition import Edition
from panel.publish.newsletter.view import EditionView, view
from panel.publish.page_urls import PageURLs
from panel.publish.site.catalog import Catalog
from panel.publish.site.pairs import Pair
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.history.entry import Entry

_ROOT: Final = PageURLs("..")
"""The site's root as an edition's page sees it, so that its links are relative."""


@dataclass(frozen=True)
class EditionSummary:
    """One edition in the list."""

    path: str
    name: str
    days: str
    headline: str
    preview: str
    """The first verdicts it brings, in one line; empty where all were confirmed."""
    reviewed: int
    """Tools with a verdict in the week."""


@dataclass(frozen=True)
class EditionPage:
    """One edition as a page, and those before and after it."""

    name: str
    days: str
    shown: EditionView
    before: EditionSummary | None
    after: EditionSummary | None


def edition_summary(edition: Edition) -> EditionSummary:
    """Return an edition in short."""
    shown = view(edition, None)
    return EditionSummary(
        path=page_urls.edition(shown.week),
        name=_name(edition),
        days=edition.week.days,
        headline=shown.headline,
        preview=shown.preview,
        reviewed=len(edition.new) + len(edition.changed) + edition.confirmed,
    )


def edition_page(
    editions: Sequence[Edition], week: str, catalogue: Catalog, read: Callable[[Entry], Scorecard]
) -> EditionPage | None:
    """Return the page of a week's edition, None where there is none.

    Args:
        editions: All editions, newest first.
        week: The week, like 2026-W47.
        catalogue: The tools, and which pairs have a page.
        read: Returns a verdict's whole scorecard, for the answers.
    """
    weeks = [str(edition.week) for edition in editions]
    if week not in weeks:
        return None
    at = weeks.index(week)
    before, after = editions[at + 1 : at + 2], editions[at - 1 : at] if at else ()
    return EditionPage(
        name=_name(editions[at]),
        days=editions[at].week.days,
        shown=_linked(answered(editions[at], read), catalogue),
        before=edition_summary(before[0]) if before else None,
        after=edition_summary(after[0]) if after else None,
    )


def _linked(edition: Edition, catalogue: Catalog) -> EditionView:
    """Return what is shown, linked to pages of this site; not every pair of tools has one."""
    shown = view(edition, _ROOT)
    if shown.closest is None or edition.closest is None:
        return shown
    keys = sorted((edition.closest.first.key, edition.closest.second.key))
    if Pair(*keys) in catalogue.pairs:
        return shown
    return replace(shown, closest=replace(shown.closest, link=None))


def _name(edition: Edition) -> str:
    return f"Week {edition.week.number} of {edition.week.year}"
