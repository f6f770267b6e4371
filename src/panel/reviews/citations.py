"""Citations: passage ids as models write them, checked against the passages that were shown.

The text of a quote is never taken from a model; here only ids pass. Knows nothing of scores.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from panel.evidence.source import Passage
from panel.reviews.prose import sentences

_ID: Final = re.compile(r"\bE\s?(\d{1,6})[.:](\d{1,6})\b", re.IGNORECASE)
_BRACKETED: Final = re.compile(
    r"\s*[\[(]\s*(?:see |passages? )?(E\s?\d[^\[\]()\n]{0,120})[\])]", re.IGNORECASE
)
_BARE: Final = re.compile(r"\s*\bE\s?\d{1,6}[.:]\d{1,6}\b", re.IGNORECASE)
_DIGIT: Final = re.compile(r"\d")
_WORD: Final = re.compile(r"[a-z0-9]{3,}")
_DENIAL: Final = re.compile(
    r"\b(?:not?|never|none|nor|lacks?|lacking|without|cannot|unable|un\w+ed)\b|n[’']t\b",
    re.IGNORECASE,
)
_COMMON: Final = frozenset(
    re.findall(
        r"\w+",
        "the and does any can could would was were are has have had its this that there with from "
        "for over into than then they them their who what which how when where why not tool did "
        "evidence show shows give gives given name names state states say says project",
    )
)
_NOTICE: Final = (
    " deprecated archived unmaintained longer maintained replaced superseded ended experimental"
    " discontinued read-only closed successor"
)
"""What a page says that speaks against its tool: support for a `no` is looked for there as well."""


FEWEST: Final = 5
SHARE: Final = 0.6


class Cited(NamedTuple):
    """Ids that exist, each once, and how many named none of the passages shown."""

    known: tuple[str, ...]
    unknown: int


def read_ids(text: str, shown: Collection[str]) -> Cited:
    """Return the passage ids in free text, unknown ones dropped and counted."""
    ids = dict.fromkeys(f"E{int(s)}.{int(p)}" for s, p in _ID.findall(text))
    known = tuple(i for i in ids if i in shown)
    return Cited(known, len(ids) - len(known))


def keep_known(text: str, shown: Collection[str]) -> tuple[str, int]:
    """Rewrite a text's citations as `[E1.4]`; drop unknown ones and return how many went."""
    if not _DIGIT.search(text):
        return text, 0  # no id stands in it
    dropped = 0
    parts: list[str] = []
    place = 0
    for match in _BRACKETED.finditer(text):
        cited = read_ids(match.group(1), shown)
        dropped += cited.unknown
        parts += [_bare(text[place : match.start()]), *(f" [{i}]" for i in cited.known)]
        place = match.end()
    return "".join([*parts, _bare(text[place:])]), dropped


def _bare(text: str) -> str:
    """An id outside brackets is no citation a reader could follow: it goes."""
    return _BARE.sub("", text)


def attach(text: str, passages: Sequence[Passage]) -> str:
    """Put behind each sentence without a citation the passage that holds most of its words.

    A passage counts when it holds three in five of a sentence's words, and five at least: then the
    statement is there to be read. A sentence that denies something is not shown by a passage that
    does not. Other sentences stay without a citation.
    """
    return " ".join(_attached(sentence, passages) for sentence in sentences(text))


def _attached(sentence: str, passages: Sequence[Passage]) -> str:
    words = set(_words(sentence))
    if _BRACKETED.search(sentence) or len(words) < FEWEST:
        return sentence
    denying = denies(sentence.rpartition(" because ")[2])
    held = [
        (len(words & set(_words(p.text))), -n, p.id)
        for n, p in enumerate(passages)
        if not denying or denies(p.text)
    ]
    most, _, ident = max(held, default=(0, 0, ""))
    if most < FEWEST or most < SHARE * len(words):
        return sentence
    body = sentence.rstrip(".!?…")
    return f"{body} [{ident}]{sentence[len(body) :]}"


def denies(text: str) -> bool:
    """Tell whether a word of a text denies something."""
    return _DENIAL.search(text) is not None


def likely(
    question: str, answer: str, passages: Sequence[Passage], *, most: int, cues: str = ""
) -> list[str]:
    """Return the ids of the passages that share most rare words with question and cues (tf-idf).

    For a `no` the words of bad news take the place of the cues, which speak of a yes.
    """
    words = set(_words(f"{question} {_NOTICE if answer == 'no' else cues}"))
    spread = _spread(tuple(passages))
    scored = []
    for place, passage in enumerate(passages):
        counts = Counter(_words(f"{passage.heading} {passage.text}"))
        size = sum(counts.values()) or 1
        rare = sum(
            math.log(1 + len(passages) / spread[w]) * counts[w] / (counts[w] + 0.5 + size / 60)
            for w in words
            if counts[w]
        )
        scored.append((-rare, place, passage.id))
    return [ident for rank, _, ident in sorted(scored)[:most] if rank < 0]


@lru_cache(maxsize=8)
def _spread(passages: tuple[Passage, ...]) -> Counter[str]:
    spread: Counter[str] = Counter()
    for passage in passages:
        spread.update(set(_words(f"{passage.heading} {passage.text}")))
    return spread


def _words(text: str) -> Iterable[str]:
    for word in _WORD.findall(text.lower()):
        if word not in _COMMON:
            yield word[:6]
