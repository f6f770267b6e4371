"""PDF into blocks: the text of each page, less what is drawn invisibly.

Runs in the child process only (`sandbox_child`): a PDF can ask for any amount of work.
"""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from panel.evidence.readers.block import Block, Extract
from panel.evidence.readers.plain import read_plain
from panel.foundation.text import clean, invisible

_MAX_PAGES: Final = 300
_MAX_TEXT: Final = 1_000_000
"""Characters; a book has about as many."""
_SHOWS: Final = frozenset({b"Tj", b"TJ", b"'", b'"'})
_FILLS: Final = frozenset({b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*", b"sh", b"Do"})
_TINY: Final = 2.0
"""Points of a letter too small to be read."""
_MARGIN: Final = 50.0
"""Points that a line may start outside the page and still show."""


class Unreadable(ValueError):
    """The document cannot be read; the message says why."""


def read_pdf(raw: bytes) -> Extract:
    """Return the text of a PDF, `page n` as its headings, and what was drawn invisibly.

    Raises:
        Unreadable: encrypted, or no PDF.
    """
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(raw))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("the PDF is encrypted")
        return _extract(reader)
    except (NotImplementedError, ImportError):  # pypdf's word for a cipher it does not know
        raise Unreadable("the PDF is encrypted") from None
    except (PyPdfError, KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("the PDF is damaged") from None


def _extract(reader: Any) -> Extract:
    blocks: list[Block] = []
    hidden: list[str] = []
    why: list[str] = []
    characters: Counter[str] = Counter()
    removed = size = 0
    for number, page in enumerate(_pages(reader), 1):
        invisible_text = _InvisibleText(_box(page))
        raw = page.extract_text(visitor_operand_before=invisible_text.before) or ""
        text, invisible_count = clean(raw)
        characters.update(invisible(raw))
        hidden += invisible_text.hidden
        why += invisible_text.why
        removed += invisible_count + len(invisible_text.hidden)
        page_blocks = read_plain(text).blocks
        blocks += [replace(block, heading=f"page {number}") for block in page_blocks]
        if (size := size + len(text)) > _MAX_TEXT:
            break
    return Extract(
        tuple(blocks), tuple(hidden), removed, why=tuple(why), characters=tuple(characters.items())
    )


def _pages(reader: Any) -> Iterator[Any]:
    """Yield the pages, at most `_MAX_PAGES`: the count that a file states may be false."""
    for number in range(min(len(reader.pages), _MAX_PAGES)):
        yield reader.pages[number]


def _box(page: Any) -> tuple[float, float, float, float]:
    box = page.mediabox
    return float(box.left), float(box.bottom), float(box.right), float(box.top)


@dataclass
class _State:
    white: bool = False
    mode: int = 0
    size: float = 12.0


@dataclass
class _InvisibleText:
    """Follows the drawing state of a page, and empties strings that are drawn invisibly."""

    box: tuple[float, float, float, float]
    hidden: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    """How each of these was hidden."""
    state: _State = field(default_factory=_State)
    stack: list[_State] = field(default_factory=list)
    has_fills: bool = False
    """Something was filled or an image drawn: white letters may stand on it."""

    def before(self, operator: bytes, operands: Any, cm: list[float], tm: list[float]) -> None:
        """Take one operator of the page's program before it is carried out."""
        if operator == b"q":
            self.stack.append(replace(self.state))
        elif operator == b"Q" and self.stack:
            self.state = self.stack.pop()
        elif operator in _FILLS:
            self.has_fills = True
        elif operator in (b"g", b"rg", b"k", b"sc", b"scn"):
            self.state.white = _is_white(operator, operands)
        elif operator == b"Tr":
            self.state.mode = int(operands[0])
        elif operator == b"Tf":
            self.state.size = abs(float(operands[1]))
        elif operator in _SHOWS and (why := self._unseen(cm, tm)):
            self._empty(operands, why)

    def _unseen(self, cm: list[float], tm: list[float]) -> str:
        # An image with its words laid over it invisibly is a scan: those words are seen.
        if self.state.mode in (3, 7) and not self.has_fills:
            return "drawn with invisible ink"
        scale = max(abs(tm[3]), abs(tm[1])) * max(abs(cm[3]), abs(cm[1]))
        if self.state.white and not self.has_fills:
            return "white on white"
        if self.state.size * scale <= _TINY:
            return "zero size"
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        left, bottom, right, top = self.box
        inside = left - _MARGIN <= x <= right and bottom - _MARGIN <= y <= top + _MARGIN
        return "" if inside else "moved off the page"

    def _empty(self, operands: Any, why: str) -> None:
        drawn = operands[0] if isinstance(operands[0], list) else operands
        strings = [operand for operand in drawn if isinstance(operand, str | bytes)]
        # In a font's own codes, which are mostly those of Latin letters.
        letters = b"".join(getattr(operand, "original_bytes", b"") for operand in strings)
        if letters.strip():
            self.hidden.append(letters.decode("latin-1"))
            self.why.append(why)
        for place, operand in enumerate(drawn):
            if isinstance(operand, str | bytes):
                drawn[place] = type(operand)()


def _is_white(operator: bytes, operands: Any) -> bool:
    levels = [float(operand) for operand in operands if isinstance(operand, int | float)]
    if operator == b"k" or len(levels) == 4:
        return bool(levels) and max(levels) <= 0.02
    return bool(levels) and min(levels) >= 0.98
