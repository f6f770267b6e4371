"""The archive: every verdict under a runs folder, found once and looked up by tool.

Knows runs, nothing of pages. Runs that measure a judge are left out: their tools are invented, or
their evidence is of the past.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from panel.evidence.tools.identity import name_key, url_key
from panel.foundation.errors import RunError
from panel.foundation.slug import slug
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.folders import JOURNAL, list_folders
from panel.runs.history.entry import Entry, History, entry
from panel.runs.metadata import stored_personas, stored_reasons
from panel.runs.run import Run

Stamp = tuple[tuple[int, int], ...]


class Archive:
    """The verdicts of all runs in one folder. `refresh` takes in what was added since."""

    def __init__(self, runs: Path) -> None:
        """Remember the folder; nothing is read until `refresh`."""
        self.runs = runs
        self.notes: tuple[str, ...] = ()
        """Runs that could not be read, one line each."""
        self._read: dict[str, tuple[Stamp, tuple[Entry, ...], str]] = {}
        self._histories: dict[str, History] = {}

    @classmethod
    def open(cls, runs: Path) -> "Archive":
        """Read all runs in the folder; a run that cannot be read becomes a note."""
        archive = cls(runs)
        archive.refresh()
        return archive

    def refresh(self) -> bool:
        """Read the runs that are new or have changed; tell whether any verdict did."""
        folders = {path.name: (path, _stamp(path)) for path in list_folders(self.runs)}
        read = {}
        for name, (path, stamp) in folders.items():
            known = self._read.get(name)
            read[name] = known if known and known[0] == stamp else (stamp, *_entries(path))
        before = {name: entries for name, (_, entries, _) in self._read.items()}
        self._read = read
        self.notes = tuple(note for _, _, note in read.values() if note)
        if before == {name: entries for name, (_, entries, _) in read.items()}:
            return False
        self._histories = _histories(e for _, entries, _ in read.values() for e in entries)
        return True

    def histories(self) -> tuple[History, ...]:
        """Return all tools' histories, by key."""
        return tuple(self._histories.values())

    def entries(self) -> Iterator[Entry]:
        """Yield every verdict, tool by tool, oldest first within a tool."""
        for history in self._histories.values():
            yield from history.entries

    def history(self, key: str) -> History | None:
        """Return a tool's history by its key, None where there is no such tool."""
        return self._histories.get(key)

    def stamp(self, run: str) -> str:
        """Return what stands for a run's stored bytes: another after every write to it."""
        known = self._read.get(run)
        return repr(known[0]) if known else ""

    def card(self, entry: Entry) -> Scorecard:
        """Read one verdict's whole scorecard. Raises `RunError` where it is gone or damaged."""
        with Run.open(self.runs / entry.run) as run:
            card = run.card(entry.tool.slug)
        if card is None:
            raise RunError(
                f"the scorecard of {entry.tool.slug} in run {entry.run} cannot be read",
                hint=f"panel show {entry.run}",
            )
        return card

    def cards(self, run: str, slugs: Iterable[str]) -> Iterator[Scorecard]:
        """Yield several scorecards of one run, opening it once; those that are gone are left out.

        Raises `RunError` where the run cannot be read.
        """
        with Run.open(self.runs / run) as opened:
            for slug in slugs:
                if card := opened.card(slug):
                    yield card


def _entries(path: Path) -> tuple[tuple[Entry, ...], str]:
    try:
        with Run.open(path) as run:
            if run.manifest.calibrates or run.manifest.backtest:
                return (), ""
            reasons = stored_reasons(run)
            began = run.manifest.created
            weights = {persona.name: persona.weight for persona in stored_personas(run) or ()}
            entries = (
                entry(card, "", reasons.get(card.tool.slug, ()), weights)
                for card in run.each_verdict()
            )
            # A folder may have been renamed since: its name is what finds it again.
            return tuple(replace(made, run=path.name, began=began) for made in entries), ""
    except RunError as error:
        return (), error.message


@dataclass
class _Tool:
    """A tool, with the addresses and runs of the verdicts on it so far."""

    key: str
    addresses: set[tuple[str, str, str]] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)

    def fits(self, entry: Entry, alone: bool) -> int:
        """Return how well a verdict fits this tool; 0 where it is about another."""
        if entry.run in self.runs:
            return 0  # what one run held apart stays apart
        if entry.tool.url is None or not self.addresses:
            return 2
        if url_key(entry.tool.url) in self.addresses:
            return 3
        return int(alone)  # a tool that has moved keeps its history


def _histories(entries: Iterable[Entry]) -> dict[str, History]:
    in_time = sorted(entries, key=_age)
    namesakes = Counter((verdict.run, name_key(verdict.tool.name)) for verdict in in_time)
    tools: dict[str, list[_Tool]] = {}
    grouped: dict[str, list[Entry]] = {}
    for verdict in in_time:
        name = name_key(verdict.tool.name)
        known = tools.setdefault(name, [])
        alone = namesakes[verdict.run, name] == 1
        tool = max(known, key=lambda tool: tool.fits(verdict, alone), default=None)
        if tool is None or not tool.fits(verdict, alone):
            # The first tool of a slug keeps it for good: addresses do not move.
            tool = _Tool(slug(verdict.tool.name, taken=grouped))
            known.append(tool)
        tool.runs.add(verdict.run)
        if verdict.tool.url:
            tool.addresses.add(url_key(verdict.tool.url))
        grouped.setdefault(tool.key, []).append(replace(verdict, key=tool.key))
    return {key: History(key, tuple(grouped[key])) for key in sorted(grouped)}


def _age(verdict: Entry) -> tuple[datetime, datetime, str, str]:
    began = verdict.began or verdict.created
    return verdict.created, began, verdict.run, verdict.tool.slug


def _stamp(path: Path) -> Stamp:
    parts = (path / JOURNAL, path / f"{JOURNAL}-wal")
    return tuple((p.stat().st_mtime_ns, p.stat().st_size) for p in parts if p.exists())
