"""A page ready to be sent: its bytes, packed and not, and the tag that names them. Pure."""

import gzip
import hashlib
from dataclasses import dataclass
from typing import Final

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "xml": "application/xml; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
_ATOM: Final = "application/atom+xml; charset=utf-8"
_PACKED: Final = frozenset({"html", "css", "js", "json", "xml", "txt", "svg"})
_WORTH: Final = 600
"""Bytes from which packing pays."""


@dataclass(frozen=True)
class HTTPPage:
    """What is sent for one address."""

    body: bytes
    packed: bytes | None
    """The same in gzip, None where that does not pay."""
    tag: str
    """A strong ETag without its quotes."""
    media_type: str

    @property
    def size(self) -> int:
        """Bytes it takes in memory."""
        return len(self.body) + len(self.packed or b"")


def make_page(path: str, body: bytes) -> HTTPPage:
    """Return the page of a path from its bytes."""
    suffix = path.rpartition(".")[2]
    packed = None
    if suffix in _PACKED and len(body) >= _WORTH:
        packed = gzip.compress(body, 6, mtime=0)
    media_type = _ATOM if path.endswith("feed.xml") else _TYPES.get(suffix, _TYPES["txt"])
    return HTTPPage(body, packed, hashlib.sha256(body).hexdigest()[:24], media_type)
