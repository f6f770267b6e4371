"""An interview: one persona, one tool, and what both strategies need to ask questions of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from panel.llm.calls import ChatClient
from panel.llm.types import CallTag, ChatRequest, ChatResponse, RepairTail, Usage, summed
from panel.review import prompts
from panel.review.personas import Criterion, Persona
from panel.review.prompts import Brief
from panel.review.review import Answer, Finding, Stance
from panel.review.score import Rule

T = TypeVar("T")

SAMPLING_TEMPERATURE = 0.7
"""With several samples: answers must be free to differ. One sample is asked at 0."""


@dataclass
class AskTally:
    """What was counted along the way."""

    usage: Usage = field(default_factory=Usage)
    unknown_cites: int = 0
    uncited_facts: int = 0
    unsupported: int = 0
    model: str | None = None
    """Who answered, by the server's own word."""
    notes: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class RawReview:
    """Everything one persona said, before the vote is computed."""

    findings: tuple[Finding, ...]
    fields: dict[str, str]
    claim: str
    probability: float | None
    summary: str
    stance: Stance | None
    usage: Usage
    model: str | None
    unknown_cites: int
    uncited_facts: int
    unsupported: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReviewContext:
    """One persona asked about one tool, once."""

    calls: ChatClient
    persona: Persona
    brief: Brief
    marker: str
    sample: int
    samples: int
    rule: Rule
    on_step: Callable[[str], None]
    support: ChatClient | None = None
    """Who is asked whether cited passages support their findings; None: nobody."""
    measures: bool = False
    """The judge is measured: nothing it answered is changed, and its words are not asked for."""
    tally: AskTally = field(default_factory=AskTally)

    @cached_property
    def system(self) -> str:
        """The system message."""
        return prompts.system()

    @cached_property
    def shared(self) -> str:
        """What every question about this tool starts with."""
        return prompts.shared(self.brief)

    @cached_property
    def shown(self) -> frozenset[str]:
        """Ids of the passages that can be cited."""
        return frozenset(p.id for p in self.brief.passages)

    async def ask(
        self,
        step: str,
        tail: str,
        parse: Callable[[ChatResponse], T],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        logprobs: bool = False,
        repair: RepairTail | None = None,
        shared: str | None = None,
        of: ChatClient | None = None,
    ) -> T:
        """Ask one question, of somebody else where `of` says so, and count what it cost.

        Raises `CallError`.
        """
        question = ChatRequest(
            system=self.system,
            shared=self.shared if shared is None else shared,
            tail=tail,
            max_tokens=max_tokens,
            schema=None if schema is None else dict(schema),
            logprobs=logprobs,
            temperature=SAMPLING_TEMPERATURE if self.samples > 1 else 0.0,
            sample=self.sample,
            marker=self.marker,
        )
        tag = CallTag(tool=self.brief.tool.slug, persona=self.persona.name, step=step)
        answered = await (of or self.calls).ask(question, tag=tag, parse=parse, repair=repair)
        self.tally.usage = added(self.tally.usage, answered.usage)
        if of is None:
            self.tally.model = answered.response.model or self.tally.model
        return answered.value

    def finding(
        self,
        criterion: Criterion,
        answer: Answer,
        *,
        p: float | None = None,
        cites: tuple[str, ...] = (),
        because: str = "",
    ) -> Finding:
        """Make a finding; a fact without a citation becomes unclear, and is counted."""
        if criterion.kind == "fact" and answer != "unclear" and not cites:
            self.tally.uncited_facts += 1
            answer = "unclear"
        return Finding(
            criterion=criterion.id,
            question=criterion.question,
            kind=criterion.kind,
            answer=answer,
            p=p,
            cites=cites,
            because=because,
        )


def added(one: Usage, other: Usage) -> Usage:
    """Add two usages; a cost is known only where both are, a call that used nothing aside."""
    return other if one == Usage() else summed([one, other])
