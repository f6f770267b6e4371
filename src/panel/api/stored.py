"""Stored runs and scorecards: read, verified, compared and rendered. Asks no model."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from panel.api.arguments import as_path
from panel.api.blocking import run_blocking
from panel.engine.open_panel import persona_folders
from panel.engine.verify.report import VerifyReport
from panel.engine.verify.run import verify as verify_run
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import InputError, RunError, ToolError
from panel.foundation.paths import data_folder
from panel.foundation.settings import load_settings
from panel.report import formats
from panel.report.comparison.comparison import Comparison, between, weights_of
from panel.report.comparison.comparison import compare as compare_cards
from panel.reviews.personas import Persona, load_personas
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.folders import find_folder, is_run
from panel.runs.manifest import Manifest
from panel.runs.metadata import stored_personas
from panel.runs.run import Run


class StoredRun:
    """A run on disk. Each call opens its journal and closes it again."""

    def __init__(self, path: Path) -> None:
        """Use `open_run` instead."""
        self.path = path

    @property
    def name(self) -> str:
        """The run's name: that of its folder."""
        return self.path.name

    @property
    def manifest(self) -> Manifest:
        """What was asked of whom."""
        with Run.open(self.path) as run:
            return run.manifest

    def scorecards(self) -> list[Scorecard]:
        """Return the scorecards in the order of the tools."""
        with Run.open(self.path) as run:
            return run.cards()

    def each_scorecard(self) -> Iterator[Scorecard]:
        """Yield the scorecards in the order of the tools, reading one at a time."""
        with Run.open(self.path) as run:
            yield from run.each_card()

    def scorecard(self, tool: str) -> Scorecard:
        """Return the scorecard of a tool by name or slug; raises `ToolError` if there is none."""
        with Run.open(self.path) as run:
            tools = run.tools()
            slugs = [t.slug for t in tools if tool in (t.name, t.slug)]
            for card in filter(None, map(run.card, slugs)):
                return card
            judged = run.judged_tools()
        names = ", ".join([t.name for t in tools if t.slug in judged][:5]) or "none"
        raise ToolError(f"run {self.name} has no verdict on {tool!r}", hint=f"it has {names}")

    def tools(self) -> tuple[Tool, ...]:
        """Return the tools, those without a verdict included."""
        with Run.open(self.path) as run:
            return run.tools()

    def __repr__(self) -> str:
        return f"StoredRun({self.name!r})"


def open_run(run: str | Path = "latest", *, runs: str | Path | None = None) -> StoredRun:
    """Return a stored run.

    Args:
        run: a name, the start of one, a path, `latest` or `latest~1`.
        runs: folder for runs; None means settings, then `runs` here.

    Raises:
        RunError: there is none, or its journal cannot be read.
    """
    stored = StoredRun(find_folder(_runs_folder(runs), str(run)))
    with Run.open(stored.path):
        return stored


def verify(run: StoredRun | str | Path, *, runs: str | Path | None = None) -> VerifyReport:
    """Recompute everything on a run's scorecards from its stored replies, and compare.

    Args:
        run: a stored run, or what `open_run` takes.
        runs: folder for runs, as `open_run` takes it.

    Returns:
        What was checked; `holds` is whether everything is backed.

    Raises:
        RunError: the run cannot be read.
    """
    stored = run if isinstance(run, StoredRun) else open_run(run, runs=runs)

    async def work() -> VerifyReport:
        with Run.open(stored.path) as opened:
            return await verify_run(opened, folders=persona_folders())

    return run_blocking(work())


def compare(
    a: Scorecard,
    b: Scorecard,
    *,
    personas: Sequence[Persona] | None = None,
    runs: str | Path | None = None,
) -> Comparison:
    """Put two scorecards side by side.

    Args:
        a: One tool's scorecard.
        b: The other's.
        personas: reviewers, whose weights order the differences; None means those of each
            scorecard's run, or the shipped ones where that run is not in `runs`.
        runs: folder for runs, as `open_run` takes it.
    """
    if personas is not None:
        return compare_cards(a, b, weights=weights_of(personas))
    folder = _runs_folder(runs)
    return compare_cards(a, b, weights=between(*(_run_weights(card, folder) for card in (a, b))))


def _run_weights(card: Scorecard, folder: Path) -> dict[tuple[str, str], float]:
    """Return the weights of the personas of a scorecard's run, else of the shipped ones."""
    path = folder / card.run
    # A scorecard may come from outside: its run is read as a name, never as a path.
    if card.run == path.name and is_run(path):
        with contextlib.suppress(RunError), Run.open(path) as run:
            if personas := stored_personas(run):
                return weights_of(personas)
    return weights_of(load_personas(folders=(data_folder("personas"),)))


def _runs_folder(runs: str | Path | None) -> Path:
    return load_settings(None, os.environ).runs if runs is None else as_path("runs", runs)


def render(card: Scorecard | Sequence[Scorecard] | Comparison, format: str = "markdown") -> str:
    """Return scorecards or a comparison in a format, ending in a newline.

    Args:
        card: a scorecard, several, or a comparison.
        format: `html`, `markdown`, `json`, `csv`, `terminal`, `svg`, or one of a plug-in.

    Raises:
        InputError: there is no such format, or a comparison is not written in it.
    """
    if isinstance(card, Comparison):
        return formats.render(card, format, "comparison")
    cards = [card] if isinstance(card, Scorecard) else card
    if not isinstance(cards, list | tuple) or not all(isinstance(c, Scorecard) for c in cards):
        raise InputError("only scorecards and comparisons are rendered")
    return formats.load(format).render(cards)
