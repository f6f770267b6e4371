"""A completion body as it comes in: one JSON text or a stream of events, told by its first bytes.

Knows no HTTP client: it is fed.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from panel.foundation.errors import BadReply, CallError, Unreachable
from panel.llm.openai_compat.error_body import error_in, is_passing
from panel.llm.openai_compat.response import StreamAssembler
from panel.llm.openai_compat.stream import Body, Event, Events, begins_stream, read_json

_ENOUGH: Final = 64
"""Bytes after which the opening of a body has told what it is."""

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
            printable: makes one line without secrets of what the server said.
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
        """Whether the stream has said that it is over."""
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
            said = f": {self._printable(self._noise)}" if self._noise else ""
            raise Unreachable(f"{self.host}: the stream ended before the answer did{said}")
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
            found = [read_json(line) for line in lines if line.strip() != _DONE.encode()]
        except ValueError:
            return False
        if not any(isinstance(each, dict) and "choices" in each for each in found):
            return False
        for each in found:
            self._assembly.add(each)
        return True

    def _take(self, event: Event) -> None:
        text = event.data.strip()
        if text == _DONE:
            self._assembly.done = True
        elif event.name == "error":
            self._assembly.fail(_error(text))
        elif text[:1] in ("{", "["):
            for each in _values(text):
                if each is None:
                    raise BadReply(f"{self.host}: an event of the stream is not JSON")
                self._assembly.add(each)
                self._assembly.done |= each == _DONE
        else:
            # A comment or a sign of life sent as data; it may as well be all that is ever said.
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
