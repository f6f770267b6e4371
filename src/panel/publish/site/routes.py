"""Every page and file of the site: a route for each kind, with its paths and what is at them.

`panel site build` writes what the routes list, and the server sends what they make. A new page is
a path in `page_urls`, a function here with `@_page` or `@_page_each`, and a template.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from panel.publish import page_urls
from panel.publish.community.tally import Tally
from panel.publish.site.catalog import Catalog
from panel.publish.site.context import SiteContext
from panel.publish.site.edition_page import edition_page, edition_summary
from panel.publish.site.feeds import atom, edition_items, feed_items, json_feed, sitemap
from panel.publish.site.front_page import front_page
from panel.publish.site.index_pages import (
    category_page,
    category_summaries,
    reviewer_summaries,
)
from panel.publish.site.listed_tools import ORDERS, Order, all_tools
from panel.publish.site.og_image import page_picture, pair_picture, tool_picture
from panel.publish.site.page import SitePage
from panel.publish.site.pair_page import pair_page, pair_summaries
from panel.publish.site.pairs import AT_LEAST, NEXT, PER_TOOL, TOOLS_A_PAIR
from panel.publish.site.provider_page import judges
from panel.publish.site.reviewer_page import reviewer_page
from panel.publish.site.templates import style, text
from panel.publish.site.tool_page import tool_page
from panel.publish.site.tool_summary import tool_summary
from panel.report import figures
from panel.report.citations import cut, line
from panel.runs.history.entry import History

Votes = Mapping[str, Tally]
"""By the tool's key."""

Make = Callable[[SiteContext, str, Votes], SitePage | bytes | None]
"""Makes what is at a path from the name in it; None where there is nothing of that name."""

Listed = tuple[str, datetime | None]
"""A path, and when it last changed; None where that is unknown."""

Listing = Callable[[SiteContext], Iterable[Listed]]
"""Lists the paths that there are of one kind."""

ToolsOf = Callable[[Catalog, str], Sequence[History]]
"""Finds the tools whose scorecards are on the page of a name."""


@dataclass(frozen=True)
class Route:
    """One kind of page or file."""

    pattern: str
    """The path, with `*` for the name of what the page is about: see `page_urls`."""
    make: Make
    listing: Listing
    tools: ToolsOf
    is_page: bool
    """Whether it is in the sitemap and has a preview image."""


ROUTES: Final[list[Route]] = []
"""In the order they are built in: what every page needs first, preview images last."""


def paths(context: SiteContext) -> Iterator[str]:
    """Yield the paths of everything there is, in a stable order."""
    return (path for route in ROUTES for path, _ in route.listing(context))


def site_page(context: SiteContext, path: str, votes: Votes) -> SitePage | bytes | None:
    """Return the page at a path before it is rendered, a file's bytes, or None.

    `votes` by tool override those of the context.
    """
    route, name = _find(path)
    return route.make(context, name, votes) if route else None


def tools_on(catalogue: Catalog, path: str) -> Sequence[History]:
    """Return the tools whose scorecards are on the page at a path."""
    route, name = _find(path)
    return route.tools(catalogue, name) if route else ()


def _find(path: str) -> tuple[Route | None, str]:
    for route in ROUTES:
        if (name := page_urls.name(route.pattern, path)) is not None:
            return route, name
    return None, ""


def _no_tools(catalogue: Catalog, name: str) -> Sequence[History]:
    return ()


def _page(path: str, *, dated: bool = True) -> Callable[[Callable[[SiteContext], SitePage]], None]:
    """Return a decorator that makes a function the page at `path`.

    `dated`: it changes with the newest verdict.
    """

    def listing(context: SiteContext) -> Iterator[Listed]:
        yield path, _newest(context) if dated else None

    return lambda make: ROUTES.append(
        Route(path, lambda context, *_: make(context), listing, _no_tools, is_page=True)
    )


def _page_each(
    pattern: str, listing: Listing, tools: ToolsOf = _no_tools
) -> Callable[[Make], None]:
    """Return a decorator that makes a function the page at each path that is listed."""
    return lambda make: ROUTES.append(Route(pattern, make, listing, tools, is_page=True))


def _file(
    path: str, *, needs_base_url: bool = False
) -> Callable[[Callable[[SiteContext], SitePage | bytes | None]], None]:
    """Return a decorator that makes a function what is at `path`: not in the sitemap."""

    def listing(context: SiteContext) -> Iterator[Listed]:
        if context.base_url or not needs_base_url:
            yield path, None

    return lambda make: ROUTES.append(
        Route(path, lambda context, *_: make(context), listing, _no_tools, is_page=False)
    )


def _newest(context: SiteContext) -> datetime | None:
    newest = context.catalogue.newest
    return newest[0].latest.created if newest else None


@_file(page_urls.STYLE)
def _style(context: SiteContext) -> bytes:
    return style().encode()


@_file(page_urls.SCRIPT)
def _script(context: SiteContext) -> bytes:
    return text("panel.js").encode()


@_file(page_urls.ICON)
def _icon(context: SiteContext) -> bytes:
    return text("icon.svg").encode()


_PURPOSE: Final = 60
"""Characters of a tool's tagline that are searched."""


@_file(page_urls.SEARCH)
def _search_script(context: SiteContext) -> bytes:
    """Return the script: tools as (name, key, outcome, score, category, purpose), and pairs."""
    rows = [
        (
            tool.name,
            tool.key,
            tool.outcome,
            figures.score(tool.score),
            tool.category,
            cut(tool.tagline, _PURPOSE),
        )
        for tool in map(tool_summary, context.catalogue.newest)
    ]
    rows.sort(key=lambda row: (row[0].casefold(), row[1]))
    pairs = [page_urls.name(page_urls.PAIR, page_urls.pair(*p)) for p in context.catalogue.pairs]
    return f"window.panelTools={_literal(rows)};\nwindow.panelPairs={_literal(pairs)};\n".encode()


def _literal(value: object) -> str:
    """Return a value of JavaScript, safe in a script however it is read."""
    # Letters beyond ASCII and `<` are written as escapes.
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


@_file(page_urls.ATOM)
def _atom(context: SiteContext) -> bytes:
    items = feed_items(context.catalogue.newest, edition_items(context.editions))
    return atom(items, line(context.title), context.base_url)


@_file(page_urls.JSON_FEED)
def _json_feed(context: SiteContext) -> bytes:
    items = feed_items(context.catalogue.newest, edition_items(context.editions))
    return json_feed(items, line(context.title), context.base_url)


@_file(page_urls.ROBOTS)
def _robots(context: SiteContext) -> bytes:
    lines = ["User-agent: *", "Allow: /"]
    if context.base_url:
        lines.append(f"Sitemap: {page_urls.absolute_url(context.base_url, page_urls.SITEMAP)}")
    return ("\n".join(lines) + "\n").encode()


@_file(page_urls.SITEMAP, needs_base_url=True)
def _sitemap(context: SiteContext) -> bytes | None:
    if not context.base_url:
        return None
    entries = [entry for route in ROUTES if route.is_page for entry in route.listing(context)]
    return sitemap(entries, context.base_url)


@_file(page_urls.NOT_FOUND)
def _missing(context: SiteContext) -> SitePage:
    return SitePage("404.html", "No such page", "There is no page at this address.", index=False)


@_page(page_urls.FRONT)
def _front(context: SiteContext) -> SitePage:
    description = "What a panel of reviewers says about tools, with the passage behind each claim."
    page = front_page(context.catalogue)
    values = {"page": page, "reviewers": reviewer_summaries(context.catalogue)}
    return SitePage("front.html", context.title, description, "front", values)


@_page(page_urls.TOOLS)
def _tools(context: SiteContext) -> SitePage:
    return _all_tools(context, "name", "All tools")


@_page(page_urls.TOOLS_BY_SCORE)
def _tools_by_score(context: SiteContext) -> SitePage:
    return _all_tools(context, "score", "Tools by score")


@_page(page_urls.TOOLS_BY_DATE)
def _tools_by_date(context: SiteContext) -> SitePage:
    return _all_tools(context, "date", "Tools by date")


def _all_tools(context: SiteContext, order: Order, title: str) -> SitePage:
    count = len(context.catalogue.histories)
    description = f"All {count} tools with their newest verdicts."
    values = {
        "listed": all_tools(context.catalogue, order),
        "orders": ORDERS,
        "reviewers": reviewer_summaries(context.catalogue),
    }
    return SitePage("tools.html", title, description, "tools", values)


@_page(page_urls.COMPARISONS)
def _comparisons(context: SiteContext) -> SitePage:
    summaries = pair_summaries(context.catalogue, context.catalogue.pairs)
    grouped: dict[str, list[object]] = {}
    for summary in summaries:
        name = context.catalogue.category_of(summary.one.key).name
        grouped.setdefault(name, []).append(summary)
    groups = sorted(grouped.items(), key=lambda pair: pair[0].casefold())
    description = f"{len(summaries)} comparisons of two tools, side by side."
    return SitePage("compare.html", "Comparisons", description, "compare", {"groups": groups})


@_page(page_urls.CATEGORIES)
def _categories(context: SiteContext) -> SitePage:
    values = {"categories": category_summaries(context.catalogue)}
    description = "Verdicts by the kind of tool."
    return SitePage("categories.html", "Categories", description, "categories", values)


@_page(page_urls.REVIEWERS)
def _reviewers(context: SiteContext) -> SitePage:
    values = {"reviewers": reviewer_summaries(context.catalogue)}
    description = "Who reviews, what each looks for, and how each votes."
    return SitePage("reviewers.html", "Reviewers", description, "reviewers", values)


@_page(page_urls.PROVIDERS)
def _providers(context: SiteContext) -> SitePage:
    values = {"judges": judges(context.catalogue.newest)}
    description = "What a verdict cost and how long it took, by provider and model."
    return SitePage("providers.html", "Cost and time by provider", description, "method", values)


@_page(page_urls.METHOD, dated=False)
def _method(context: SiteContext) -> SitePage:
    description = "How a verdict is computed, what hold means, and what is measured."
    rule = {"per_tool": PER_TOOL, "next": NEXT, "at_least": AT_LEAST, "tools_a_pair": TOOLS_A_PAIR}
    values = {"rule": rule, "reviewers": reviewer_summaries(context.catalogue)}
    return SitePage("method.html", "How a verdict is made", description, "method", values)


@_page(page_urls.EDITIONS)
def _editions(context: SiteContext) -> SitePage:
    values = {"editions": [edition_summary(edition) for edition in context.editions]}
    description = "What each week brought: new and changed verdicts, the closest comparison."
    return SitePage("editions.html", "Weekly editions", description, "", values)


def _edition_paths(context: SiteContext) -> Iterator[Listed]:
    for edition in context.editions:
        yield page_urls.edition(str(edition.week)), edition.week.end


@_page_each(page_urls.EDITION, _edition_paths)
def _edition(context: SiteContext, name: str, votes: Votes) -> SitePage | None:
    page = edition_page(context.editions, name, context.catalogue, context.read)
    if page is None:
        return None
    title = f"{page.name}: {page.shown.headline.lower()}"
    description = page.shown.preview or page.shown.remark
    return SitePage("edition.html", title, description, "", {"page": page})


def _tool_paths(context: SiteContext) -> Iterator[Listed]:
    for history in context.catalogue.histories.values():
        yield page_urls.tool(history.key), history.latest.created


def _tool_of(catalogue: Catalog, name: str) -> Sequence[History]:
    history = catalogue.histories.get(name)
    return (history,) if history else ()


@_page_each(page_urls.TOOL, _tool_paths, _tool_of)
def _tool(context: SiteContext, name: str, votes: Votes) -> SitePage | None:
    history = context.catalogue.histories.get(name)
    if history is None:
        return None
    page = tool_page(history, context.catalogue, context.read)
    card = page.card
    score = figures.score(card.score)
    return SitePage(
        "tool.html",
        f"{card.name}: {card.outcome}",
        f"Panel verdict on {card.name}: {card.outcome}, score {score} of 100. {card.headline}.",
        "tools",
        {"page": page, "tally": _tally(context, votes, history.key)},
    )


def _pair_paths(context: SiteContext) -> Iterator[Listed]:
    known = context.catalogue.histories
    for pair in context.catalogue.pairs:
        yield page_urls.pair(*pair), max(known[key].latest.created for key in pair)


def _tools_of_pair(catalogue: Catalog, name: str) -> Sequence[History]:
    return [catalogue.histories[key] for key in catalogue.pair(name) or ()]


@_page_each(page_urls.PAIR, _pair_paths, _tools_of_pair)
def _pair(context: SiteContext, name: str, votes: Votes) -> SitePage | None:
    pair = context.catalogue.pair(name)
    if pair is None:
        return None
    tallies = (_tally(context, votes, key) for key in pair)
    view = pair_page(context, pair, *tallies)
    values = {"view": view, "one": pair.one, "two": pair.two}
    own = page_urls.pair(*pair)
    return SitePage("pair_tools.html", view.title, f"{view.summary}.", "compare", values, path=own)


def _tally(context: SiteContext, votes: Votes, key: str) -> Tally | None:
    return votes.get(key) or context.tallies.get(key)


def _category_paths(context: SiteContext) -> Iterator[Listed]:
    for category in context.catalogue.categories.values():
        yield page_urls.category(category.slug), category.histories[0].latest.created


@_page_each(page_urls.CATEGORY, _category_paths)
def _category(context: SiteContext, name: str, votes: Votes) -> SitePage | None:
    category = context.catalogue.categories.get(name)
    if category is None:
        return None
    page = category_page(context.catalogue, category)
    description = f"Verdicts on {len(page.listed.rows)} tools: {page.name}."
    values = {"page": page, "reviewers": reviewer_summaries(context.catalogue)}
    return SitePage("category.html", page.name, description, "categories", values)


def _reviewer_paths(context: SiteContext) -> Iterator[Listed]:
    for reviewer in context.catalogue.reviewers:
        yield page_urls.reviewer(reviewer), _newest(context)


@_page_each(page_urls.REVIEWER, _reviewer_paths)
def _reviewer(context: SiteContext, name: str, votes: Votes) -> SitePage | None:
    page = reviewer_page(context, name)
    if page is None:
        return None
    description = (
        f"{page.title}: what it asks, how it voted on {page.reviewed} tools, its forecasts."
    )
    return SitePage("reviewer.html", page.title, description, "reviewers", {"page": page})


def _picture(context: SiteContext, name: str, votes: Votes) -> bytes | None:
    """Return the preview image of a page: of one verdict, of two, or of its title."""
    path = f"{name}.html"
    tools = [tool_summary(history) for history in tools_on(context.catalogue, path)]
    if len(tools) == 1:
        return tool_picture(tools[0], context.title)
    page = site_page(context, path, {})
    if not isinstance(page, SitePage) or not page.index:
        return None
    if len(tools) == 2:
        advice = page.values["view"].advice
        ahead = advice.winner is not None
        return pair_picture(tools[0], tools[1], advice.headline, ahead, context.title)
    return page_picture(page.title, page.description, context.title)


def _picture_paths(context: SiteContext) -> Iterator[Listed]:
    for route in ROUTES if context.base_url else ():
        if route.is_page:
            yield from ((page_urls.picture(path), None) for path, _ in route.listing(context))


ROUTES.append(Route(page_urls.PICTURE, _picture, _picture_paths, _no_tools, is_page=False))
