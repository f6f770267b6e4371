"""Which page a path stands for, and what is on it."""

from collections.abc import Callable, Iterator
from typing import Final

from panel.render import figures
from panel.site import addresses
from panel.site.front_page import front_page
from panel.site.leaf import Leaf
from panel.site.subject import Subject
from panel.site.templates import style, text
from panel.site.tool_page import tool_page


def paths(site: Subject) -> Iterator[str]:
    """Yield the paths of everything there is."""
    yield from _PAGES
    yield from _FILES
    yield from (addresses.tool(key) for key in site.catalogue.histories)


def leaf(site: Subject, path: str) -> Leaf | bytes | None:
    """Return the page at a path before it is drawn, a file's bytes, or None."""
    if page := _PAGES.get(path):
        return page(site)
    if file := _FILES.get(path):
        return file(site)
    folder, _, name = path.partition("/")
    if name.endswith(".html") and folder == "tools":
        return _tool(site, name.removesuffix(".html"))
    return None


def _front(site: Subject) -> Leaf:
    return Leaf(
        "front.html",
        site.title,
        "What a panel of reviewers says about tools, with the passage behind each claim.",
        "front",
        {"page": front_page(site.catalogue)},
    )


def _tool(site: Subject, key: str) -> Leaf | None:
    history = site.catalogue.histories.get(key)
    if history is None:
        return None
    page = tool_page(history, site.catalogue, site.read)
    card = page.card
    score = figures.score(card.score)
    return Leaf(
        "tool.html",
        f"{card.name}: {card.outcome}",
        f"Panel verdict on {card.name}: {card.outcome}, score {score} of 100. {card.headline}.",
        "tools",
        {"page": page},
        tool=key,
        picture=True,
    )


def _missing(site: Subject) -> Leaf:
    return Leaf("404.html", "No such page", "There is no page at this address.", index=False)


_PAGES: Final[dict[str, Callable[[Subject], Leaf]]] = {
    addresses.FRONT: _front,
    addresses.NOT_FOUND: _missing,
}
_FILES: Final[dict[str, Callable[[Subject], bytes]]] = {
    addresses.STYLE: lambda site: style().encode(),
    addresses.SCRIPT: lambda site: text("panel.js").encode(),
    addresses.ICON: lambda site: text("icon.svg").encode(),
}
