"""Bytes of a reply as they come in: decompressed under a cap, split into events, read as JSON.

Knows no HTTP client: it is fed.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from panel.foundation.decompress import Decompressor, Overflow
from panel.llm.openai_compat.response import MAX_BLANKS, EndlessReply

_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_FIELD: Final = re.compile(rb"(?:data|event|id|retry)?:")
_BLANKS: Final = re.compile(rb"(?:\\[ntr]|[ \t\r\n]){%d}" % (MAX_BLANKS + 1))


class ResponseStream(Decompressor):
    """Takes raw bytes, gives decoded ones, and raises `EndlessReply` once `cap` of them came."""

    def decoded(self, chunk: bytes) -> bytes:
        """Return the next decoded bytes; raise `EndlessReply` over the cap, or `zlib.error`."""
        try:
            return super().decoded(chunk)
        except Overflow:
            raise EndlessReply from None


class Body:
    """A whole body in the making; raises `EndlessReply` on a long run of blanks inside it."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, data: bytes) -> None:
        """Append bytes, looking for blanks only where they are new.

        Blanks before the first sign are a server's sign of life and are left out: only the cap
        ends them.
        """
        if not self.data:
            data = data.lstrip()
        start = max(0, len(self.data) - 2 * MAX_BLANKS - 4)
        self.data += data
        if _BLANKS.search(self.data, start):
            raise EndlessReply


class Event(NamedTuple):
    """One server-sent event that holds data."""

    name: str
    """What its `event:` line says; "" without one."""
    data: str


class Events:
    """Splits server-sent events as the HTML standard says, and lines of bare JSON as well."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._name = b""
        self._after_return = False

    def add(self, data: bytes) -> Iterator[Event]:
        """Take in bytes; yield every event that is now complete."""
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]  # the second half of a line end
        if data:
            self._after_return = data.endswith(b"\r")
        *lines, self._rest = _LINE_END.split(self._rest + data)
        for line in lines:
            yield from self._line(line)

    def end(self) -> Iterator[Event]:
        """Yield what stands after the last blank line: some servers leave the last one out."""
        yield from self._line(self._rest)
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[Event]:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            self._name = line[6:].strip()
        elif line.startswith(b"{"):
            yield Event("", line.decode("utf-8", "replace"))
        elif not line:
            data = b"\n".join(self._data).decode("utf-8", "replace")
            name = self._name.decode("utf-8", "replace")
            self._data, self._name = [], b""
            if data.strip():
                yield Event(name, data)


def begins_stream(opening: bytes) -> bool | None:
    """Tell by its first bytes whether a body is server-sent events; None where they do not tell.

    Labels lie: some gateways send events as `application/json`, others JSON as `event-stream`.
    """
    opening = opening.removeprefix(b"\xef\xbb\xbf").lstrip()
    if opening[:1] in (b"{", b"["):
        return False
    return True if _FIELD.match(opening) else None


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
