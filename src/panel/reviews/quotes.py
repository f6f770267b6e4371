"""What is quoted of a passage: whole sentences or lines, so that no quote loses its qualifier.

Pure. The words are always those of the passage; what is left out is marked by an ellipsis.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from panel.evidence.source import Passage
from panel.reviews.shortlist import nearest

SENTENCE: Final = 240
"""Characters up to which a sentence or line is quoted to its end."""

WHOLE: Final = 300
"""Characters up to which a passage is quoted whole, and a sentence with the one that limits it."""

LINE_BREAK: Final = " / "
"""Between two lines that are quoted on one."""

_CONTRAST: Final = re.compile(
    r"(?:But|However|Yet|Still|Though|Although|Nevertheless|Nonetheless|Instead|Unfortunately|Only"
    r"|Except|(?:Some|Many|Most|Few|None) of (?:them|these|those|its|the)|At the same time"
    r"|On the other hand|That said|In practice)\b"
)
"""How a sentence begins that takes back a part of the one before."""

_OF_THE_PAGE: Final = re.compile(r"\b(?:one|clear|sentence|code|evidence)\b", re.IGNORECASE)
"""Words of a question that are about how a page says something, not about what it says."""


class Excerpt(NamedTuple):
    """Words of a passage on one line, and whether something stands before and after them."""

    text: str
    before: bool
    after: bool

    @property
    def marked(self) -> str:
        """The words, with an ellipsis where something is left out."""
        after = " …" if self.after and not self.text.endswith("…") else ""
        return f"{'… ' if self.before else ''}{self.text}{after}"


def excerpt(passage: Passage, texts: Sequence[str], about: str) -> Excerpt:
    """Return what is quoted of a passage.

    A short one is quoted whole. Of prose it is the sentence nearest to what the quote is about, and
    the one after it where that begins with a contrast; of code the first lines, since a line from
    its middle calls what is not shown; of a list the nearest line, and lines after it while there
    is room.

    Args:
        passage: What is quoted; its kind decides.
        texts: Its sentences or lines in order (`shortlist.pieces`), at least one.
        about: A question, with words that an answer tends to hold; empty: the beginning.
    """
    prose = passage.kind == "prose"
    between = " " if prose else LINE_BREAK
    if len(whole := between.join(texts)) <= WHOLE:
        return Excerpt(whole, before=False, after=False)
    words = _OF_THE_PAGE.sub(" ", about)
    first = 0 if passage.kind == "code" else nearest(words, texts)
    last = first
    while last + 1 < len(texts) and len(between.join(texts[first : last + 2])) <= WHOLE:
        if prose and not _CONTRAST.match(texts[last + 1]):
            break
        last += 1
    text = shortened(between.join(texts[first : last + 1]), WHOLE if last > first else SENTENCE)
    return Excerpt(text, before=first > 0, after=last + 1 < len(texts))


def shortened(text: str, limit: int) -> str:
    """Return one line in at most `limit` characters, cut after a clause, else after a word."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    clause = max(head.rfind(mark) for mark in ("; ", ": ", ", ", " – ", " — "))
    end = clause if clause > limit // 2 else head.rfind(" ")
    return (head[:end] if end > limit // 2 else head).rstrip(" ,;:–—-") + "…"
