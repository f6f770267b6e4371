"""The client of OpenAI-compatible servers: one request, one response, whatever carries them.

It never retries. Each response is read under one total deadline and one cap on its size; what is
wrong with it becomes one error without secrets.
"""

import asyncio
import os
import ssl
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from panel.foundation.errors import BadReply, CallError, TimedOut, Truncated, Unreachable, Untrusted
from panel.foundation.urls import host_of
from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.openai_compat.certificates import certificate_hint, certificate_problem
from panel.llm.openai_compat.error_text import broke_off, error_in, is_passing
from panel.llm.openai_compat.errors import ErrorReader, FailedResponse
from panel.llm.openai_compat.lean import LeanTransport
from panel.llm.openai_compat.official import OpenAITransport
from panel.llm.openai_compat.redact import Redactor
from panel.llm.openai_compat.request import Payload
from panel.llm.openai_compat.response import EndlessReply, check_response, is_endless, read_response
from panel.llm.openai_compat.stream import Body, Incoming, ResponseStream, read_json
from panel.llm.openai_compat.transport import LONG_HEADER, HttpResponse, Transport
from panel.llm.types import ChatRequest, ChatResponse, Usage

CAP: Final = 256_000
"""Bytes of a reply, decoded; a stream and log-probabilities get room for their packaging."""
LISTING_CAP: Final = 8_000_000
_FAULT_CAP: Final = 65_536
_LINGER: Final = 0.2
"""Seconds to wait for the end of a stream after its last event, to use the connection again."""

Sending = AbstractAsyncContextManager[HttpResponse]
"""A request that is sent when its response is opened."""

_BROKEN: Final[tuple[type[BaseException], ...]] = (OSError, ssl.SSLError, zlib.error, EOFError)


class OpenAICompatClient:
    """An OpenAI-compatible server, as an `Endpoint`."""

    def __init__(self, config: ProviderConfig, transport: Transport | None = None) -> None:
        """Open nothing yet; without a transport, the wire of the configuration carries."""
        self.config = config
        self.host = host_of(config.base_url or "")
        self._payload = Payload(config)
        self._redact = Redactor(config)
        self._errors = ErrorReader(config, self._redact)
        wire = OpenAITransport if config.wire == "openai" else LeanTransport
        self._transport: Transport = transport or wire(config)

    async def ask(
        self, request: ChatRequest, format: ResponseFormat, *, deadline: float
    ) -> ChatResponse:
        """Send the question once and return the reply.

        Args:
            request: What to ask.
            format: The response format to ask for; plays no part without a schema.
            deadline: Seconds for everything: connecting, waiting and reading.

        Raises:
            CallError: one of its kinds; `error.reply` holds what came back where something did.
        """
        format = format if request.schema is not None else "prompt"
        payload = self._payload.of(request, format)
        try:
            async with asyncio.timeout(deadline) as limit:
                return await self._completion(payload, request, format)
        except TimeoutError as error:
            self._late(limit, deadline, error)
        except self._broken as error:
            raise self._no_reply(error) from None

    async def get(self, path: str, *, deadline: float = 10.0) -> Any:
        """Return the JSON of `GET base_url/path`; raise `CallError` otherwise."""
        return await self.json_of(self._transport.send(path, None), path, deadline=deadline)

    async def json_of(
        self, sending: Sending, path: str, *, deadline: float, cap: int = LISTING_CAP
    ) -> Any:
        """Return the JSON of a response of at most `cap` bytes; raise `CallError` otherwise."""
        try:
            async with asyncio.timeout(deadline) as limit:
                async with sending as http_response:
                    if http_response.status >= 300:
                        raise await self._failed(http_response, "prompt")
                    raw = await self._everything(http_response, cap)
            return self._redact.data(read_json(raw))
        except TimeoutError as error:
            self._late(limit, deadline, error)
        except self._broken as error:
            raise self._no_reply(error) from None
        except (ValueError, EndlessReply):
            raise BadReply(f"{self.host}/{path} does not answer with a JSON listing") from None

    async def lines_of(
        self, sending: Sending, *, idle: float, longest: int
    ) -> AsyncIterator[bytes]:
        """Yield the lines of a response; those of more than `longest` bytes are left out.

        Args:
            sending: What opens the response.
            idle: Seconds without a byte after which it counts as broken off.
            longest: Bytes.

        Raises:
            CallError: the response is none, or breaks off: lines before that were yielded.
        """
        try:
            async with sending as http_response:
                if http_response.status >= 300:
                    raise await self._failed(http_response, "prompt")
                inflow = self._inflow(http_response, sys.maxsize)
                lines = _Lines(longest)
                while chunk := await asyncio.wait_for(http_response.read(), idle):
                    for line in lines.add(inflow.decoded(chunk)):
                        yield line
                if inflow.cut:
                    raise EOFError
                if lines.rest:
                    yield lines.rest
        except TimeoutError:
            raise TimedOut(f"{self.host} sent nothing for {idle:.3g} s") from None
        except self._broken as error:
            raise self._no_reply(error) from None

    def read_completion(
        self, body: Any, request: ChatRequest, format: ResponseFormat
    ) -> ChatResponse:
        """Return the answer that a completion body of a batch job holds; raise `CallError`."""
        shell = ChatResponse(
            text="", finish_reason=None, usage=Usage(), model=None, format=format
        )  # fmt: skip
        if not isinstance(body, dict):
            raise BadReply(f"{self.host}: an answer of the job is no completion")
        body = self._redact.data(body)
        if reported := error_in(body):
            raise self._said_in_body(reported, body, shell, {})
        response = read_response(body, shell, self.config.prices)
        if is_endless(response.text):
            raise Truncated(f"{self.host}: an answer of the job is longer than 256 kB, or blank")
        return check_response(response, request, self.host)

    def printable(self, text: str) -> str:
        """Return what a server says as one line without secrets."""
        return self._redact.line(text)

    async def close(self) -> None:
        """Close the connections. The client may be used again: it then opens new ones."""
        await self._transport.close()

    @property
    def _broken(self) -> tuple[type[BaseException], ...]:
        """What is raised where no whole response comes; asked of the transport only then."""
        return (*_BROKEN, *self._transport.broken)

    async def _completion(
        self, payload: dict[str, Any], request: ChatRequest, format: ResponseFormat
    ) -> ChatResponse:
        started = time.monotonic()
        async with self._transport.send("chat/completions", payload) as http_response:
            if http_response.status >= 300:
                error = self._payload.blamed(
                    await self._failed(http_response, format, payload), payload
                )
                self._payload.learn(error, payload)
                raise error
            body, endless = await self._body(http_response, request)
        shell = self._shell(http_response, format, time.monotonic() - started)
        body = self._redact.data(body)
        if reported := error_in(body):
            raise self._said_in_body(reported, body, shell, payload)
        response = read_response(body, shell, self.config.prices)
        if endless or is_endless(response.text):
            error = Truncated(
                f"{self.host}: the answer did not end, it was left at 256 kB or blanks"
            )
            error.reply = response
            raise error
        return check_response(response, request, self.host)

    async def _body(
        self, http_response: HttpResponse, request: ChatRequest
    ) -> tuple[dict[str, Any], bool]:
        """Return the completion body, and whether it was left because it had no end."""
        labelled = "text/event-stream" in http_response.header("content-type").lower()
        streams = labelled or self.config.stream
        room = request.max_tokens + request.room
        room *= (1_000 if streams else 0) + 4_000 * request.logprobs
        inflow = self._inflow(http_response, CAP + room)
        incoming = Incoming(self.host, labelled_stream=labelled, printable=self._redact.line)
        try:
            while not incoming.done and (chunk := await http_response.read()):
                incoming.add(inflow.decoded(chunk))
            if not incoming.done and inflow.cut:
                raise EOFError
            body = incoming.end()
        except EndlessReply:
            return incoming.so_far(), True
        if incoming.done:
            await self._drain(http_response)
        return body, False

    def _said_in_body(
        self, reported: Any, body: dict[str, Any], shell: ChatResponse, payload: dict[str, Any]
    ) -> CallError:
        """Return the error that stands in a response of 200; it is kept with what came."""
        now = datetime.now(UTC)
        error = self._errors.of_body(reported, now, format=shell.format, payload=payload)
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        ended = broke_off(choice) if isinstance(choice, dict) else ""
        if type(error) is BadReply and (ended or is_passing(reported)):
            error = Unreachable(error.message)
        error.reply = read_response(body | {"error": reported}, shell, self.config.prices)
        self._payload.learn(error, payload)
        return error

    def _shell(
        self, http_response: HttpResponse, format: ResponseFormat, seconds: float
    ) -> ChatResponse:
        def header(name: str) -> str | None:
            value = http_response.header(name)
            return (self._redact.line(value, limit=120) or None) if value else None

        return ChatResponse(
            text="", finish_reason=None, usage=Usage(), model=None, format=format,
            served_by=header("x-inference-provider"), request_id=header("x-request-id"),
            seconds=seconds,
        )  # fmt: skip

    async def _failed(
        self,
        http_response: HttpResponse,
        format: ResponseFormat,
        payload: dict[str, Any] | None = None,
    ) -> CallError:
        body = b""
        with suppress(EndlessReply, *self._broken):
            body = await self._everything(http_response, _FAULT_CAP)
        text = self._redact.text(body.decode("utf-8", "replace"))
        failed = FailedResponse(
            http_response.status, http_response.headers, text, datetime.now(UTC)
        )
        return self._errors.of(failed, format=format, payload=payload)

    def _no_reply(self, error: BaseException) -> CallError:
        if (untrusted := certificate_problem(error)) is not None:
            return Untrusted(
                f"{self.host}: its certificate is not trusted: {untrusted}",
                hint=certificate_hint(untrusted, os.environ),
            )
        words = self._transport.words(error) or _words(error)
        hint = "look at the gateway or proxy in front of the server" * (words == LONG_HEADER)
        return Unreachable(f"{self.host}: {words}", hint=hint or None)

    def _late(self, limit: asyncio.Timeout, deadline: float, error: TimeoutError) -> NoReturn:
        if not limit.expired():
            raise Unreachable(f"{self.host}: the connection timed out") from error
        raise TimedOut(f"{self.host} did not finish an answer within {deadline:.3g} s") from None

    def _inflow(self, http_response: HttpResponse, cap: int) -> ResponseStream:
        encoding = http_response.header("content-encoding").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise BadReply(f"{self.host} answers in an encoding nobody asked for")
        return ResponseStream(cap, gzip="gzip" in encoding)

    async def _everything(self, http_response: HttpResponse, cap: int) -> bytes:
        inflow, body = self._inflow(http_response, cap), Body()
        while chunk := await http_response.read():
            body.add(inflow.decoded(chunk))
        if inflow.cut:
            raise EOFError
        return bytes(body.data)

    async def _drain(self, http_response: HttpResponse) -> None:
        """Read to the end of a stream, so that its connection can serve again."""
        with suppress(TimeoutError, *self._broken):
            async with asyncio.timeout(_LINGER):
                while await http_response.read():
                    pass


class _Lines:
    """Splits bytes into lines; a line that is too long is left out."""

    def __init__(self, longest: int) -> None:
        self.rest = b""
        self._longest = longest
        self._skipping = False

    def add(self, data: bytes) -> Iterator[bytes]:
        *whole, self.rest = (self.rest + data).split(b"\n")
        for line in whole:
            if not self._skipping and len(line) <= self._longest:
                yield line
            self._skipping = False
        if len(self.rest) > self._longest:
            self.rest, self._skipping = b"", True


def _words(error: BaseException) -> str:
    match error:
        case ssl.SSLError():
            return "no trusted TLS connection"
        case ConnectionError():
            return "the connection was closed before the answer"
        case zlib.error() | EOFError():
            return "the reply's compression is broken"
    return "the reply broke off"
