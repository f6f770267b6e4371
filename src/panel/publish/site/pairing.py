"""Which tools are compared on pages of their own. Pure.

The rule, as the method page tells it: a tool is compared with tools of its category whose scores
are nearest to its own, at most three of them. Comparisons of the newest verdicts come first, until
there is one for every four tools (100 where that is more). A verdict on hold and an incomplete one
are not compared: there is nothing yet to compare.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from panel.runs.history.entry import History

PER_TOOL: Final = 3
AT_LEAST: Final = 100
TOOLS_A_PAIR: Final = 4

_VERDICTS: Final = frozenset({"ship", "skip", "split"})


class Pair(NamedTuple):
    """Two tools by their keys, in alphabetical order."""

    one: str
    two: str


def pairs(categories: Iterable[Sequence[History]]) -> tuple[Pair, ...]:
    """Return the comparisons, those of the newest verdicts first."""
    groups = [list(each) for each in categories]
    limit = max(AT_LEAST, sum(map(len, groups)) // TOOLS_A_PAIR)
    degree: Counter[str] = Counter()
    found: list[Pair] = []
    for _, _, pair in sorted(each for group in groups for each in _candidates(group)):
        if len(found) == limit:
            break
        if max(degree[pair.one], degree[pair.two]) < PER_TOOL:
            degree.update(pair)
            found.append(pair)
    return tuple(found)


Candidate = tuple[float, float, Pair]
"""Age of the newer verdict, distance of the scores, the pair: small is good."""


def _candidates(group: Iterable[History]) -> Iterator[Candidate]:
    scored = sorted(
        (verdict.score, each.key, each.latest.created.timestamp())
        for each in group
        if (verdict := each.latest.verdict).score is not None and verdict.outcome in _VERDICTS
    )
    for place, (score, key, when) in enumerate(scored):
        for other_score, other, other_when in scored[place + 1 : place + 1 + PER_TOOL]:
            near = Pair(*sorted((key, other)))
            yield -max(when, other_when), other_score - score, near
