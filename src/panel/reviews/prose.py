"""A model's prose made fit to print: no Markdown, no repetition, an end at a sentence.

Adds no words.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_LEAD: Final = re.compile(r"\s{0,3}(?:#{1,6}|>|[-*•]|\d{1,2}[.)])\s+")
_MARKUP: Final = re.compile(rf"\*\*|__|`+|^{_LEAD.pattern}", re.MULTILINE)
_LINK: Final = re.compile(r"!?\[([^\]\n]{0,200})\]\([^)\n]{0,500}\)")
_WORD: Final = re.compile(r"\w+")
_END: Final = re.compile(r"[.!?…][\"'”’)]*(?:\s*\[E\d+\.\d+\])*(?=\s|$)")
_SENTENCE: Final = re.compile(
    r".+?[.!?…][\"'”’)]*(?:\s*\[E\d+\.\d+\])*(?=\s+[\"'“A-Z0-9]|\s*$)|.+$", re.DOTALL
)


def tidy(text: str, *, limit: int) -> str:
    """Return one paragraph of whole, different sentences, at most `limit` characters long."""
    text = unmarked(text).strip(" \"“”'")
    return _capped(" ".join(fresh(sentences(text), ())), limit)


def unmarked(text: str) -> str:
    """Return a text as one paragraph without Markdown."""
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    if "\n" in text or "**" in text or "__" in text or "`" in text:
        text = _MARKUP.sub("", text)
    elif lead := _LEAD.match(text):
        text = text[lead.end() :]
    return " ".join(text.split())


def fresh(new: Iterable[str], earlier: Iterable[str]) -> list[str]:
    """Return the sentences that say something which no sentence before them has said.

    One is a repetition when four in five of its words stand in a single earlier sentence.
    """
    seen = contents(earlier)
    new_sentences = []
    for sentence in new:
        if not repeats(sentence, seen):
            seen.append(_content(sentence))
            new_sentences.append(sentence)
    return new_sentences


def contents(texts: Iterable[str]) -> list[frozenset[str]]:
    """Return the words of sentences, for `repeats`."""
    return [_content(sentence) for sentence in texts]


def repeats(sentence: str, seen: Iterable[frozenset[str]]) -> bool:
    """Tell whether four in five of its words stand in one of those seen, or it has none."""
    words = _content(sentence)
    if not words:
        return True
    enough = 0.8 * len(words)
    return any(len(words & others) >= enough for others in seen)


@lru_cache(maxsize=1_024)
def _content(sentence: str) -> frozenset[str]:
    return frozenset(_WORD.findall(sentence.lower()))


def sentences(text: str) -> list[str]:
    """Split prose into sentences, citations kept with the sentence before them."""
    return list(_sentences(text))


@lru_cache(maxsize=256)
def _sentences(text: str) -> tuple[str, ...]:
    found = (match.group().strip() for match in _SENTENCE.finditer(text))
    return tuple(sentence for sentence in found if sentence)


def is_finished(text: str) -> bool:
    """Tell whether a text ends where a sentence ends."""
    return any(match.end() == len(text) for match in _END.finditer(text))


def finished(text: str) -> str:
    """Drop the cut sentence at the end of a reply that ran into its limit, if one stands before."""
    ends = list(_END.finditer(text))
    return text[: ends[-1].end()] if ends else text


def _capped(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    cut = text[: limit + 1]
    ends = [m.end() for m in _END.finditer(cut) if m.end() <= limit]
    if ends:
        return cut[: ends[-1]]
    return cut[: max(cut.rfind(" ", 0, limit - 1), 1)].rstrip(" ,;:–-[") + "…"
