"""Org into blocks: invisible parts are removed, the rest is written as HTML and read.

Org syntax only; `html_writer` knows what a page is made of.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from panel.evidence.readers.block import Extract
from panel.evidence.readers.html_writer import HTMLWriter, beginning

_MAX_CHARACTERS: Final = 200_000
"""Characters that are read; what follows is left aside."""
_HEADING: Final = re.compile(r"(\*+)\s+(.*)")
_STATE: Final = re.compile(r"(?:TODO|DONE|NEXT|WAITING|WAIT|HOLD|CANCELLED)\s+|\[#[A-Z0-9]\]\s*")
_TAGS: Final = re.compile(r"\s+:((?:[\w@#%]+:)+)\s*")
_UNSEEN_TAGS: Final = frozenset({"noexport", "archive"})
_COMMENT: Final = re.compile(r"\s*#(?: (.*)|)")
_KEYWORD: Final = re.compile(r"\s*#\+([\w-]+)(?:\[[^\]]*\])?:\s*(.*)")
_BEGIN: Final = re.compile(r"\s*#\+begin_(\w+)(.*)", re.IGNORECASE)
_DRAWER: Final = re.compile(r"\s*:([\w-]+):\s*")
_PLANNING: Final = re.compile(r"\s*(?:CLOSED|SCHEDULED|DEADLINE|CLOCK):.*")
_ITEM: Final = re.compile(
    r"\s*(?:[-+]|\d{1,4}[.)]|\s\*)\s+(?:\[[ xX-]\]\s+)?(?:(.*?)\s+::\s+)?(\S.*)"
)
_FIXED: Final = re.compile(r"\s*:(?: (.*)|)")
_RULE: Final = re.compile(r"\s*-{5,}\s*")
_ROW: Final = re.compile(r"\s*\|(.*?)\|?\s*")
_PICTURE: Final = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp)$|^data:image|shields\.io|badge", re.IGNORECASE
)
_TEXT: Final = frozenset({"title", "subtitle", "caption"})
"""Keywords whose words are shown."""
_LISTING: Final = frozenset({"src", "example", "verbatim"})
_UNSEEN: Final = frozenset({"comment", "export", "hidden"})

_LINK: Final = re.compile(r"\[\[([^\[\]]{1,2000})\](?:\[([^\[\]]{1,400})\])?\]")
_SNIPPET: Final = re.compile(r"@@([\w-]+):(.{0,400}?)@@", re.DOTALL)
_TARGET: Final = re.compile(r"<<<?([^<>\n]{1,200})>>>?")
_SPANS: Final = tuple(
    re.compile(rf"(?<![\w{sign}]){sign}(\S(?:.{{0,400}}?\S)?){sign}(?![\w{sign}])", re.DOTALL)
    for sign in (r"\*", "_", r"\+")
)  # fmt: skip
_SLANTED: Final = re.compile(r"(?<![\w/:.<])/(\S(?:[^/\n]{0,200}?\S)?)/(?![\w/])")
_LITERAL: Final = re.compile(r"(?<![\w=~])([=~])(\S(?:[^\n]{0,200}?\S)?)\1(?![\w=~])")


def read_org(text: str) -> Extract:
    """Return the visible blocks of an Org document and what was hidden in it."""
    page = HTMLWriter()
    text, omitted = beginning(text, _MAX_CHARACTERS)
    _Writer(page, text.split("\n")).write()
    return replace(page.extract(), aside=omitted)


class _Writer:
    def __init__(self, page: HTMLWriter, lines: list[str]) -> None:
        self.page = page
        self.lines: Iterator[str] = iter(lines)
        self.paragraph: list[str] = []
        self.in_list_item = False
        """The paragraph is an item of a list."""
        self.unseen: list[str] = []
        self.unseen_level = 0
        """The level of a heading that hides all below it; 0 where none does."""

    def write(self) -> None:
        for line in self.lines:
            match = _HEADING.fullmatch(line)
            if match is not None:
                self._heading(len(match[1]), match[2])
            elif self.unseen_level:
                self.unseen.append(line)
            else:
                self._line(line)
        self._flush()
        self._end_unseen()

    def _heading(self, level: int, title: str) -> None:
        self._flush()
        if self.unseen_level and level > self.unseen_level:
            self.unseen.append(title)
            return
        self._end_unseen()
        tags = _TAGS.search(title)
        words = _STATE.sub("", title[: tags.start()] if tags else title)
        tag_names = set(tags[1].lower().strip(":").split(":")) if tags else set()
        if re.match(r"COMMENT\b", words) or tag_names & _UNSEEN_TAGS:
            self.unseen_level, self.unseen = level, [words]
        else:
            self.page.heading(level + 1, self._inline(words))

    def _end_unseen(self) -> None:
        self.page.hide("\n".join(self.unseen), "section that is not shown")
        self.unseen, self.unseen_level = [], 0

    def _line(self, line: str) -> None:
        if not line.strip():
            self._flush()
        elif match := _BEGIN.fullmatch(line):
            self._flush()
            self._block(match[1].lower(), match[2])
        elif match := _KEYWORD.fullmatch(line):
            self._flush()
            self._keyword(match[1].lower(), match[2])
        elif match := _COMMENT.fullmatch(line):
            self._flush()
            self.page.hide(match[1] or "", "comment")
        elif _DRAWER.fullmatch(line):
            self._flush()
            self.page.hide("\n".join((line, *self._until(r"\s*:end:\s*"))), "drawer")
        elif not self._piece(line):
            self.paragraph.append(line.strip())

    def _piece(self, line: str) -> bool:
        """Write a line that is a block of its own; tell whether it is one."""
        if _PLANNING.fullmatch(line) or _RULE.fullmatch(line):
            self._flush()
        elif match := _FIXED.fullmatch(line):
            self._flush()
            self.page.code(match[1] or "")
        elif line.lstrip().startswith("|") and (match := _ROW.fullmatch(line)):
            self._flush()
            if not re.fullmatch(r"[-+|\s]*", match[1]):
                self.page.row([self._inline(cell.strip()) for cell in match[1].split("|")])
        elif match := _ITEM.fullmatch(line):
            self._flush()
            self.paragraph = [f"{match[1]}: {match[2]}" if match[1] else match[2]]
            self.in_list_item = True
        else:
            return False
        return True

    def _block(self, kind: str, options: str) -> None:
        text = "\n".join(self._until(rf"\s*#\+end_{re.escape(kind)}\s*"))
        unseen = kind in _UNSEEN or re.search(r":exports\s+(?:none|results)", options)
        if unseen:
            self.page.hide(text, f"block {kind}")
        elif kind in _LISTING:
            self.page.code(re.sub(r"(?m)^(\s*),(?=[*#])", r"\1", text))
        else:
            inner = _Writer(self.page, text.split("\n"))
            inner.write()

    def _until(self, closing: str) -> Iterator[str]:
        end = re.compile(closing, re.IGNORECASE)
        for line in self.lines:
            if end.fullmatch(line):
                return
            yield line

    def _keyword(self, name: str, text: str) -> None:
        if name == "title":
            self.page.heading(1, self._inline(text))
        elif name in _TEXT:
            self.page.paragraph(self._inline(text))
        else:
            self.page.hide(f"{name}: {text}", "keyword")

    def _flush(self) -> None:
        text, self.paragraph = "\n".join(self.paragraph), []
        write = self.page.item if self.in_list_item else self.page.paragraph
        self.in_list_item = False
        if text:
            write(self._inline(text))

    def _inline(self, text: str) -> str:
        """Return HTML for the text of a paragraph."""
        for match in _SNIPPET.finditer(text):
            self.page.hide(match[2], f"snippet {match[1]}")
        for match in _TARGET.finditer(text):
            self.page.hide(match[1], "link target")
        text = _TARGET.sub("", _SNIPPET.sub("", text))
        parts: list[str] = []
        place = 0
        for match in _LINK.finditer(text):
            parts += [_spans(text[place : match.start()]), _link(match[1], match[2])]
            place = match.end()
        return "".join((*parts, _spans(text[place:])))


def _link(address: str, words: str | None) -> str:
    picture = next((text for text in (words, address) if text and _PICTURE.search(text)), None)
    if picture is not None:
        alt = "" if picture == words or not words else words
        return f'<img src="{html.escape(picture)}" alt="{html.escape(alt)}">'
    return f'<a href="#">{_spans(words or address)}</a>'


def _spans(text: str) -> str:
    for pattern in (*_SPANS, _SLANTED):
        text = pattern.sub(r"\1", text)
    text = _LITERAL.sub(r"\2", text)
    return html.escape(text).replace("\\\\\n", "<br>")
