"""The retry loop: a request is sent until there is an answer or a final error.

The class of the error alone decides whether there is another attempt.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from panel.foundation.errors import (
    BadReply,
    CallError,
    Empty,
    Filtered,
    FormatRefused,
    KeyRejected,
    NeedsRoom,
    ParameterRefused,
    RateLimited,
    Refused,
    TimedOut,
    Truncated,
    Unreachable,
    Untrusted,
)
from panel.llm.calls.fallback import AnswerRoom, FormatFallback
from panel.llm.calls.limiter import Limiter
from panel.llm.config import ResponseFormat
from panel.llm.types import (
    CallRecord,
    CallTag,
    ChatRequest,
    ChatResponse,
    Endpoint,
    Recorder,
    Usage,
)

T = TypeVar("T")

MAX_PARAMETERS = 10
"""Rejected parameters, one by one, after which the error is final."""

MAX_UNEXPLAINED_403S = 3
"""Unexplained 403 in a row after which the key counts as rejected, though it worked before."""


@dataclass
class PendingCall(Generic[T]):
    """A request under way, and the cost of its attempts so far."""

    request: ChatRequest
    key: str
    tag: CallTag
    parse: Callable[[ChatResponse], T]
    deadline: float
    """Seconds for requests and the waits between them; the limiter's waits do not count."""
    order: int = 0
    """Place of its tool among those that are asked about: earlier ones go first."""
    seconds_left: float = 0.0
    """Seconds left of the deadline."""
    attempts: int = 0
    failures: int = 0
    """Failures that count against this question: the server answered others meanwhile."""
    since: float = 0.0
    """When the first of them was known, in the loop's time."""
    below: int = 0
    """Formats, strictest first, this request could not be answered in."""
    repeats: int = 0
    parameters: int = 0
    cut: int = 0
    """Answers that hit the token limit."""
    spent: list[Usage] = field(default_factory=list)
    wait: float | None = None
    """Seconds until the next attempt; None: there is none."""

    def __post_init__(self) -> None:
        """Begin with the whole deadline."""
        self.seconds_left = self.deadline


class RetryLoop:
    """Sends requests through a limiter; records each attempt before its answer is returned."""

    def __init__(
        self,
        endpoint: Endpoint,
        limiter: Limiter,
        formats: FormatFallback,
        recorder: Recorder,
        room: AnswerRoom,
    ) -> None:
        self.endpoint = endpoint
        self.limiter = limiter
        self.formats = formats
        self.recorder = recorder
        self.room = room
        self.under_way: set[asyncio.Task[object]] = set()
        self._open = 0
        self._key_is_good = False
        self._unexplained_403s = 0

    async def answer(self, call: PendingCall[T]) -> tuple[T, ChatResponse]:
        """Return the parsed answer and its reply, or raise the error that remains."""
        self._open += 1
        try:
            while True:
                try:
                    return await self._shielded_attempt(call)
                except CallError:
                    if call.wait is None:
                        raise
                await asyncio.sleep(call.wait)
        finally:
            self._open -= 1

    async def _shielded_attempt(self, call: PendingCall[T]) -> tuple[T, ChatResponse]:
        call.wait = None
        began = await self.limiter.acquire(call.order)
        task = asyncio.create_task(self._attempt(call, began))
        self.under_way.add(task)
        task.add_done_callback(self._discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # A stopped run records the requests under way: they are billed anyway.
            if not self.limiter.stopped:
                task.cancel()
            raise

    def _discard(self, task: asyncio.Task[object]) -> None:
        self.under_way.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, for the caller may have been cancelled

    async def _attempt(self, call: PendingCall[T], began: float) -> tuple[T, ChatResponse]:
        """Send the request once; its slot is freed after the outcome is on disk."""
        call.attempts += 1
        if self.room.tokens > call.request.room:
            call.request = replace(call.request, room=self.room.tokens)
        format = self.formats.format(call.request, below=call.below)
        started = datetime.now(UTC)
        try:
            response = await self._send(call, format, began)
            value = _parsed(call, response)
        except CallError as raised:
            error = self._reclassified(raised)
            self._judge(call, error, format, began)
            await self._record(call, started, began, error)
            raise error from None
        else:
            self.limiter.answered(began)
            self.formats.accepted(format)
            self._key_is_good, self._unexplained_403s = True, 0
            await self._record(call, started, began, response)
            return value, response
        finally:
            self.limiter.release()

    async def _send(
        self, call: PendingCall[T], format: ResponseFormat, began: float
    ) -> ChatResponse:
        clock = asyncio.get_running_loop().time
        try:
            return await self.endpoint.ask(call.request, format, deadline=call.seconds_left)
        except RateLimited:
            began = clock()  # a 429 uses up none of the deadline
            raise
        finally:
            call.seconds_left -= clock() - began

    def _reclassified(self, error: CallError) -> CallError:
        """Return an unexplained 403 as an error of one request, where the key worked before."""
        if not isinstance(error, KeyRejected) or error.certain or not self._key_is_good:
            return error
        self._unexplained_403s += 1
        if self._unexplained_403s >= MAX_UNEXPLAINED_403S:
            return error
        return BadReply(error.message, hint=error.hint)

    def _judge(
        self, call: PendingCall[T], error: CallError, format: ResponseFormat, began: float
    ) -> None:
        """Tell the limiter what happened, and decide whether another attempt is worth it."""
        match error:
            case RateLimited():
                self.limiter.limited(error, began)
                call.wait = 0.0
                return
            case Untrusted():
                self.limiter.stop(error)
                return
            case Unreachable() | TimedOut():
                self.limiter.failed(error, began)
                call.wait = self._wait_after_failure(call, error, began)
                return
        self.limiter.answered(began)
        if error.stops_run:
            self.limiter.stop(error)
        elif isinstance(error, FormatRefused):
            call.wait = 0.0 if self._lower(call, error, format) else None
        elif isinstance(error, NeedsRoom):
            call.wait = 0.0 if self.room.widen(call.request, error) else None
        elif isinstance(error, Truncated) and call.request.schema is not None:
            call.wait = self._longer(call)
        elif isinstance(error, ParameterRefused):
            call.parameters += 1
            call.wait = 0.0 if call.parameters <= MAX_PARAMETERS else None
        elif isinstance(error, Refused | Empty | Filtered) and error.reply is not None:
            call.repeats += 1
            call.wait = 0.0 if call.repeats == 1 else None
        if call.seconds_left <= 0:
            call.wait = None

    def _lower(self, call: PendingCall[T], error: FormatRefused, format: ResponseFormat) -> bool:
        if not error.once:
            return self.formats.refused(format)
        call.below += 1
        return self.formats.malformed(format)

    def _longer(self, call: PendingCall[T]) -> float | None:
        """Give a structured answer that was cut off as much room again, once: a part is no use."""
        call.cut += 1
        room = max(call.request.room, self.room.thinking) + call.request.max_tokens
        call.request = replace(call.request, room=room)
        return 0.0 if call.cut == 1 else None

    def _wait_after_failure(
        self, call: PendingCall[T], error: CallError, began: float
    ) -> float | None:
        """Return the seconds until the next attempt, or None to give the question up.

        A failure during an outage does not count as a try: the request waits at the limiter. A
        failure while other requests are answered counts, and a request has a few tries.
        """
        pacing = self.limiter.pacing
        asked_to_wait = error.retry_after is not None and not self.limiter.answered_since(began)
        if self.limiter.in_outage(began) or (asked_to_wait and pacing.rest is None):
            return self._reset_attempts(call)
        if call.failures == 0:
            call.since = asyncio.get_running_loop().time()
        call.failures += 1
        wait = self.limiter.backoff(call.failures)
        if self._may_retry(call, error, began, wait):
            call.seconds_left = (
                call.seconds_left - wait if isinstance(error, Unreachable) else call.deadline
            )
            return max(wait, error.retry_after or 0.0)
        # Where another provider is asked instead, one question is enough to take a server as down.
        is_outage = self._open > pacing.tool_requests or pacing.rest is not None
        if is_outage and not self.limiter.answered_since(call.since):
            self.limiter.trip(error)
            return self._reset_attempts(call)
        return None

    def _reset_attempts(self, call: PendingCall[T]) -> float:
        """Reset tries and deadline after an outage; the limiter decides when to continue."""
        call.failures, call.seconds_left = 0, call.deadline
        return 0.0

    def _may_retry(self, call: PendingCall[T], error: CallError, began: float, wait: float) -> bool:
        pacing = self.limiter.pacing
        if call.failures >= pacing.tries or (error.retry_after or 0.0) > pacing.longest_hint:
            return False
        if isinstance(error, Unreachable):
            return wait < call.seconds_left
        # Each try that times out takes the whole deadline; a question asked alone has one.
        spent = asyncio.get_running_loop().time() - call.since + call.deadline
        others_answered = self._open > 1 or self.limiter.answered_since(began)
        return others_answered and spent < self.limiter.patience

    async def _record(
        self,
        call: PendingCall[T],
        started: datetime,
        began: float,
        outcome: ChatResponse | CallError,
    ) -> None:
        error = outcome if isinstance(outcome, CallError) else None
        received = outcome.reply if isinstance(outcome, CallError) else outcome
        response = received if isinstance(received, ChatResponse) else None
        if response is not None:
            call.spent.append(response.usage)
        await self.recorder.record(
            CallRecord(
                key=call.key,
                tag=call.tag,
                question=call.request,
                attempt=call.attempts,
                started=started,
                seconds=asyncio.get_running_loop().time() - began,
                reply=response,
                reason=error.reason if error else None,
                detail=error.message if error else "",
                usable=error is None,
            )
        )


def _parsed(call: PendingCall[T], response: ChatResponse) -> T:
    try:
        return call.parse(response)
    except CallError as error:
        error.reply = response
        raise
