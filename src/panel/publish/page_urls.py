"""The addresses of pages about tools, below wherever the pages are: one for site and mail. Pure."""

from typing import Final

from panel.foundation.slug import slug

_MAX_BYTES: Final = 150
"""Longest file name, below what `write_atomic` takes."""
_PART: Final = 60
"""Letters of each tool that stand in a name which would be too long."""


def tool(key: str) -> str:
    """Return a tool's page by the tool's key."""
    return f"tools/{key}.html"


def pair(one: str, two: str) -> str:
    """Return the page that compares two tools by their keys, whichever is named first."""
    first, second = sorted((one, two))
    name = f"{first}-vs-{second}"
    if len(name) > _MAX_BYTES:
        # Too long for a file name: the beginnings of both, and a hash of the whole.
        name = f"{first[:_PART]}-vs-{second[:_PART]}-{slug(name)[-8:]}"
    return f"compare/{name}.html"
