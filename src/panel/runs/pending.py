"""What of a run is still to be asked: reviews that are missing, and why.

A review missing for a reason that passes is pending: `panel resume` asks it. `panel retry` asks
what is missing for any reason. What was answered is asked by neither.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from panel.foundation.errors import PASSING, REASONS, MissingReason
from panel.review.review import Missing, Review
from panel.runs.run import Run


@dataclass(frozen=True)
class Again:
    """What is asked again where a run goes on."""

    reasons: frozenset[MissingReason] = PASSING
    """Reviews missing for one of these."""
    doubted: frozenset[tuple[str, str]] = frozenset()
    """Tool and persona of reviews whose replies are lost."""

    def kept(self, run: Run, slug: str) -> Mapping[tuple[str, int], Review | Missing]:
        """Return what stands of the answers about a tool, by persona and sample."""
        known: dict[tuple[str, int], Review | Missing] = {**run.missing(slug), **run.reviews(slug)}
        return {
            (persona, sample): answer
            for (persona, sample), answer in known.items()
            if (slug, persona) not in self.doubted
            and not (isinstance(answer, Missing) and answer.reason in self.reasons)
        }


ONCE_MORE: Final = Again()
"""What a resume asks again."""
ALL: Final = Again(reasons=REASONS)
"""What a retry asks again."""


@dataclass(frozen=True)
class Lacking:
    """The missing reviews of a run."""

    reviews: int
    """That there are to be: tools × reviewers × samples."""
    passing: Counter[MissingReason]
    lasting: Counter[MissingReason]

    def lines(self, run: str, *, again: str | None = None) -> list[str]:
        """Return what a person should read, with the next command to type; none if all are there.

        `again` is that command where neither a resume nor a retry is.
        """
        commands = {"resume": self.passing, "retry": self.lasting}
        return [
            f"{self._told(missing)}: {again or f'panel {command} {run}'}"
            for command, missing in commands.items()
            if missing
        ]

    def _told(self, missing: Counter[MissingReason]) -> str:
        total = missing.total()
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(missing.items()))
        return f"{total} of {self.reviews} reviews {'is' if total == 1 else 'are'} missing ({why})"


def lacking(run: Run) -> Lacking:
    """Count the missing reviews of a run."""
    told = run.manifest
    found = Counter(missing.reason for _, missing in run.stored.all_missing())
    return Lacking(
        reviews=told.tools * len(told.personas) * told.samples,
        passing=Counter({reason: n for reason, n in found.items() if reason in PASSING}),
        lasting=Counter({reason: n for reason, n in found.items() if reason not in PASSING}),
    )
