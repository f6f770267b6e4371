"""Endpoints that outlive one session: connections and the local model of a client."""

import asyncio
from collections.abc import Awaitable, Callable

from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.types import ChatRequest, ChatResponse, Endpoint

Opened = tuple[Endpoint, ProviderConfig, tuple[str, ...]]
"""An endpoint, its target as the server completed it, and warnings for every scorecard."""


class Connections:
    """One endpoint for each target, opened at its first use and closed with all others."""

    def __init__(self) -> None:
        self._open: list[tuple[ProviderConfig, Endpoint, Opened]] = []
        self._opening = asyncio.Lock()

    async def get(self, target: ProviderConfig, connect: Callable[[], Awaitable[Opened]]) -> Opened:
        """Return the endpoint of a target; its `close` leaves it open for the next session."""
        async with self._opening:
            for known, _, opened in self._open:
                if known == target:
                    return opened
            endpoint, completed, warnings = await connect()
            opened = _KeptOpen(endpoint, completed.concurrency), completed, warnings
            self._open.append((target, endpoint, opened))
            return opened

    async def close(self) -> None:
        """Close every endpoint."""
        closing, self._open = self._open, []
        for _, endpoint, _ in closing:
            await endpoint.close()


class _KeptOpen:
    """An endpoint shared by sessions, which together ask at most `concurrency` at once."""

    def __init__(self, inner: Endpoint, concurrency: int) -> None:
        self._inner = inner
        self._turns = asyncio.Semaphore(concurrency)

    async def ask(
        self, question: ChatRequest, format: ResponseFormat, *, deadline: float
    ) -> ChatResponse:
        async with self._turns:
            return await self._inner.ask(question, format, deadline=deadline)

    async def close(self) -> None:
        """Leave the endpoint open: `Connections` closes it."""
