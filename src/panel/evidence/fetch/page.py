"""A fetched page: its bytes and what its server states about them. Not parsed here."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class FetchedPage:
    """One document, after its redirects."""

    url: str
    """Its address after redirects."""
    requested_url: str
    """The address of the first request."""
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
    """The addresses that redirected, in order: `requested_url` first."""
