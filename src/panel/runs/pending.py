"""What of a run is still to be done: evidence that is to be read, reviews that are missing.

All tools of a run are stored in their order before any evidence is, and `Run.add_tools` completes
each, so that a run that stops in between knows what is left. A review missing for a reason that
passes is asked by `panel resume`; `panel retry` asks those missing for any reason.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from panel.evidence.tools.tool import Tool
from panel.foundation.errors import PASSING, REASONS, MissingReason, RunError
from panel.reviews.review import Missing, Review
from panel.runs.run import Run


async def expect_tools(run: Run, tools: Sequence[Tool]) -> None:
    """Store all tools of a run, in their order, before any evidence; in one commit."""
    await run.journal.put_expected(tools)


def pending_tools(run: Run) -> tuple[Tool, ...]:
    """Return the tools whose evidence is still to be read."""
    unread = run.stored.unread()
    return run.tools(unread) if unread else ()


def check_all_read(run: Run) -> None:
    """Raise `RunError` where evidence of a run is still to be read."""
    if pending_tools(run):
        raise RunError(
            f"run {run.name} has not read all its evidence yet", hint=f"panel resume {run.name}"
        )


async def drop_tools(run: Run, slugs: Iterable[str]) -> None:
    """Remove tools about which nothing can be read; a tool that has evidence stays."""
    await run.journal.drop_expected(slugs)


@dataclass(frozen=True)
class Again:
    """Which reviews of a resumed run are asked again."""

    reasons: frozenset[MissingReason] = PASSING
    """Reviews missing for one of these."""
    doubted: frozenset[tuple[str, str]] = frozenset()
    """Tool and persona of reviews whose replies are lost."""

    def final(self, run: Run, slug: str) -> Mapping[tuple[str, int], Review | Missing]:
        """Return the stored answers about a tool that stay, by persona and sample."""
        stored: dict[tuple[str, int], Review | Missing] = {**run.missing(slug), **run.reviews(slug)}
        return {
            (persona, sample): answer
            for (persona, sample), answer in stored.items()
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
    """Reviews of the complete run: tools × personas × samples."""
    passing: Counter[MissingReason]
    lasting: Counter[MissingReason]

    def lines(self, run: str, *, again: str | None = None) -> list[str]:
        """Return lines that count what is missing, each with its command; none if all is there.

        `again` is the command where neither a resume nor a retry applies.
        """
        commands = {"resume": self.passing, "retry": self.lasting}
        return [
            f"{self._counted(missing)}: {again or f'panel {command} {run}'}"
            for command, missing in commands.items()
            if missing
        ]

    def _counted(self, missing: Counter[MissingReason]) -> str:
        total = missing.total()
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(missing.items()))
        return f"{total} of {self.reviews} reviews {'is' if total == 1 else 'are'} missing ({why})"


def lacking(run: Run) -> Lacking:
    """Count the missing reviews of a run."""
    manifest = run.manifest
    counts = Counter(missing.reason for _, missing in run.stored.all_missing())
    return Lacking(
        reviews=manifest.tools * len(manifest.personas) * manifest.samples,
        passing=Counter({reason: n for reason, n in counts.items() if reason in PASSING}),
        lasting=Counter({reason: n for reason, n in counts.items() if reason not in PASSING}),
    )
