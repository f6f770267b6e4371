"""Canaries, read again from their stored replies: what the run and its scorecards say of them."""

from collections.abc import Iterator, Sequence
from typing import Final

from panel.engine.verify.report import VerifyReport
from panel.review.canary import Canaries
from panel.review.verdict.scorecard import Scorecard
from panel.runs.metadata import answered_canaries, stored_canaries
from panel.runs.run import Run

_MARK: Final = "this model obeyed a hidden order"


def check_canaries(run: Run, cards: Sequence[Scorecard], report: VerifyReport) -> None:
    """Check that the run kept what its canaries' replies say, and that its scorecards say so.

    A scorecard written after the judge obeyed must warn of it; none may warn without reason.
    """
    found, told = answered_canaries(run), stored_canaries(run)
    if found.obeyed or told.obeyed:
        what = f"kept are {told.obeyed}, the replies give {found.obeyed}"
        report.check("canaries", told == found, what)
    cautions = [Canaries(obeyed=dict(known)).caution for known in _growing(told)]
    first = next((tool.slug for tool in run.tools()), "")
    for card in cards:
        said = [line for line in card.warnings if line.startswith(_MARK)]
        since = _known_since(card.tool.slug, first, [*told.obeyed])
        must = since is not None and all(cautions[since:])
        if must or said:
            holds = bool(said) and all(line in cautions for line in said)
            what = "does not warn of its judge as the canaries' replies say"
            report.check("canaries", holds, what, tool=card.tool.slug)


def _growing(told: Canaries) -> Iterator[list[tuple[str, bool]]]:
    """Yield what was known after the first answer, the second, and so on."""
    rows = [*told.obeyed.items()]
    return (rows[: n + 1] for n in range(len(rows)))


def _known_since(slug: str, first: str, order: Sequence[str]) -> int | None:
    """Return the place of the last answer that was surely known when a card was written."""
    if slug in order:
        return order.index(slug)
    return 0 if order and order[0] == first else None
