"""The lean wire: aiohttp, a sixth of the official client's CPU a call."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from panel.foundation.quick_json import json_bytes
from panel.llm.config import ProviderConfig
from panel.llm.openai_compat.transport import (
    HEADER_CAP,
    IDLE,
    LONG_HEADER,
    HttpResponse,
    request_headers,
    request_path,
)

_HEADERS_CUT: Final = re.compile("Got more than|Too many (?:headers|trailers)")
"""aiohttp's own error for them arrives wrapped; its words are all that tells."""


class LeanTransport:
    """An aiohttp client, as a `Transport`."""

    broken: tuple[type[BaseException], ...] = (aiohttp.ClientError, HttpProcessingError)

    def __init__(self, config: ProviderConfig) -> None:
        self._config = config
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def send(self, path: str, body: Mapping[str, Any] | None) -> AsyncIterator[HttpResponse]:
        """Send `POST base_url/path` with a JSON body, or `GET` without one."""
        headers, data = request_headers(self._config), None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json_bytes(body)
        url = f"{self._config.base_url}/{request_path(self._config, path)}"
        async with self._opened().request(
            "GET" if body is None else "POST", url, data=data, headers=headers,
            allow_redirects=False, proxy=self._config.proxy,
        ) as response:  # fmt: skip
            yield HttpResponse(
                response.status, list(response.headers.items()), response.content.readany
            )

    def words(self, error: BaseException) -> str | None:
        """Say what broke, for aiohttp's own errors."""
        if _HEADERS_CUT.match(getattr(error, "message", "")):
            return LONG_HEADER
        match error:
            case aiohttp.ClientConnectorDNSError():
                return "no such host"
            case aiohttp.ClientSSLError():
                return "no trusted TLS connection"
            case aiohttp.ClientProxyConnectionError():
                return "the proxy cannot be reached"
            case aiohttp.ClientHttpProxyError():
                return f"the proxy answers {error.status}"
            case aiohttp.ClientConnectorError():
                return f"no connection ({(error.os_error.strerror or 'closed at once').lower()})"
            case aiohttp.ServerDisconnectedError():
                return "the connection was closed before the answer"
        return None

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        """One session for each event loop: connections cannot move between loops."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._loop = loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False, trust_env=False,
                max_line_size=HEADER_CAP, max_field_size=HEADER_CAP,
            )  # fmt: skip
        return self._session
