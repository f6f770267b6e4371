"""The HTTP client: one request, one response. The only module of this room that knows aiohttp.

It never retries and never follows a redirect. Each response is read under one total deadline and
one cap on its size; what is wrong with it becomes one error without secrets.
"""

import asyncio
import json
import os
import re
import ssl
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from panel.foundation.errors import BadReply, CallError, TimedOut, Truncated, Unreachable, Untrusted
from panel.foundation.urls import host_of
from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.openai_compat.error_text import broke_off, error_in, is_passing
from panel.llm.openai_compat.errors import ErrorReader, FailedResponse
from panel.llm.openai_compat.redact import Redactor
from panel.llm.openai_compat.request import Payload
from panel.llm.openai_compat.response import EndlessReply, check_response, is_endless, read_response
from panel.llm.openai_compat.stream import Body, Incoming, ResponseStream, read_json
from panel.llm.types import ChatRequest, ChatResponse, Usage

CAP: Final = 256_000
"""Bytes of a reply, decoded; a stream and log-probabilities get room for their packaging."""
HEADER_CAP: Final = 65_536
"""Bytes of one header of a response: policies, traces and cookies of gateways grow long."""
LISTING_CAP: Final = 8_000_000
_FAULT_CAP: Final = 65_536
_LINGER: Final = 0.2
"""Seconds to wait for the end of a stream after its last event, to use the connection again."""

_BROKEN: Final = (aiohttp.ClientError, HttpProcessingError, OSError, ssl.SSLError, zlib.error,
                  EOFError)  # fmt: skip


class OpenAICompatClient:
    """An OpenAI-compatible server, as an `Endpoint`."""

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        self.host = host_of(config.base_url or "")
        self._payload = Payload(config)
        self._redact = Redactor(config)
        self._errors = ErrorReader(config, self._redact)
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

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
        started = time.monotonic()
        try:
            async with asyncio.timeout(deadline) as limit:
                response = await self._completion(payload, request, format)
        except TimeoutError as error:
            self._late(limit, deadline, error)
        except _BROKEN as error:
            raise self._no_reply(error) from None
        except CallError as error:
            if isinstance(error.reply, ChatResponse):
                error.reply = _timed(error.reply, started)
            raise
        return _timed(response, started)

    async def get(self, path: str, *, deadline: float = 10.0) -> Any:
        """Return the JSON of `GET base_url/path`; raise `CallError` otherwise."""
        url = f"{self.config.base_url}/{path.lstrip('/')}"
        try:
            async with asyncio.timeout(deadline) as limit:
                async with self._request("GET", url, None) as http_response:
                    if http_response.status >= 300:
                        raise await self._failed(http_response, "prompt")
                    raw = await _everything(http_response, LISTING_CAP)
            return self._redact.data(read_json(raw))
        except TimeoutError as error:
            self._late(limit, deadline, error)
        except _BROKEN as error:
            raise self._no_reply(error) from None
        except (ValueError, EndlessReply):
            raise BadReply(f"{self.host}/{path} does not answer with a JSON listing") from None

    async def close(self) -> None:
        """Close the connections. The wire may be used again: it then opens new ones."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()

    def _request(self, method: str, url: str, data: bytes | None) -> Any:
        headers = {"Accept-Encoding": "gzip, identity", "User-Agent": "panel-verdict",
                   "Accept": "application/json, text/event-stream"}  # fmt: skip
        if data is not None:
            headers["Content-Type"] = "application/json"
        if self.config.key is not None:
            key, name = self.config.key.get_secret_value(), self.config.key_header
            headers[name] = f"Bearer {key}" if name == "Authorization" else key
        return self._opened().request(
            method, url, data=data, headers={**self.config.headers, **headers},
            allow_redirects=False, proxy=self.config.proxy,
        )  # fmt: skip

    def _opened(self) -> aiohttp.ClientSession:
        """One session for each event loop: connections cannot move between loops."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._loop = loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False, trust_env=False,
                max_line_size=HEADER_CAP, max_field_size=HEADER_CAP,
            )  # fmt: skip
        return self._session

    async def _completion(
        self, payload: dict[str, Any], request: ChatRequest, format: ResponseFormat
    ) -> ChatResponse:
        url = f"{self.config.base_url}/chat/completions"
        data = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
        async with self._request("POST", url, data) as http_response:
            if http_response.status >= 300:
                error = self._payload.blamed(
                    await self._failed(http_response, format, payload), payload
                )
                self._payload.learn(error, payload)
                raise error
            shell = self._shell(http_response, format)
            body, endless = await self._body(http_response, request)
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
        self, http_response: aiohttp.ClientResponse, request: ChatRequest
    ) -> tuple[dict[str, Any], bool]:
        """Return the completion body, and whether it was left because it had no end."""
        labelled = "text/event-stream" in http_response.headers.get("Content-Type", "").lower()
        streams = labelled or self.config.stream
        room = request.max_tokens + request.room
        room *= (1_000 if streams else 0) + 4_000 * request.logprobs
        inflow = _inflow(http_response, CAP + room)
        incoming = Incoming(self.host, labelled_stream=labelled, printable=self._redact.line)
        try:
            while not incoming.done and (chunk := await http_response.content.readany()):
                incoming.add(inflow.decoded(chunk))
            if not incoming.done and inflow.cut:
                raise EOFError
            body = incoming.end()
        except EndlessReply:
            http_response.close()
            return incoming.so_far(), True
        if incoming.done:
            await _drained(http_response)
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

    def _shell(self, http_response: aiohttp.ClientResponse, format: ResponseFormat) -> ChatResponse:
        def header(name: str) -> str | None:
            return self._redact.line(http_response.headers.get(name, ""), limit=120) or None

        return ChatResponse(
            text="", finish_reason=None, usage=Usage(), model=None, format=format,
            served_by=header("x-inference-provider"), request_id=header("x-request-id"),
        )  # fmt: skip

    async def _failed(
        self,
        http_response: aiohttp.ClientResponse,
        format: ResponseFormat,
        payload: dict[str, Any] | None = None,
    ) -> CallError:
        body = b""
        with suppress(EndlessReply, *_BROKEN):
            body = await _everything(http_response, _FAULT_CAP)
        headers: Sequence[tuple[str, str]] = list(http_response.headers.items())
        text = self._redact.text(body.decode("utf-8", "replace"))
        failed = FailedResponse(http_response.status, headers, text, datetime.now(UTC))
        return self._errors.of(failed, format=format, payload=payload)

    def _no_reply(self, error: BaseException) -> CallError:
        if (untrusted := certificate_problem(error)) is not None:
            return Untrusted(
                f"{self.host}: its certificate is not trusted: {untrusted}",
                hint=certificate_hint(untrusted, os.environ),
            )
        # The client's own error for it arrives wrapped; its words are all that tells.
        if re.match("Got more than|Too many (?:headers|trailers)", getattr(error, "message", "")):
            return Unreachable(
                f"{self.host}: a header of its response is longer than {HEADER_CAP // 1024} kB,"
                " or there are too many",
                hint="look at the gateway or proxy in front of the server",
            )
        return Unreachable(f"{self.host}: {self._redact.line(_broken(error), limit=120)}")

    def _late(self, limit: asyncio.Timeout, deadline: float, error: TimeoutError) -> NoReturn:
        if not limit.expired():
            raise Unreachable(f"{self.host}: the connection timed out") from error
        raise TimedOut(f"{self.host} did not finish an answer within {deadline:.3g} s") from None


def _timed(response: ChatResponse, started: float) -> ChatResponse:
    return replace(response, seconds=time.monotonic() - started)


def _inflow(http_response: aiohttp.ClientResponse, cap: int) -> ResponseStream:
    encoding = http_response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise BadReply(f"{host_of(str(http_response.url))} answers in an encoding nobody asked for")
    return ResponseStream(cap, gzip="gzip" in encoding)


async def _everything(http_response: aiohttp.ClientResponse, cap: int) -> bytes:
    inflow, body = _inflow(http_response, cap), Body()
    while chunk := await http_response.content.readany():
        body.add(inflow.decoded(chunk))
    if inflow.cut:
        raise EOFError
    return bytes(body.data)


async def _drained(http_response: aiohttp.ClientResponse) -> None:
    """Read to the end of a stream so that its connection can serve again; else close it."""
    try:
        async with asyncio.timeout(_LINGER):
            while await http_response.content.readany():
                pass
    except (TimeoutError, *_BROKEN):
        http_response.close()


def _broken(error: BaseException) -> str:
    """Say what broke in words of our own: a client's message may hold an address."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "no such host"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "no trusted TLS connection"
        case aiohttp.ClientProxyConnectionError():
            return "the proxy cannot be reached"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy answers {error.status}"
        case aiohttp.ClientConnectorError():
            return f"no connection ({(error.os_error.strerror or 'closed at once').lower()})"
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return "the connection was closed before the answer"
        case zlib.error() | EOFError():
            return "the reply's compression is broken"
    return "the reply broke off"


_UNREAD: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT")
"""Where other programs look for authorities; Python's TLS does not."""


def certificate_problem(error: BaseException) -> str | None:
    """Return what is wrong with a server's certificate; None where that is not what broke."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        inner = getattr(cause, "certificate_error", None)  # the client's own error wraps it
        if inner is None and isinstance(cause, ssl.SSLCertVerificationError):
            return (cause.verify_message or "it cannot be verified").rstrip(".")
        cause = inner if isinstance(inner, BaseException) else cause.__cause__
    return None


def certificate_hint(reason: str, environ: Mapping[str, str]) -> str:
    """Return the next step for a certificate that is rejected for `reason`."""
    if "expired" in reason or "not yet valid" in reason:
        return "the server must renew it, or this machine's clock is wrong"
    if "mismatch" in reason or "not valid for" in reason:
        return "the address must be one that the certificate is made for"
    if path := environ.get("SSL_CERT_FILE", "").strip():
        return f"SSL_CERT_FILE={path} must hold the authority that signed it"
    unread = next((name for name in _UNREAD if environ.get(name, "").strip()), None)
    if unread:
        return f"{unread} is set but not read: export SSL_CERT_FILE=${unread}"
    return "export SSL_CERT_FILE=… names a file with the authority that signed it"
