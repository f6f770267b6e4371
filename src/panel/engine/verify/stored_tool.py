"""What a run keeps about one tool, read once for all checks of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.reviews.review import Missing, Review
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.run import Run


@dataclass(frozen=True)
class StoredTool:
    """A tool, and the rows about it that are undamaged."""

    tool: Tool
    evidence: Evidence | None
    card: Scorecard | None
    """With its evidence; None where either is missing."""
    reviews: Mapping[tuple[str, int], Review]
    """By persona and sample."""
    missing: Mapping[tuple[str, int], Missing]

    @classmethod
    def read(cls, run: Run, tool: Tool) -> Self:
        """Read what the run keeps about a tool."""
        slug = tool.slug
        verdict, reviews = run.stored.verdict_and_reviews(slug)
        evidence = run.evidence(slug)
        card = None
        if verdict is not None and evidence is not None:
            card = verdict.model_copy(update={"evidence": evidence.sources})
        return cls(tool, evidence, card, reviews, run.missing(slug))

    @property
    def answers(self) -> dict[tuple[str, int], Review | Missing]:
        """The reviews, and in the place of those that are missing why."""
        return {**self.missing, **self.reviews}
