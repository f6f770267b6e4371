"""Transports over a client of the caller's own: it is used as it is, and never closed here.

The body of an openai client's response is read under the same caps as our own's. huggingface_hub
gives replies that it has read itself, so only the deadline bounds them.
"""

import inspect
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

from panel.foundation.errors import BadReply
from panel.foundation.text import printable
from panel.llm.openai_compat.official import words_of
from panel.llm.openai_compat.transport import HttpResponse, Transport

ClientKind = Literal["openai", "hub"]


def client_kind(client: object) -> ClientKind | None:
    """Tell `openai.AsyncOpenAI` and `AsyncInferenceClient` by what they can; None for neither."""
    if not hasattr(type(client), "__aenter__"):  # the blocking clients have the same methods
        return None
    if hasattr(client, "chat_completion"):
        return "hub"
    return "openai" if hasattr(client, "with_options") and hasattr(client, "chat") else None


def own_transport(client: Any) -> Transport:
    """Return the transport over a client that `client_kind` knows."""
    if client_kind(client) == "hub":
        return _HubTransport(client)
    return _OpenAIClientTransport(client.with_options(max_retries=0))


class _OwnTransport:
    """What both have in common."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def broken(self) -> tuple[type[BaseException], ...]:
        """What the HTTP clients raise that are loaded, and openai's own error around them."""
        libraries = [module for n in ("httpx2", "httpx") if (module := sys.modules.get(n))]
        official = sys.modules.get("openai")
        return (
            *(library.HTTPError for library in libraries),
            *([official.APIConnectionError] if official else []),
        )

    def words(self, error: BaseException) -> str | None:
        """Say what broke."""
        return words_of(error, proxied=False)

    async def close(self) -> None:
        """Leave the client open: it is the caller's."""


class _OpenAIClientTransport(_OwnTransport):
    @asynccontextmanager
    async def send(self, path: str, body: Mapping[str, Any] | None) -> AsyncIterator[HttpResponse]:
        """Ask for a chat completion; `path` is the client's affair."""
        assert body is not None  # no model is looked up with a client of the caller's own
        create = self._client.chat.completions.with_streaming_response.create
        async with AsyncExitStack() as stack:
            failed: Any = None
            try:
                reply = await stack.enter_async_context(create(**_arguments(create, body)))
            except Exception as error:
                if not hasattr(failed := getattr(error, "response", None), "status_code"):
                    raise
            if failed is not None:
                yield _whole(failed.status_code, failed.headers, failed.content)
                return
            raw = reply.http_response.aiter_raw()
            stack.push_async_callback(raw.aclose)
            yield HttpResponse(
                reply.status_code, list(reply.headers.items()), lambda: anext(raw, b"")
            )


class _HubTransport(_OwnTransport):
    @asynccontextmanager
    async def send(self, path: str, body: Mapping[str, Any] | None) -> AsyncIterator[HttpResponse]:
        """Ask for a chat completion, never as a stream; `path` is the client's affair."""
        assert body is not None
        whole = {name: body[name] for name in body if name not in ("stream", "stream_options")}
        ask = self._client.chat_completion
        try:
            response = _whole(200, {}, json.dumps(await ask(**_arguments(ask, whole))).encode())
        except json.JSONDecodeError as error:
            response = _whole(200, {}, error.doc.encode("utf-8", "replace"))
        except Exception as error:
            failed: Any = getattr(error, "response", None)
            if isinstance(error, ValueError) and failed is None:
                words = " ".join(printable(str(error)).split())[:200]
                raise BadReply(f"the client turns the request down: {words}") from None
            if not hasattr(failed, "status_code"):
                raise
            response = _whole(failed.status_code, failed.headers, failed.content)
        yield response


def _arguments(call: Callable[..., Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body as arguments; what the client has no name for goes into `extra_body`."""
    names = inspect.signature(call).parameters
    others = {name: value for name, value in body.items() if name not in names}
    own = {name: value for name, value in body.items() if name in names}
    return own | ({"extra_body": others} if others else {})


def _whole(status: int, headers: Mapping[str, str], body: bytes) -> HttpResponse:
    """Return a response that was read, and decompressed, by the client."""
    pairs = [(k, v) for k, v in headers.items() if k.lower() != "content-encoding"]
    chunks = iter([body])

    async def read() -> bytes:
        return next(chunks, b"")

    return HttpResponse(status, pairs, read)
