"""HTML into blocks, with the standard library's parser: what a reader sees, and what is hidden.

Markdown comes through here as well, rendered. Knows elements, not files or passages.
"""

import re
from collections import Counter
from typing import Final

from panel.evidence.readers.block import Block, Extract, Kind
from panel.evidence.readers.plain import without_pictures
from panel.evidence.readers.visible import Visible
from panel.foundation.text import clean, invisible

_BLOCK_TAGS: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd",
    "details", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "ol", "p",
    "picture", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
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
    page = _Page(text)
    page.feed(text)
    return page.extract()


class _Page(Visible):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.blocks: list[Block] = []
        self.characters: Counter[str] = Counter()
        self.badges: list[str] = []
        self.badges_at = 0
        self.text: list[str] = []
        self.linked = 0
        self.headings: list[tuple[int, str]] = []
        self.bare_heading = False

    def extract(self) -> Extract:
        self.finish()
        self._flush()
        self._keep_bare_heading(0)
        if self.badges:
            wall = " · ".join(dict.fromkeys(self.badges))[:_MAX_BADGES]
            self.blocks.insert(self.badges_at, Block("badges", wall))
        return Extract(
            tuple(self.blocks), tuple(self.hidden), self.removed,
            why=tuple(self.why), characters=tuple(self.characters.items()),
        )  # fmt: skip

    # What is seen

    def begin(self, tag: str, attributes: dict[str, str], *, hidden: bool) -> None:
        if tag == "img" and hidden:
            self.hide(attributes.get("alt", ""), f"text of an image: {self.unseen_why}")
        elif tag == "img":
            self._image(attributes)
        elif tag in {"td", "th"}:
            self.text.append(" | ")
        elif tag in _BLOCK_TAGS:
            self._block_edge()
        elif tag == "br":
            self.text.append("\n")

    def end(self, tag: str) -> None:
        if tag in _HEADINGS and not self.inside["tr"]:
            self._heading(_HEADINGS[tag])
        elif tag == "tr" or (tag in _BLOCK_TAGS and not self.inside["tr"]):
            self._flush()

    def say(self, words: str) -> None:
        self.text.append(words)
        if self.inside["a"]:
            self.linked += len("".join(words.split()))

    # What it means

    def _block_edge(self) -> None:
        if self.inside["tr"]:
            self.text.append(" ")
        else:
            self._flush()

    def _image(self, attributes: dict[str, str]) -> None:
        alt = " ".join(self._clean(attributes.get("alt", "")).split())
        if len(alt) > _MAX_ALT:
            self.hide(alt, "text of an image, longer than any caption")
        elif _BADGE_IMAGE.search(attributes.get("src", "")):
            if not self.badges:
                self.badges_at = len(self.blocks)
            if _TELLING_BADGE.search(alt) and len(alt.split()) > 1:
                self.badges.append(alt)
        elif len(alt.split()) > 3:
            self.text.append(alt)

    def _clean(self, text: str) -> str:
        raw = without_pictures(text)
        text, removed = clean(raw)
        if removed:
            self.characters.update(invisible(raw))
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
        in_list = self.inside["li"] or self.inside["dt"] or self.inside["dd"]
        return "list" if in_list else "prose"

    def _heading(self, level: int) -> None:
        text = " ".join(self._clean("".join(self.text)).split()).replace(" › ", " > ")
        self.text, self.linked = [], 0
        if text:
            self._keep_bare_heading(level)
            self.headings = [heading for heading in self.headings if heading[0] < level]
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
