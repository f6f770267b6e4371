"""The first question of each review of a run, made as for asking but not sent."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from panel.engine.review_job import ReviewJob
from panel.engine.review_tool import stored_evidence
from panel.llm.calls import ChatClient, request_key
from panel.llm.config import ProviderConfig
from panel.llm.types import CallTag, ChatRequest, ChatResponse
from panel.reviews.briefs import briefs
from panel.reviews.strategies.ask import ask_review
from panel.reviews.strategies.context import AskTally, ReviewContext


class FirstQuestion(NamedTuple):
    """A question, as a client is asked it."""

    ident: str
    """`TOOL:REVIEWER:SAMPLE`."""
    request: ChatRequest
    key: str
    tag: CallTag
    parse: Callable[[ChatResponse], object]
    """Reads the reply; raises `CallError` where it is no answer."""


class FirstQuestions:
    """The first questions of the reviews of some tools. Keeps what one tool is asked with."""

    def __init__(self, job: ReviewJob, slugs: Sequence[str]) -> None:
        self.slugs = dict.fromkeys(slugs)
        self._job = job
        # Answers of a job come in any order, but mostly in that of the questions.
        self._about = lru_cache(maxsize=2)(self._contexts)

    def of(self, slug: str, client: ChatClient) -> Iterator[FirstQuestion]:
        """Yield the questions about a tool whose answers are open and which a client is asked."""
        plan = self._job.plan
        final = self._job.again.final(self._job.run, slug)
        for persona in plan.personas:
            if self._job.client(persona.name) is not client:
                continue
            for sample in range(plan.samples):
                if (persona.name, sample) not in final:
                    yield _first_question(self._about(slug)[persona.name], sample)

    def find(self, ident: str) -> FirstQuestion | None:
        """Return the question of an id; None where this run does not know it."""
        slug, _, rest = ident.partition(":")
        persona, _, sample = rest.partition(":")
        if slug not in self.slugs or not (sample.isascii() and sample.isdigit()):
            return None
        context = self._about(slug).get(persona)
        if context is None or int(sample[:9]) >= self._job.plan.samples:
            return None
        return _first_question(context, int(sample))

    def _contexts(self, slug: str) -> dict[str, ReviewContext]:
        job = self._job
        if (tool := job.run.tool(slug)) is None:
            return {}
        shown = briefs(job.plan, tool, stored_evidence(job.run, tool).gathered).by_persona
        return {
            persona.name: ReviewContext(
                job.plan.of(persona.name),
                persona,
                shown[persona.name],
                _Unasked(job.client(persona.name).config),
            )
            for persona in job.plan.personas
        }


class _Asked(Exception):
    """What `_Unasked` was asked."""

    def __init__(self, request: ChatRequest, key: str, tag: CallTag, parse: Any) -> None:
        super().__init__()
        self.question = (request, key, tag, parse)


class _Unasked(ChatClient):
    """A client that sends nothing: it raises the question that it is asked."""

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    async def ask(
        self, request: ChatRequest, *, tag: CallTag, parse: Any, repair: Any = None
    ) -> Any:
        raise _Asked(request, request_key(request, self.config), tag, parse)


def _first_question(context: ReviewContext, sample: int) -> FirstQuestion:
    context = replace(context, sample=sample, tally=AskTally())
    ident = f"{context.brief.tool.slug}:{context.persona.name}:{sample}"
    asking = ask_review(context, today=datetime.now(UTC).date())
    try:
        asking.send(None)
    except _Asked as asked:
        return FirstQuestion(ident, *asked.question)
    finally:
        asking.close()
    raise AssertionError(f"{context.persona.name} is asked nothing first")
