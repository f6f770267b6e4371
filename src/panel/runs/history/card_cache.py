"""Many whole cards read one after the other: an LRU cache of open runs."""

from collections import OrderedDict
from types import TracebackType
from typing import Final, Self

from panel.foundation.errors import RunError
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.history.archive import Archive
from panel.runs.history.entry import Entry
from panel.runs.run import Run

OPEN: Final = 6
"""Runs that are open at a time."""


class CardCache:
    """Reads cards of an archive; use it in a `with`, in one thread of one process."""

    def __init__(self, archive: Archive) -> None:
        """Open nothing yet: a run is opened when a card of it is asked for."""
        self._archive = archive
        self._runs: OrderedDict[str, Run] = OrderedDict()

    def card(self, entry: Entry) -> Scorecard:
        """Read one verdict's whole scorecard. Raises `RunError` where it is gone or damaged."""
        card = self._run(entry.run).card(entry.tool.slug)
        if card is None:
            raise RunError(
                f"the scorecard of {entry.tool.slug} in run {entry.run} cannot be read",
                hint=f"panel show {entry.run}",
            )
        return card

    def close(self) -> None:
        """Close all runs; more may be read afterwards."""
        while self._runs:
            self._runs.popitem()[1].close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all runs."""
        self.close()

    def _run(self, name: str) -> Run:
        if name not in self._runs:
            while len(self._runs) >= OPEN:
                self._runs.popitem(last=False)[1].close()
            self._runs[name] = Run.open(self._archive.runs / name)
        self._runs.move_to_end(name)
        return self._runs[name]
