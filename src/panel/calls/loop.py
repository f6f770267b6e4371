"""The one retry loop: a question is sent until there is an answer or a reason why not.

What is worth another request is decided by the class of the error alone.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from tenacity import AsyncRetrying, RetryCallState

from panel.calls.gate import Gate
from panel.calls.ladder import Ladder
from panel.calls.room import Room
from panel.errors import (
    CallError,
    Empty,
    Filtered,
    FormatRefused,
    NeedsRoom,
    ParameterRefused,
    RateLimited,
    Refused,
    TimedOut,
    Unreachable,
)
from panel.providers.message import CallRecord, Endpoint, Question, Recorder, Reply, Tag, Usage
from panel.providers.target import Format

T = TypeVar("T")

MAX_PARAMETERS = 6
"""A server may turn down so many parameters, one by one, before its word is taken as final."""


@dataclass
class Asked(Generic[T]):
    """One question on its way: what it is, and what its attempts have cost so far."""

    question: Question
    key: str
    tag: Tag
    parse: Callable[[Reply], T]
    deadline: float
    """Seconds left for requests and the waits between them; the gate's waits do not count."""
    attempts: int = 0
    faults: int = 0
    repeats: int = 0
    parameters: int = 0
    spent: list[Usage] = field(default_factory=list)
    wait: float | None = None
    """Seconds until the next attempt; None: there is none."""


class Loop:
    """Asks an endpoint through a gate, and keeps every attempt before anyone sees its answer."""

    def __init__(
        self, endpoint: Endpoint, gate: Gate, ladder: Ladder, recorder: Recorder, room: Room
    ) -> None:
        self.endpoint = endpoint
        self.gate = gate
        self.ladder = ladder
        self.recorder = recorder
        self.room = room
        self.under_way: set[asyncio.Task[object]] = set()

    async def answer(self, asked: Asked[T]) -> tuple[T, Reply]:
        """Return the parsed answer and its reply, or raise the error that remains."""
        retrying = AsyncRetrying(retry=_again(asked), wait=_pause(asked), reraise=True)
        return await retrying(self._one, asked)

    async def _one(self, asked: Asked[T]) -> tuple[T, Reply]:
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

    async def _attempt(self, asked: Asked[T], began: float) -> tuple[T, Reply]:
        """Send the question once; the turn is held until the outcome is on disk."""
        asked.attempts += 1
        if self.room.tokens > asked.question.room:
            asked.question = replace(asked.question, room=self.room.tokens)
        format = self.ladder.format(asked.question)
        started = datetime.now(UTC)
        try:
            reply = await self._sent(asked, format, began)
            value = _parsed(asked, reply)
        except CallError as fault:
            self._judge(asked, fault, format, began)
            await self._record(asked, started, began, fault)
            raise
        else:
            self.gate.answered()
            await self._record(asked, started, began, reply)
            return value, reply
        finally:
            self.gate.leave()

    async def _sent(self, asked: Asked[T], format: Format, began: float) -> Reply:
        clock = asyncio.get_running_loop().time
        try:
            return await self.endpoint.ask(asked.question, format, deadline=asked.deadline)
        except RateLimited:
            began = clock()  # being turned away uses up nothing
            raise
        finally:
            asked.deadline -= clock() - began

    def _judge(self, asked: Asked[T], fault: CallError, format: Format, began: float) -> None:
        """Tell the gate what happened, and decide whether another attempt is worth it."""
        match fault:
            case RateLimited():
                self.gate.limited(fault, began)
                asked.wait = 0.0
                return
            case Unreachable():
                self.gate.failed()
                asked.wait = self._after_fault(asked)
                return
            case TimedOut():
                self.gate.failed()
                return
        self.gate.answered()
        if fault.stops_run:
            self.gate.stop(fault)
        elif isinstance(fault, FormatRefused):
            asked.wait = 0.0 if self.ladder.refused(format) else None
        elif isinstance(fault, NeedsRoom):
            asked.wait = 0.0 if self.room.widen(asked.question, fault) else None
        elif isinstance(fault, ParameterRefused):
            asked.parameters += 1
            asked.wait = 0.0 if asked.parameters <= MAX_PARAMETERS else None
        elif isinstance(fault, Refused | Empty | Filtered):
            asked.repeats += 1
            asked.wait = 0.0 if asked.repeats == 1 else None
        if asked.deadline <= 0:
            asked.wait = None

    def _after_fault(self, asked: Asked[T]) -> float | None:
        if self.gate.tripped:
            return 0.0  # the gate makes it wait; an outage uses up nobody's tries
        asked.faults += 1
        wait = self.gate.backoff(asked.faults)
        if asked.faults >= self.gate.pacing.tries or wait >= asked.deadline:
            return None
        asked.deadline -= wait
        return wait

    async def _record(
        self, asked: Asked[T], started: datetime, began: float, outcome: Reply | CallError
    ) -> None:
        fault = outcome if isinstance(outcome, CallError) else None
        reply = outcome.reply if isinstance(outcome, CallError) else outcome
        kept = reply if isinstance(reply, Reply) else None
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


def _parsed(asked: Asked[T], reply: Reply) -> T:
    try:
        return asked.parse(reply)
    except CallError as fault:
        fault.reply = reply
        raise


def _again(asked: Asked[T]) -> Callable[[RetryCallState], bool]:
    def decide(state: RetryCallState) -> bool:
        fault = state.outcome.exception() if state.outcome else None
        return isinstance(fault, CallError) and asked.wait is not None

    return decide


def _pause(asked: Asked[T]) -> Callable[[RetryCallState], float]:
    return lambda state: asked.wait or 0.0
