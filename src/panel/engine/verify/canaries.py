"""Canaries of a run, read again from their stored replies, and the warnings that follow."""

from collections.abc import Sequence
from typing import Final

from panel.engine.verify.report import VerifyReport
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.metadata import answered_canaries, stored_canaries
from panel.runs.run import Run

_MARKS: Final = ("this model obeyed a hidden", "one of these models obeyed a hidden")


class CanaryCheck:
    """Checks the canaries' stored results against their replies, and scorecards' warnings.

    A scorecard written after the judge obeyed must warn of it; none may warn without reason.
    """

    def __init__(self, run: Run, report: VerifyReport) -> None:
        """Check the results."""
        stored, answered = stored_canaries(run), answered_canaries(run)
        if stored.obeyed or answered.obeyed:
            what = f"kept are {stored.obeyed}, the replies give {answered.obeyed}"
            report.check("canaries", stored.obeyed == answered.obeyed, what)
        results = [*stored.obeyed.items()]
        known = [
            answered.model_copy(update={"obeyed": dict(results[:n])})
            for n, _ in enumerate(results, 1)
        ]
        self._cautions = [canaries.caution for canaries in known]
        self._order = [*stored.obeyed]
        self._first = next(iter(run.stored.slugs()), "")
        self._report = report

    def check(self, card: Scorecard) -> None:
        """Check a scorecard's warnings."""
        warnings = [line for line in card.warnings if line.startswith(_MARKS)]
        since = _known_since(card.tool.slug, self._first, self._order)
        must = since is not None and all(self._cautions[since:])
        if must or warnings:
            holds = bool(warnings) and all(line in self._cautions for line in warnings)
            what = "does not warn of its judge as the canaries' replies say"
            self._report.check("canaries", holds, what, tool=card.tool.slug)


def _known_since(slug: str, first: str, order: Sequence[str]) -> int | None:
    """Return the index of the last result that was surely known when a card was written."""
    if slug in order:
        return order.index(slug)
    return 0 if order and order[0] == first else None
