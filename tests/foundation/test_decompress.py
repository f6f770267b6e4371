"""Bounded decompression: one piece for pages and for providers' replies."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.foundation.decompress import Decompressed, Decompressor, Overflow
from panel.llm.openai_compat.response import EndlessReply
from panel.llm.openai_compat.stream import ResponseStream


def chunks(raw, size):
    return [raw[at : at + size] for at in range(0, len(raw), size)]


@given(st.binary(max_size=400), st.integers(1, 60), st.booleans())
def test_the_bytes_come_back_however_they_were_cut(body, size, packed):
    raw = gzip.compress(body) if packed else body
    decompressor, collector = Decompressor(1_000, gzip=packed), Decompressed(1_000, gzip=packed)
    decoded = b"".join(decompressor.decoded(chunk) for chunk in chunks(raw, size))
    for chunk in chunks(raw, size):
        collector.add(chunk)
    assert decoded == bytes(collector.data) == body
    assert (
        (decompressor.cut, decompressor.has_trailing_bytes)
        == (collector.cut, collector.has_trailing_bytes)
        == (False, False)
    )


@given(st.integers(1, 500), st.integers(1, 2_000), st.integers(1, 40), st.booleans())
def test_f2_never_more_than_the_cap_is_given(cap, length, size, packed):
    raw = gzip.compress(bytes(length)) if packed else bytes(length)
    unzip, total = Decompressor(cap, gzip=packed), 0
    try:
        for chunk in chunks(raw, size):
            total += len(unzip.decoded(chunk))
    except Overflow:
        assert length > cap or len(raw) > cap
    else:
        assert total == length <= cap
    assert total <= cap


@pytest.mark.parametrize(
    ("kind", "error"), [(Decompressor, Overflow), (ResponseStream, EndlessReply)]
)
def test_f2_compressed_bytes_that_come_to_nothing_are_capped_as_well(kind, error):
    unzip, empty = kind(500, gzip=True), b"\x00\x00\x00\xff\xff"  # a stored block of no bytes
    assert unzip.decoded(gzip.compress(b"")[:10] + 98 * empty) == b""
    with pytest.raises(error):
        unzip.decoded(empty)


def test_a_body_that_was_cut_and_one_that_goes_on_are_told_apart():
    raw = gzip.compress(b"page")
    half = Decompressor(99, gzip=True)
    half.decoded(raw[:-4])
    assert half.cut
    more = Decompressor(99, gzip=True)
    more.decoded(raw + b"behind")
    assert more.has_trailing_bytes
    with pytest.raises(zlib.error):
        Decompressed(99, gzip=True).add(raw + b"behind")
