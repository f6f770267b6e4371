"""Which addresses from untrusted text may become links. Pure; asks no network."""

from typing import Final
from urllib.parse import urlsplit

_NEVER: Final = frozenset(" \"'<>\\`{}|^()")


def https(url: str | None) -> str | None:
    """Return the address if it is safe to link to: https, a host, no user, printable ASCII."""
    if not url or not url.isascii() or not url.isprintable() or _NEVER & set(url):
        return None
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError:
        return None
    safe = found.scheme == "https" and found.hostname and "@" not in found.netloc
    return url if safe and port != 0 else None
