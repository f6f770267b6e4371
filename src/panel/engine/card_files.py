"""Which scorecards of a run are written as files beside its journal, and when."""

from collections.abc import Iterator
from typing import Final, Literal, get_args

from panel.report.scorecard.files import STORED_SUFFIXES, card_file, card_texts
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.run import Run

Scorecards = Literal["auto", "all", "none"]
"""`auto`: files for runs of at most `FEW` tools. What a run was asked for holds when it resumes."""

FEW: Final = 200

_FOLDER: Final = "scorecards"
_META: Final = "scorecards"


class CardFiles:
    """Writes scorecards to the folder of a run: each as its tool finishes."""

    def __init__(self, run: Run, choice: Scorecards | None) -> None:
        """Take what the user chose now; None: what the run was asked for before."""
        self._run = run
        self._choice = choice
        self._own = run.has_files(_FOLDER)
        self._wanted = self._is_wanted(choice or stored_choice(run))

    def _is_wanted(self, choice: Scorecards | None) -> bool:
        if choice in (None, "auto"):
            # A run that has files gets more of them: earlier versions wrote those of every tool.
            return len(self._run.stored.slugs()) <= FEW or (choice is None and bool(self._own))
        return choice == "all"

    async def store_choice(self) -> None:
        """Note in the journal what was chosen, so that a resume does the same."""
        if self._choice is not None and self._choice != (stored_choice(self._run) or "auto"):
            await self._run.journal.put_meta(_META, self._choice)

    async def write(self, card: Scorecard) -> None:
        """Write the files of a scorecard where they are wanted, or stand there from before.

        It is called before the verdict is stored: a kill in between leaves the tool unfinished, and
        the resume writes its files again.
        """
        slug = card.tool.slug
        if self._wanted or any(f"{slug}{suffix}" in self._own for suffix in STORED_SUFFIXES):
            await self._run.write_files(lambda: _files(card))

    async def write_missing(self) -> None:
        """Write what is wanted of tools that finished before and has not been written yet.

        A file that was written once and is gone was removed by somebody; it is written again only
        where all are asked for by name.
        """
        if not self._wanted:
            return
        own = self._run.has_files(_FOLDER)
        there = own
        if self._choice == "all":
            folder = self._run.path / _FOLDER
            there = frozenset(path.name for path in folder.glob("*")) & own
        for slug in self._run.stored.slugs():
            if all(f"{slug}{suffix}" in there for suffix in STORED_SUFFIXES):
                continue
            if card := self._run.card(slug):
                await self.write(card)


def stored_choice(run: Run) -> Scorecards | None:
    """Return what a run was asked for; None where nobody said it."""
    stored = run.stored.meta(_META)
    return next((choice for choice in get_args(Scorecards) if choice == stored), None)


def _files(card: Scorecard) -> Iterator[tuple[str, str]]:
    for suffix, text in card_texts(card):
        yield card_file(card.tool.slug, suffix), text
