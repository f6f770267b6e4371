"""Who answers for each reviewer of a tool: its own judge, or a fallback where that one cannot.

One review is answered by one model: a fallback begins it again. Knows no questions.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from panel.foundation.errors import CallError, RunStopped
from panel.llm.calls import ChatClient, Pacing
from panel.llm.config import ProviderConfig
from panel.llm.types import CallRecord, ChatResponse, Recorder
from panel.reviews.plan import ReviewPlan
from panel.reviews.review import Missing, Review

RESTED: Final = Pacing(rest=300.0)
"""Of a provider behind which another one stands: found down, it is not asked for five minutes."""
STORED: Final = Pacing(first_wait=0.0, tries=1, tool_requests=10**9, trip_after=10**9)
"""Of stored answers: one that is not there does not come later."""

Clients = Callable[[str, str], ChatClient]
"""Returns the client of a persona and a fallback; of "" that of the persona's own judge."""
Stored = Mapping[tuple[str, int], Review | Missing]
"""Answers that are not asked again, by persona and sample."""


def pacing_of(plan: ReviewPlan, config: ProviderConfig) -> Pacing | None:
    """Return how a judge of a plan is paced; None as a provider is by itself."""
    if config.kind == "replay":
        return STORED
    chains = [
        [plan.asking({p.name: name}).of(p.name).judge.provider for name in plan.chain(p.name)]
        for p in plan.personas
    ]
    return RESTED if any(config.provider in chain[:-1] for chain in chains) else None


def first_asked(plan: ReviewPlan, client: Clients, stored: Stored) -> dict[str, str]:
    """Return by persona the fallback that is asked first about a tool; "" is its own judge.

    A reviewer of which answers are stored stays with who gave them. A provider that was found down
    is passed over.
    """
    if not plan.fallbacks and not plan.earlier_fallbacks:
        return {persona.name: "" for persona in plan.personas}
    asked = last_asked(plan, stored)
    for name, at in asked.items():
        if all((name, sample) in stored for sample in range(plan.samples)):
            continue
        chain = plan.chain(name)
        chain = chain[chain.index(at) :] if at in chain else chain
        asked[name] = _available(plan, name, client, chain)
    return asked


def last_asked(plan: ReviewPlan, stored: Stored) -> dict[str, str]:
    """Return by persona the fallback that was asked last for the stored answers about a tool."""
    by_persona: dict[str, list[str]] = {persona.name: [] for persona in plan.personas}
    for (name, _), answer in stored.items():
        by_persona.setdefault(name, []).append(answer.fallback)
    return {name: plan.furthest(fallbacks) for name, fallbacks in by_persona.items()}


def next_asked(
    plan: ReviewPlan, client: Clients, asked: Mapping[str, str], failed: Mapping[str, CallError]
) -> dict[str, str]:
    """Return by persona who is asked after those whose provider could not answer.

    Raises:
        RunStopped: nobody is left to ask.
    """
    later = dict(asked)
    for persona, error in failed.items():
        chain = plan.chain(persona)
        behind = chain[chain.index(asked[persona]) + 1 :]
        if not behind:
            raise RunStopped(error.message, hint=error.hint)
        later[persona] = _available(plan, persona, client, behind)
    return later


def goes_over(plan: ReviewPlan, client: Clients, persona: str, asked: str) -> bool:
    """Tell whether a review ends where this one cannot answer, to begin again or stop the run."""
    chain = plan.chain(persona)
    if plan.judge.run:
        return False  # who answered is known of each review
    return asked in chain and (asked != chain[-1] or client(persona, asked).is_rested)


def _available(plan: ReviewPlan, persona: str, client: Clients, chain: tuple[str, ...]) -> str:
    """Return the first of a chain that can be asked now, else its last."""
    return next((name for name in chain if client(persona, name).is_available), chain[-1])


class NamingRecorder:
    """A recorder that names the provider of each call: one that is a fallback of the run."""

    def __init__(self, inner: Recorder, provider: str) -> None:
        self._inner = inner
        self._provider = provider

    def find(self, key: str) -> ChatResponse | None:
        """Return a usable stored reply to the same question, or None."""
        return self._inner.find(key)

    async def record(self, call: CallRecord) -> None:
        """Store the call with its provider."""
        await self._inner.record(replace(call, provider=self._provider))
