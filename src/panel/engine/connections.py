"""Opened providers, and those that outlive one session: a client's connections and local model."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.types import ChatRequest, ChatResponse, Endpoint
from panel.reviews.plan import ReviewPlan


@dataclass(frozen=True)
class OpenedProvider:
    """A provider ready to be asked; whoever opened it closes the endpoint."""

    config: ProviderConfig
    """Completed with what only the provider knows, for instance its one model."""
    endpoint: Endpoint
    warnings: tuple[str, ...] = ()
    """Lines for every scorecard."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of programs that answer on this machine, for the manifest."""
    replayed: ReviewPlan | None = None
    """The plan of the run that is replayed, without its personas."""


class Connections:
    """One endpoint a configuration, opened at its first use and closed with all others.

    Two that differ in their wire alone share their turns: the limit is the provider's.
    """

    def __init__(self) -> None:
        self._open: list[tuple[ProviderConfig, Endpoint, OpenedProvider]] = []
        self._opening = asyncio.Lock()

    async def get(
        self, config: ProviderConfig, connect: Callable[[], Awaitable[OpenedProvider]]
    ) -> OpenedProvider:
        """Return the provider of a configuration; closing its endpoint leaves it open."""
        async with self._opening:
            for known, _, provider in self._open:
                if known == config:
                    return provider
            provider = await connect()
            endpoint = provider.endpoint
            turns = self._turns_of(config) or asyncio.Semaphore(provider.config.concurrency)
            provider = replace(provider, endpoint=_SharedEndpoint(endpoint, turns))
            self._open.append((config, endpoint, provider))
            return provider

    def _turns_of(self, config: ProviderConfig) -> asyncio.Semaphore | None:
        """Return the turns of the same provider over another wire, where that is open."""
        for known, _, provider in self._open:
            shared = provider.endpoint
            if isinstance(shared, _SharedEndpoint) and _same_but_wire(known, config):
                return shared.turns
        return None

    async def close(self) -> None:
        """Close every endpoint."""
        closing, self._open = self._open, []
        for _, endpoint, _ in closing:
            await endpoint.close()


def _same_but_wire(a: ProviderConfig, b: ProviderConfig) -> bool:
    return a.model_copy(update={"wire": b.wire}) == b


class _SharedEndpoint:
    """An endpoint shared by sessions, which together ask at most as many at once as have turns."""

    def __init__(self, inner: Endpoint, turns: asyncio.Semaphore) -> None:
        self._inner = inner
        self.turns = turns

    async def ask(
        self, request: ChatRequest, format: ResponseFormat, *, deadline: float
    ) -> ChatResponse:
        async with self.turns:
            return await self._inner.ask(request, format, deadline=deadline)

    async def close(self) -> None:
        """Leave the endpoint open: `Connections` closes it."""
