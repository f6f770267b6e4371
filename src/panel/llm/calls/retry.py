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

    question: ChatRequest
    key: str
    tag: CallTag
    parse: Callable[[ChatResponse], T]
    deadline: float
    """Seconds for requests and the waits between them; the gate's waits do not count."""
    left: float = 0.0
    """Seconds left of them."""
    attempts: int = 0
    faults: int = 0
    """Failures that count against this question: the server answered others meanwhile."""
    since: float = 0.0
    """When the first of them was known, in the loop's time."""
    below: int = 0
    """Rungs of the ladder this question could not be answered on."""
    repeats: int = 0
    parameters: int = 0
    spent: list[Usage] = field(default_factory=list)
    wait: float | None = None
    """Seconds until the next attempt; None: there is none."""

    def __post_init__(self) -> None:
        """Begin with the whole deadline."""
        self.left = self.deadline


class RetryLoop:
    """Asks an endpoint through a gate, and keeps every attempt before anyone sees its answer."""

    def __init__(
        self,
        endpoint: Endpoint,
        gate: Limiter,
        ladder: FormatFallback,
        recorder: Recorder,
        room: AnswerRoom,
    ) -> None:
        self.endpoint = endpoint
        self.gate = gate
        self.ladder = ladder
        self.recorder = recorder
        self.room = room
        self.under_way: set[asyncio.Task[object]] = set()
        self._open = 0
        self._key_is_good = False
        self._turned_away = 0

    async def answer(self, asked: PendingCall[T]) -> tuple[T, ChatResponse]:
        """Return the parsed answer and its reply, or raise the error that remains."""
        retrying = AsyncRetrying(retry=_again(asked), wait=_pause(asked), reraise=True)
        self._open += 1
        try:
            return await retrying(self._one, asked)
        finally:
            self._open -= 1

    async def _one(self, asked: PendingCall[T]) -> tuple[T, ChatResponse]:
        asked.wait = None
        began = await self.gate.enter()
        task = asyncio.create_task(self._attempt(asked, began))
        self.under_way.add(task)
        task.add_done_callback(self._over)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # A run that was told to stop keeps what is under way: it is paid for.
            if not self.gate.stopped:
                task.cancel()
            raise

    def _over(self, task: asyncio.Task[object]) -> None:
        self.under_way.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever asked may be gone

    async def _attempt(self, asked: PendingCall[T], began: float) -> tuple[T, ChatResponse]:
        """Send the question once; the turn is held until the outcome is on disk."""
        asked.attempts += 1
        if self.room.tokens > asked.question.room:
            asked.question = replace(asked.question, room=self.room.tokens)
        format = self.ladder.format(asked.question, below=asked.below)
        started = datetime.now(UTC)
        try:
            reply = await self._sent(asked, format, began)
            value = _parsed(asked, reply)
        except CallError as found:
            fault = self._weighed(found)
            self._judge(asked, fault, format, began)
            await self._record(asked, started, began, fault)
            raise fault from None
        else:
            self.gate.answered()
            self.ladder.held(format)
            self._key_is_good, self._turned_away = True, 0
            await self._record(asked, started, began, reply)
            return value, reply
        finally:
            self.gate.leave()

    async def _sent(
        self, asked: PendingCall[T], format: ResponseFormat, began: float
    ) -> ChatResponse:
        clock = asyncio.get_running_loop().time
        try:
            return await self.endpoint.ask(asked.question, format, deadline=asked.left)
        except RateLimited:
            began = clock()  # being turned away uses up nothing
            raise
        finally:
            asked.left -= clock() - began

    def _weighed(self, fault: CallError) -> CallError:
        """Take an unexplained 403 to a key that was good before for a word on one question."""
        if not isinstance(fault, KeyRejected) or fault.certain or not self._key_is_good:
            return fault
        self._turned_away += 1
        if self._turned_away >= TURNED_AWAY:
            return fault
        return BadReply(fault.message, hint=fault.hint)

    def _judge(
        self, asked: PendingCall[T], fault: CallError, format: ResponseFormat, began: float
    ) -> None:
        """Tell the gate what happened, and decide whether another attempt is worth it."""
        match fault:
            case RateLimited():
                self.gate.limited(fault, began)
                asked.wait = 0.0
                return
            case Untrusted():
                self.gate.stop(fault)
                return
            case Unreachable() | TimedOut():
                self.gate.failed(fault, began)
                asked.wait = self._after_fault(asked, fault, began)
                return
        self.gate.answered()
        if fault.stops_run:
            self.gate.stop(fault)
        elif isinstance(fault, FormatRefused):
            asked.wait = 0.0 if self._lower(asked, fault, format) else None
        elif isinstance(fault, NeedsRoom):
            asked.wait = 0.0 if self.room.widen(asked.question, fault) else None
        elif isinstance(fault, ParameterRefused):
            asked.parameters += 1
            asked.wait = 0.0 if asked.parameters <= MAX_PARAMETERS else None
        elif isinstance(fault, Refused | Empty | Filtered) and fault.reply is not None:
            asked.repeats += 1
            asked.wait = 0.0 if asked.repeats == 1 else None
        if asked.left <= 0:
            asked.wait = None

    def _lower(self, asked: PendingCall[T], fault: FormatRefused, format: ResponseFormat) -> bool:
        if not fault.once:
            return self.ladder.refused(format)
        asked.below += 1
        return self.ladder.mismade(format)

    def _after_fault(self, asked: PendingCall[T], fault: CallError, began: float) -> float | None:
        """Return the seconds until the next attempt, or None to give the question up.

        An outage uses up nobody's tries, whatever its shape: what fails while nobody is answered
        waits at the gate. What fails while others are answered has a few tries.
        """
        told_to_wait = fault.retry_after is not None and not self.gate.answered_since(began)
        if self.gate.in_outage(began) or told_to_wait:
            return self._begin_again(asked)
        if asked.faults == 0:
            asked.since = asyncio.get_running_loop().time()
        asked.faults += 1
        wait = self.gate.backoff(asked.faults)
        if self._worth_another(asked, fault, began, wait):
            asked.left = asked.left - wait if isinstance(fault, Unreachable) else asked.deadline
            return max(wait, fault.retry_after or 0.0)
        if self._open > self.gate.pacing.few and not self.gate.answered_since(asked.since):
            self.gate.trip(fault)
            return self._begin_again(asked)
        return None

    def _begin_again(self, asked: PendingCall[T]) -> float:
        """Give back what an outage took; the gate says when to go on."""
        asked.faults, asked.left = 0, asked.deadline
        return 0.0

    def _worth_another(
        self, asked: PendingCall[T], fault: CallError, began: float, wait: float
    ) -> bool:
        pacing = self.gate.pacing
        if asked.faults >= pacing.tries or (fault.retry_after or 0.0) > pacing.longest_hint:
            return False
        if isinstance(fault, Unreachable):
            return wait < asked.left
        # Each try that times out takes the whole deadline; a question asked alone has one.
        spent = asyncio.get_running_loop().time() - asked.since + asked.deadline
        others = self._open > 1 or self.gate.answered_since(began)
        return others and spent < self.gate.patience

    async def _record(
        self,
        asked: PendingCall[T],
        started: datetime,
        began: float,
        outcome: ChatResponse | CallError,
    ) -> None:
        fault = outcome if isinstance(outcome, CallError) else None
        reply = outcome.reply if isinstance(outcome, CallError) else outcome
        kept = reply if isinstance(reply, ChatResponse) else None
        if kept is not None:
            asked.spent.append(kept.usage)
        await self.recorder.record(
            CallRecord(
                key=asked.key,
                tag=asked.tag,
                question=asked.question,
                attempt=asked.attempts,
                started=started,
                seconds=asyncio.get_running_loop().time() - began,
                reply=kept,
                reason=fault.reason if fault else None,
                detail=fault.message if fault else "",
                usable=fault is None,
            )
        )


def _parsed(asked: PendingCall[T], reply: ChatResponse) -> T:
    try:
        return asked.parse(reply)
    except CallError as fault:
        fault.reply = reply
        raise


def _again(asked: PendingCall[T]) -> Callable[[RetryCallState], bool]:
    def decide(state: RetryCallState) -> bool:
        fault = state.outcome.exception() if state.outcome else None
        return isinstance(fault, CallError) and asked.wait is not None

    return decide


def _pause(asked: PendingCall[T]) -> Callable[[RetryCallState], float]:
    return lambda state: asked.wait or 0.0
