"""The openai wire: `openai.AsyncOpenAI` without anything of its own.

Retries, ambient settings, cookies, redirects and the headers that tell the system and the Python
version (`x-stainless-*`) are off, and the raw response is left to the caller. openai and its HTTP
client, httpx2, are imported with the first transport: they cost about half a second.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from panel.foundation.errors import KeyRejected
from panel.foundation.urls import host_of
from panel.llm.config import ProviderConfig
from panel.llm.openai_compat.entra import EntraSignIn
from panel.llm.openai_compat.transport import (
    HEADER_CAP,
    IDLE,
    LONG_HEADER,
    HttpResponse,
    error_chain,
    request_headers,
)

if TYPE_CHECKING:
    import httpx2
    import openai

_FAULT_CAP: Final = 65_536
"""Bytes read of a response that is no answer, as sent."""
_AWS_HOST: Final = re.compile(r"https://bedrock-runtime\.([a-z0-9-]+)\.")
_FORM: Final = "multipart/form-data"
_PER_REQUEST: Final = ("x-stainless-retry-count", "x-stainless-read-timeout")
"""Headers that openai adds to each request, beside those of its client."""


class OpenAITransport:
    """An `AsyncOpenAI` of our own making, as a `Transport`."""

    def __init__(self, config: ProviderConfig) -> None:
        import openai  # before a deadline runs

        self._omit = openai.omit
        self._config = config
        self._client: openai.AsyncOpenAI | None = None
        self._sign_in: EntraSignIn | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def broken(self) -> tuple[type[BaseException], ...]:
        """What openai and httpx2 raise where no whole response comes."""
        import httpx2
        import openai

        return (openai.APIConnectionError, httpx2.HTTPError, _LongHeader)

    def send(
        self, path: str, body: Mapping[str, Any] | None
    ) -> AbstractAsyncContextManager[HttpResponse]:
        """Send `POST base_url/path` with a JSON body, or `GET` without one."""
        return self._responding(path, body, None)

    def upload(
        self, path: str, fields: Mapping[str, str], file: Path
    ) -> AbstractAsyncContextManager[HttpResponse]:
        """Send `POST base_url/path` with a form of these fields and a file, which is read whole."""
        return self._responding(path, fields, file)

    @asynccontextmanager
    async def _responding(
        self, path: str, body: Mapping[str, Any] | None, file: Path | None
    ) -> AsyncIterator[HttpResponse]:
        refused: HttpResponse | None = None
        try:
            response = await self._send(path, body, file)
        except _NoSuccess as error:
            refused = error.response
        if refused is not None:
            yield refused
            return
        raw = response.aiter_raw()
        try:
            yield _http_response(response, lambda: anext(raw, b""))
        finally:
            await raw.aclose()
            await response.aclose()

    def words(self, error: BaseException) -> str | None:
        """Say what broke."""
        return words_of(error, proxied=self._config.proxy is not None)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        sign_in, self._sign_in = self._sign_in, None
        if self._loop is not asyncio.get_running_loop():
            return
        if client is not None:
            await client.close()
        if sign_in is not None:
            await sign_in.close()

    async def _send(
        self, path: str, body: Mapping[str, Any] | None, file: Path | None
    ) -> "httpx2.Response":
        import httpx2
        import openai

        client = self._opened()
        kind = None if body is None else "application/json" if file is None else _FORM
        how: Any = {
            "cast_to": httpx2.Response,
            "options": {"headers": await self._headers(client, kind)},
            "stream": True,
            "stream_cls": openai.AsyncStream[object],
        }
        if body is None:
            request = client.get(f"/{path}", **how)
        else:
            files = None if file is None else [("file", file)]
            request = client.post(f"/{path}", body=body, files=files, **how)
        try:
            return cast("httpx2.Response", await request)
        except openai.APIError:
            raise
        except openai.OpenAIError:  # what signs for AWS found nothing to sign with
            host = host_of(self._config.base_url or "")
            raise KeyRejected(
                f"{host}: neither a key nor AWS credentials were found",
                hint="aws configure, or export AWS_BEARER_TOKEN_BEDROCK=…",
            ) from None

    async def _headers(self, client: "openai.AsyncOpenAI", kind: str | None) -> dict[str, Any]:
        """Return our headers, with every other one that openai would add marked as left out."""
        ours = request_headers(self._config)
        if self._config.credentials == "entra":
            self._sign_in = self._sign_in or EntraSignIn(self._config)
            ours["Authorization"] = f"Bearer {await self._sign_in.token()}"
        if kind is not None:
            ours["Content-Type"] = kind
        names = {name.lower() for name in ours}
        theirs = (*client.default_headers, *_PER_REQUEST, "Authorization", "api-key")
        return {name: self._omit for name in theirs if name.lower() not in names} | ours

    def _opened(self) -> "openai.AsyncOpenAI":
        """One client for each event loop: connections cannot move between loops."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop, self._sign_in = loop, None
            self._client = self._new_client()
        return self._client

    def _new_client(self) -> "openai.AsyncOpenAI":
        import openai

        config = self._config
        # What is not passed is looked up in the environment. The key is a header of ours.
        how: Any = {
            "organization": "", "project": "", "webhook_secret": "", "timeout": None,
            "max_retries": 0, "http_client": _http_client(config),
        }  # fmt: skip
        if config.credentials == "aws":
            from openai.providers import bedrock

            region = _AWS_HOST.match(config.base_url or "")
            signing = bedrock(
                endpoint="runtime", base_url=config.base_url, api_key=None,
                region=region[1] if region else None,
            )  # fmt: skip
            return openai.AsyncOpenAI(provider=signing, **how)
        how |= {"api_key": "-", "admin_api_key": "", "base_url": config.base_url}
        if config.api_version is not None:
            return openai.AsyncAzureOpenAI(api_version=config.api_version, **how)
        return openai.AsyncOpenAI(**how)


def words_of(error: BaseException, *, proxied: bool) -> str | None:
    """Say what broke, by the errors that openai's was raised from."""
    import httpx2

    if isinstance(error, _LongHeader):
        return LONG_HEADER
    causes = error_chain(error)
    first = next((cause for cause in causes if isinstance(cause, httpx2.HTTPError)), None)
    failed = next((cause for cause in reversed(causes) if isinstance(cause, OSError)), None)
    match first:
        case httpx2.ProxyError():
            return f"the proxy answers {str(first)[:3]}"
        case httpx2.ConnectError() if isinstance(failed, socket.gaierror):
            return "no such host"
        case httpx2.ConnectError() if isinstance(failed, ssl.SSLEOFError):
            return "no connection (closed at once)"
        case httpx2.ConnectError() if isinstance(failed, ssl.SSLError):
            return "no trusted TLS connection"
        case httpx2.ConnectError() if proxied:
            return "the proxy cannot be reached"
        case httpx2.ConnectError():
            reason = failed.strerror if failed else None
            return f"no connection ({(reason or 'closed at once').lower()})"
        case httpx2.RemoteProtocolError() if "buffer" in str(first):
            return LONG_HEADER
        case httpx2.RemoteProtocolError() | httpx2.ReadError() | httpx2.WriteError():
            return "the connection was closed before the answer"
    return None


def _http_client(config: ProviderConfig) -> "httpx2.AsyncClient":
    import httpx2

    proxy = httpx2.Proxy(config.proxy) if config.proxy else None
    if (config.base_url or "").startswith("http:") and not config.proxy:
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody: reading whom takes 30 ms
    else:
        trusted = ssl.create_default_context()  # httpx2's own would not read SSL_CERT_FILE
    if proxy is not None and proxy.url.scheme == "https":
        proxy.ssl_context = trusted
    client = httpx2.AsyncClient(
        trust_env=False, proxy=proxy, verify=trusted,
        follow_redirects=False, timeout=None,
        limits=httpx2.Limits(
            max_connections=None, max_keepalive_connections=None, keepalive_expiry=IDLE
        ),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        event_hooks={"response": [_check]},
    )  # fmt: skip
    del client.headers["connection"]
    return client


class _NoSuccess(Exception):
    """A response that is no answer: openai would read all of its body, however long."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


class _LongHeader(Exception):
    """A header of a response is longer than its cap."""


async def _check(response: "httpx2.Response") -> None:
    """Stop a response before openai reads it: an error's body and a header have caps."""
    if any(len(value) > HEADER_CAP for _, value in response.headers.raw):
        raise _LongHeader
    if response.status_code >= 300:
        raise _NoSuccess(await _read_up(response))


async def _read_up(response: "httpx2.Response") -> HttpResponse:
    """Return a response with its body read up to the cap; as empty where that breaks off."""
    import httpx2

    body = b""
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > _FAULT_CAP:
                break
    except httpx2.HTTPError:
        body = b""
    chunks = iter([body])

    async def read() -> bytes:
        return next(chunks, b"")

    return _http_response(response, read)


def _http_response(response: "httpx2.Response", read: Any) -> HttpResponse:
    return HttpResponse(response.status_code, response.headers.multi_items(), read)
