"""Bytes of a page as they come in, decompressed under a cap. Knows no HTTP client: it is fed."""

import zlib
from typing import Final

CAP: Final = 2_000_000
"""Bytes of a page, decoded."""


class Overflow(Exception):
    """More bytes than the cap came, compressed or decoded."""


class Unzip:
    """Takes raw bytes and collects decoded ones in `data`, never more than `cap`."""

    def __init__(self, cap: int, *, gzip: bool) -> None:
        self.cap = cap
        self.data = bytearray()
        self._raw = 0
        self._gzip = zlib.decompressobj(31) if gzip else None

    def add(self, chunk: bytes) -> None:
        """Take in bytes.

        Raises:
            Overflow: over the cap.
            zlib.error: no gzip, or something behind its end.
        """
        self._raw += len(chunk)
        if self._gzip is not None:
            if self._gzip.eof:
                raise zlib.error("bytes behind the end")
            chunk = self._gzip.decompress(chunk, self.cap - len(self.data) + 1)
            if self._gzip.unused_data:
                raise zlib.error("bytes behind the end")
        # Compressed bytes count too: there are endless ones that decompress to nothing.
        if self._raw > self.cap or len(self.data) + len(chunk) > self.cap:
            raise Overflow
        self.data += chunk

    @property
    def cut(self) -> bool:
        """Whether a compressed body ended before its end."""
        return self._gzip is not None and not self._gzip.eof
