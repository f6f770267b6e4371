"""The excerpt: of all passages that were read in judging, those that a writer is shown again.

A pure function of evidence and judgements, so that a stored run shows the same again.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Final, NamedTuple

from panel.evidence.budget import estimated_tokens
from panel.evidence.fence import rendered
from panel.evidence.source import Passage
from panel.reviews.own_claims import figures_and_names
from panel.reviews.personas import Persona
from panel.reviews.review import Review
from panel.reviews.shortlist import announces, shortlist

ROOM: Final = 155
SHARE: Final = 0.15
"""Tokens of an excerpt: so many, and this share of all passages. Both calls together then hold at
most 1.14 times the tokens of the single call of 0.1 (`benchmarks.prompts`)."""

_OF_A_BEAT: Final = 2
"""Passages looked for with the words of each step that a page can answer."""

_FRAME: Final = 3
"""Tokens that brackets, marks and line ends cost beyond a line's length."""

_SHORT: Final = 20
"""Tokens under which a passage is not taken to be denser for being shorter."""


def excerpt(
    passages: Sequence[Passage], persona: Persona, review: Review, others: Sequence[Review]
) -> tuple[Passage, ...]:
    """Return the passages that matter for one reviewer's text, in reading order.

    The first passage, since a page says there what the tool is; then in turn what the reviewer's
    heaviest findings cite, what shares words with a step or has names and figures, and what the
    heaviest findings of the other reviewers cite. All where they fit.

    Args:
        passages: All that were read in judging.
        persona: Who writes.
        review: Its judgement.
        others: Those of the other reviewers.
    """
    shown = _shown(tuple(passages))
    sizes, by_id = shown.sizes, shown.by_id
    room = ROOM + SHARE * shown.total
    if shown.total <= room:
        return tuple(passages)
    asks = [beat.ask for beat in persona.beats if beat.quotes]
    near = _in_turn([p.id for p in shortlist(ask, shown.telling, most=_OF_A_BEAT)] for ask in asks)
    # A model with room for more evidence may cite what this one was never shown.
    theirs = [ident for ident in _in_turn(map(_cited, others)) if ident in by_id]
    own = _cited(review)
    # The reviewer's own take every other turn.
    in_turn = _in_turn([own[::2], [*near, *shown.densest], own[1::2], theirs])
    queue = [passages[0].id, *in_turn, *(passage.id for passage in shown.telling)]
    chosen: set[str] = set()
    headings: set[str] = set()
    for ident in dict.fromkeys(queue):
        if room < shown.smallest:
            break
        new = _levels(by_id[ident].heading) - headings
        cost = sizes[ident]
        if new:
            cost += sum(_tokens(level.rpartition(" › ")[2]) for level in new)
        if cost <= room:
            room -= cost
            chosen.add(ident)
            headings |= new
    return tuple(passage for passage in passages if passage.id in chosen)


def _cited(review: Review) -> list[str]:
    """Return the ids that a judgement cites: of the upkeep, then of its heaviest findings.

    The first id of each finding comes before the second of any.
    """
    ranked = sorted(review.findings, key=lambda finding: -(finding.weight or 0))
    of_findings = [cite for n in (0, 1) for f in ranked for cite in f.cites[n : n + 1]]
    return list(dict.fromkeys([*review.status_cites, *of_findings]))


def _in_turn(queues: Iterable[Sequence[str]]) -> list[str]:
    """Return the first of each queue, then the second of each, and so on."""
    return [ident for row in zip_longest(*queues) for ident in row if ident is not None]


class _Shown(NamedTuple):
    """What the excerpts of all reviewers of a tool share."""

    sizes: Mapping[str, float]
    """Tokens of each passage in a prompt, by id."""
    total: float
    smallest: float
    by_id: Mapping[str, Passage]
    telling: tuple[Passage, ...]
    densest: tuple[str, ...]


@lru_cache(maxsize=8)
def _shown(passages: tuple[Passage, ...]) -> _Shown:
    sizes = {passage.id: _tokens(rendered(passage)) for passage in passages}
    telling = tuple(passage for passage in passages if not announces(passage))
    return _Shown(
        sizes=sizes,
        total=sum(sizes.values()),
        smallest=min(sizes.values(), default=0.0),
        by_id={passage.id: passage for passage in passages},
        telling=telling,
        densest=_densest(telling),
    )


def _densest(passages: Sequence[Passage]) -> tuple[str, ...]:
    """Return the ids of prose by names and figures a token: what a sentence can be about."""
    ranked = []
    for place, passage in enumerate(passages):
        if passage.kind in ("code", "links", "badges"):
            continue
        things = figures_and_names(passage.text)
        if things:
            tokens = max(_SHORT, estimated_tokens(passage.text))
            ranked.append((-len(things) / tokens, place, passage.id))
    return tuple(ident for _, _, ident in sorted(ranked))


def _tokens(line: str) -> float:
    return _FRAME + estimated_tokens(line)


@lru_cache(maxsize=1_024)
def _levels(heading: str) -> frozenset[str]:
    """Return the headings above a passage, each with those above it."""
    parts = heading.split(" › ") if heading else []
    return frozenset(" › ".join(parts[: depth + 1]) for depth in range(len(parts)))
