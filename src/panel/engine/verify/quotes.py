r"""The quotes of a rendered scorecard, and whether a passage holds them.

HTML is read by a parser, Markdown after it is rendered to HTML, so that escaped text, `<str>` or
`a\_b`, is compared as a reader sees it.
"""

import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

from panel.evidence.readers.markdown import rendered

_PLACE: Final = re.compile(r"#?(?:t\d+-)?(E\d+\.\d+)")
# Before 0.2 the id was a footnote.
_IN_MARKDOWN: Final = re.compile(r"\s*“(.*)” \[(?:\^(?:\d+-)?)?(E\d+\.\d+)\]\s*", re.DOTALL)


def quotes(suffix: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield the quotes of a card, each with the id of the passage it cites.

    Args:
        suffix: `.md` or `.html`.
        text: The card.
    """
    if suffix == ".md":
        page = _Items()
        page.feed(rendered(text))
        page.close()
        matches = (_IN_MARKDOWN.fullmatch(item) for item in page.items)
        yield from ((match[1], match[2]) for match in matches if match)
        return
    card = _Card()
    card.feed(text)
    card.close()
    yield from card.quotes


def stands_in(quote: str, passage: str) -> bool:
    """Tell whether a passage holds the letters and digits of a quote, in their order."""
    return _letters(quote) in _letters(passage)


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFC", text) if c.isalnum())


class _Items(HTMLParser):
    """Collects the text of list items, each without the items inside it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.items: list[str] = []
        self.open: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "li":
            self.open.append([])

    def handle_endtag(self, tag: str) -> None:
        if tag == "li" and self.open:
            self.items.append("".join(self.open.pop()))

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1].append(data)


class _Card(HTMLParser):
    """Collects the block quotes and the passages of an HTML card."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.quotes: list[tuple[str, str]] = []
        self.words: list[str] | None = None
        """Of the quote or passage that is open."""
        self.cite = ""
        self.aside = ""
        """The open element inside it whose text is left out: a heading or the citation."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "blockquote":
            self.words, self.cite = [], ""
        elif tag == "div" and (place := _PLACE.fullmatch(attributes.get("id", ""))):
            self.cite = place[1]
        elif tag == "dd" and self.cite:
            self.words = []
        elif self.words is None:
            return
        elif tag == "a" and (place := _PLACE.fullmatch(attributes.get("href", ""))):
            self.cite = place[1]
        elif attributes.get("class") in {"cite", "small quiet"}:
            self.aside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.aside:
            self.aside = ""
        elif tag in {"blockquote", "dd"} and self.words is not None:
            text = "".join(self.words).strip()
            if tag == "blockquote":
                text = text.removeprefix("“").removesuffix("”")
            if self.cite:
                self.quotes.append((text, self.cite))
            self.words, self.cite = None, ""

    def handle_data(self, data: str) -> None:
        if self.words is not None and not self.aside:
            self.words.append(data)
