"""Which page a path stands for, and what is on it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from panel.render import figures
from panel.site import addresses
from panel.site.files import FILES
from panel.site.front_page import front_page
from panel.site.leaf import Leaf
from panel.site.lists import categories, category_page, letters, seats
from panel.site.live import Tallied
from panel.site.match import matches
from panel.site.pair_page import pair_page
from panel.site.pairing import AT_LEAST, PER_TOOL, TOOLS_A_PAIR
from panel.site.picture import page_picture
from panel.site.previews import preview
from panel.site.provider_page import judges
from panel.site.reviewer_page import reviewer_page
from panel.site.subject import Subject
from panel.site.tool_page import tool_page

Votes = Mapping[str, Tallied]
"""By the tool's key."""


def paths(subject: Subject) -> Iterator[str]:
    """Yield the paths of everything there is: what every page needs first, pictures last."""
    catalogue = subject.catalogue
    yield from (path for path in FILES if path != addresses.SITEMAP or subject.base_url)
    yield addresses.NOT_FOUND
    pictured = [path for path in _PAGES if path != addresses.NOT_FOUND]
    pictured += [addresses.category(each) for each in catalogue.categories]
    pictured += [addresses.reviewer(each) for each in catalogue.reviewers]
    pictured += [addresses.tool(key) for key in catalogue.histories]
    pictured += [addresses.pair(*pair) for pair in catalogue.pairs]
    yield from pictured
    if subject.base_url:
        yield from (addresses.picture(path) for path in pictured)


def leaf(subject: Subject, path: str, votes: Votes) -> Leaf | bytes | None:
    """Return the page at a path before it is drawn, a file's bytes, or None.

    `votes` by tool go over those of the subject.
    """
    if page := _PAGES.get(path):
        return page(subject)
    if file := FILES.get(path):
        return file(subject)
    folder, _, name = path.partition("/")
    if folder == "pictures" and name.endswith(".png"):
        return _picture(subject, f"{name.removesuffix('.png')}.html")
    kind = _KINDS.get(folder)
    return kind(subject, path, votes) if kind and name.endswith(".html") else None


def _picture(subject: Subject, path: str) -> bytes | None:
    """Return the picture of a page: its verdict's, else one of its title."""
    if drawn := preview(subject, path):
        return drawn
    page = leaf(subject, path, {})
    if not isinstance(page, Leaf) or not page.picture:
        return None
    return page_picture(page.title, page.description, subject.title)


def _front(subject: Subject) -> Leaf:
    told = "What a panel of reviewers says about tools, with the passage behind each claim."
    page = front_page(subject.catalogue)
    facts = {"page": page, "seats": seats(subject.catalogue)}
    return Leaf("front.html", subject.title, told, "front", facts, picture=True)


def _tools(subject: Subject) -> Leaf:
    found = letters(subject.catalogue.newest)
    count = len(subject.catalogue.histories)
    told = f"All {count} tools with their newest verdicts."
    return Leaf(
        "tools.html", "All tools", told, "tools", {"letters": found, "count": count}, picture=True
    )


def _comparisons(subject: Subject) -> Leaf:
    found = matches(subject.catalogue, subject.catalogue.pairs)
    grouped: dict[str, list[object]] = {}
    for each in found:
        name = subject.catalogue.category_of(each.one.key).name
        grouped.setdefault(name, []).append(each)
    groups = sorted(grouped.items(), key=lambda pair: pair[0].casefold())
    told = f"{len(found)} comparisons of two tools, side by side."
    return Leaf("compare.html", "Comparisons", told, "compare", {"groups": groups}, picture=True)


def _categories(subject: Subject) -> Leaf:
    found = categories(subject.catalogue)
    told = "Verdicts by the kind of tool."
    return Leaf(
        "categories.html", "Categories", told, "categories", {"categories": found}, picture=True
    )


def _reviewers(subject: Subject) -> Leaf:
    told = "Who reviews, what each looks for, and how each votes."
    seated = seats(subject.catalogue)
    return Leaf("reviewers.html", "Reviewers", told, "reviewers", {"seats": seated}, picture=True)


def _providers(subject: Subject) -> Leaf:
    told = "What a verdict cost and how long it took, by provider and model."
    found = judges(subject.catalogue.newest)
    return Leaf(
        "providers.html",
        "Cost and time by provider",
        told,
        "method",
        {"judges": found},
        picture=True,
    )


def _method(subject: Subject) -> Leaf:
    told = "How a verdict is computed, what hold means, and what is measured."
    rule = {"per_tool": PER_TOOL, "at_least": AT_LEAST, "tools_a_pair": TOOLS_A_PAIR}
    facts = {"rule": rule, "seats": seats(subject.catalogue)}
    return Leaf("method.html", "How a verdict is made", told, "method", facts, picture=True)


def _missing(subject: Subject) -> Leaf:
    return Leaf("404.html", "No such page", "There is no page at this address.", index=False)


def _tool(subject: Subject, path: str, votes: Votes) -> Leaf | None:
    history = subject.catalogue.histories.get(_name(path))
    if history is None:
        return None
    page = tool_page(history, subject.catalogue, subject.read)
    card = page.card
    score = figures.score(card.score)
    return Leaf(
        "tool.html",
        f"{card.name}: {card.outcome}",
        f"Panel verdict on {card.name}: {card.outcome}, score {score} of 100. {card.headline}.",
        "tools",
        {"page": page, "tally": _tally(subject, votes, history.key)},
        picture=True,
    )


def _pair(subject: Subject, path: str, votes: Votes) -> Leaf | None:
    pair = subject.catalogue.pair(path)
    if pair is None:
        return None
    tallies = (_tally(subject, votes, key) for key in pair)
    view = pair_page(subject, pair, *tallies)
    told = {"view": view, "one": pair.one, "two": pair.two}
    own = addresses.pair(*pair)
    return Leaf(
        "pair_tools.html", view.title, f"{view.summary}.", "compare", told, picture=True, path=own
    )


def _tally(subject: Subject, votes: Votes, key: str) -> Tallied | None:
    return votes.get(key) or subject.tallies.get(key)


def _category(subject: Subject, path: str, votes: Votes) -> Leaf | None:
    found = subject.catalogue.categories.get(_name(path))
    if found is None:
        return None
    page = category_page(subject.catalogue, found)
    told = f"Verdicts on {len(page.tools)} tools: {page.name}."
    return Leaf("category.html", page.name, told, "categories", {"page": page}, picture=True)


def _reviewer(subject: Subject, path: str, votes: Votes) -> Leaf | None:
    page = reviewer_page(subject, _name(path))
    if page is None:
        return None
    told = f"{page.title}: what it asks, how it voted on {page.reviewed} tools, its forecasts."
    return Leaf("reviewer.html", page.title, told, "reviewers", {"page": page}, picture=True)


def _name(path: str) -> str:
    return path.partition("/")[2].removesuffix(".html")


_PAGES: Final[dict[str, Callable[[Subject], Leaf]]] = {
    addresses.FRONT: _front,
    addresses.TOOLS: _tools,
    addresses.COMPARISONS: _comparisons,
    addresses.CATEGORIES: _categories,
    addresses.REVIEWERS: _reviewers,
    addresses.PROVIDERS: _providers,
    addresses.METHOD: _method,
    addresses.NOT_FOUND: _missing,
}
_KINDS: Final[dict[str, Callable[[Subject, str, Votes], Leaf | None]]] = {
    "tools": _tool,
    "compare": _pair,
    "categories": _category,
    "reviewers": _reviewer,
}
