"""The local engine: an `Endpoint` that owns the child process holding the model.

The child is started by the first question and restarted after a crash. A question that was being
answered when two children died is not sent to a third one. `openai_compat` sends requests and reads
replies; `process` starts and ends children.
"""

import asyncio
import importlib.metadata
from typing import Final

from panel.foundation.errors import Unreachable
from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.local.models import LocalModel
from panel.llm.local.process import EngineProcess, advice, start
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.types import ChatRequest, ChatResponse

CRASHES: Final = 2
"""Children one question may take down: the first, and the one restarted for it."""


class LocalEngine:
    """Answers questions with a model file on this machine, one at a time."""

    def __init__(self, model: LocalModel, config: ProviderConfig, *, n_ctx: int = 8192) -> None:
        """Start nothing yet. `n_ctx` is the context in tokens, prompt and answer together."""
        self._model = model
        self._config = config
        self._n_ctx = n_ctx
        self._lock = asyncio.Lock()
        self._child: EngineProcess | None = None
        self._client: OpenAICompatClient | None = None
        self._crashed_requests: list[ChatRequest] = []

    async def ask(
        self, request: ChatRequest, format: ResponseFormat, *, deadline: float
    ) -> ChatResponse:
        """Return the reply, starting the child where needed; `deadline` counts without the start.

        Raises a `CallError`, `Unreachable` among them when the child died, or a `ModelError` when
        the model cannot be loaded at all.
        """
        async with self._lock:
            if self._crashed_requests.count(request) >= CRASHES:
                raise Unreachable(f"the local engine died {CRASHES} times on this question")
            try:
                client = await self._running()
                return await client.ask(request, format, deadline=deadline)
            except Unreachable as error:
                raise await self._crash_error(error, request) from None

    async def close(self) -> None:
        """End the child and wait for it."""
        async with self._lock:
            await self._stop()

    async def _running(self) -> OpenAICompatClient:
        """Return the client of a running child, started here where there is none."""
        if self._client and self._child and self._child.alive:
            return self._client
        await self._stop()
        self._child = await start(self._model.path, n_ctx=self._n_ctx, alias=self._model.name)
        changes = {"base_url": self._child.base_url, "key": self._child.key, "proxy": None}
        self._client = OpenAICompatClient(self._config.model_copy(update=changes))
        return self._client

    async def _crash_error(self, error: Unreachable, request: ChatRequest) -> Unreachable:
        """Return what to raise; a death, also one while starting, counts against the question."""
        death = await self._child.death() if self._child else ""
        if death is None:
            return error
        self._crashed_requests.append(request)
        await self._stop()
        if not death:
            return error
        return Unreachable(f"the local engine died ({death}) while it answered", hint=advice(death))

    async def _stop(self) -> None:
        client, child = self._client, self._child
        self._client = self._child = None
        if client:
            await client.close()
        if child:
            await child.stop()


def engine_version() -> str:
    """Return the version of the embedded llama.cpp package without loading it; "" without one."""
    try:
        return importlib.metadata.version("xllamacpp")
    except importlib.metadata.PackageNotFoundError:
        return ""
