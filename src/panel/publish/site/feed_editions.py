"""Editions of the weekly digest as entries of the feeds."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from panel.publish.newsletter.edition import edition
from panel.publish.newsletter.render import feed_entry
from panel.publish.newsletter.week import Week
from panel.publish.site import urls
from panel.publish.site.feed_item import FeedItem
from panel.runs.history.archive import Archive

WEEKS: Final = 8
"""Editions that the feeds go back to, counted from the newest verdict's week."""


def editions(archive: Archive, today: date) -> tuple[FeedItem, ...]:
    """Return the editions of the weeks that are over by `today` and brought something."""
    return tuple(_items(archive, today))


def _items(archive: Archive, today: date) -> Iterator[FeedItem]:
    moments = [each.latest.created for each in archive.histories()]
    week = Week.of(max(moments)) if moments else None
    for _ in range(WEEKS):
        if week is None:
            return
        if week.end.date() <= today and not (found := edition(archive, week)).empty:
            entry = feed_entry(found)
            yield FeedItem(entry.id, entry.title, urls.FRONT, entry.updated, entry.summary)
        week = week.before
