"""Lists of tools: three orders, the facets that narrow them, the letters that lead into them. Pure.

An order is a page of its own. A facet is a fragment, `#verdict=ship`: alone it works without
script, and with script several are joined by `&`.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from panel.evidence.tools.tool import TOOL_KINDS
from panel.publish import page_urls
from panel.publish.site.catalog import OUTCOMES, Catalog
from panel.publish.site.tool_summary import ToolSummary, tool_summary

Order = Literal["name", "score", "date"]

ORDERS: Final[dict[Order, str]] = {
    "name": page_urls.TOOLS,
    "score": page_urls.TOOLS_BY_SCORE,
    "date": page_urls.TOOLS_BY_DATE,
}
"""The page of all tools in each order."""

OTHER: Final = "#"
"""What stands for names that start with no Latin letter."""


@dataclass(frozen=True)
class ListedTool:
    """One tool of a list."""

    tool: ToolSummary
    category: str
    """The slug of its category."""
    anchor: str
    """The id of the first row of a letter; empty for the others."""


@dataclass(frozen=True)
class FacetValue:
    """One value of a facet, and how many tools have it."""

    value: str
    label: str
    count: int


@dataclass(frozen=True)
class Facet:
    """A property by which a list is narrowed; at least two values."""

    key: str
    title: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True)
class ListedTools:
    """A list of tools in one order."""

    order: Order
    rows: tuple[ListedTool, ...]
    letters: tuple[tuple[str, str], ...]
    """Letter and anchor; empty where the order is not by name."""
    facets: tuple[Facet, ...]


def all_tools(catalogue: Catalog, order: Order) -> ListedTools:
    """Return all tools."""
    tools = sorted(map(tool_summary, catalogue.newest), key=_ORDER_KEYS[order])
    letters: dict[str, str] = {}
    rows = []
    for tool in tools:
        letter = _letter(tool.name)
        anchor = "" if order != "name" or letter in letters else _anchor(letter)
        if anchor:
            letters[letter] = anchor
        rows.append(ListedTool(tool, catalogue.category_of(tool.key).slug, anchor))
    categories = (row.category for row in rows)
    named = {category.slug: category.name for category in catalogue.categories.values()}
    in_categories = _facet("category", "Category", categories, named)
    return ListedTools(
        order, tuple(rows), tuple(letters.items()), (*_facets(tools), *in_categories)
    )


def category_tools(tools: Iterable[ToolSummary], category: str) -> ListedTools:
    """Return the tools of one category by score."""
    ranked = sorted(tools, key=by_score)
    return ListedTools(
        "score", tuple(ListedTool(tool, category, "") for tool in ranked), (), _facets(ranked)
    )


def by_score(tool: ToolSummary) -> tuple[bool, float, str]:
    """Return the key that puts the highest score first, and last whatever is no verdict."""
    return (not tool.settled, -(tool.score or 0), tool.key)


def _by_name(tool: ToolSummary) -> tuple[bool, str, str, str]:
    letter = _letter(tool.name)
    return (letter == OTHER, letter, tool.name.casefold(), tool.key)


def _by_date(tool: ToolSummary) -> tuple[float, str]:
    return (-tool.created.timestamp(), tool.key)


_ORDER_KEYS: Final = {"name": _by_name, "score": by_score, "date": _by_date}


def _facets(tools: Iterable[ToolSummary]) -> tuple[Facet, ...]:
    tools = tuple(tools)
    prices = {"free": "starts free", "paid": "has a price"}
    return (
        *_facet("verdict", "Verdict", (t.outcome for t in tools), {o: o for o in OUTCOMES}),
        *_facet("kind", "Kind", (t.kind for t in tools), {k: k for k in TOOL_KINDS}),
        *_facet("price", "Price", (t.price_class for t in tools), prices),
    )


def _facet(
    key: str, title: str, values: Iterable[str | None], labels: Mapping[str, str]
) -> tuple[Facet, ...]:
    """Return the facet in a tuple, in the labels' order; none where it would narrow nothing."""
    counts = Counter(values)
    counted = tuple(
        FacetValue(value, label, counts[value]) for value, label in labels.items() if counts[value]
    )
    return (Facet(key, title, counted),) if len(counted) > 1 else ()


def _letter(name: str) -> str:
    first = unicodedata.normalize("NFKD", name)[:1].upper()
    return first if first.isascii() and first.isalpha() else OTHER


def _anchor(letter: str) -> str:
    return "other" if letter == OTHER else letter
