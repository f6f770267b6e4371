"""The files of a site that are no pages: style, scripts, search index, feeds, sitemap, robots."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from panel.publish import page_urls
from panel.publish.site.context import SiteContext
from panel.publish.site.feeds import atom, feed_items, json_feed, sitemap
from panel.publish.site.templates import style, text
from panel.publish.site.tool_summary import name_of
from panel.report.citations import cut, line
from panel.runs.history.entry import History

_PURPOSE: Final = 60
"""Characters of a tool's tagline that are searched."""


def search_script(histories: Iterable[History]) -> bytes:
    """Return the script: a list of (name, key, outcome, category, purpose), by name."""
    rows = [
        (
            name_of(each.latest),
            each.key,
            each.latest.verdict.outcome,
            line(each.latest.tool.category),
            cut(line(each.latest.tool.tagline), _PURPOSE),
        )
        for each in histories
    ]
    rows.sort(key=lambda row: (row[0].casefold(), row[1]))
    # Letters beyond ASCII and `<` are written as escapes: safe in a script however it is read.
    text = json.dumps(rows, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f"window.panelTools={text};\n".encode()


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
        lines.append(f"Sitemap: {page_urls.absolute_url(subject.base_url, page_urls.SITEMAP)}")
    return ("\n".join(lines) + "\n").encode()


def _sitemap(subject: SiteContext) -> bytes | None:
    if not subject.base_url:
        return None
    return sitemap(tuple(_places(subject)), subject.base_url)


def _places(subject: SiteContext) -> Iterator[tuple[str, datetime | None]]:
    catalogue = subject.catalogue
    newest = catalogue.newest[0].latest.created if catalogue.newest else None
    for path in (page_urls.FRONT, page_urls.TOOLS, page_urls.COMPARISONS, page_urls.CATEGORIES):
        yield path, newest
    for path in (page_urls.REVIEWERS, page_urls.PROVIDERS):
        yield path, newest
    yield page_urls.METHOD, None
    known = catalogue.histories
    for history in known.values():
        yield page_urls.tool(history.key), history.latest.created
    for pair in catalogue.pairs:
        yield page_urls.pair(*pair), max(known[key].latest.created for key in pair)
    for category in catalogue.categories.values():
        yield page_urls.category(category.slug), category.histories[0].latest.created
    for reviewer in catalogue.reviewers:
        yield page_urls.reviewer(reviewer), newest


FILES: Final[dict[str, File]] = {
    page_urls.STYLE: lambda _: style().encode(),
    page_urls.SCRIPT: lambda _: text("panel.js").encode(),
    page_urls.ICON: lambda _: text("icon.svg").encode(),
    page_urls.SEARCH: lambda subject: search_script(subject.catalogue.newest),
    page_urls.ATOM: _atom,
    page_urls.JSON_FEED: _json_feed,
    page_urls.SITEMAP: _sitemap,
    page_urls.ROBOTS: _robots,
}
"""By path; None where the site has no such file: a sitemap needs a base address."""
