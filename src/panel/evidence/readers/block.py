"""Blocks: what a document is made of once its markup is read, before it is cut into passages."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["prose", "list", "table", "code", "links", "badges"]
"""What a passage was in its document: decides what goes first when not everything fits."""


@dataclass(frozen=True)
class Block:
    """One paragraph, list item, table row or piece of code, as a reader sees it."""

    kind: Kind
    text: str
    heading: str = ""
    """The headings above it, outermost first, joined by ` › `."""


@dataclass(frozen=True)
class Extract:
    """The visible blocks of a document, and what was taken out of it."""

    blocks: tuple[Block, ...]
    hidden: tuple[str, ...] = ()
    """Texts no reader sees: comments and the contents of invisible elements."""
    removed: int = 0
    """How many hidden pieces: those texts, and single invisible characters."""
    why: tuple[str, ...] = ()
    """How each of the hidden texts was hidden."""
    characters: tuple[tuple[str, int], ...] = ()
    """Kinds of invisible characters that were taken out, and how many of each."""
    flags: tuple[str, ...] = ()
    """What a person should know about the document: see `injection.detect`."""
    aside: int = 0
    """How many blocks were left out: they frame a web page's main text, or end a text too long."""
    links: tuple[tuple[str, str], ...] = ()
    """The links of a web page, address and text; see `web.find_links`."""
    title: str = ""
    """What a web page calls itself or its site."""
