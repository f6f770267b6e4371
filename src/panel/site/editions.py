"""Editions of the weekly digest as entries of the feeds."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from panel.archive.archive import Archive
from panel.digest.edition import edition
from panel.digest.week import Week
from panel.digest.writing import feed_entry
from panel.site import addresses
from panel.site.item import Item

WEEKS: Final = 8
"""Editions that the feeds go back to, counted from the newest verdict's week."""


def editions(archive: Archive, today: date) -> tuple[Item, ...]:
    """Return the editions of the weeks that are over by `today` and brought something."""
    return tuple(_items(archive, today))


def _items(archive: Archive, today: date) -> Iterator[Item]:
    moments = [each.latest.created for each in archive.histories()]
    week = Week.of(max(moments)) if moments else None
    for _ in range(WEEKS):
        if week is None:
            return
        if week.end.date() <= today and not (found := edition(archive, week)).empty:
            entry = feed_entry(found)
            yield Item(entry.id, entry.title, addresses.FRONT, entry.updated, entry.summary)
        week = week.before
