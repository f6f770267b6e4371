"""Which tools are compared on a page of their own: the one rule, within a category. Pure.

First what people weigh against each other, then what is merely close:

1. a tool and the rival that a review of it names;
2. the best tool of a category that ships and the next ones of it;
3. tools with the nearest scores, of which one ships at least, and last those of which none does.

Of one kind the newest verdicts come first. Verdicts on hold and incomplete ones are not compared.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from panel.report.citations import line
from panel.runs.history.entry import History

PER_TOOL: Final = 5
"""Comparisons that a tool is in, at most."""
NEXT: Final = 3
"""Tools of the next scores that a tool is compared with."""
AT_LEAST: Final = 100
TOOLS_A_PAIR: Final = 4
"""There is a comparison for every so many tools, or `AT_LEAST` where that is more."""

_VERDICTS: Final = frozenset({"ship", "skip", "split"})
_WORD: Final = 4
"""Letters from which a name is found in small and large letters alike; `Go` is not `go`."""

_NAMED, _BEST, _ONE_SHIPS, _NONE_SHIPS = range(4)


class Pair(NamedTuple):
    """Two tools by their keys, in alphabetical order."""

    one: str
    two: str


class Candidate(NamedTuple):
    """A possible comparison: what is small comes first."""

    kind: int
    age: float
    """Of the newer verdict."""
    distance: float
    """Of the scores."""
    pair: Pair


def pairs(categories: Iterable[Sequence[History]]) -> tuple[Pair, ...]:
    """Return the comparisons, those that people want most first."""
    groups = [list(histories) for histories in categories]
    limit = max(AT_LEAST, sum(map(len, groups)) // TOOLS_A_PAIR)
    degree: Counter[str] = Counter()
    chosen: dict[Pair, None] = {}
    for *_, pair in sorted(candidate for group in groups for candidate in _candidates(group)):
        if len(chosen) == limit:
            break
        if pair not in chosen and max(degree[pair.one], degree[pair.two]) < PER_TOOL:
            degree.update(pair)
            chosen[pair] = None
    return tuple(chosen)


def _candidates(group: Iterable[History]) -> Iterator[Candidate]:
    judged = [
        history
        for history in group
        if history.latest.verdict.outcome in _VERDICTS and history.latest.verdict.score is not None
    ]
    by_key = {history.key: history for history in judged}
    for key, rival in _named_rivals(judged):
        yield _candidate(_NAMED, by_key[key], by_key[rival])
    by_rank = sorted(judged, key=lambda h: (not _ships(h), -_score(h), h.key))
    if by_rank and _ships(by_rank[0]):
        yield from (_candidate(_BEST, by_rank[0], rival) for rival in by_rank[1 : 1 + NEXT])
    by_score = sorted(judged, key=lambda h: (_score(h), h.key))
    for place, history in enumerate(by_score):
        for near in by_score[place + 1 : place + 1 + NEXT]:
            kind = _ONE_SHIPS if _ships(history) or _ships(near) else _NONE_SHIPS
            yield _candidate(kind, history, near)


def _candidate(kind: int, a: History, b: History) -> Candidate:
    newer = max(history.latest.created.timestamp() for history in (a, b))
    return Candidate(kind, -newer, abs(_score(a) - _score(b)), Pair(*sorted((a.key, b.key))))


def _named_rivals(group: Sequence[History]) -> Iterator[tuple[str, str]]:
    """Yield each tool with every other one of the group that a review of it names as its rival."""
    names = {history.key: line(history.latest.tool.name) for history in group}
    by_name = {name.casefold(): key for key, name in names.items() if len(name) > 1}
    if not by_name:
        return
    # The longest first: of two names that begin alike, the whole one is meant.
    alternatives = "|".join(map(re.escape, sorted(by_name, key=len, reverse=True)))
    pattern = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)
    for history in group:
        for match in pattern.finditer(history.latest.rivals):
            key = by_name.get(match[0].casefold(), history.key)
            exact = len(match[0]) >= _WORD or match[0] == names[key]
            if key != history.key and exact:
                yield history.key, key


def _ships(history: History) -> bool:
    return history.latest.verdict.outcome == "ship"


def _score(history: History) -> float:
    return history.latest.verdict.score or 0.0
