"""The bytes of a response: decompressed under a cap, read as one JSON text or a stream of events.

Knows no HTTP client: it is fed.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

from panel.foundation.decompress import Decompressor, Overflow
from panel.foundation.errors import BadReply, CallError, Unreachable
from panel.foundation.quick_json import plain_json
from panel.llm.openai_compat.error_text import error_in, is_passing
from panel.llm.openai_compat.response import MAX_BLANKS, EndlessReply, StreamAssembler

_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_FIELD: Final = re.compile(rb"(?:data|event|id|retry)?:")
_BLANK: Final = (b"\\n", b"\\t", b"\\r", b"\n", b"\t", b"\r", b" ")
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
        if sum(map(self.data.count, _BLANK)) > MAX_BLANKS and _BLANKS.search(self.data, start):
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
    with suppress(ValueError):
        return plain_json(text)
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", "replace")
    try:
        return json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


_ENOUGH: Final = 64
"""Bytes after which the opening of a body shows what it is."""

_DONE: Final = "[DONE]"

_NO_CHAT: Final = "an address of an OpenAI-compatible server mostly ends in /v1"


class Incoming:
    """Takes in decoded bytes of a response and gives the completion body they hold."""

    def __init__(
        self, host: str, *, labelled_stream: bool, printable: Callable[[str], str]
    ) -> None:
        """Begin with nothing.

        Args:
            host: who answers, for messages.
            labelled_stream: what Content-Type says; it counts where the bytes do not tell.
            printable: makes one line without secrets of a text of the server.
        """
        self.host = host
        self._printable = printable
        self._labelled = labelled_stream
        self._opening: bytes | None = b""
        self._events: Events | None = None
        self._body = Body()
        self._assembly = StreamAssembler()
        self._noise = ""

    @property
    def done(self) -> bool:
        """Whether the stream is marked as over."""
        return self._assembly.done

    def add(self, data: bytes) -> None:
        """Take in bytes; raises `Endless` over the caps, `BadReply` on an event that is no JSON."""
        if self._opening is not None:
            # Blanks may go on for long before the first sign: they are not kept.
            self._opening = (self._opening + data).lstrip()
            if begins_stream(self._opening) is None and len(self._opening) < _ENOUGH:
                return
            data = self._begin()
        if self._events is None:
            self._body.add(data)
        else:
            for event in self._events.add(data):
                self._take(event)

    def end(self) -> dict[str, Any]:
        """Return the body; raises `Unreachable` for a stream cut off, `BadReply` for no chat."""
        if self._opening is not None:
            self.add(self._begin())
        return self._whole() if self._events is None else self._streamed()

    def so_far(self) -> dict[str, Any]:
        """Return what a stream that is left holds, the tokens that came counted."""
        if self._events is None:
            return {}
        return {"usage": {"completion_tokens": self._assembly.pieces}} | self._assembly.whole()

    def _begin(self) -> bytes:
        """Decide what the body is, and return the bytes that were held back for it."""
        opening, self._opening = self._opening or b"", None
        streams = begins_stream(opening)
        if self._labelled if streams is None else streams:
            self._events = Events()
        return opening.removeprefix(b"\xef\xbb\xbf")

    def _streamed(self) -> dict[str, Any]:
        assembly = self._assembly
        if not assembly.done and self._events is not None:
            for event in self._events.end():
                try:
                    self._take(event)
                except BadReply:  # an event that broke off: the stream is cut, not wrong
                    break
        body = assembly.whole()
        if not assembly.done and assembly.finish is None and not error_in(body):
            noise = f": {self._printable(self._noise)}" if self._noise else ""
            raise Unreachable(f"{self.host}: the stream ended before the answer did{noise}")
        return body

    def _whole(self) -> dict[str, Any]:
        try:
            body = read_json(bytes(self._body.data))
        except ValueError:
            if self._takes_lines():
                return self._streamed()
            body = None
        if isinstance(body, list) and len(body) == 1:
            body = body[0]  # some servers put their errors into a list
        if not isinstance(body, dict):
            raise self._no_completion()
        for name in ("data", "result", "response"):
            inner = body.get(name)
            if "choices" not in body and isinstance(inner, dict) and "choices" in inner:
                return inner  # some gateways wrap what they pass on
        return body

    def _no_completion(self) -> CallError:
        """Return the error for a body that is no completion: a line of text is shown."""
        text = bytes(self._body.data[:4_000]).decode("utf-8", "replace").strip()
        message = f"{self.host} answers 200 but not with a chat completion"
        if text[:1] in ("", "<", "{", "["):
            return BadReply(message, hint=_NO_CHAT)
        message = f"{message}: {self._printable(text)}"
        return Unreachable(message) if is_passing(text) else BadReply(message, hint=_NO_CHAT)

    def _takes_lines(self) -> bool:
        """Take the body for events that are lines of bare JSON; return whether it is that."""
        lines = [line for line in bytes(self._body.data).splitlines() if line.strip()]
        try:
            events = [read_json(line) for line in lines if line.strip() != _DONE.encode()]
        except ValueError:
            return False
        if not any(isinstance(event, dict) and "choices" in event for event in events):
            return False
        for event in events:
            self._assembly.add(event)
        return True

    def _take(self, event: Event) -> None:
        text = event.data.strip()
        if text == _DONE:
            self._assembly.done = True
        elif event.name == "error":
            self._assembly.fail(_error(text))
        elif text[:1] in ("{", "["):
            for value in _values(text):
                if value is None:
                    raise BadReply(f"{self.host}: an event of the stream is not JSON")
                self._assembly.add(value)
                self._assembly.done |= value == _DONE
        else:
            # A comment or a sign of life sent as data; it may be all that ever comes.
            self._noise = self._noise or text[:500]


def _values(text: str) -> Iterator[Any]:
    """Yield the data of an event: some servers leave out the blank lines between events."""
    try:
        yield read_json(text)
        return
    except ValueError:
        lines = text.splitlines()
    for line in lines if len(lines) > 1 else [""]:
        try:
            yield _DONE if line.strip() == _DONE else read_json(line)
        except ValueError:
            yield None


def _error(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        return text
