"""The limiter: how many calls may be under way, when all wait, and when the run stops.

One limiter for one provider and key. It grows as `growth` says and shrinks multiplicatively on 429
(once an episode), applies one shared pause to all calls, and opens a circuit breaker when nothing
answers: single probes go through until one is answered. Knows times and counts, no requests.
"""

import asyncio
import heapq
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from panel.foundation.errors import CallError, PanelError, RunStopped
from panel.llm.calls.growth import Growth


@dataclass(frozen=True)
class Pacing:
    """The numbers of limiter and retry loop, in seconds and counts. Tests make them small."""

    start: int = 16
    """Calls under way at first."""
    shrink: float = 0.75
    grow_every: int = 25
    """Answers for one more call under way; before the first 429 ten are enough."""
    first_wait: float = 1.0
    """Pause after a 429 without a usable hint, and before the first repeat; doubles from there."""
    last_wait: float = 60.0
    longest_hint: float = 300.0
    """Where a server asks for a longer wait, the run stops and can be resumed."""
    trip_after: int = 20
    """Failures in a row, of all calls together, that open the breaker."""
    probe_every: float = 5.0
    patience: float = 900.0
    """Time without a single answer, paused or tripped, after which the run stops."""
    first_patience: float = 120.0
    """The same for a server that has not answered once and names no wait."""
    tries: int = 3
    """Requests for one question when it fails while the server answers others."""
    tool_requests: int = 4
    """Requests under way of one tool; where more fail together, the server is taken as down."""
    rest: float | None = None
    """Time for which a server that answers nobody is not asked, because another provider is asked
    instead; None: nobody is, and it is waited for."""


class Limiter:
    """Limits the calls under way. Every `acquire` is followed by one `release`."""

    def __init__(
        self, concurrency: int, pacing: Pacing, host: str, *, finds_limit: bool = False
    ) -> None:
        self.pacing = pacing
        self.host = host
        self.concurrency = concurrency
        self.limit = float(min(concurrency, pacing.start))
        self.running = 0
        self._growth = Growth(pacing.grow_every, self.limit, finds_limit=finds_limit)
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = count()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped: PanelError | None = None
        self.was_full = False
        """Whether the limit was tried: as many calls were under way, or a 429 came."""
        self._down: CallError | None = None
        self._down_until = 0.0
        self._paused_until = 0.0
        self._last_cut = -1.0
        self._episodes = 0
        self._failures = 0
        self._next_probe: float | None = None
        self._closed_at = -1.0
        self._silent_since: float | None = None
        self._answered_at = -1.0
        self._hint_received = False

    async def acquire(self, order: int = 0) -> float:
        """Wait for a turn; return the loop's time at which it begins. Raises once stopped.

        Those of a lower order go first, of one order those that came first.
        """
        self.check()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (order, next(self._arrivals), waiter))
        self._admit()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release()
            raise
        return _now()

    def release(self) -> None:
        """Free the slot of a finished call."""
        self.running -= 1
        self._admit()

    def check(self) -> None:
        """Raise the reason if the limiter was stopped, or the server is not asked for a while."""
        if self._stopped is not None:
            raise _copy(self._stopped)
        if self._down is not None:
            if _now() < self._down_until:
                raise _copy(self._down)
            # The breaker is still open where it was: a single probe goes first.
            self._down = None

    def stop(self, reason: PanelError) -> None:
        """Admit no more calls; waiting ones raise the reason."""
        self._stopped = self._stopped or reason
        self._refuse_waiting(self._stopped)

    def _refuse_waiting(self, reason: PanelError) -> None:
        while self._queue:
            _, _, waiter = self._queue.pop()
            if not waiter.done():
                waiter.set_exception(_copy(reason))

    def _leave(self, error: CallError, seconds: float) -> None:
        """Ask the server no more for so long: those that wait, and come, raise the error."""
        self._down, self._down_until = error, _now() + seconds
        self._refuse_waiting(error)

    @property
    def stopped(self) -> bool:
        """Whether no more calls are admitted."""
        return self._stopped is not None

    @property
    def tripped(self) -> bool:
        """Whether the breaker is open: only probes go through."""
        return self._next_probe is not None

    def in_outage(self, began: float) -> bool:
        """Tell whether a request that began then fell into an outage, over or not."""
        return self.tripped or began <= self._closed_at

    @property
    def answered_ever(self) -> bool:
        """Whether the server has answered a question yet."""
        return self._answered_at >= 0

    @property
    def patience(self) -> float:
        """Seconds without a single answer after which waiting is given up."""
        reachable = self.answered_ever or self._hint_received
        return self.pacing.patience if reachable else self.pacing.first_patience

    def answered_since(self, moment: float) -> bool:
        """Tell whether the server has answered any call after that time of the loop."""
        return self._answered_at > moment

    def answered(self, began: float | None = None) -> None:
        """The server answered, whatever it was, a request that began then: the breaker closes."""
        self._reset_breaker()
        now = self._answered_at = _now()
        self._silent_since = None
        self._hint_received = False
        self._episodes = 0
        busy = self.running >= int(self.limit)
        self.was_full = self.was_full or busy
        wanted = self._growth.step(self.limit, busy=busy, began=began, now=now)
        self.limit = min(self.concurrency, wanted)

    def limited(self, error: CallError, began: float) -> None:
        """A 429 to a request that began then: pause all, and shrink once an episode."""
        self._reset_breaker()
        now, hint = _now(), error.retry_after
        # What was doubled may be twice of what the provider allows.
        shrink = 0.5 if self._growth.doubling else self.pacing.shrink
        self._growth.limited()
        self.was_full = True
        if began > self._last_cut:
            self._last_cut = now
            self._episodes += 1
            self.limit = max(1.0, self.limit * shrink)
        wait = hint if hint is not None else self.backoff(self._episodes)
        if hint is not None or self._paused_until <= now:
            self._pause(error, now, wait)
        self._stop_when_silent(now, error)

    def failed(self, error: CallError, began: float) -> None:
        """A request that began then got no answer at all.

        All calls observe a wait that the server asks for, unless it answers others meanwhile.
        """
        now = _now()
        hint = None if self.answered_since(began) else error.retry_after
        self._failures += 1
        if self.tripped or self._failures >= self.pacing.trip_after:
            self.trip(error)
        elif hint is not None:
            self._stop_when_silent(now, error)
        if hint is not None:
            self._pause(error, now, hint)

    def trip(self, error: CallError) -> None:
        """Open the breaker, or keep it open: the next request is a probe."""
        now = _now()
        self._next_probe = max(self._next_probe or 0.0, now + self.pacing.probe_every)
        if self.pacing.rest is not None:
            return self._leave(error, self.pacing.rest)
        return self._stop_when_silent(now, error)

    def backoff(self, nth: int) -> float:
        """Return the seconds to wait before the nth repeat: doubling, with jitter, capped."""
        wait = self.pacing.first_wait * float(2 ** min(nth - 1, 20))
        return min(self.pacing.last_wait, wait * random.uniform(0.75, 1.25))

    def _reset_breaker(self) -> None:
        if self.tripped:
            self._closed_at, self._down = _now(), None
        self._failures = 0
        self._next_probe = None

    def _pause(self, error: CallError, now: float, wait: float) -> None:
        """Admit no call for `wait` seconds; a wait over the cap stops the run."""
        if error.retry_after is not None:
            self._hint_received = True
            if wait > self.pacing.longest_hint:
                if self.pacing.rest is not None:
                    return self._leave(error, wait)
                return self.stop(_too_long(error, wait))
        self._paused_until = max(self._paused_until, now + wait)
        return None

    def _stop_when_silent(self, now: float, error: CallError) -> None:
        self._silent_since = now if self._silent_since is None else self._silent_since
        if now - self._silent_since >= self.patience:
            if self.pacing.rest is not None:
                return self._leave(error, self.pacing.rest)
            waited = f"{self.patience / 60:.0f} minutes"
            self.stop(RunStopped(f"{error.message}; no answer in {waited}", hint=_RESUME))
        return None

    def _admit(self) -> None:
        """Admit waiting calls in order; where a pause remains, schedule the next attempt."""
        now = _now()
        while self._queue and self._stopped is None:
            if (delay := self._delay(now)) > 0:
                return self._schedule(delay)
            if not self.tripped and self.running >= max(1, int(self.limit)):
                return None
            _, _, waiter = heapq.heappop(self._queue)
            if waiter.done():
                continue
            if self.tripped:
                self._next_probe = now + self.pacing.probe_every
            self.running += 1
            waiter.set_result(None)
        return None

    def _delay(self, now: float) -> float:
        return max(self._paused_until, self._next_probe or 0.0) - now

    def _schedule(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, self._admit)


_RESUME = "panel resume RUN goes on where it stopped"


def _now() -> float:
    return asyncio.get_running_loop().time()


def _copy(error: PanelError) -> PanelError:
    return type(error)(error.message, hint=error.hint)


def _too_long(error: CallError, seconds: float) -> RunStopped:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    wait = f"{seconds:,.0f} s, until {until:%Y-%m-%d %H:%M} UTC"
    return RunStopped(f"{error.message}; it asks for a wait of {wait}", hint=_RESUME)
