"""Canaries of a run, read again from their stored replies, and the warnings that follow."""

from collections.abc import Sequence
from typing import Final

from panel.engine.verify.report import VerifyReport
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.metadata import answered_canaries, stored_canaries
from panel.runs.run import Run

_MARKS: Final = ("this model obeyed a hidden", "one of these models obeyed a hidden")


def check_canaries(run: Run, cards: Sequence[Scorecard], report: VerifyReport) -> None:
    """Check the stored results of the canaries against their replies, and the scorecards' warnings.

    A scorecard written after the judge obeyed must warn of it; none may warn without reason.
    """
    stored, answered = stored_canaries(run), answered_canaries(run)
    if stored.obeyed or answered.obeyed:
        what = f"kept are {stored.obeyed}, the replies give {answered.obeyed}"
        report.check("canaries", stored.obeyed == answered.obeyed, what)
    results = [*stored.obeyed.items()]
    known = [
        answered.model_copy(update={"obeyed": dict(results[:n])}) for n, _ in enumerate(results, 1)
    ]
    cautions = [canaries.caution for canaries in known]
    first = next((tool.slug for tool in run.tools()), "")
    for card in cards:
        warnings = [line for line in card.warnings if line.startswith(_MARKS)]
        since = _known_since(card.tool.slug, first, [*stored.obeyed])
        must = since is not None and all(cautions[since:])
        if must or warnings:
            holds = bool(warnings) and all(line in cautions for line in warnings)
            what = "does not warn of its judge as the canaries' replies say"
            report.check("canaries", holds, what, tool=card.tool.slug)


def _known_since(slug: str, first: str, order: Sequence[str]) -> int | None:
    """Return the index of the last result that was surely known when a card was written."""
    if slug in order:
        return order.index(slug)
    return 0 if order and order[0] == first else None
