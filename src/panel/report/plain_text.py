"""Plain text of a width: tables without colours, and wrapped lines. Knows no report."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

WIDTH: Final = 100
"""Columns where nothing says another number."""
_GAP: Final = 2
_NARROWEST: Final = 16
"""Columns that a first cell has at least."""

Rows = Sequence[tuple[str, ...]]


def headed(title: str, width: int) -> tuple[str, str]:
    """Return a title over a line."""
    return title, "─" * min(WIDTH, width)


def table(head: tuple[str, ...], rows: Rows, width: int) -> Iterator[str]:
    """Yield rows whose first cell is wrapped where the others leave too little room for it.

    Where there is hardly any, each cell has a line of its own, after the name of its column.
    """
    others = [max(len(row[n]) for row in (head, *rows)) for n in range(1, len(head))]
    room = width - sum(others) - _GAP * len(others)
    if room < _NARROWEST:
        yield from headed(head[0], width)
        for row in rows:
            yield row[0]
            for name, cell in zip(head[1:], row[1:], strict=True):
                if cell:
                    yield f"  {name}: {cell}" if name else f"  {cell}"
        return
    first = min(room, max(len(row[0]) for row in (head, *rows)))
    for row in (head, *rows):
        lines = textwrap.wrap(row[0], first) or [""]
        cells = (cell.ljust(wide) for cell, wide in zip(row[1:], others, strict=True))
        yield (" " * _GAP).join((lines[0].ljust(first), *cells))
        yield from (f"  {rest}" for rest in lines[1:])
        if row is head:
            yield "─" * min(width, first + sum(others) + _GAP * len(others))


def wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    """Yield lines, long ones wrapped under their own indent."""
    for text in lines:
        if len(text) <= width:
            yield text
            continue
        indent = " " * (len(text) - len(text.lstrip()))
        hanging = f"{indent}  " if indent or text.startswith("! ") else ""
        yield from textwrap.wrap(
            text.lstrip(),
            width,
            initial_indent=indent,
            subsequent_indent=hanging,
            break_long_words=False,
        )
