"""What carries a request to a server and its response back: one protocol, a module a client.

A transport never retries, follows no redirect, adds no header and reads no body: deadlines, caps
and the meaning of a response are `client.OpenAICompatClient`'s, the same over every transport.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

from panel.llm.config import ProviderConfig

HEADER_CAP: Final = 65_536
"""Bytes of one header of a response: policies, traces and cookies of gateways grow long."""
IDLE: Final = 15.0
"""Seconds for which a connection without a request stays open."""

LONG_HEADER: Final = (
    f"a header of its response is longer than {HEADER_CAP // 1024} kB, or there are too many"
)


@dataclass(frozen=True)
class HttpResponse:
    """A response whose head has come."""

    status: int
    headers: Sequence[tuple[str, str]]
    read: Callable[[], Awaitable[bytes]]
    """Returns the next bytes of the body as they were sent, still compressed; b"" at its end."""

    def header(self, name: str) -> str:
        """Return the first value of a header; "" where there is none."""
        return self._first.get(name, "")

    @cached_property
    def _first(self) -> dict[str, str]:
        return {key.lower(): value for key, value in reversed(self.headers)}


class Transport(Protocol):
    """One HTTP client, to one server."""

    @property
    def broken(self) -> tuple[type[BaseException], ...]:
        """What the client raises where no whole response comes, besides `OSError`."""
        ...

    def send(
        self, path: str, body: Mapping[str, Any] | None
    ) -> AbstractAsyncContextManager[HttpResponse]:
        """Send `POST base_url/path` with a JSON body, or `GET` without one.

        A response that is left unread is cut off: its connection is closed.
        """
        ...

    def words(self, error: BaseException) -> str | None:
        """Say in words of our own what broke: a client's message may hold an address."""
        ...

    async def close(self) -> None:
        """Close the connections. The transport may be used again: it then opens new ones."""
        ...


def request_headers(config: ProviderConfig) -> dict[str, str]:
    """Return the headers of every request to a server, but for those about its body."""
    headers = {**config.headers, "Accept-Encoding": "gzip, identity", "User-Agent": "panel-verdict",
               "Accept": "application/json, text/event-stream"}  # fmt: skip
    if config.key is not None:
        key, name = config.key.get_secret_value(), config.key_header
        headers[name] = f"Bearer {key}" if name == "Authorization" else key
    return headers


def request_path(config: ProviderConfig, path: str) -> str:
    """Return a path below `base_url`, as Azure's dated versions write it where one is named."""
    if config.api_version is None:
        return path
    deployment = f"deployments/{config.wire_model}/" if path == "chat/completions" else ""
    return f"{deployment}{path}?api-version={config.api_version}"


def error_chain(error: BaseException) -> list[BaseException]:
    """Return an error and what it was raised from; of a group its last one."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        wrapped = getattr(cause, "certificate_error", None)  # aiohttp's way
        if isinstance(cause, BaseExceptionGroup):
            wrapped = cause.exceptions[-1]
        cause = wrapped or cause.__cause__ or cause.__context__
    return found
