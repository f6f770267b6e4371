"""The shortlist: the passages that are likely to hold the answer to a question.

Ranked by BM25 over word stems of heading and text. Code is found by what it is, since an
install command or an example seldom names itself. Pure; knows nothing of models or answers.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from panel.evidence.source import Passage
from panel.reviews.prose import sentences

_WORD: Final = re.compile(r"[a-z0-9]{3,}")
_IN_CODE: Final = "code command example usage"
"""Words that a piece of code counts as holding."""

_COMMAND: Final = re.compile(
    r"(?:^|[\s`])(?:pip3?|pipx|uvx?|conda|npm|npx|pnpm|yarn|brew|cargo|gem|docker|go|apt(?:-get)?|winget)"
    r" +(?:\w+ +)?(?:install|add|get|run|pull|x|tool)\b|(?:^|\s)(?:curl|wget) +(?:-\S+ +)*\S*://"
)
"""The start of a command inside a sentence."""

_UPKEEP: Final = re.compile(r"\b20[0-4]\d\b|\b(?<!-)maintained by\b", re.IGNORECASE)

_COMMON: Final = frozenset(
    re.findall(
        r"\w+",
        "the and does any can could would was were are has have had its this that there with from "
        "for over into than then them they their who what which how when where why not tool did "
        "evidence show shows give gives given name names state states say says project",
    )
)
FEWEST: Final = 2
"""Passages to return at least: what a tool does is seldom said in the words of a question."""

LEAD: Final = 2
"""Passages at the top that count up to twice: a page says first what matters most."""

_ASIDE: Final = 0.5
"""Share of its score that a list of links keeps: it names everything and says little."""

_OVER: Final = (
    "deprecated archived unmaintained replaced superseded ended experimental discontinued closed"
    " successor"
)

BAD_NEWS: Final = f"{_OVER} longer maintained"
"""What a page says that speaks against its tool: a `no` is looked for there."""

_SATURATION: Final = 1.2
_LENGTH: Final = 0.5
"""BM25's k1 and b: passages are short, so length counts less than in documents."""


def shortlist(
    words: str, passages: Sequence[Passage], *, most: int, fewest: int = FEWEST
) -> list[Passage]:
    """Return the passages that share rare stems with these words, the likeliest first.

    Args:
        words: A question, with words that an answer tends to hold.
        passages: Where to look.
        most: How many to return; fewer where fewer share anything.
        fewest: How many to return at least, filled up from the top.
    """
    known = tuple(passages)
    return [known[place] for place in _nearest_places(words, _index(known), most, fewest)]


def pieces(passage: Passage) -> list[str]:
    """Return the sentences of a passage, or its lines where breaks between them mean something."""
    if passage.kind == "prose":
        return sentences(" ".join(passage.text.split()))
    return [" ".join(text.split()) for text in passage.text.splitlines() if text.strip()]


def nearest(words: str, texts: Sequence[str]) -> int:
    """Return the place of the text that shares most with these words; 0 where none does."""
    return _nearest_places(words, _indexed(texts, ()), most=1)[0] if texts else 0


def holds_code(passage: Passage) -> bool:
    """Tell whether a passage is code, or has a command in a sentence."""
    return passage.kind == "code" or bool(_COMMAND.search(passage.text))


def holds_date(passage: Passage) -> bool:
    """Tell whether a passage names a year of our time, or who keeps the tool up."""
    return bool(_UPKEEP.search(passage.text))


def announces(passage: Passage) -> bool:
    """Tell whether a passage only announces the next one, and so says nothing by itself."""
    return passage.text.rstrip().endswith(":")


def tells_bad_news(text: str) -> bool:
    """Tell whether a text has a word that speaks against its tool."""
    return not set(_stems(text)).isdisjoint(_stems(_OVER))


def _rarity(holding: int, passages: int) -> float:
    return math.log(1 + (passages - holding + 0.5) / (holding + 0.5))


class _Index(NamedTuple):
    """What all questions about some texts share."""

    holding: Mapping[str, Sequence[tuple[int, int]]]
    """Places of the texts that hold a stem, and how often each does."""
    lengths: Sequence[float]
    """By place: how much the length of a text dampens what it holds."""
    shares: Sequence[float]
    leads: Sequence[float]
    """By place: factors of the score."""


@lru_cache(maxsize=8)
def _index(passages: tuple[Passage, ...]) -> _Index:
    texts = [f"{p.heading} {p.text} {_IN_CODE if p.kind == 'code' else ''}" for p in passages]
    asides = [place for place, p in enumerate(passages) if p.kind in ("links", "badges")]
    return _indexed(texts, asides)


def _indexed(texts: Sequence[str], asides: Collection[int]) -> _Index:
    """Index texts; `asides` are the places of those that count less."""
    holding: dict[str, list[tuple[int, int]]] = {}
    sizes = []
    for place, text in enumerate(texts):
        counts = _counted_stems(text)
        sizes.append(sum(counts.values()))
        for stem, count in counts.items():
            holding.setdefault(stem, []).append((place, count))
    mean = sum(sizes) / max(1, len(sizes)) or 1.0
    return _Index(
        holding,
        [_SATURATION * (1 - _LENGTH + _LENGTH * size / mean) for size in sizes],
        [_ASIDE if place in asides else 1.0 for place in range(len(sizes))],
        [1 + 1 / (1 + place / LEAD) for place in range(len(sizes))],
    )


def _nearest_places(words: str, index: _Index, most: int, fewest: int = FEWEST) -> list[int]:
    """Return the places of the texts that share rare stems with these words, likeliest first."""
    parts: dict[int, list[float]] = {}
    for stem in _stem_set(words):
        if holding := index.holding.get(stem):
            weight = _rarity(len(holding), len(index.lengths))
            for place, count in holding:
                part = weight * count / (count + index.lengths[place])
                parts.setdefault(place, []).append(part)
    ranked = sorted(
        (-index.shares[place] * math.fsum(part) * index.leads[place], place)
        for place, part in parts.items()
    )
    places = [place for _, place in ranked]
    wanted = min(most, max(len(places), fewest))
    others = (place for place in range(len(index.lengths)) if place not in parts)
    return [*places[:wanted], *islice(others, max(0, wanted - len(places)))]


@lru_cache(maxsize=256)
def _stem_set(words: str) -> frozenset[str]:
    return frozenset(_stems(words))


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _COMMON]


def _counted_stems(text: str) -> dict[str, int]:
    """Return how often each stem stands in a text, in the order of their first places."""
    counts: dict[str, int] = {}
    for stem in _stems(text):
        counts[stem] = counts.get(stem, 0) + 1
    return counts


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    # Imported late: it reads the stemmers of thirty languages, a sixth of a second.
    import snowballstemmer

    # One a word: a stemmer holds the word that it works on, and cards are written in threads.
    return str(snowballstemmer.stemmer("english").stemWord(word))
