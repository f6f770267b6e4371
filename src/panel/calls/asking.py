"""`Calls`: asks one question at a time of many in flight, from the store or from the model."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from panel.calls.gate import Gate, Pacing
from panel.calls.keys import request_key
from panel.calls.ladder import Ladder
from panel.calls.loop import Asked, Loop
from panel.calls.room import Room
from panel.errors import BadReply, CallError, RunStopped
from panel.prompts import repair_tail
from panel.providers.address import host_of
from panel.providers.message import Endpoint, Question, Recorder, Reply, Tag, Usage, summed
from panel.providers.target import Target

T = TypeVar("T")


@dataclass(frozen=True)
class Answered(Generic[T]):
    """An answer, the reply it was read from, and what all its attempts used."""

    value: T
    reply: Reply
    usage: Usage
    reused: bool
    """Found among stored answers: nothing was asked, `usage` is what it cost then."""


class Calls:
    """All questions of one run to one target: paced together, each attempt kept."""

    def __init__(
        self,
        endpoint: Endpoint,
        target: Target,
        recorder: Recorder,
        *,
        pacing: Pacing | None = None,
    ) -> None:
        self.target = target
        self._recorder = recorder
        host = host_of(target.base_url) if target.base_url else f"provider {target.provider}"
        self._gate = Gate(target.concurrency, pacing or Pacing(), host)
        self._loop = Loop(
            endpoint, self._gate, Ladder(target.format), recorder, Room(target.thinking)
        )

    async def ask(
        self, question: Question, *, tag: Tag, parse: Callable[[Reply], T], repair: bool = False
    ) -> Answered[T]:
        """Return the parsed answer to a question.

        Args:
            question: What to ask.
            tag: What it is about, kept beside it.
            parse: Reads the reply; raises `BadReply` when it is not an answer.
            repair: Whether a reply that cannot be read gets one more turn, shown what was wrong.

        Raises:
            CallError: the error that remains after what is worth repeating was repeated.
            RunStopped: the run was stopped, or the server cannot be waited for any longer.
        """
        key = request_key(question, self.target)
        if (found := self._stored(key, parse)) is not None:
            return found
        asked = Asked(question, key, tag, parse, self.target.deadline)
        try:
            value, reply = await self._loop.answer(asked)
        except BadReply as fault:
            if not repair or not isinstance(fault.reply, Reply) or fault.reply.raw.get("error"):
                raise
            value, reply = await self._repaired(asked, fault, fault.reply)
        return Answered(value, replace(reply, attempts=asked.attempts), summed(asked.spent), False)

    def stop(self) -> None:
        """Begin no more requests: who asks from now on, or waits for a turn, gets `RunStopped`.

        Requests under way go on and are kept, also when whoever asked is cancelled: `drain` waits.
        """
        self._gate.stop(RunStopped("the run was stopped", hint="panel resume RUN goes on"))

    async def drain(self, seconds: float) -> None:
        """Wait up to so many seconds for requests under way, then give up those that are left."""
        under_way = set(self._loop.under_way)
        if not under_way:
            return
        _, late = await asyncio.wait(under_way, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _stored(self, key: str, parse: Callable[[Reply], T]) -> Answered[T] | None:
        if (reply := self._recorder.find(key)) is None:
            return None
        try:
            return Answered(parse(reply), reply, reply.usage, True)
        except CallError:
            return None  # read differently today: ask again

    async def _repaired(self, asked: Asked[T], fault: BadReply, reply: Reply) -> tuple[T, Reply]:
        """One turn with the fault shown. Kept under the same key: it answers the same question."""
        said = reply.text
        if marker := asked.question.marker:
            said = said.replace(marker, "")  # the model has read it, and may close the fence
        tail = repair_tail(asked.question.tail, reply=said, problem=fault.message)
        asked.question = replace(asked.question, tail=tail)
        asked.tag = replace(asked.tag, step="repair")
        asked.left = asked.deadline
        return await self._loop.answer(asked)
