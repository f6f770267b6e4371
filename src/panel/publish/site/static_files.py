"""The files of a site that are no pages: style, script, feeds, sitemap, search index."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from panel.publish.site import urls
from panel.publish.site.context import SiteContext
from panel.publish.site.feed_item import feed_items
from panel.publish.site.feeds import atom, json_feed, sitemap
from panel.publish.site.page_meta import absolute_url
from panel.publish.site.search import search_script
from panel.publish.site.templates import style, text
from panel.report.citations import line

File = Callable[[SiteContext], bytes | None]


def _atom(subject: SiteContext) -> bytes:
    found = feed_items(subject.catalogue.newest, subject.items)
    return atom(found, line(subject.title), subject.base_url)


def _json_feed(subject: SiteContext) -> bytes:
    found = feed_items(subject.catalogue.newest, subject.items)
    return json_feed(found, line(subject.title), subject.base_url)


def _robots(subject: SiteContext) -> bytes:
    lines = ["User-agent: *", "Allow: /"]
    if subject.base_url:
        lines.append(f"Sitemap: {absolute_url(subject.base_url, urls.SITEMAP)}")
    return ("\n".join(lines) + "\n").encode()


def _sitemap(subject: SiteContext) -> bytes | None:
    if not subject.base_url:
        return None
    return sitemap(tuple(_places(subject)), subject.base_url)


def _places(subject: SiteContext) -> Iterator[tuple[str, datetime | None]]:
    catalogue = subject.catalogue
    newest = catalogue.newest[0].latest.created if catalogue.newest else None
    for path in (urls.FRONT, urls.TOOLS, urls.COMPARISONS, urls.CATEGORIES):
        yield path, newest
    for path in (urls.REVIEWERS, urls.PROVIDERS):
        yield path, newest
    yield urls.METHOD, None
    known = catalogue.histories
    for history in known.values():
        yield urls.tool(history.key), history.latest.created
    for pair in catalogue.pairs:
        yield urls.pair(*pair), max(known[key].latest.created for key in pair)
    for category in catalogue.categories.values():
        yield urls.category(category.slug), category.histories[0].latest.created
    for reviewer in catalogue.reviewers:
        yield urls.reviewer(reviewer), newest


FILES: Final[dict[str, File]] = {
    urls.STYLE: lambda _: style().encode(),
    urls.SCRIPT: lambda _: text("panel.js").encode(),
    urls.ICON: lambda _: text("icon.svg").encode(),
    urls.SEARCH: lambda subject: search_script(subject.catalogue.newest),
    urls.ATOM: _atom,
    urls.JSON_FEED: _json_feed,
    urls.SITEMAP: _sitemap,
    urls.ROBOTS: _robots,
}
"""By path; None where the site has no such file: a sitemap needs a base address."""
