"""Which page or file a path stands for, and what is on it.

A new page without parameters is a function with `@_page` and a template.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from panel.publish import page_urls
from panel.publish.community.tally import Tally
from panel.publish.site.catalog import AT_LEAST, PER_TOOL, TOOLS_A_PAIR
from panel.publish.site.context import SiteContext
from panel.publish.site.feeds import atom, feed_items, json_feed, sitemap
from panel.publish.site.front_page import front_page
from panel.publish.site.index_pages import (
    category_page,
    category_summaries,
    letter_groups,
    reviewer_summaries,
)
from panel.publish.site.og_image import page_picture, preview
from panel.publish.site.page import SitePage
from panel.publish.site.pair_page import pair_page, pair_summaries
from panel.publish.site.provider_page import judges
from panel.publish.site.reviewer_page import reviewer_page
from panel.publish.site.templates import style, text
from panel.publish.site.tool_page import tool_page
from panel.publish.site.tool_summary import name_of
from panel.report import figures
from panel.report.citations import cut, line
from panel.runs.history.entry import History

Votes = Mapping[str, Tally]
"""By the tool's key."""

Page = Callable[[SiteContext], SitePage]
File = Callable[[SiteContext], bytes | None]

_PAGES: Final[dict[str, Page]] = {}
"""The pages without parameters by path: on disk, in the sitemap and with a preview image."""


def paths(subject: SiteContext) -> Iterator[str]:
    """Yield the paths of everything there is: what every page needs first, pictures last."""
    catalogue = subject.catalogue
    yield from (path for path in _FILES if path != page_urls.SITEMAP or subject.base_url)
    yield page_urls.NOT_FOUND
    pictured = [path for path in _PAGES if path != page_urls.NOT_FOUND]
    pictured += [page_urls.category(slug) for slug in catalogue.categories]
    pictured += [page_urls.reviewer(slug) for slug in catalogue.reviewers]
    pictured += [page_urls.tool(key) for key in catalogue.histories]
    pictured += [page_urls.pair(*pair) for pair in catalogue.pairs]
    yield from pictured
    if subject.base_url:
        yield from (page_urls.picture(path) for path in pictured)


def site_page(subject: SiteContext, path: str, votes: Votes) -> SitePage | bytes | None:
    """Return the page at a path before it is rendered, a file's bytes, or None.

    `votes` by tool override those of the context.
    """
    if page := _PAGES.get(path):
        return page(subject)
    if file := _FILES.get(path):
        return file(subject)
    folder, _, name = path.partition("/")
    if folder == "pictures" and name.endswith(".png"):
        return _picture(subject, f"{name.removesuffix('.png')}.html")
    kind = _FOLDERS.get(folder)
    return kind(subject, path, votes) if kind and name.endswith(".html") else None


def _picture(subject: SiteContext, path: str) -> bytes | None:
    """Return the preview image of a page: its verdict's, else one of its title."""
    if drawn := preview(subject, path):
        return drawn
    page = site_page(subject, path, {})
    if not isinstance(page, SitePage) or not page.picture:
        return None
    return page_picture(page.title, page.description, subject.title)


def _page(path: str) -> Callable[[Page], Page]:
    """Return a decorator that makes a function the page at `path`."""

    def register(page: Page) -> Page:
        _PAGES[path] = page
        return page

    return register


@_page(page_urls.FRONT)
def _front(subject: SiteContext) -> SitePage:
    description = "What a panel of reviewers says about tools, with the passage behind each claim."
    page = front_page(subject.catalogue)
    values = {"page": page, "seats": reviewer_summaries(subject.catalogue)}
    return SitePage("front.html", subject.title, description, "front", values, picture=True)


@_page(page_urls.TOOLS)
def _tools(subject: SiteContext) -> SitePage:
    letters = letter_groups(subject.catalogue.newest)
    count = len(subject.catalogue.histories)
    description = f"All {count} tools with their newest verdicts."
    return SitePage(
        "tools.html",
        "All tools",
        description,
        "tools",
        {"letters": letters, "count": count},
        picture=True,
    )


@_page(page_urls.COMPARISONS)
def _comparisons(subject: SiteContext) -> SitePage:
    summaries = pair_summaries(subject.catalogue, subject.catalogue.pairs)
    grouped: dict[str, list[object]] = {}
    for summary in summaries:
        name = subject.catalogue.category_of(summary.one.key).name
        grouped.setdefault(name, []).append(summary)
    groups = sorted(grouped.items(), key=lambda pair: pair[0].casefold())
    description = f"{len(summaries)} comparisons of two tools, side by side."
    return SitePage(
        "compare.html", "Comparisons", description, "compare", {"groups": groups}, picture=True
    )


@_page(page_urls.CATEGORIES)
def _categories(subject: SiteContext) -> SitePage:
    summaries = category_summaries(subject.catalogue)
    description = "Verdicts by the kind of tool."
    return SitePage(
        "categories.html",
        "Categories",
        description,
        "categories",
        {"categories": summaries},
        picture=True,
    )


@_page(page_urls.REVIEWERS)
def _reviewers(subject: SiteContext) -> SitePage:
    description = "Who reviews, what each looks for, and how each votes."
    summaries = reviewer_summaries(subject.catalogue)
    return SitePage(
        "reviewers.html", "Reviewers", description, "reviewers", {"seats": summaries}, picture=True
    )


@_page(page_urls.PROVIDERS)
def _providers(subject: SiteContext) -> SitePage:
    description = "What a verdict cost and how long it took, by provider and model."
    rows = judges(subject.catalogue.newest)
    return SitePage(
        "providers.html",
        "Cost and time by provider",
        description,
        "method",
        {"judges": rows},
        picture=True,
    )


@_page(page_urls.METHOD)
def _method(subject: SiteContext) -> SitePage:
    description = "How a verdict is computed, what hold means, and what is measured."
    rule = {"per_tool": PER_TOOL, "at_least": AT_LEAST, "tools_a_pair": TOOLS_A_PAIR}
    values = {"rule": rule, "seats": reviewer_summaries(subject.catalogue)}
    return SitePage(
        "method.html", "How a verdict is made", description, "method", values, picture=True
    )


@_page(page_urls.NOT_FOUND)
def _missing(subject: SiteContext) -> SitePage:
    return SitePage("404.html", "No such page", "There is no page at this address.", index=False)


def _tool(subject: SiteContext, path: str, votes: Votes) -> SitePage | None:
    history = subject.catalogue.histories.get(_name(path))
    if history is None:
        return None
    page = tool_page(history, subject.catalogue, subject.read)
    card = page.card
    score = figures.score(card.score)
    return SitePage(
        "tool.html",
        f"{card.name}: {card.outcome}",
        f"Panel verdict on {card.name}: {card.outcome}, score {score} of 100. {card.headline}.",
        "tools",
        {"page": page, "tally": _tally(subject, votes, history.key)},
        picture=True,
    )


def _pair(subject: SiteContext, path: str, votes: Votes) -> SitePage | None:
    pair = subject.catalogue.pair(path)
    if pair is None:
        return None
    tallies = (_tally(subject, votes, key) for key in pair)
    view = pair_page(subject, pair, *tallies)
    values = {"view": view, "one": pair.one, "two": pair.two}
    own = page_urls.pair(*pair)
    return SitePage(
        "pair_tools.html", view.title, f"{view.summary}.", "compare", values, picture=True, path=own
    )


def _tally(subject: SiteContext, votes: Votes, key: str) -> Tally | None:
    return votes.get(key) or subject.tallies.get(key)


def _category(subject: SiteContext, path: str, votes: Votes) -> SitePage | None:
    category = subject.catalogue.categories.get(_name(path))
    if category is None:
        return None
    page = category_page(subject.catalogue, category)
    description = f"Verdicts on {len(page.tools)} tools: {page.name}."
    return SitePage(
        "category.html", page.name, description, "categories", {"page": page}, picture=True
    )


def _reviewer(subject: SiteContext, path: str, votes: Votes) -> SitePage | None:
    page = reviewer_page(subject, _name(path))
    if page is None:
        return None
    description = (
        f"{page.title}: what it asks, how it voted on {page.reviewed} tools, its forecasts."
    )
    return SitePage(
        "reviewer.html", page.title, description, "reviewers", {"page": page}, picture=True
    )


def _name(path: str) -> str:
    return path.partition("/")[2].removesuffix(".html")


_FOLDERS: Final[dict[str, Callable[[SiteContext, str, Votes], SitePage | None]]] = {
    "tools": _tool,
    "compare": _pair,
    "categories": _category,
    "reviewers": _reviewer,
}


_PURPOSE: Final = 60
"""Characters of a tool's tagline that are searched."""


def _search_script(histories: Iterable[History]) -> bytes:
    """Return the script: a list of (name, key, outcome, category, purpose), by name."""
    rows = [
        (
            name_of(history.latest),
            history.key,
            history.latest.verdict.outcome,
            line(history.latest.tool.category),
            cut(line(history.latest.tool.tagline), _PURPOSE),
        )
        for history in histories
    ]
    rows.sort(key=lambda row: (row[0].casefold(), row[1]))
    # Letters beyond ASCII and `<` are written as escapes: safe in a script however it is read.
    text = json.dumps(rows, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f"window.panelTools={text};\n".encode()


def _atom(subject: SiteContext) -> bytes:
    items = feed_items(subject.catalogue.newest, subject.items)
    return atom(items, line(subject.title), subject.base_url)


def _json_feed(subject: SiteContext) -> bytes:
    items = feed_items(subject.catalogue.newest, subject.items)
    return json_feed(items, line(subject.title), subject.base_url)


def _robots(subject: SiteContext) -> bytes:
    lines = ["User-agent: *", "Allow: /"]
    if subject.base_url:
        lines.append(f"Sitemap: {page_urls.absolute_url(subject.base_url, page_urls.SITEMAP)}")
    return ("\n".join(lines) + "\n").encode()


def _sitemap(subject: SiteContext) -> bytes | None:
    if not subject.base_url:
        return None
    return sitemap(tuple(_sitemap_entries(subject)), subject.base_url)


def _sitemap_entries(subject: SiteContext) -> Iterator[tuple[str, datetime | None]]:
    """Yield each page's path and when it last changed, None where that is unknown."""
    catalogue = subject.catalogue
    newest = catalogue.newest[0].latest.created if catalogue.newest else None
    for path in _PAGES:
        if path != page_urls.NOT_FOUND:
            yield path, None if path == page_urls.METHOD else newest
    for history in catalogue.histories.values():
        yield page_urls.tool(history.key), history.latest.created
    for pair in catalogue.pairs:
        created = (catalogue.histories[key].latest.created for key in pair)
        yield page_urls.pair(*pair), max(created)
    for category in catalogue.categories.values():
        yield page_urls.category(category.slug), category.histories[0].latest.created
    for reviewer in catalogue.reviewers:
        yield page_urls.reviewer(reviewer), newest


_FILES: Final[dict[str, File]] = {
    page_urls.STYLE: lambda _: style().encode(),
    page_urls.SCRIPT: lambda _: text("panel.js").encode(),
    page_urls.ICON: lambda _: text("icon.svg").encode(),
    page_urls.SEARCH: lambda subject: _search_script(subject.catalogue.newest),
    page_urls.ATOM: _atom,
    page_urls.JSON_FEED: _json_feed,
    page_urls.SITEMAP: _sitemap,
    page_urls.ROBOTS: _robots,
}
"""By path; None where the site has no such file: a sitemap needs a base address."""
