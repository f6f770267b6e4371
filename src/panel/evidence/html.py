"""HTML into blocks, with the standard library's parser: what a reader sees, and what is hidden.

Markdown comes through here as well, rendered. Knows elements, not files or passages.
"""

import re
from collections import Counter
from typing import Final

from panel.evidence.block import Block, Extract
from panel.evidence.hidden import SILENT_TAGS, hides, hiding_selectors, sets_background
from panel.evidence.markup import Markup, Sheets
from panel.evidence.source import Kind
from panel.untrusted import clean

_BLOCK_TAGS: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd",
    "details", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "ol", "p",
    "picture", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
})  # fmt: skip
_VOID_TAGS: Final = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
    "track", "wbr",
})  # fmt: skip
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_MAX_HEADING: Final = 80
_MAX_ALT: Final = 160
_MAX_BADGES: Final = 300

_BADGE_IMAGE: Final = re.compile(
    r"shields\.io|badge|/workflows/|codecov|coveralls|travis-ci|circleci|pepy\.tech|zenodo"
    r"|contrib\.rocks|star-history|readthedocs\.org/projects"
)
_TELLING_BADGE: Final = re.compile(
    r"\b(?:licen[cs]e|MIT|Apache|[AL]?GPL|BSD|MPL|deprecated|archived|unmaintained|maintained"
    r"|status|stability|alpha|beta|stable|python|node)\b",
    re.IGNORECASE,
)
_ALERT: Final = re.compile(r"^\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*")


def read_html(text: str) -> Extract:
    """Return the visible blocks of a page and what was hidden in it."""
    selectors: frozenset[str] = frozenset()
    if "<style" in text.lower():
        sheets = Sheets()
        sheets.feed(text)
        sheets.close()
        selectors = hiding_selectors("\n".join(sheets.found))
    page = _Page(selectors)
    page.feed(text)
    page.close()
    return page.extract()


class _Page(Markup):
    def __init__(self, selectors: frozenset[str]) -> None:
        super().__init__()
        self.selectors = selectors
        self.blocks: list[Block] = []
        self.hidden: list[str] = []
        self.removed = 0
        self.badges: list[str] = []
        self.badges_at = 0
        self.open: list[tuple[str, bool]] = []
        self.inside: Counter[str] = Counter()
        self.unseen: list[str] | None = None
        self.unseen_depth = 0
        self.silent = False
        self.text: list[str] = []
        self.linked = 0
        self.headings: list[tuple[int, str]] = []
        self.bare_heading = False

    def extract(self) -> Extract:
        while self.open:
            self._pop()
        self._flush()
        self._keep_bare_heading(0)
        if self.badges:
            wall = " · ".join(dict.fromkeys(self.badges))[:_MAX_BADGES]
            self.blocks.insert(self.badges_at, Block("badges", wall))
        return Extract(tuple(self.blocks), tuple(self.hidden), self.removed)

    # What the parser calls

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        background = sets_background(attributes.get("style", ""))
        lit = background or self.inside["background"] > 0
        hidden = hides(tag, attributes, self.selectors, on_background=lit)
        if self.unseen is None:
            self._start_seen(tag, attributes, hidden=hidden)
        if tag in _VOID_TAGS:
            return
        self.open.append((tag, background))
        self.inside[tag] += 1
        self.inside["background"] += background
        if self.unseen is None and (hidden or tag in SILENT_TAGS):
            self.unseen, self.unseen_depth = [], len(self.open)
            self.silent = tag in SILENT_TAGS

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # a slash does not close `<p/>` in HTML

    def handle_endtag(self, tag: str) -> None:
        if not self.inside[tag]:
            return
        while self._pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.unseen is not None:
            self.unseen.append(data)
            return
        self.text.append(data)
        if self.inside["a"]:
            self.linked += len("".join(data.split()))

    def handle_comment(self, data: str) -> None:
        if not self.silent or self.unseen is None:
            self._hide(data)

    # What it means

    def _start_seen(self, tag: str, attributes: dict[str, str], *, hidden: bool) -> None:
        if tag == "img" and hidden:
            self._hide(attributes.get("alt", ""))
        elif tag == "img":
            self._image(attributes)
        elif tag in {"td", "th"}:
            self.text.append(" | ")
        elif tag in _BLOCK_TAGS:
            self._block_edge()
        elif tag == "br":
            self.text.append("\n")

    def _pop(self) -> str:
        depth = len(self.open)
        tag, background = self.open[-1]
        if self.unseen is not None:
            if depth == self.unseen_depth:
                if not self.silent:
                    self._hide("".join(self.unseen))
                self.unseen = None
        elif tag in _HEADINGS and not self.inside["tr"]:
            self._heading(_HEADINGS[tag])
        elif tag == "tr" or (tag in _BLOCK_TAGS and not self.inside["tr"]):
            self._flush()
        self.open.pop()
        self.inside[tag] -= 1
        self.inside["background"] -= background
        return tag

    def _block_edge(self) -> None:
        if self.inside["tr"]:
            self.text.append(" ")
        else:
            self._flush()

    def _image(self, attributes: dict[str, str]) -> None:
        alt = " ".join(self._clean(attributes.get("alt", "")).split())
        if len(alt) > _MAX_ALT:
            self._hide(alt)
        elif _BADGE_IMAGE.search(attributes.get("src", "")):
            if not self.badges:
                self.badges_at = len(self.blocks)
            if _TELLING_BADGE.search(alt) and len(alt.split()) > 1:
                self.badges.append(alt)
        elif len(alt.split()) > 3:
            self.text.append(alt)

    def _hide(self, text: str) -> None:
        if text.strip():
            self.hidden.append(text)
            self.removed += 1

    def _clean(self, text: str) -> str:
        text, removed = clean(text)
        self.removed += removed
        return text

    def _flush(self) -> None:
        raw, linked = self._clean("".join(self.text)), self.linked
        self.text, self.linked = [], 0
        code = self.inside["pre"] > 0
        text = raw.strip("\n").rstrip() if code else " ".join(raw.split())
        text = text.strip("| ") if self.inside["tr"] else _ALERT.sub("", text)
        if text:
            self.bare_heading = False
            self.blocks.append(Block(self._kind(text, linked), text, self._path()))

    def _kind(self, text: str, linked: int) -> Kind:
        if self.inside["pre"]:
            return "code"
        if linked >= 0.7 * len("".join(text.split())):
            return "links"
        if self.inside["tr"]:
            return "table"
        listed = self.inside["li"] or self.inside["dt"] or self.inside["dd"]
        return "list" if listed else "prose"

    def _heading(self, level: int) -> None:
        text = " ".join(self._clean("".join(self.text)).split()).replace(" › ", " > ")
        self.text, self.linked = [], 0
        if text:
            self._keep_bare_heading(level)
            self.headings = [one for one in self.headings if one[0] < level]
            self.headings.append((level, text))
            self.bare_heading = True

    def _keep_bare_heading(self, next_level: int) -> None:
        """Make a heading with nothing under it a block: it may say that the project has ended."""
        if self.bare_heading and self.headings[-1][0] >= next_level:
            _, text = self.headings.pop()
            self.blocks.append(Block("prose", text, self._path()))
        self.bare_heading = False

    def _path(self) -> str:
        return " › ".join(text[:_MAX_HEADING].strip() for _, text in self.headings)
