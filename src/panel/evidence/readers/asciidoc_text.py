"""The text of an AsciiDoc paragraph as HTML: links, images, marks, and what none of it shows."""

import html
import re
from typing import Final

from panel.evidence.readers.html_writer import Rewriting

_UNSEEN: Final = re.compile(r"\(\(\((.{0,400}?)\)\)\)|\bindexterm:\[(.{0,400}?)\]", re.DOTALL)
_INLINE: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), put)
    for pattern, put in (
        (r"\[\[[\w:.-]+(?:,[^\]]*)?\]\]|anchor:[\w-]+\[[^\]]*\]", ""),
        (r"image:(?!:)([^\s\[]*)\[([^\],]*)[^\]]*\]", r'<img src="\1" alt="\2">'),
        (
            r"(?:link:|xref:|mailto:)(?:\+\+)?([^\s\[]+?)(?:\+\+)?\[([^\]]*?)\^?(?:,[^\]]*)?\]",
            r'<a href="#">\2</a>',
        ),
        (r"(?:https?|ftp|irc)://[^\s\[\]]+\[([^\],]+?)\^?(?:,[^\]]*)?\]", r'<a href="#">\1</a>'),
        (r"&lt;&lt;[^,&]*,\s*(.{0,400}?)&gt;&gt;", r'<a href="#">\1</a>'),
        (r"&lt;&lt;([^,&]*)&gt;&gt;", r'<a href="#">\1</a>'),
        (r"\(\((.{0,400}?)\)\)", r"\1"),
        (r"(?:kbd|btn|menu|stem|latexmath|asciimath|footnote|abbr):[\w-]*\[(.{0,400}?)\]", r" \1 "),
        (r"\[((?:\.[\w-]+)+)\]#{1,2}(.{1,400}?)#{1,2}", r'<span class="\1">\2</span>'),
        (r"(?<![\w`])`\+?([^`\n]+?)\+?`(?!\w)", r"<code>\1</code>"),
        (r"(?<![\w*])\*{1,2}(\S(?:.{0,400}?\S)?)\*{1,2}(?![\w*])", r"\1"),
        (r"(?<![\w_])_{1,2}(\S(?:.{0,400}?\S)?)_{1,2}(?![\w_])", r"\1"),
        (r"(?<![\w#&])#{1,2}(\S(?:.{0,400}?\S)?)#{1,2}(?![\w#])", r"\1"),
        (r"[ \t]\+$", "<br>"),
    )
)  # fmt: skip
_PASSED: Final = re.compile(r"\+\+\+(.{0,400}?)\+\+\+|pass:[a-z,]*\[(.{0,400}?)\]", re.DOTALL)


def marked(page: Rewriting, text: str) -> str:
    """Return HTML for the text of a paragraph; index entries in it are told to the page."""
    for found in _UNSEEN.finditer(text):
        page.hide(found[1] or found[2] or "", "index entry")
    parts: list[str] = []
    place = 0
    text = _UNSEEN.sub("", text)
    for found in _PASSED.finditer(text):  # HTML of its own, which may hide what it holds
        parts += [_spans(text[place : found.start()]), found[1] or found[2] or ""]
        place = found.end()
    return "".join((*parts, _spans(text[place:])))


def _spans(text: str) -> str:
    text = html.escape(text, quote=True)
    for pattern, put in _INLINE:
        text = pattern.sub(put, text)
    return re.sub(r'class="([^"]*)"', lambda found: found[0].replace(".", " "), text)
