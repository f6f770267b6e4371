"""How the tools of one run are reviewed: plan, clients, journal, and who watches."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from panel.engine.fallbacks import Stored
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.evidence.topics import Topic
from panel.llm.calls import ChatClient
from panel.reviews.events import Watch, ignore
from panel.reviews.plan import ReviewPlan
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.pending import ONCE_MORE, Again
from panel.runs.run import Run

WriteCard = Callable[[Scorecard], Awaitable[None]]
LookUpPages = Callable[[Tool, Evidence, Sequence[Topic]], Awaitable[Evidence]]
"""Returns the evidence with what could be read about these topics."""


@dataclass(frozen=True)
class ReviewJob:
    """How the tools of one run are reviewed, and where the answers go."""

    plan: ReviewPlan
    calls: ChatClient
    run: Run
    support: ChatClient | None = None
    """Where it is asked whether cited passages support their findings; None: nowhere."""
    judges: Mapping[str, ChatClient] = field(default_factory=dict)
    """By persona, where another model than that of `calls` answers for it."""
    fallbacks: Mapping[str, ChatClient] = field(default_factory=dict)
    """By provider: those that are asked where a reviewer's own judge cannot answer."""
    watch: Watch = ignore
    again: Again = ONCE_MORE
    """Which stored answers are asked again; the others are used as they are."""
    look_up: LookUpPages | None = None
    """Reads pages on what reviewers missed; None: this run reads no more."""
    replayed: Callable[[str], Stored] | None = None
    """Returns the answers about a tool of the run that is replayed, where it had fallbacks."""
    write_card: WriteCard | None = None
    """Writes the files of a scorecard just before its verdict is stored; None: nobody does."""

    def client(self, persona: str, fallback: str = "") -> ChatClient:
        """Return the client of the model that answers for a persona, or of a fallback."""
        own = self.judges.get(persona, self.calls)
        # One that is asked no more has no client, and its answers are all stored.
        return self.fallbacks.get(fallback, own) if fallback else own

    def asking(self, fallbacks: Mapping[str, str]) -> "ReviewJob":
        """Return the job in which fallbacks answer, named by persona; "" is its own judge."""
        others = {p: self.client(p, name) for p, name in fallbacks.items() if name}
        if not others:
            return self
        plan = self.plan.asking(fallbacks)
        return replace(self, plan=plan, judges={**self.judges, **others})
