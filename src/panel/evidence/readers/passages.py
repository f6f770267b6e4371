"""Passages: blocks cut at sentence ends, joined where they are small, and numbered by source.

The words stay as they are: a passage is what will be quoted to people.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from panel.evidence.readers.block import Block, Extract
from panel.evidence.source import Passage, Role, Source

LIMIT: Final = 400
"""Longest passage, in characters."""

_JOINED: Final = 300
_SMALL: Final = {"list": 160, "table": 160, "links": 160, "prose": 60}
_SENTENCE_END: Final = re.compile(r"[.!?…:]+[\"'”’)\]]*\s+|[。！？]+\s*")
_BLANKS: Final = " \n\t"
_CLAUSE_END: Final = re.compile(r"[,;–—]\s+")


def cut(blocks: Iterable[Block], source: str) -> tuple[Passage, ...]:
    """Return the passages of a source: `E1.1`, `E1.2`, … in reading order, none empty."""
    pieces = (replace(block, text=text) for block in blocks for text in _split(block))
    joined = (block for block in _join(pieces) if _has_words(block.text))
    return tuple(
        Passage(id=f"{source}.{n}", text=block.text, heading=block.heading, kind=block.kind)
        for n, block in enumerate(joined, 1)
    )


def _split(block: Block) -> Iterator[str]:
    """Yield pieces of at most LIMIT characters that, but for blanks, make up the text."""
    text, start = block.text, 0
    between = "\n" if block.kind == "code" else _BLANKS
    while len(text) - start > LIMIT:
        window = text[start : start + LIMIT + 1]
        end = _last_line(window) if block.kind == "code" else _last_end(window)
        yield window[:end].rstrip()
        start += end
        while start < len(text) and text[start] in between:
            start += 1
    yield text[start:].rstrip()


def _last_line(window: str) -> int:
    end = window.rfind("\n", 1)
    return end if end > 0 else LIMIT


def _last_end(window: str) -> int:
    """Return where to cut: behind the last sentence that fits, else a clause, a word, a letter."""
    for pattern, least in ((_SENTENCE_END, 80), (_CLAUSE_END, 200)):
        ends = [match.end() for match in pattern.finditer(window)]
        if ends and ends[-1] >= least:
            return ends[-1]
    blank = window.rfind(" ", 1)
    return blank if blank > 0 else LIMIT


def _join(blocks: Iterable[Block]) -> Iterator[Block]:
    pending: Block | None = None
    for block in blocks:
        if pending is not None and _joinable(pending, block):
            pending = replace(pending, text=f"{pending.text}\n{block.text}")
            continue
        if pending is not None:
            yield pending
        pending = block
    if pending is not None:
        yield pending


def _joinable(pending: Block, block: Block) -> bool:
    small = _SMALL.get(block.kind, 0)
    same_kind = (pending.kind, pending.heading) == (block.kind, block.heading)
    if not same_kind or len(pending.text) + len(block.text) + 1 > _JOINED:
        return False
    last = pending.text.rpartition("\n")[2]
    return len(block.text) <= small and len(last) <= small


def _has_words(text: str) -> bool:
    """Tell a passage from a stray `or`, a rule of dashes or a lone bullet."""
    letters = [character for character in text if character.isalnum()]
    return len(letters) > 2 or any(character > "\u2e80" for character in letters)


_HIDDEN: Final = (20, 200)
"""So many hidden texts are kept with a source, and so many characters of each."""


@dataclass(frozen=True)
class ReadDocument:
    """What was read, and where."""

    name: str
    """A file name or an address, as people see it."""
    retrieved: datetime
    sha256: str
    extract: Extract
    role: Role

    def numbered(self, number: int) -> Source:
        """Return the source with that number; without passages where there is no text."""
        count, length = _HIDDEN
        extract = self.extract
        return Source(
            id=f"E{number}",
            source=self.name,
            retrieved=self.retrieved,
            sha256=self.sha256,
            passages=cut(extract.blocks, f"E{number}"),
            removed_hidden=extract.removed,
            hidden=tuple(text.strip()[:length] for text in extract.hidden[:count]),
            hidden_why=extract.why[:count],
            hidden_characters=dict(extract.characters),
            left_aside=extract.aside,
            flags=extract.flags,
            role=self.role,
        )
