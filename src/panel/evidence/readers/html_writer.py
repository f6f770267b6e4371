"""A page that is written piece by piece from another markup, and then read as HTML.

All markups share one treatment of headings, tables, images, links and hidden classes.
"""

import html
from collections.abc import Sequence
from dataclasses import replace

from panel.evidence.readers.block import Extract
from panel.evidence.readers.html import read_html


class HTMLWriter:
    """Collects blocks in order, and separately the text that no reader sees."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.hidden: list[str] = []
        self.why: list[str] = []

    def hide(self, text: str, why: str) -> None:
        """Note a text that does not show, and what it is."""
        if text.strip():
            self.hidden.append(text)
            self.why.append(why)

    def extract(self) -> Extract:
        """Return what the page shows and what it hides."""
        extract = read_html("".join(self.parts))
        return replace(
            extract,
            hidden=(*self.hidden, *extract.hidden),
            why=(*self.why, *extract.why),
            removed=extract.removed + len(self.hidden),
        )

    # Blocks; their text is HTML already, but for code and images

    def heading(self, level: int, text: str) -> None:
        """Begin a section; levels count from 1."""
        tag = f"h{min(6, max(1, level))}"
        self.parts.append(f"<{tag}>{text}</{tag}>")

    def paragraph(self, text: str, *, classes: str = "") -> None:
        """Write a paragraph."""
        attribute = f' class="{html.escape(classes)}"' if classes else ""
        self.parts.append(f"<p{attribute}>{text}</p>")

    def item(self, text: str) -> None:
        """Write an item of a list."""
        self.parts.append(f"<ul><li>{text}</li></ul>")

    def row(self, cells: Sequence[str]) -> None:
        """Write a row of a table."""
        data = "".join(f"<td>{cell}</td>" for cell in cells)
        self.parts.append(f"<table><tr>{data}</tr></table>")

    def code(self, text: str) -> None:
        """Write a listing, its text as it stands."""
        self.parts.append(f"<pre>{html.escape(text)}</pre>")

    def image(self, address: str, alt: str) -> None:
        """Write an image."""
        self.parts.append(f'<img src="{html.escape(address)}" alt="{html.escape(alt)}">')


def beginning(text: str, limit: int) -> tuple[str, int]:
    """Return whole paragraphs of at most `most` characters, and how many paragraphs follow."""
    if len(text) <= limit:
        return text, 0
    end = max(text.rfind("\n\n", 0, limit), limit // 2)
    return text[:end], sum(bool(part.strip()) for part in text[end:].split("\n\n"))
