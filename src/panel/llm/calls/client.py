"""`ChatClient`: answers requests, many at a time, from the store or from the model.

A request's key is the digest of what it means, not of where or when: equal keys, equal answers.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import Final, Generic, TypeVar

from panel.foundation.errors import BadReply, CallError, PanelError, RunStopped
from panel.foundation.quick_json import sorted_json
from panel.foundation.urls import host_of
from panel.llm.calls.fallback import AnswerRoom, FormatFallback
from panel.llm.calls.limiter import Limiter, Pacing
from panel.llm.calls.retry import PendingCall, RetryLoop
from panel.llm.config import ProviderConfig
from panel.llm.types import (
    CallTag,
    ChatRequest,
    ChatResponse,
    Endpoint,
    Recorder,
    RepairTail,
    Usage,
    summed,
)

_TAG: Final = "q1:"
"""Version of the digest; changes with its input, so that stored answers are not confused."""


def request_digest(request: ChatRequest) -> str:
    """Return the digest of everything that can change the answer but the model.

    The fence's marker is left out: it depends on the installation, not on the question.
    """
    schema = "null" if request.schema is None else sorted_json(request.schema, compact=True)
    rest = [request.max_tokens, schema, request.logprobs, request.temperature, request.sample]
    numbers = [part if part is schema else _json(part) for part in rest]
    digest = _begun(request.system, request.shared).copy()
    digest.update(f"{_json(request.tail)},{','.join(numbers)}]".encode())
    return digest.hexdigest()


@lru_cache(maxsize=256)
def _begun(system: str, shared: str) -> "hashlib._Hash":
    """Return the digest as far as all questions about a tool share it."""
    return hashlib.sha256(f"[{_json(system)},{_json(shared)},".encode())


def request_key(request: ChatRequest, config: ProviderConfig) -> str:
    """Return the key of a request to a provider: its name and model, not its address or key."""
    asked = f'["{request_digest(request)}",{_json(config.provider)},{_json(config.wire_model)}]'
    return _TAG + hashlib.sha256(asked.encode()).hexdigest()


_json: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


_TOOLS: Final = 4_096
"""Tools whose places are remembered: more than are ever under way."""

T = TypeVar("T")


@dataclass(frozen=True)
class ParsedAnswer(Generic[T]):
    """An answer, the reply it was read from, and what all its attempts used."""

    value: T
    response: ChatResponse
    usage: Usage
    reused: bool
    """Read from stored answers: no request was sent, `usage` is that of the stored call."""


class ChatClient:
    """All requests of one run to one provider: rate-limited together, each attempt recorded."""

    def __init__(
        self,
        endpoint: Endpoint,
        config: ProviderConfig,
        recorder: Recorder,
        *,
        pacing: Pacing | None = None,
    ) -> None:
        self.config = config
        self._recorder = recorder
        host = host_of(config.base_url) if config.base_url else f"provider {config.provider}"
        self._limiter = Limiter(
            config.concurrency, pacing or Pacing(), host, finds_limit=config.finds_limit
        )
        self._order: dict[str, int] = {}
        self._places = count()
        self._loop = RetryLoop(
            endpoint,
            self._limiter,
            FormatFallback(config.format),
            recorder,
            AnswerRoom(config.thinking),
        )

    async def ask(
        self,
        request: ChatRequest,
        *,
        tag: CallTag,
        parse: Callable[[ChatResponse], T],
        repair: RepairTail | None = None,
    ) -> ParsedAnswer[T]:
        """Return the parsed answer to a question.

        Args:
            request: What to ask.
            tag: What it is about, recorded with it.
            parse: Reads the reply; raises `BadReply` when it is not an answer.
            repair: Writes the end of one more turn for a reply that cannot be read; None: no turn.

        Raises:
            CallError: the error that remains after what is worth repeating was repeated.
            RunStopped: the run was stopped, or the server asks for too long a wait.
        """
        key = request_key(request, self.config)
        if (answer := self._stored(key, parse)) is not None:
            return answer
        call = PendingCall(request, key, tag, parse, self.config.deadline, self._place(tag.tool))
        try:
            value, response = await self._loop.answer(call)
        except BadReply as error:
            # A stored failure is that of the question with its repair: they have one key.
            if (
                repair is None
                or self.config.run
                or not isinstance(error.reply, ChatResponse)
                or error.reply.raw.get("error")
            ):
                raise
            value, response = await self._repaired(call, error, error.reply, repair)
        if call.attempts > 1:
            response = replace(response, attempts=call.attempts)
        spent = call.spent[0] if len(call.spent) == 1 else summed(call.spent)
        return ParsedAnswer(value, response, spent, False)

    def check(self) -> None:
        """Raise the reason if no request may begin now."""
        self._limiter.check()

    @property
    def is_available(self) -> bool:
        """Whether a request may begin: neither was the run stopped nor the provider found down."""
        try:
            self._limiter.check()
        except PanelError:
            return False
        return True

    @property
    def is_rested(self) -> bool:
        """Whether a provider that is found down is not waited for: another one is asked."""
        return self._limiter.pacing.rest is not None

    def stop(self) -> None:
        """Begin no more requests: later and waiting callers get `RunStopped`.

        Requests under way continue and are recorded, also when their caller is cancelled: `drain`
        waits for them.
        """
        self._limiter.stop(RunStopped("the run was stopped", hint="panel resume RUN goes on"))

    async def drain(self, seconds: float) -> None:
        """Wait up to so many seconds for requests under way, then give up those that are left."""
        under_way = set(self._loop.under_way)
        if not under_way:
            return
        _, late = await asyncio.wait(under_way, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    @property
    def limit(self) -> int:
        """Calls that may be under way now: where the limit is to be found, what was found."""
        return int(self._limiter.limit)

    @property
    def found_limit(self) -> int | None:
        """Calls that the provider takes at a time, as far as it was found.

        None where a number was named, and where too few calls were under way to find it.
        """
        return self.limit if self.config.finds_limit and self._limiter.was_full else None

    def _place(self, tool: str) -> int:
        """Return the place of a tool: those begun first are finished first."""
        if (place := self._order.get(tool)) is None:
            place = self._order[tool] = next(self._places)
            if len(self._order) > _TOOLS:
                del self._order[next(iter(self._order))]
        return place

    def _stored(self, key: str, parse: Callable[[ChatResponse], T]) -> ParsedAnswer[T] | None:
        if (response := self._recorder.find(key)) is None:
            return None
        try:
            return ParsedAnswer(parse(response), response, response.usage, True)
        except CallError:
            return None  # read differently today: ask again

    async def _repaired(
        self, call: PendingCall[T], error: BadReply, response: ChatResponse, repair: RepairTail
    ) -> tuple[T, ChatResponse]:
        """Ask once more with the error shown, under the same key: it answers the same request."""
        text = response.text
        if marker := call.request.marker:
            text = text.replace(marker, "")  # the model has read it, and may close the fence
        tail = repair(call.request.tail, reply=text, problem=error.message)
        call.request = replace(call.request, tail=tail)
        call.tag = replace(call.tag, step="repair")
        call.seconds_left = call.deadline
        return await self._loop.answer(call)
