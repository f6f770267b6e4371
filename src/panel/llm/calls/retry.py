"""The one retry loop: a question is sent until there is an answer or a reason why not.

What is worth another request is decided by the class of the error alone.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from tenacity import AsyncRetrying, RetryCallState

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
"""A server may turn down so many parameters, one by one, before its word is taken as final."""

TURNED_AWAY = 3
"""So many unexplained 403 in a row are about the key after all, though it was good before."""


@dataclass
class PendingCall(Generic[T]):
    """One question on its way: what it is, and what its attempts have cost so far."""

    request: ChatRequest
    key: str
    tag: CallTag
    parse: Callable[[ChatResponse], T]
    deadline: float
    """Seconds for requests and the waits between them; the limiter's waits do not count."""
    left: float = 0.0
    """Seconds left of them."""
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
        self.left = self.deadline


class RetryLoop:
    """Sends requests through a limiter, and keeps every attempt before anyone sees its answer."""

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
        self._turned_away = 0

    async def answer(self, call: PendingCall[T]) -> tuple[T, ChatResponse]:
        """Return the parsed answer and its reply, or raise the error that remains."""
        retrying = AsyncRetrying(retry=_again(call), wait=_pause(call), reraise=True)
        self._open += 1
        try:
            return await retrying(self._one, call)
        finally:
            self._open -= 1

    async def _one(self, call: PendingCall[T]) -> tuple[T, ChatResponse]:
        call.wait = None
        began = await self.limiter.enter()
        task = asyncio.create_task(self._attempt(call, began))
        self.under_way.add(task)
        task.add_done_callback(self._over)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # A run that is stopped keeps what is under way: it is paid for.
            if not self.limiter.stopped:
                task.cancel()
            raise

    def _over(self, task: asyncio.Task[object]) -> None:
        self.under_way.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever asked may be gone

    async def _attempt(self, call: PendingCall[T], began: float) -> tuple[T, ChatResponse]:
        """Send the question once; the turn is held until the outcome is on disk."""
        call.attempts += 1
        if self.room.tokens > call.request.room:
            call.request = replace(call.request, room=self.room.tokens)
        format = self.formats.format(call.request, below=call.below)
        started = datetime.now(UTC)
        try:
            response = await self._sent(call, format, began)
            value = _parsed(call, response)
        except CallError as raised:
            error = self._weighed(raised)
            self._judge(call, error, format, began)
            await self._record(call, started, began, error)
            raise error from None
        else:
            self.limiter.answered()
            self.formats.held(format)
            self._key_is_good, self._turned_away = True, 0
            await self._record(call, started, began, response)
            return value, response
        finally:
            self.limiter.leave()

    async def _sent(
        self, call: PendingCall[T], format: ResponseFormat, began: float
    ) -> ChatResponse:
        clock = asyncio.get_running_loop().time
        try:
            return await self.endpoint.ask(call.request, format, deadline=call.left)
        except RateLimited:
            began = clock()  # being turned away uses up nothing
            raise
        finally:
            call.left -= clock() - began

    def _weighed(self, error: CallError) -> CallError:
        """Take an unexplained 403 to a key that was good before for a word on one question."""
        if not isinstance(error, KeyRejected) or error.certain or not self._key_is_good:
            return error
        self._turned_away += 1
        if self._turned_away >= TURNED_AWAY:
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
                call.wait = self._after_fault(call, error, began)
                return
        self.limiter.answered()
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
        if call.left <= 0:
            call.wait = None

    def _lower(self, call: PendingCall[T], error: FormatRefused, format: ResponseFormat) -> bool:
        if not error.once:
            return self.formats.refused(format)
        call.below += 1
        return self.formats.mismade(format)

    def _longer(self, call: PendingCall[T]) -> float | None:
        """Give a structured answer that was cut off as much room again, once: a part is no use."""
        call.cut += 1
        room = max(call.request.room, self.room.thinking) + call.request.max_tokens
        call.request = replace(call.request, room=room)
        return 0.0 if call.cut == 1 else None

    def _after_fault(self, call: PendingCall[T], error: CallError, began: float) -> float | None:
        """Return the seconds until the next attempt, or None to give the question up.

        An outage uses up nobody's tries, whatever its shape: what fails while nobody is answered
        waits at the limiter. What fails while others are answered has a few tries.
        """
        told_to_wait = error.retry_after is not None and not self.limiter.answered_since(began)
        if self.limiter.in_outage(began) or told_to_wait:
            return self._begin_again(call)
        if call.failures == 0:
            call.since = asyncio.get_running_loop().time()
        call.failures += 1
        wait = self.limiter.backoff(call.failures)
        if self._worth_another(call, error, began, wait):
            call.left = call.left - wait if isinstance(error, Unreachable) else call.deadline
            return max(wait, error.retry_after or 0.0)
        if self._open > self.limiter.pacing.few and not self.limiter.answered_since(call.since):
            self.limiter.trip(error)
            return self._begin_again(call)
        return None

    def _begin_again(self, call: PendingCall[T]) -> float:
        """Give back what an outage took; the limiter says when to go on."""
        call.failures, call.left = 0, call.deadline
        return 0.0

    def _worth_another(
        self, call: PendingCall[T], error: CallError, began: float, wait: float
    ) -> bool:
        pacing = self.limiter.pacing
        if call.failures >= pacing.tries or (error.retry_after or 0.0) > pacing.longest_hint:
            return False
        if isinstance(error, Unreachable):
            return wait < call.left
        # Each try that times out takes the whole deadline; a question asked alone has one.
        spent = asyncio.get_running_loop().time() - call.since + call.deadline
        others = self._open > 1 or self.limiter.answered_since(began)
        return others and spent < self.limiter.patience

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


def _again(call: PendingCall[T]) -> Callable[[RetryCallState], bool]:
    def decide(state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        return isinstance(error, CallError) and call.wait is not None

    return decide


def _pause(call: PendingCall[T]) -> Callable[[RetryCallState], float]:
    return lambda state: call.wait or 0.0
