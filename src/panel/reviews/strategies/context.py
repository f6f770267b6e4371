"""The context of one review: one persona, one tool, and how both strategies ask questions."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from panel.evidence.facts import Facts
from panel.evidence.fence import marker
from panel.foundation.errors import CallError
from panel.llm.calls import ChatClient
from panel.llm.types import CallTag, ChatRequest, ChatResponse, RepairTail, Usage, summed
from panel.reviews import prompts
from panel.reviews.fact_rules import decide
from panel.reviews.personas import Criterion, Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.review import Answer, Finding, Stance, Status
from panel.reviews.score import Rule

T = TypeVar("T")


@dataclass
class AskTally:
    """Counts and notes of one review, added up while its questions are asked."""

    usage: Usage = field(default_factory=Usage)
    unknown_cites: int = 0
    uncited_facts: int = 0
    unsupported: int = 0
    model: str | None = None
    """The model that answered, as the server names it."""
    notes: dict[str, None] = field(default_factory=dict)
    """In order, each once."""


@dataclass(frozen=True)
class RawReview:
    """What a persona answered, before the vote is computed."""

    findings: tuple[Finding, ...]
    fields: dict[str, str]
    claim: str
    probability: float | None
    summary: str
    stance: Stance | None
    status: Status | None = None
    status_cites: tuple[str, ...] = ()
    to_look_up: tuple[str, ...] = ()
    beats: Mapping[str, str] = field(default_factory=dict)
    composed: bool = False
    """Summary and beats are findings and quotes; the model wrote no word of them."""
    turns_on: str = ""
    stance_log_odds: float | None = None


def _no_step(step: str) -> None:
    """Report no progress."""


def _no_watch(error: CallError) -> None:
    """Leave an error to whoever asked."""


@dataclass(frozen=True)
class ReviewContext:
    """One sample of one persona about one tool."""

    plan: ReviewPlan
    persona: Persona
    brief: Brief
    calls: ChatClient
    support: ChatClient | None = None
    """Where it is asked whether cited passages support their findings; None: nowhere."""
    sample: int = 0
    on_step: Callable[[str], None] = _no_step
    """Called with the step's name after each answer, at most `steps` times."""
    tally: AskTally = field(default_factory=AskTally)
    decided: Mapping[str, Finding] = field(default_factory=dict)
    """By criterion: what facts decide, so that no model is asked."""

    on_failure: Callable[[CallError], None] = _no_watch
    """Called where the judge's provider could not answer, before the error is raised."""

    @property
    def asking(self) -> "ReviewContext":
        """The same of the criteria that are left to ask a model."""
        # Not kept by itself: a cycle lives, with all evidence, until garbage is searched for.
        return self._left if self.decided else self

    @cached_property
    def _left(self) -> "ReviewContext":
        left = tuple(c for c in self.persona.criteria if c.id not in self.decided)
        return replace(self, persona=self.persona.model_copy(update={"criteria": left}))

    def complete(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return these findings and those that facts decide, in the order of the criteria.

        Of two on one criterion the given one counts.
        """
        by_id = {**self.decided, **{finding.criterion: finding for finding in findings}}
        return tuple(by_id[c.id] for c in self.persona.criteria)

    @cached_property
    def system(self) -> str:
        """The system message."""
        return prompts.system()

    @cached_property
    def shared(self) -> str:
        """The prefix of every question about this tool."""
        return prompts.shared(self.brief)

    @cached_property
    def marker(self) -> str:
        """The fence's marker for this evidence."""
        return marker(self.plan.secret, self.shared)

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
        schema: dict[str, Any] | None = None,
        logprobs: bool = False,
        repair: RepairTail | None = None,
        shared: str | None = None,
        of: ChatClient | None = None,
    ) -> T:
        """Ask one question and add its cost to the tally.

        Args:
            step: Its name in the journal.
            tail: What follows the shared prefix.
            parse: Reads the reply; raises `BadReply` where that is not possible.
            max_tokens: Of the reply.
            schema: JSON Schema of the reply, where it is structured.
            logprobs: Ask for log-probabilities of the likeliest tokens.
            repair: Makes the tail of a second try from a reply that could not be read.
            shared: Another shared prefix.
            of: Another client than the judge's.

        Raises:
            CallError: no usable answer.
        """
        request = ChatRequest(
            system=self.system,
            shared=self.shared if shared is None else shared,
            tail=tail,
            max_tokens=max_tokens,
            schema=schema,
            logprobs=logprobs,
            temperature=self.plan.temperature,
            sample=self.sample,
            marker=self.marker,
        )
        tag = CallTag(tool=self.brief.tool.slug, persona=self.persona.name, step=step)
        try:
            answer = await (of or self.calls).ask(request, tag=tag, parse=parse, repair=repair)
        except CallError as error:
            if of is None and error.elsewhere:
                self.on_failure(error)
            raise
        self.tally.usage = added(self.tally.usage, answer.usage)
        if of is None:
            self.tally.model = answer.response.model or self.tally.model
        return answer.value

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
            says=criterion.statement(answer),
            weight=self.plan.rule.weight(self.persona.name, criterion),
        )


def decided_by_facts(persona: Persona, facts: Facts, rule: Rule) -> dict[str, Finding]:
    """Return by criterion the persona's findings that facts decide.

    Their probabilities are of the rule's fitted curves, where it has one of the fact.
    """
    source = rule.weights.source if rule.weights else ""
    decisions = [
        (criterion, decision)
        for criterion in persona.criteria
        if (decision := decide(criterion.decided_by, facts, rule.curves, source))
    ]
    return {
        criterion.id: Finding(
            criterion=criterion.id,
            question=criterion.question,
            kind=criterion.kind,
            answer=decision.answer,
            p=decision.p,
            cites=decision.cites,
            because=decision.because,
            says=criterion.statement(decision.answer),
            weight=rule.weight(persona.name, criterion),
            decided_by=decision.decided_by,
            p_source=decision.p_source,
        )
        for criterion, decision in decisions
    }


def added(total: Usage, usage: Usage) -> Usage:
    """Add a usage to a total; the cost of the sum is known only where both costs are."""
    return usage if total == Usage() else summed([total, usage])
