"""An edition: what a week brought, found in the archive. Pure; knows no format and no mail.

An edition of a week that is over never changes: verdicts made later are left out of it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby, pairwise
from typing import Final

from panel.evidence.tools.identity import folded
from panel.publish.newsletter.week import Week
from panel.reviews.review import Forecast, Vote
from panel.runs.history.archive import Archive
from panel.runs.history.entry import Entry, History, Opinion

CLOSE: Final = 100
"""Tenths of a point by which two verdicts may differ and still be close."""

UNDECIDED: Final = frozenset({"hold", "incomplete"})
"""Outcomes whose scores and forecasts are not put in front: a person must look, or a vote lacks."""


@dataclass(frozen=True)
class Turn:
    """A persona that votes otherwise than before; None where it gave no review."""

    persona: str
    title: str
    before: Vote | None
    now: Vote | None


@dataclass(frozen=True)
class Change:
    """A verdict that says something else than the last one before the week."""

    now: Entry
    before: Entry
    turns: tuple[Turn, ...]

    @property
    def outcome(self) -> bool:
        """Whether the outcome changed; else only votes did."""
        return self.now.verdict.outcome != self.before.verdict.outcome

    @property
    def judge(self) -> bool:
        """Whether another model, or another way of asking it, gave the new verdict."""
        now, before = self.now, self.before
        return (now.model, now.asked) != (before.model, before.asked)


@dataclass(frozen=True)
class Closest:
    """The two tools of one category with the smallest difference of scores."""

    category: str
    first: Entry
    """The one with the higher score; of a tie the first by key."""
    second: Entry
    tenths: int
    """Difference of the scores as they are shown, in tenths of a point; 0 is a tie."""
    others: int
    """Further pairs of the week that are exactly as close."""

    @property
    def close(self) -> bool:
        """Whether they are close: under ten points apart, or of the same outcome."""
        alike = self.first.verdict.outcome == self.second.verdict.outcome
        return alike or self.tenths < CLOSE

    @property
    def tie(self) -> bool:
        """Whether their scores are the same."""
        return self.tenths == 0

    @property
    def overlap(self) -> bool | None:
        """Whether their ranges over samples overlap; None where one of them has no range."""
        a, b = self.first.verdict.interval, self.second.verdict.interval
        return None if a is None or b is None else a[0] <= b[1] and b[0] <= a[1]


@dataclass(frozen=True)
class Boldest:
    """The forecast whose probability is furthest from one half."""

    entry: Entry
    opinion: Opinion
    forecast: Forecast
    probability: float


@dataclass(frozen=True)
class Edition:
    """What one week brought. A tool counts once, by its last verdict of the week."""

    week: Week
    new: tuple[Entry, ...]
    """Tools that had no verdict before: by score, highest first; undecided ones last."""
    changed: tuple[Change, ...]
    """Changed outcomes first, then changed votes; by score within."""
    confirmed: int
    """Tools reviewed again without any change."""
    closest: Closest | None
    boldest: Boldest | None
    answers: Mapping[str, str] = field(default_factory=dict)
    """By a tool's key: its verdict in one sentence with the reasons. Filled in by `answered`."""

    @property
    def empty(self) -> bool:
        """Whether nothing was reviewed."""
        return not self.new and not self.changed and not self.confirmed


def edition(archive: Archive, week: Week) -> Edition:
    """Return what the week brought, from all verdicts of the archive."""
    return _edition(archive.histories(), week)


def editions(archive: Archive, today: date) -> tuple[Edition, ...]:
    """Return the editions of all weeks over by `today` that brought something, newest first."""
    by_week: dict[Week, list[History]] = {}
    for history in archive.histories():
        for week in {Week.of(entry.created) for entry in history.entries}:
            by_week.setdefault(week, []).append(history)
    over = sorted((week for week in by_week if week.end.date() <= today), reverse=True)
    return tuple(_edition(by_week[week], week) for week in over)


def _edition(histories: Iterable[History], week: Week) -> Edition:
    pairs = [pair for history in histories if (pair := _in_week(history, week))]
    last = [now for now, _ in pairs]
    known = [_change(now, before) for now, before in pairs if before is not None]
    changed = [change for change in known if change.outcome or change.turns]
    return Edition(
        week=week,
        new=tuple(sorted((now for now, before in pairs if before is None), key=_by_score)),
        changed=tuple(sorted(changed, key=lambda c: (not c.outcome, *_by_score(c.now)))),
        confirmed=len(known) - len(changed),
        closest=_closest(last),
        boldest=_boldest(last),
    )


def _in_week(history: History, week: Week) -> tuple[Entry, Entry | None] | None:
    """Return a tool's last verdict of the week and its last one before the week."""
    inside = [entry for entry in history.entries if entry.created in week]
    earlier = [entry for entry in history.entries if entry.created < week.start]
    return (inside[-1], earlier[-1] if earlier else None) if inside else None


def _change(now: Entry, before: Entry) -> Change:
    was = {opinion.persona: opinion for opinion in before.opinions}
    is_ = {opinion.persona: opinion for opinion in now.opinions}
    turns = [
        Turn(
            persona,
            (is_.get(persona) or was[persona]).title,
            was[persona].vote if persona in was else None,
            is_[persona].vote if persona in is_ else None,
        )
        for persona in dict.fromkeys([*is_, *was])
    ]
    return Change(now, before, tuple(turn for turn in turns if turn.now != turn.before))


def _by_score(entry: Entry) -> tuple[bool, float, str]:
    verdict = entry.verdict
    score = math.inf if verdict.score is None else -verdict.score
    return (verdict.outcome in UNDECIDED, score, entry.key)


def _tenths(entry: Entry) -> int:
    """Return the score in tenths, cut as `figures.score` shows it."""
    return math.floor((entry.verdict.score or 0.0) * 10 + 1e-6)


def _comparable(entries: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    for entry in entries:
        if entry.verdict.score is None or entry.verdict.outcome in UNDECIDED:
            continue
        if category := folded(entry.tool.category or ""):
            yield category, entry


def _closest(entries: Iterable[Entry]) -> Closest | None:
    ranked = sorted(
        _comparable(entries), key=lambda pair: (pair[0], -_tenths(pair[1]), pair[1].key)
    )
    # Sorted by score, the closest pair of a category stands side by side.
    pairs = [
        (_tenths(first) - _tenths(second), category, first, second)
        for category, group in groupby(ranked, key=lambda pair: pair[0])
        for (_, first), (_, second) in pairwise(group)
    ]
    if not pairs:
        return None
    tenths, _, first, second = min(pairs, key=lambda pair: (pair[0], pair[1]))
    others = _as_close(ranked, tenths) - 1
    return Closest(first.tool.category or "", first, second, tenths, others)


def _as_close(ranked: Iterable[tuple[str, Entry]], tenths: int) -> int:
    """Count the pairs of a category whose scores differ by exactly that much."""
    counts = Counter((category, _tenths(entry)) for category, entry in ranked)
    if tenths == 0:
        return sum(many * (many - 1) // 2 for many in counts.values())
    return sum(
        many * counts[category, at + tenths] for (category, at), many in list(counts.items())
    )


def _boldest(entries: Iterable[Entry]) -> Boldest | None:
    """Of forecasts as far from one half: the one resolved first, then by key and persona."""
    bold = [
        Boldest(entry, opinion, forecast, p)
        for entry in entries
        if entry.verdict.outcome not in UNDECIDED
        for opinion in entry.opinions
        if (forecast := opinion.forecast) and (p := forecast.probability) is not None and p != 0.5
    ]
    return min(bold, key=_boldness, default=None)


def _boldness(boldest: Boldest) -> tuple[float, str, str, str]:
    by = boldest.forecast.resolve_by.isoformat()
    # Rounded, so that 0.9 and 0.1 are as bold as each other.
    return (
        -round(abs(boldest.probability - 0.5), 9),
        by,
        boldest.entry.key,
        boldest.opinion.persona,
    )
