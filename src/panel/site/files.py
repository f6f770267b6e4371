"""The files of a site that are no pages: style, script, feeds, sitemap, search index."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from panel.render.citations import line
from panel.site import addresses
from panel.site.feeds import atom, json_feed, sitemap
from panel.site.head import absolute
from panel.site.item import items
from panel.site.search import search_script
from panel.site.subject import Subject
from panel.site.templates import style, text

File = Callable[[Subject], bytes | None]


def _atom(subject: Subject) -> bytes:
    found = items(subject.catalogue.newest, subject.items)
    return atom(found, line(subject.title), subject.base_url)


def _json_feed(subject: Subject) -> bytes:
    found = items(subject.catalogue.newest, subject.items)
    return json_feed(found, line(subject.title), subject.base_url)


def _robots(subject: Subject) -> bytes:
    lines = ["User-agent: *", "Allow: /"]
    if subject.base_url:
        lines.append(f"Sitemap: {absolute(subject.base_url, addresses.SITEMAP)}")
    return ("\n".join(lines) + "\n").encode()


def _sitemap(subject: Subject) -> bytes | None:
    if not subject.base_url:
        return None
    return sitemap(tuple(_places(subject)), subject.base_url)


def _places(subject: Subject) -> Iterator[tuple[str, datetime | None]]:
    catalogue = subject.catalogue
    newest = catalogue.newest[0].latest.created if catalogue.newest else None
    for path in (addresses.FRONT, addresses.TOOLS, addresses.COMPARISONS, addresses.CATEGORIES):
        yield path, newest
    for path in (addresses.REVIEWERS, addresses.PROVIDERS):
        yield path, newest
    yield addresses.METHOD, None
    known = catalogue.histories
    for history in known.values():
        yield addresses.tool(history.key), history.latest.created
    for pair in catalogue.pairs:
        yield addresses.pair(*pair), max(known[key].latest.created for key in pair)
    for category in catalogue.categories.values():
        yield addresses.category(category.slug), category.histories[0].latest.created
    for reviewer in catalogue.reviewers:
        yield addresses.reviewer(reviewer), newest


FILES: Final[dict[str, File]] = {
    addresses.STYLE: lambda _: style().encode(),
    addresses.SCRIPT: lambda _: text("panel.js").encode(),
    addresses.ICON: lambda _: text("icon.svg").encode(),
    addresses.SEARCH: lambda subject: search_script(subject.catalogue.newest),
    addresses.ATOM: _atom,
    addresses.JSON_FEED: _json_feed,
    addresses.SITEMAP: _sitemap,
    addresses.ROBOTS: _robots,
}
"""By path; None where the site has no such file: a sitemap needs a base address."""
