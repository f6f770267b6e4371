"""Bytes of a reply as they come in: decompressed under a cap, split into events, read as JSON.

Knows no HTTP client: it is fed.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from panel.fetch.unzip import Overflow, Unzip
from panel.providers.completion import MAX_BLANKS, Endless

_BLANKS: Final = re.compile(rb"(?:\\[ntr]|[ \t\r\n]){%d}" % (MAX_BLANKS + 1))


class Inflow(Unzip):
    """Takes raw bytes, gives decoded ones, and raises `Endless` once `cap` of them came."""

    def decoded(self, chunk: bytes) -> bytes:
        """Return the next decoded bytes; raise `Endless` over the cap, `zlib.error` if broken."""
        try:
            return super().decoded(chunk)
        except Overflow:
            raise Endless from None


class Body:
    """A whole body in the making; raises `Endless` on a long run of blanks inside it."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, data: bytes) -> None:
        """Append bytes, looking for blanks only where they are new."""
        start = max(0, len(self.data) - 2 * MAX_BLANKS - 4)
        self.data += data
        if _BLANKS.search(self.data, start):
            raise Endless


class Events:
    """Splits server-sent events into the text of their `data:` fields."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def add(self, data: bytes) -> Iterator[str]:
        """Take in bytes; yield the data of every event that is now complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from self._line(line.rstrip(b"\r"))

    def end(self) -> Iterator[str]:
        """Yield what stands after the last blank line: some servers leave the last one out."""
        yield from self._line(self._rest.rstrip(b"\r"))
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[str]:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line and self._data:
            yield b"\n".join(self._data).decode("utf-8", "replace")
            self._data = []


def read_json(text: str | bytes) -> Any:
    """Return JSON data of a server, numbers that are none as None; raise ValueError otherwise."""
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", "replace")
    try:
        return json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None
