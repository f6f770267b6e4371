"""Finding the two scorecards that are meant: in the archive or in one run, by name, slug or key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from panel.evidence.tools.identity import folded, name_key
from panel.foundation.did_you_mean import near_names
from panel.foundation.errors import RunError, ToolError
from panel.foundation.text import printable
from panel.report.comparison.comparison import NearestTool, weights_of
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.history.archive import Archive
from panel.runs.history.entry import Entry, History
from panel.runs.metadata import stored_personas
from panel.runs.run import Run


@dataclass(frozen=True)
class LookupResult:
    """A stored scorecard, and what the criteria weighed in its run."""

    card: Scorecard
    weights: dict[tuple[str, str], float]


def in_archive(archive: Archive, name: str) -> History | None:
    """Return the tool of that name, key or slug; None where there is none.

    Raises:
        ToolError: the name or slug is that of several tools.
    """
    key = name_key(name)
    named = [h for h in archive.histories() if name_key(h.latest.tool.name) == key]
    if len(named) == 1:
        return named[0]
    if history := archive.history(name):
        return history
    slugged = [h for h in archive.histories() if any(e.tool.slug == name for e in h.entries)]
    if len(named) > 1:
        raise ToolError(
            f"{printable(name)[:80]!r} is the name of {len(named)} tools",
            hint=f"name one: {_listed(h.key for h in named)}",
        )
    if len(slugged) > 1:
        raise ToolError(
            f"{printable(name)[:80]!r} is the slug of {len(slugged)} tools",
            hint=f"name one: {_listed(h.latest.tool.name for h in slugged)}",
        )
    return slugged[0] if slugged else None


def latest(archive: Archive, history: History) -> LookupResult:
    """Read a tool's latest verdict; raises `RunError` where it cannot be read."""
    return in_run(archive.runs / history.latest.run, history.latest)


def in_run(path: Path, target: Entry | str) -> LookupResult:
    """Read one scorecard of the run in the folder `path`: that of an entry, or of a tool's name.

    Raises:
        ToolError: the run holds no such tool.
        RunError: the run or the scorecard cannot be read.
    """
    with Run.open(path) as run:
        slug = target.tool.slug if isinstance(target, Entry) else _slug(run, target)
        card = run.card(slug)
        weights = weights_of(stored_personas(run) or ())
    if card is None:
        raise RunError(
            f"the scorecard of {slug} in run {path.name} cannot be read",
            hint=f"panel show {path.name}",
        )
    return LookupResult(card, weights)


def nearest(histories: Iterable[History], a: Scorecard, b: Scorecard) -> NearestTool | None:
    """Return the tool with the highest score that ships in the category of both, other than they.

    None where their categories differ or are not known, or where nothing in it ships.
    """
    category = folded(a.tool.category or "")
    if not category or category != folded(b.tool.category or ""):
        return None
    own = {name_key(card.tool.name) for card in (a, b)}
    shipped = [
        NearestTool(name=entry.tool.name, score=entry.verdict.score)
        for entry in (history.latest for history in histories)
        if entry.verdict.outcome == "ship"
        and entry.verdict.score is not None
        and folded(entry.tool.category or "") == category
        and name_key(entry.tool.name) not in own
    ]
    return min(shipped, key=lambda tool: (-tool.score, tool.name), default=None)


def unknown(archive: Archive, name: str) -> ToolError:
    """Return the error for a tool without a verdict, with the nearest names."""
    names = [history.latest.tool.name for history in archive.histories()]
    near = _near(name, names)
    hint = f"did you mean {near}?" if near else "panel compare TOOL.yaml OTHER.yaml --review"
    return ToolError(f"no stored verdict on {printable(name)[:80]!r} in {archive.runs}", hint=hint)


def _slug(run: Run, name: str) -> str:
    tools = run.tools()
    for tool in tools:
        if name == tool.slug or name_key(name) == name_key(tool.name):
            return tool.slug
    near = _near(name, [tool.name for tool in tools]) or _listed(tool.name for tool in tools[:3])
    raise ToolError(
        f"run {run.name} holds no tool named {printable(name)[:80]!r}",
        hint=f"did you mean {near}?",
    )


def _near(name: str, names: Sequence[str]) -> str:
    by_key = {name_key(name): name for name in names}
    key = name_key(name)
    near = near_names(key, by_key, cutoff=0.5)
    near += [known for known in by_key if key and key in known and known not in near]
    return _listed(by_key[match] for match in near[:3])


def _listed(names: Iterable[str]) -> str:
    return " or ".join(printable(name)[:80] for name in names)
