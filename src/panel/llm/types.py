"""A request to a model and its response, in our own terms: what every endpoint shares."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from panel.evidence.fence import FENCE as FENCE
from panel.foundation.errors import MissingReason
from panel.llm.config import ResponseFormat


class Usage(BaseModel):
    """Tokens of one or more calls. A figure that the server does not state is None, never 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_tokens: int | None = 0
    """All prompt tokens, cached ones included."""
    cached_tokens: int | None = 0
    output_tokens: int | None = 0
    cost_usd: float | None = None


def summed(parts: Sequence[Usage]) -> Usage:
    """Add up usage; each figure is known only where it is known of every part."""
    costs = [part.cost_usd for part in parts]
    return Usage(
        input_tokens=_sum([part.input_tokens for part in parts]),
        cached_tokens=_sum([part.cached_tokens for part in parts]),
        output_tokens=_sum([part.output_tokens for part in parts]),
        cost_usd=sum(c for c in costs if c is not None) if None not in costs and costs else None,
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    present = [count for count in counts if count is not None]
    return sum(present) if len(present) == len(counts) else None


@dataclass(frozen=True)
class ChatRequest:
    """One question. `shared` is byte-identical for all asked about a tool; `tail` differs."""

    system: str
    shared: str
    """Rules, tool and fenced evidence, with `FENCE` where the fence's marker goes."""
    tail: str
    """Persona, its question and the answer format."""
    max_tokens: int
    schema: dict[str, Any] | None = None
    """JSON Schema of the portable subset, or None for free text."""
    logprobs: bool = False
    """Ask for the 20 likeliest tokens at each place."""
    temperature: float = 0.0
    sample: int = 0
    """0-based; also the seed."""
    marker: str = ""
    """The fence's marker, filled in when the question is sent; not part of its meaning."""
    room: int = 0
    """Tokens beyond `max_tokens` for a model that thinks first; not part of its meaning."""

    def messages(self) -> list[dict[str, str]]:
        """One system and one user message, as sent: some chat templates refuse two in a row."""
        user = self.shared.replace(FENCE, self.marker) + self.tail.replace(FENCE, self.marker)
        system = self.system.replace(FENCE, self.marker)
        return [{"role": "system", "content": system}, {"role": "user", "content": user}]


@dataclass(frozen=True)
class ChatResponse:
    """The response of a model, parsed as far as the protocol defines it."""

    text: str
    finish_reason: str | None
    usage: Usage
    model: str | None
    """The model the server says it used."""
    served_by: str | None = None
    """`x-inference-provider`: who answered behind the router."""
    request_id: str | None = None
    top_logprobs: tuple[dict[str, float], ...] = ()
    """Per output token: the likeliest tokens and their natural-log probabilities; () if none."""
    raw: dict[str, Any] = field(default_factory=dict)
    """The reply body as received."""
    format: ResponseFormat = "json_schema"
    """The requested response format."""
    attempts: int = 1
    seconds: float = 0.0


class RepairTail(Protocol):
    """Writes the follow-up request after a reply that could not be parsed."""

    def __call__(self, tail: str, *, reply: str, problem: str) -> str:
        """Return the question's end with the reply and what is wrong with it."""
        ...


class Endpoint(Protocol):
    """Answers one request with one attempt: an HTTP client, the local engine, a replay."""

    async def ask(
        self, request: ChatRequest, format: ResponseFormat, *, deadline: float
    ) -> ChatResponse:
        """Return the reply or raise one of `errors.CallError`; never retries."""
        ...

    async def close(self) -> None:
        """Release sockets and child processes."""
        ...


@dataclass(frozen=True)
class CallTag:
    """What a request is about: recorded with the call, not part of its key."""

    tool: str
    """The tool's slug."""
    persona: str
    step: str
    """`judge`, `write`, `rewrite`, `repair`, `answer:CRITERION`, `cite:CRITERION`, `stance`, …"""


@dataclass(frozen=True)
class CallRecord:
    """One attempt as the journal records it: the request, and the raw response or the error."""

    key: str
    """Digest of the question's meaning, provider and model: equal keys, equal answers."""
    tag: CallTag
    question: ChatRequest
    attempt: int
    started: datetime
    seconds: float
    reply: ChatResponse | None
    """None when the attempt failed."""
    reason: MissingReason | None = None
    detail: str = ""
    usable: bool = True
    """False when the reply could not be used (refused, empty, invalid): never reused."""
    provider: str = ""
    """Who was asked, where that is a fallback of the run; else empty."""


class Recorder(Protocol):
    """Stores and finds calls: the journal of a run, or memory in tests."""

    def find(self, key: str) -> ChatResponse | None:
        """Return a usable stored reply to the same question, or None."""
        ...

    async def record(self, call: CallRecord) -> None:
        """Store the call; returns after it is on disk."""
        ...
