"""Bytes of a response, decompressed chunk by chunk under a cap. Independent of HTTP clients.

Serves pages here and the replies of providers.
"""

import zlib
from typing import Final

CAP: Final = 2_000_000
"""Bytes of a page, decoded."""


class Overflow(Exception):
    """More bytes than the cap came, compressed or decoded."""


class Decompressor:
    """Decodes raw bytes, at most `cap` decoded bytes in all."""

    def __init__(self, cap: int, *, gzip: bool = False) -> None:
        self.cap = cap
        self.decoded_bytes = 0
        """Bytes returned so far."""
        self._raw = 0
        self._gzip = zlib.decompressobj(31) if gzip else None

    def decoded(self, chunk: bytes) -> bytes:
        """Return the next decoded bytes.

        Raises:
            Overflow: over the cap.
            zlib.error: no gzip.
        """
        self._raw += len(chunk)
        if self._gzip is not None:
            chunk = self._gzip.decompress(chunk, max(self.cap - self.decoded_bytes, 0) + 1)
        self.decoded_bytes += len(chunk)
        # Compressed bytes count too: there are endless ones that decompress to nothing.
        if self._raw > self.cap or self.decoded_bytes > self.cap:
            raise Overflow
        return chunk

    @property
    def cut(self) -> bool:
        """Whether a compressed body ended before its end."""
        return self._gzip is not None and not self._gzip.eof

    @property
    def has_trailing_bytes(self) -> bool:
        """Whether bytes follow the end of a compressed body."""
        return self._gzip is not None and bool(self._gzip.unused_data)


class Decompressed(Decompressor):
    """Collects the decoded bytes in `data`."""

    def __init__(self, cap: int, *, gzip: bool) -> None:
        super().__init__(cap, gzip=gzip)
        self.data = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take in bytes.

        Raises:
            Overflow: over the cap.
            zlib.error: no gzip, or something behind its end.
        """
        decoded = self.decoded(chunk)
        if self.has_trailing_bytes:
            raise zlib.error("bytes behind the end")
        self.data += decoded
