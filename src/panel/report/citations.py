"""Citations inside text: `[E1.4]` becomes a part of its own where the passage exists, else goes.

Also the two ways untrusted text is made fit to show: one line, or paragraphs. Knows no format.
"""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from panel.foundation.text import clean, one_line, printable

_ID: Final = r"E\d{1,4}(?:\.\d{1,6})?"
_CITE: Final = re.compile(rf" *\[ ?({_ID}(?: ?[,;] ?{_ID})*) ?\]")


@dataclass(frozen=True)
class Cite:
    """A reference to a passage that exists."""

    id: str


@dataclass(frozen=True)
class Own:
    """A figure or name that no passage contains: the writer's own."""

    text: str


Part = str | Cite | Own
"""A piece of a text: words, a citation, or a claim without evidence."""


def line(text: str | None) -> str:
    """Return untrusted text on one line, without anything a screen would obey or hide."""
    if not text:
        return ""
    if text.isascii() and text.isprintable():  # most of what a card shows: nothing to take out
        return " ".join(text.split())
    return one_line(clean(text)[0])


def lines(text: str) -> str:
    """Return untrusted text with its lines and indents, without what a screen would obey."""
    return printable(clean(text)[0]).expandtabs(4).strip("\n")


def paragraphs(text: str) -> tuple[str, ...]:
    """Return untrusted text as paragraphs of one line each."""
    blocks = re.split(r"\n\s*\n", printable(clean(text)[0]))
    return tuple(" ".join(b.split()) for b in blocks if b.strip())


def is_passage(cite: str) -> bool:
    """Tell whether this has the form of a passage's id."""
    return re.fullmatch(_ID, cite) is not None and "." in cite


def parts(text: str, known: Container[str], own: Sequence[str] = ()) -> tuple[Part, ...]:
    """Split one line of text at its citations and at the claims that are the writer's `own`.

    Ids that are not `known` are dropped.
    """
    pieces = _cited(text, known)
    claims = sorted({line(claim) for claim in own} - {""}, key=len, reverse=True)
    if not claims:
        return pieces
    any_claim = "|".join(re.escape(claim) for claim in claims)
    mark = re.compile(rf"(?<![\w.,])(?:{any_claim})(?![\w]|[.,]\d)")
    return tuple(
        part
        for piece in pieces
        for part in (_marked(piece, mark) if isinstance(piece, str) else (piece,))
    )


def _marked(words: str, mark: re.Pattern[str]) -> Iterator[Part]:
    at = 0
    for match in mark.finditer(words):
        if before := words[at : match.start()]:
            yield before
        yield Own(match.group())
        at = match.end()
    if rest := words[at:]:
        yield rest


def _cited(text: str, known: Container[str]) -> tuple[Part, ...]:
    out: list[Part] = []
    words, at = "", 0
    for match in _CITE.finditer(text):
        words += text[at : match.start()]
        at = match.end()
        if cites := [Cite(i) for i in re.split(r" ?[,;] ?", match[1]) if i in known]:
            out += [words, *cites] if words else cites
            words = ""
    words += text[at:]
    return (*out, words) if words else tuple(out)


def cut(text: str, limit: int) -> str:
    """Shorten one line to at most `limit` characters, at a blank where there is one."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    word = head.rsplit(" ", 1)[0]
    return (word if len(word) > limit // 2 else head).rstrip(" ,;:–-") + "…"
