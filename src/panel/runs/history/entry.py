"""One verdict as the archive keeps it in memory: small, so that thousands fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from panel.llm.config import Ask
from panel.reviews.evidence_changes import Reason
from panel.reviews.review import Forecast, PropositionForecast, Stance, Vote
from panel.reviews.score import Rule
from panel.reviews.text_rules import RIVAL
from panel.reviews.verdict.scorecard import CardTool, RunUsage, Scorecard, Verdict

_CUT: Final = 400
"""Characters kept of what is said of rivals."""


@dataclass(frozen=True)
class Opinion:
    """How one persona voted on the tool."""

    persona: str
    title: str
    vote: Vote
    score: float | None
    stance: Stance | None
    forecast: Forecast | None
    propositions: tuple[PropositionForecast, ...] = ()
    model: str = ""
    """Which model answered."""
    weight: float | None = None
    """How much the vote counts; None where it is not known."""


@dataclass(frozen=True)
class Entry:
    """One verdict on one tool, of one run."""

    key: str
    """The tool's name in addresses: the same in all runs, another for every other tool."""
    run: str
    created: datetime
    tool: CardTool
    verdict: Verdict
    opinions: tuple[Opinion, ...]
    missing: int
    """How many reviews are missing."""
    provider: str
    model: str
    asked: Ask
    usage: RunUsage
    warnings: tuple[str, ...]
    ship_at: float
    """The score from which a reviewer shipped in that run."""
    rivals: str
    """What its reviews say of the tool's rival, cut; empty where they say nothing."""
    reasons: tuple[Reason, ...] = ()
    """What changed in the evidence, where a refresh made this verdict."""
    began: datetime | None = None
    """When its run began: of two verdicts of one second, the later run's is the newer one."""


@dataclass(frozen=True)
class History:
    """All verdicts on one tool."""

    key: str
    entries: tuple[Entry, ...]
    """Oldest first; at least one."""

    @property
    def latest(self) -> Entry:
        """The newest verdict, which is the one that counts."""
        return self.entries[-1]

    @property
    def before(self) -> Entry | None:
        """The verdict before the newest, None where there is only one."""
        return self.entries[-2] if len(self.entries) > 1 else None


def entry(
    card: Scorecard,
    key: str,
    reasons: tuple[Reason, ...] = (),
    weights: Mapping[str, float] = MappingProxyType({}),
) -> Entry:
    """Return the entry of a scorecard.

    Args:
        card: The scorecard; its evidence is not needed.
        key: The name of its tool in addresses.
        reasons: What changed in the evidence, where a refresh made the verdict.
        weights: How much each persona's vote counts, where it is known.
    """
    return Entry(
        key=key,
        run=card.run,
        created=card.created,
        tool=card.tool,
        verdict=card.verdict,
        opinions=tuple(
            Opinion(
                r.persona,
                r.title,
                r.vote,
                r.score,
                r.stance,
                r.forecast,
                r.propositions,
                r.model,
                weights.get(r.persona),
            )
            for r in card.reviews
        ),
        missing=len(card.missing),
        provider=card.provider,
        model=card.model,
        asked=card.asked,
        usage=card.usage,
        warnings=card.warnings,
        ship_at=Rule().ship_at if card.ship_at is None else card.ship_at,
        rivals=_rivals(card),
        reasons=reasons,
    )


def _rivals(card: Scorecard) -> str:
    texts = (r.beats.get(RIVAL) or r.fields.get(RIVAL, "") for r in card.reviews)
    return " ".join(filter(None, texts))[:_CUT]


def newest(histories: Sequence[History]) -> list[History]:
    """Return histories by their newest verdict, newest first; of one moment by key."""
    return sorted(histories, key=lambda history: (-history.latest.created.timestamp(), history.key))
