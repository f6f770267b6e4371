"""A comparison in short, as lists show it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from panel.publish.site import urls
from panel.publish.site.catalog import Catalog
from panel.publish.site.pairing import Pair
from panel.publish.site.tool_summary import ToolSummary, tool_summary


@dataclass(frozen=True)
class PairSummary:
    """Two tools and the page that compares them."""

    path: str
    one: ToolSummary
    two: ToolSummary


def pair_summaries(catalogue: Catalog, chosen: Iterable[Pair]) -> tuple[PairSummary, ...]:
    """Return comparisons in short, in the order given."""
    known = catalogue.histories
    return tuple(
        PairSummary(urls.pair(*pair), tool_summary(known[pair.one]), tool_summary(known[pair.two]))
        for pair in chosen
    )
