"""A page as it came: bytes and what the server said about them. Not parsed here."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class FetchedPage:
    """One document, after its redirects."""

    url: str
    """Where it was found."""
    asked: str
    """The address that was asked for."""
    status: int
    media_type: str
    """`text/html`, lower case and without parameters."""
    charset: str | None
    """As the server names it, unchecked."""
    body: bytes
    """Decompressed."""
    retrieved: datetime
    """When the last byte was there; UTC."""
    hops: tuple[str, ...] = ()
    """The addresses on the way: `asked` and those it was redirected through."""
