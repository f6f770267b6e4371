"""AsciiDoc into blocks: invisible parts are removed, the rest is written as HTML and read.

Not a whole AsciiDoc: enough to tell titles, listings, tables and lists from each other, and
comments, attributes, conditions and passthroughs from all of them.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from panel.evidence.readers import front_matter
from panel.evidence.readers.block import Block, Extract
from panel.evidence.readers.html_writer import HTMLWriter, beginning

_SET_ATTRIBUTES: Final = {"env-github": "", "env": "github", "asciidoctor": "", "backend-html5": ""}
"""Attributes that are set where a README is shown."""
_CHARACTER_ATTRIBUTES: Final = {
    "empty": "", "sp": " ", "nbsp": " ", "zwsp": "", "wj": "", "apos": "'", "quot": '"',
    "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”", "deg": "°", "plus": "+", "brvbar": "|",
    "vbar": "|", "amp": "&", "lt": "<", "gt": ">", "startsb": "[", "endsb": "]", "caret": "^",
    "asterisk": "*", "tilde": "~", "backslash": "\\", "backtick": "`", "two-colons": "::",
    "two-semicolons": ";;", "cpp": "C++", "pp": "++",
}  # fmt: skip
_LONGEST_VALUE: Final = 2_000
_CONDITION: Final = re.compile(r"(ifdef|ifndef|ifeval)::([^\[\s]*)\[(.*)\]\s*")
_END: Final = re.compile(r"endif::[^\[]*\[.*\]\s*")
_ENTRY: Final = re.compile(r":(!?[\w][\w -]*!?):(?:[ \t]+(.*)|[ \t]*)")
_REFERENCE: Final = re.compile(r"(?<!\\)\{([\w][\w-]*)\}")


@dataclass
class _Lines:
    """The lines of a document that are to be seen, and the attributes they set and use."""

    lines: list[str]
    page: HTMLWriter
    attributes: dict[str, str] = field(default_factory=lambda: dict(_SET_ATTRIBUTES))
    used: set[str] = field(default_factory=set)
    entries: dict[str, str] = field(default_factory=dict)

    def visible(self) -> Iterator[str]:
        """Yield the lines that conditions let through; what they keep back is hidden."""
        conditions: list[bool] = []
        excluded: list[str] = []
        for line in self.lines:
            if _END.fullmatch(line) and conditions:
                conditions.pop()
                self._hide_excluded(excluded, closed=all(conditions))
            elif match := _CONDITION.fullmatch(line):
                holds = self._holds(*match.groups())
                if match[1] == "ifeval" or not match[3]:
                    conditions.append(holds)
                elif holds and all(conditions):
                    yield match[3]
                else:
                    self.page.hide(match[3], f"condition {match[1]}::{match[2]}")
            elif all(conditions):
                yield line
            else:
                excluded.append(line)
        self._hide_excluded(excluded, closed=True)

    def _hide_excluded(self, lines: list[str], *, closed: bool) -> None:
        if closed:
            self.page.hide("\n".join(lines), "condition that does not hold")
            lines.clear()

    def _holds(self, kind: str, names: str, _: str) -> bool:
        if kind == "ifeval":
            return False
        quantifier = all if "+" in names else any
        holds = quantifier(name in self.attributes for name in re.split(r"[,+]", names))
        return holds == (kind == "ifdef")

    def entry(self, line: str) -> bool:
        """Take an attribute entry; tell whether the line is one."""
        match = _ENTRY.fullmatch(line)
        if match is None:
            return False
        name, value = match[1].strip().lower(), (match[2] or "").strip()
        if "!" in name:
            self.attributes.pop(name.strip("!"), None)
        else:
            value = self.expanded(value)[:_LONGEST_VALUE]
            self.attributes[name] = self.entries[name] = value
        return True

    def expanded(self, text: str) -> str:
        """Return the text with its attributes in place."""
        return _REFERENCE.sub(lambda match: self._value(match[1].lower(), match[0]), text)

    def _value(self, name: str, reference: str) -> str:
        self.used.add(name)
        return _CHARACTER_ATTRIBUTES.get(name, self.attributes.get(name, reference))

    def unused(self) -> None:
        """Hide the attributes that nothing showed."""
        for name, value in self.entries.items():
            if name not in self.used:
                self.page.hide(f":{name}: {value}".strip(), "attribute entry")


_UNSEEN: Final = re.compile(r"\(\(\((.{0,400}?)\)\)\)|\bindexterm:\[(.{0,400}?)\]", re.DOTALL)
_INLINE: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), replacement)
    for pattern, replacement in (
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
_PASSTHROUGH: Final = re.compile(r"\+\+\+(.{0,400}?)\+\+\+|pass:[a-z,]*\[(.{0,400}?)\]", re.DOTALL)


def marked(page: HTMLWriter, text: str) -> str:
    """Return HTML for the text of a paragraph; index entries in it are hidden."""
    for match in _UNSEEN.finditer(text):
        page.hide(match[1] or match[2] or "", "index entry")
    parts: list[str] = []
    place = 0
    text = _UNSEEN.sub("", text)
    for match in _PASSTHROUGH.finditer(text):  # HTML of its own, which may hide what it holds
        parts += [_spans(text[place : match.start()]), match[1] or match[2] or ""]
        place = match.end()
    return "".join((*parts, _spans(text[place:])))


def _spans(text: str) -> str:
    text = html.escape(text, quote=True)
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return re.sub(r'class="([^"]*)"', lambda match: match[0].replace(".", " "), text)


_MAX_CHARACTERS: Final = 200_000
"""Characters that are read; what follows is left aside."""
_COMMENT_BLOCK: Final = re.compile(r"/{4,}")
_VERBATIM: Final = re.compile(r"-{4,}|\.{4,}|```[\w+-]*|\+{4,}")
_FRAME: Final = re.compile(r"={4,}|\*{4,}|_{4,}|--|~{4,}")
_TABLE: Final = re.compile(r"[|,:!]={3,}")
_TITLE: Final = re.compile(r"(={1,6}|#{1,6})\s+(\S.*?)(?:\s+\1)?\s*")
_UNDERLINE: Final = {"=": 1, "-": 2, "~": 3, "^": 4, "+": 5}
_ATTRIBUTES: Final = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\s*")
_ITEM: Final = re.compile(
    r"\s*(?:[*]{1,5}|-|\.{1,5}|\d{1,3}\.|<(?:\d{1,2}|\.)>)\s+(?:\[[ xX*]\]\s+)?(\S.*)"
)
_LABELLED: Final = re.compile(r"\s*(\S.*?)(?::{2,4}|;;)(?:\s+(.*)|\s*)")
_MACRO: Final = re.compile(r"([a-z_]+)::(\S*)\[(.*)\]\s*")
_BLOCK_TITLE: Final = re.compile(r"\.([^\s.].*)")
_ALERT: Final = re.compile(r"(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION):\s+")
_ROLE: Final = re.compile(r"(?:^|[,\s])(?:role\s*=\s*[\"']?([\w .-]+)|[^,\s\"']*?\.([\w.-]+))")


def read_asciidoc(text: str) -> Extract:
    """Return the visible blocks of an AsciiDoc document and what was hidden in it."""
    metadata, text = front_matter.split(text)
    text, omitted = beginning(text, _MAX_CHARACTERS)
    page = HTMLWriter()
    reader = _Lines(text.split("\n"), page)
    _Writer(page, reader).write()
    reader.unused()
    extract = page.extract()
    front = (Block("list", line, "Metadata") for line in metadata)
    return replace(extract, blocks=(*front, *extract.blocks), aside=omitted)


class _Writer:
    """Writes the lines of a document as a page."""

    def __init__(self, page: HTMLWriter, reader: _Lines) -> None:
        self.page = page
        self.reader = reader
        self.lines = reader.visible()
        self.paragraph: list[str] = []
        self.in_list_item = False
        """The paragraph is an item of a list."""
        self.style = ""
        """The attributes in brackets above the block that comes next."""
        self.header = True
        """Up to the first empty line: entries may stand between lines of text."""

    def write(self) -> None:
        for line in self.lines:
            self._line(line.rstrip())
        self._flush()

    def _line(self, line: str) -> None:
        if not line or line == "+":
            self._flush()
            self.header = False
        elif _COMMENT_BLOCK.fullmatch(line):
            self._flush()
            self.page.hide("\n".join(self._until(line)), "comment")
        elif line.startswith("//") and not line.startswith("///"):
            self.page.hide(line[2:], "comment")
        elif self._takes_entries(line) and self.reader.entry(self._continued(line)):
            self.style = ""
        elif not self._block(line):
            self.paragraph.append(line)

    def _takes_entries(self, line: str) -> bool:
        return line.startswith(":") and (self.header or not self.paragraph)

    def _continued(self, line: str) -> str:
        """Return an attribute entry with the lines that continue it."""
        while line.endswith(("\\", " +")):
            line = f"{line.rstrip('+').rstrip(chr(92)).rstrip()} {next(self.lines, '').strip()}"
        return line

    def _until(self, closing: str) -> Iterator[str]:
        for line in self.lines:
            if line.rstrip() == closing:
                return
            yield line

    def _block(self, line: str) -> bool:
        """Write what begins with this line; tell whether it was anything but a paragraph."""
        if self._underlined(line):
            return True
        if _VERBATIM.fullmatch(line):
            self._flush()
            self._verbatim(line)
        elif _TABLE.fullmatch(line):
            self._flush()
            self._table(line)
        elif _FRAME.fullmatch(line):
            self._flush(keep_style=True)
            if self._is_hidden():
                self._hide("\n".join(self._until(line)))
        elif (match := _TITLE.fullmatch(line)) and not self.paragraph:
            self._heading(len(match[1]), match[2])
        elif line in {"'''", "<<<", "***", "* * *"} and not self.paragraph:
            self.style = ""
        elif _ATTRIBUTES.fullmatch(line) and (self.in_list_item or not self.paragraph):
            self._flush(keep_style=True)
            self.style += line.strip()
        elif match := _MACRO.fullmatch(line):
            self._flush()
            self._macro(*match.groups())
        elif not self.paragraph and (match := _BLOCK_TITLE.fullmatch(line)):
            self.page.paragraph(self._inline(match[1]))
        else:
            return self._item(line)
        return True

    def _underlined(self, line: str) -> bool:
        """Take a title of the old kind, with a line of signs under it."""
        if len(self.paragraph) != 1 or len(set(line)) != 1 or line[0] not in _UNDERLINE:
            return False
        title = self.paragraph[0]
        if len(line) < 3 or abs(len(line) - len(title)) > 2:
            return False
        self.paragraph = []
        self._heading(_UNDERLINE[line[0]], title)
        return True

    def _heading(self, level: int, title: str) -> None:
        self._flush()
        self.page.heading(level, self._inline(title))
        self.header = level == 1

    def _verbatim(self, line: str) -> None:
        closing = "```" if line.startswith("```") else line
        text = "\n".join(self._until(closing))
        maths = re.match(r"\[(?:stem|latexmath|asciimath)", self.style)
        if (line.startswith("+") and not maths) or self._is_hidden():
            self.page.hide(text, "passthrough")
        else:
            self.page.code(text)
        self.style = ""

    def _table(self, line: str) -> None:
        rows = " ".join(f"\n{row}" if row.strip() else "\n" for row in self._until(line)).split(
            "\n"
        )
        hidden, self.style = self._is_hidden(), ""
        filled = [row.strip() for row in rows if row.strip()]
        if hidden:
            self.page.hide("\n".join(filled), "comment")
            return
        for row in (row for row in filled if not row.startswith("//")):
            cells = re.split(r"(?:^|\s)(?:\d+[*+]|[<^>.a-z\d+]{0,6})?\|", row)
            self.page.row([self._inline(cell.strip()) for cell in cells if cell.strip()])

    def _macro(self, name: str, target: str, text: str) -> None:
        if name == "image":
            self.page.image(
                self.reader.expanded(target), self.reader.expanded(text.partition(",")[0])
            )
        elif name not in {"toc", "include", "video", "audio", "endif"}:
            self.page.paragraph(self._inline(text))
        self.style = ""

    def _item(self, line: str) -> bool:
        if match := _ITEM.fullmatch(line):
            self._begin_item(match[1])
            return True
        open_text = self.paragraph and not self.in_list_item
        if (match := _LABELLED.fullmatch(line)) and not open_text and "://" not in match[1]:
            self._begin_item(f"{match[1]}: {match[2] or ''}")
            return True
        if not self.paragraph and line.startswith((" ", "\t")):
            self.page.code(line)
            return True
        return False

    def _begin_item(self, text: str) -> None:
        self._flush()
        self.paragraph, self.in_list_item = [text], True

    def _flush(self, *, keep_style: bool = False) -> None:
        text, self.paragraph = "\n".join(self.paragraph), []
        in_list_item, self.in_list_item = self.in_list_item, False
        if text and (self._is_hidden() or self.style.startswith("[pass")):
            self.page.hide(text, "comment" if "comment" in self.style else "passthrough")
        elif text and in_list_item:
            self.page.item(self._inline(text))
        elif text:
            self.page.paragraph(self._inline(_ALERT.sub("", text)), classes=self._roles())
        if text and not keep_style:
            self.style = ""

    def _hide(self, text: str) -> None:
        self.page.hide(text, "comment")
        self.style = ""

    def _is_hidden(self) -> bool:
        return self.style.startswith("[comment")

    def _roles(self) -> str:
        roles = _ROLE.findall(self.style.strip("[]"))
        return " ".join(
            (attribute or shorthand).replace(".", " ") for attribute, shorthand in roles
        )

    def _inline(self, text: str) -> str:
        """Return HTML for the text of a paragraph."""
        return marked(self.page, self.reader.expanded(text))
