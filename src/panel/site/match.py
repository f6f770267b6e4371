"""A comparison in short, as lists show it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from panel.site import addresses
from panel.site.catalogue import Catalogue
from panel.site.pairing import Pair
from panel.site.tile import Tile, tile


@dataclass(frozen=True)
class Match:
    """Two tools and the page that compares them."""

    path: str
    one: Tile
    two: Tile


def matches(catalogue: Catalogue, chosen: Iterable[Pair]) -> tuple[Match, ...]:
    """Return comparisons in short, in the order given."""
    known = catalogue.histories
    return tuple(
        Match(addresses.pair(*pair), tile(known[pair.one]), tile(known[pair.two]))
        for pair in chosen
    )
