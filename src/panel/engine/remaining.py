"""What a stored run still has to do, found by reading only."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from panel.foundation.errors import RunError
from panel.runs.folders import JOURNAL, MANIFEST
from panel.runs.journal.health import file_damage, is_healthy
from panel.runs.journal.repair import REPAIRED, salvaged
from panel.runs.manifest import Manifest
from panel.runs.pending import ONCE_MORE, Again
from panel.runs.run import Run


@dataclass(frozen=True)
class Remaining:
    """A run that can be continued."""

    manifest: Manifest
    complete: bool
    """Nothing is left to ask, to repair or to write."""


def find_remaining(path: Path, again: Again = ONCE_MORE) -> Remaining:
    """Return what is left of the run at `path`; changes nothing.

    Raises `RunError` where it cannot be continued.
    """
    journal = path / JOURNAL
    try:
        with Run.open(path) as run:
            manifest = run.manifest
            tools = set(run.slugs())
            holds_tools = bool(tools)
            done = bool(manifest.finished) and not run.notes and run.stored.meta(REPAIRED) is None
            done = done and tools <= run.finished_tools(again.reasons)
    except RunError:
        if not journal.is_file() or file_damage(journal) is None:
            raise
        manifest, holds_tools, done = _salvaged_manifest(path), True, False
    # The whole journal is read only where that decides: a run that continues is checked on opening.
    done = done and is_healthy(journal)
    if manifest.tools and not holds_tools and is_healthy(journal):
        raise RunError(
            f"run {path.name} holds no tools: it ended before any was stored",
            hint="start it again",
        )
    if manifest.calibrates:
        raise RunError(
            f"run {manifest.run} measures a judge; it is not resumed by itself",
            hint="the same `panel calibrate` again: what was answered is found",
        )
    return Remaining(manifest, complete=done)


def _salvaged_manifest(path: Path) -> Manifest:
    with salvaged(path / JOURNAL) as (repaired, _):
        with contextlib.suppress(OSError):
            shutil.copyfile(path / MANIFEST, repaired.with_name(MANIFEST))
        with Run.open(repaired.parent) as run:
            return run.manifest.model_copy(update={"run": path.name})
