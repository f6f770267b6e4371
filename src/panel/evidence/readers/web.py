"""Web pages: the visible text without the frame around the main text, the links and the name.

trafilatura receives the page after everything hidden is removed and says which text is the main
one. It only chooses: words, headings and code come from our own reading, unchanged.
"""

import contextlib
import html
import re
from dataclasses import replace
from typing import Final
from urllib.parse import urljoin

from panel.evidence.readers.block import Block, Extract
from panel.evidence.readers.html import read_html
from panel.evidence.readers.visible import VOID_TAGS, Markup, Visible

_MIN_PAGE: Final = 2_000
"""Visible characters of a page that is too short to have a frame worth cutting off."""
_MAX_PAGE: Final = 1_000_000
"""Characters of a page beyond which the extractor would take seconds."""
_MIN_SHARE: Final = 0.3
"""Least share of the visible text for the extractor's result to be used: it drops rows of price
cards and feature grids as decoration."""
_DEPTH: Final = 100
_SHINGLE: Final = 4
_WORD: Final = re.compile(r"\w+")
_HINT_ATTRIBUTES: Final = ("class", "id", "role")
"""Attributes the extractor goes by."""
_LONGEST_ATTRIBUTE: Final = 200


def read_web(text: str) -> Extract:
    """Return the main text of a page, and what was hidden anywhere in it."""
    extract = read_html(text)
    size = sum(len(block.text) for block in extract.blocks)
    if size < _MIN_PAGE or len(text) > _MAX_PAGE:
        return extract
    main_blocks = _between(extract.blocks, _shingles(_main_text(text)))
    if sum(len(block.text) for block in main_blocks) < _MIN_SHARE * size:
        return extract
    omitted = len(extract.blocks) - len(main_blocks)
    return replace(extract, blocks=main_blocks, aside=omitted)


def _main_text(text: str) -> str:
    import trafilatura  # half a second, and only here

    page = _Plain(text)
    page.feed(text)
    page.finish()
    cleaned = f"<html><body>{''.join(page.parts)}</body></html>"
    try:
        main = trafilatura.extract(cleaned, favor_recall=True, include_comments=False)
    except Exception:  # the extractor may raise anything: the whole page is used then
        return ""
    return main or ""


def _between(blocks: tuple[Block, ...], main: frozenset[str]) -> tuple[Block, ...]:
    """Return what stands from the first to the last block of the main text.

    In between only link lists can be left out: an extractor that missed a table or a piece of
    code there missed part of the main text.
    """
    in_main = [bool(main) and _in_main_text(block.text, main) for block in blocks]
    if True not in in_main:
        return ()
    start, end = in_main.index(True), len(in_main) - in_main[::-1].index(True)
    return tuple(
        block
        for block, sure in zip(blocks[start:end], in_main[start:end], strict=True)
        if sure or block.kind != "links"
    )


def _in_main_text(text: str, main: frozenset[str]) -> bool:
    shingles = _shingles(text)
    return bool(shingles) and len(shingles & main) >= 0.5 * len(shingles)


def _shingles(text: str) -> frozenset[str]:
    words = _WORD.findall(text.lower())
    return frozenset(
        " ".join(words[start : start + _SHINGLE]) for start in range(len(words) - _SHINGLE + 1)
    )


class _Plain(Visible):
    """Writes the visible page anew: no comments, no scripts, few attributes, bounded depth."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.parts: list[str] = []
        self.closing: list[str] = []
        self.depth = 0

    def begin(self, tag: str, attributes: dict[str, str], *, hidden: bool) -> None:
        if tag in VOID_TAGS:
            self.parts.append("<br>" if tag in {"br", "hr"} else "")
            return
        if hidden:
            return
        kept_tag = self.depth < _DEPTH and tag.isalnum() and tag not in {"html", "body"}
        self.closing.append(f"</{tag}>" if kept_tag else "")
        self.depth += kept_tag
        if kept_tag:
            self.parts.append(f"<{tag}{_attributes(tag, attributes)}>")

    def end(self, tag: str) -> None:
        closing = self.closing.pop()
        self.depth -= bool(closing)
        self.parts.append(closing)

    def say(self, words: str) -> None:
        self.parts.append(html.escape(words, quote=False))


def _attributes(tag: str, attributes: dict[str, str]) -> str:
    link = ' href="#"' if tag == "a" else ""
    return link + "".join(
        f' {name}="{html.escape(attributes[name][:_LONGEST_ATTRIBUTE])}"'
        for name in _HINT_ATTRIBUTES
        if name in attributes
    )


_MAX_LINKS: Final = 500
_LONGEST: Final = 2000
_TEXT: Final = 100


def find_links(text: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the links of an HTML page, each as address and text, and what the page is called.

    Addresses are as the page gives them, joined with its own base if it has one. The name is that
    of the site, else the title up to its first separator, else empty.
    """
    page = _Links()
    page.feed(text)
    page.close()
    return tuple(page.links), page.site.strip()[:_TEXT] or _short(" ".join(page.title.split()))


class _Links(Markup):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.links: list[tuple[str, str]] = []
        self.site = ""
        self.title = ""
        self.href = ""
        self.text = ""
        self.titled = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "a":
            self._end_link()
            self.href = attributes.get("href", "").strip()[:_LONGEST]
        elif tag == "meta" and attributes.get("property") == "og:site_name":
            self.site = self.site or attributes.get("content", "")
        elif tag == "base":
            self.base = self.base or attributes.get("href", "")[:_LONGEST]
        self.titled = tag == "title" and not self.title

    def handle_endtag(self, tag: str) -> None:
        self.titled = False
        if tag == "a":
            self._end_link()

    def handle_data(self, data: str) -> None:
        if self.titled:
            self.title += data[:1000]
        elif self.href and len(self.text) < _TEXT:
            self.text += data[:1000]

    def _end_link(self) -> None:
        if self.href and len(self.links) < _MAX_LINKS:
            with contextlib.suppress(ValueError):
                self.links.append((urljoin(self.base, self.href), " ".join(self.text.split())))
        self.href = self.text = ""


def _short(title: str) -> str:
    for separator in (" | ", " · ", " – ", " — ", " - ", ": "):
        title = title.partition(separator)[0]
    return title.strip() if len(title) <= 60 else ""
