"""Plain text into blocks: paragraphs parted by empty lines, and list items."""

import re
from collections.abc import Iterator
from typing import Final

from panel.evidence.readers.block import Block, Extract
from panel.evidence.readers.data_urls import without_pictures

_ITEM: Final = re.compile(r"^\s{0,6}(?:[-*+•]|\d{1,3}[.)])\s+")


def read_plain(text: str) -> Extract:
    """Return the paragraphs of a text; nothing in it is markup, so nothing is hidden."""
    return Extract(tuple(_blocks(without_pictures(text))))


def _blocks(text: str) -> Iterator[Block]:
    for paragraph in re.split(r"\n[ \t]*\n", text):
        lines = [line for line in paragraph.split("\n") if line.strip()]
        if lines and all(line.startswith(("    ", "\t")) for line in lines):
            yield Block("code", "\n".join(line.rstrip() for line in lines))
            continue
        yield from _items(lines)


def _items(lines: list[str]) -> Iterator[Block]:
    """Part the lines of a paragraph where list items start."""
    listed = False
    part: list[str] = []
    for line in lines:
        if found := _ITEM.match(line):
            if part:
                yield Block("list" if listed else "prose", " ".join(part))
            listed, part = True, line[found.end() :].split()
        else:
            part += line.split()
    if part:
        yield Block("list" if listed else "prose", " ".join(part))
