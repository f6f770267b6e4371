"""Caps of a run: what it may cost, how many calls it may take, and for how long.

A cap is checked before each call, so that a run goes over it by no more than the calls under way.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from panel.foundation.errors import CallError, InputError, RunStopped
from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.types import ChatRequest, ChatResponse, Endpoint

UNPRICED: Final = "--allow-unpriced"


@dataclass(frozen=True)
class Caps:
    """What a user allows a run; None is no cap. Not stored: a resume has its own."""

    max_cost: float | None = None
    """US dollars for all calls of the run, those before a resume included."""
    max_calls: int | None = None
    """Calls of the run, likewise; each attempt is one."""
    deadline: float | None = None
    """Seconds from the beginning of this work."""
    allow_unpriced: bool = False
    """Calls of unknown price are made under a cap on cost, and not counted by it."""

    @property
    def counts(self) -> bool:
        """Whether what was spent before counts."""
        return self.max_cost is not None or self.max_calls is not None

    def check_prices(self, judges: Iterable[ProviderConfig]) -> None:
        """Raise `InputError` where a cap on cost cannot be held: a price is not known."""
        if self.max_cost is None or self.allow_unpriced:
            return
        for judge in judges:
            if not is_free(judge) and not judge.prices:
                raise InputError(
                    f"a cap on cost cannot be held: the price of {judge.model} through"
                    f" {judge.provider} is not known",
                    hint=f"price = [IN, OUT] in panel.toml, USD per million tokens, or {UNPRICED}",
                )


class Spent(NamedTuple):
    """What the calls of a run took so far."""

    calls: int = 0
    cost: float = 0.0
    """US dollars of those calls whose price is known."""
    unpriced: int = 0
    """Calls that were answered and whose price is not known."""


def is_free(judge: ProviderConfig) -> bool:
    """Tell whether calls cost nothing: the model runs in this process, or answers are stored."""
    return judge.kind in ("local", "replay")


class CapGuard:
    """Counts the calls of one run, and stops it at the first cap that is reached."""

    def __init__(self, caps: Caps, before: Spent, stop: Callable[[], None]) -> None:
        """`before` is what stored calls took; `stop` begins no more calls."""
        self.caps = caps
        self.calls, self.cost, self._unpriced = before
        self.reached: RunStopped | None = None
        self._stop = stop

    def before_call(self) -> None:
        """Count a call that is about to be made; raises `RunStopped` where a cap is reached."""
        caps = self.caps
        if self.reached is None:
            if caps.max_calls is not None and self.calls >= caps.max_calls:
                more = f"--max-calls {2 * caps.max_calls}"
                self._reach(f"--max-calls {caps.max_calls:,} is reached", more)
            elif caps.max_cost is not None and self.cost >= caps.max_cost:
                spent = f"${self.cost:,.4f} for {self.calls:,} calls"
                more = f"--max-cost {2 * caps.max_cost:g}"
                self._reach(f"--max-cost {caps.max_cost:g} is reached: {spent}", more)
            elif caps.max_cost is not None and self._unpriced and not caps.allow_unpriced:
                self._reach(f"{self._unpriced:,} calls came back without a price", UNPRICED)
        if self.reached is not None:
            raise self.reached
        self.calls += 1

    def answered(self, response: object, *, free: bool) -> None:
        """Count what an answer cost, usable or not."""
        if free or not isinstance(response, ChatResponse):
            return
        if response.usage.cost_usd is None:
            self._unpriced += 1
        else:
            self.cost += response.usage.cost_usd

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Stop the run at its deadline, while the body runs."""
        if (seconds := self.caps.deadline) is None:
            yield
            return
        message = f"--deadline is reached: {seconds:g} s have passed"
        timer = asyncio.get_running_loop().call_later(seconds, self._reach, message, "")
        try:
            yield
        finally:
            timer.cancel()

    def _reach(self, message: str, option: str) -> None:
        self.reached = RunStopped(message, hint=f"panel resume RUN {option}".strip())
        self._stop()


class CappedEndpoint:
    """An endpoint whose calls a guard allows and counts."""

    def __init__(self, inner: Endpoint, guard: CapGuard, *, free: bool) -> None:
        self._inner = inner
        self._guard = guard
        self._free = free

    async def ask(
        self, request: ChatRequest, format: ResponseFormat, *, deadline: float
    ) -> ChatResponse:
        """Return the reply; raises `RunStopped` instead of asking where a cap is reached."""
        self._guard.before_call()
        try:
            response = await self._inner.ask(request, format, deadline=deadline)
        except CallError as error:
            self._guard.answered(error.reply, free=self._free)
            raise
        self._guard.answered(response, free=self._free)
        return response

    async def close(self) -> None:
        """Close the endpoint."""
        await self._inner.close()
