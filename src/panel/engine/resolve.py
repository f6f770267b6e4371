"""Forecasts resolved by code: evidence read anew as a refresh does, and ruled on by the resolvers.

Reads and rules; writes nothing. Verdicts that came after a forecast count as readings too: what
their stored evidence shows was so on the day it was read.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from typing import Final

from panel.engine.options import Options
from panel.engine.refresh import collect_anew, stored_tools, with_look_ups
from panel.evidence.collect import Collected
from panel.evidence.source import Evidence
from panel.evidence.topics import Topic
from panel.foundation.errors import RunError, ToolError
from panel.reviews.propositions import proposition
from panel.reviews.resolvers import Readings, Ruling, resolve
from panel.runs.forecasts.made import MadeForecast
from panel.runs.forecasts.resolutions import KnownForecast, Outcome, Resolution, in_one_line
from panel.runs.history.archive import Archive
from panel.runs.history.entry import History
from panel.runs.run import Run

_ENDS: Final[dict[str, Outcome]] = {"yes": "yes", "no": "no", "void": "void"}


@dataclass(frozen=True)
class RuledForecast:
    """A forecast without an end, and what the readings say of it."""

    forecasts: tuple[MadeForecast, ...]
    """Those of all reviewers about the same proposition and day; a free sentence alone."""
    ruling: Ruling

    @property
    def forecast(self) -> MadeForecast:
        """The first of them."""
        return self.forecasts[0]

    def resolution(self, today: date) -> Resolution | None:
        """Return its end where code could decide; None where it stays open or is asked."""
        ruling, forecast = self.ruling, self.forecast
        if (outcome := _ENDS.get(ruling.outcome)) is None:
            return None
        return Resolution(
            tool=forecast.key,
            proposition=forecast.proposition,
            by=forecast.by,
            came_true=outcome,
            date=today,
            note=in_one_line(ruling.why),
            decided="code",
            passage=in_one_line(ruling.passage) or None,
            source=in_one_line(ruling.source) or None,
            read=ruling.read,
        )


async def rule_all(
    options: Options, archive: Archive, known: Sequence[KnownForecast], *, today: date
) -> tuple[RuledForecast, ...]:
    """Rule on forecasts without an end: of propositions by reading anew, of sentences not at all.

    A free sentence is for a person, and asked about once it is due.
    """
    waiting = [each.forecast for each in known if each.resolution is None]
    ruled = [
        RuledForecast((made,), Ruling("ask", "code judges no free sentence"))
        for made in waiting
        if not made.proposition and made.by <= today
    ]
    by_tool: dict[str, list[MadeForecast]] = defaultdict(list)
    for made in waiting:
        if made.proposition and proposition(made.proposition):
            by_tool[made.key].append(made)
    tools = stored_tools(options, archive, by_tool)
    async with aclosing(collect_anew(options, tools)) as collected:
        async for tool, outcome in collected:
            key = tool.tool.slug
            if history := archive.history(key):
                ruled += await _of_tool(options, archive, history, by_tool[key], outcome)
    return tuple(sorted(ruled, key=lambda each: (each.forecast.key, each.forecast.by,
                                                 each.forecast.id)))  # fmt: skip


async def _of_tool(
    options: Options,
    archive: Archive,
    history: History,
    forecasts: Iterable[MadeForecast],
    outcome: Collected | ToolError,
) -> list[RuledForecast]:
    stored = {entry.run: _stored(archive, entry.run, entry.tool.slug) for entry in history.entries}
    unread = outcome.message if isinstance(outcome, ToolError) else ""
    now = None
    if isinstance(outcome, Collected):
        topics: dict[Topic, None] = {
            look_up.topic: None
            for evidence in stored.values()
            for look_up in (evidence.look_ups if evidence else ())
            if look_up.source
        }
        now = await with_look_ups(options, outcome, [*topics])
    groups: dict[str, list[MadeForecast]] = defaultdict(list)
    for made in forecasts:
        groups[made.id].append(made)
    return [
        RuledForecast(tuple(group), _decisive(_rulings(group, stored, now, unread)))
        for group in groups.values()
    ]


def _decisive(rulings: Sequence[Ruling]) -> Ruling:
    """Return the first ruling that decides, else the last; a hint goes before any silence."""
    order = ("yes", "void", "ask", "no")
    decided = (each for outcome in order for each in rulings if each.outcome == outcome)
    return next(decided, rulings[-1])


def _rulings(
    group: Sequence[MadeForecast],
    stored: dict[str, Evidence | None],
    now: Evidence | None,
    unread: str,
) -> list[Ruling]:
    """Return what the readings after each run say that gave this proposition a probability."""
    runs = {made.run: made for made in group}
    return [ruling for made in runs.values() for ruling in _ruled(made, stored, now, unread)]


def _ruled(
    made: MadeForecast, stored: dict[str, Evidence | None], now: Evidence | None, unread: str
) -> list[Ruling]:
    """Return what each later reading says, in time order."""
    known, before = proposition(made.proposition), stored.get(made.run)
    if known is None or before is None:
        return [Ruling("open", f"what run {made.run} read of it cannot be read any more")]
    since = before.gathered.day or made.made
    runs = [*stored]
    later = [stored[run] for run in runs[runs.index(made.run) + 1 :]]
    rulings = [
        resolve(known.id, Readings(before, reading, made.by, since, made.tool))
        for reading in [*(each for each in later if each), *([now] if now else [])]
    ]
    return rulings if now else [*rulings, Ruling("open", unread)]


def _stored(archive: Archive, run: str, slug: str) -> Evidence | None:
    try:
        with Run.open(archive.runs / run) as opened:
            return opened.evidence(slug)
    except RunError:
        return None
