"""The format of a document, by its name, else by its content; and its character set.

Detection only: `document` knows the reader of each format.
"""

import codecs
import re
from itertools import pairwise
from typing import Final

PDF: Final = "application/pdf"
RST: Final = "text/x-rst"
ASCIIDOC: Final = "text/asciidoc"
ORG: Final = "text/org"
MARKDOWN: Final = "text/markdown"
PLAIN: Final = "text/plain"

SUFFIXES: Final = {
    ".md": MARKDOWN, ".markdown": MARKDOWN, ".mdown": MARKDOWN, ".mkd": MARKDOWN, ".mkdn": MARKDOWN,
    ".mdx": MARKDOWN, ".qmd": MARKDOWN, ".rmd": MARKDOWN,
    ".html": "text/html", ".htm": "text/html", ".xhtml": "text/html",
    ".pdf": PDF,
    ".txt": PLAIN, ".text": PLAIN,
    ".rst": RST, ".rest": RST,
    ".adoc": ASCIIDOC, ".asciidoc": ASCIIDOC, ".asc": ASCIIDOC, ".ad": ASCIIDOC,
    ".org": ORG,
}  # fmt: skip

_LINES: Final = 400
"""As many lines tell what a document is."""
_LINE_PATTERNS: Final = {
    MARKDOWN: re.compile(
        r"(?:#{1,6} \S|```|!?\[[^\]\n]{1,200}\]\(\S|\[!\[|<!--|</?(?:p|h\d|div|a|img|br|details)\b)"
    ),
    RST: re.compile(
        r"(?:\.\. (?:[\w.:+-]+::|_[^_].*:|\|.+\| ?\w+::|[A-Za-z])|.*`[^`\n]+ <[^`\n>]+>`__?"
        r"|.*(?<!\w):[\w:]+:`[^`\n]+`|\.\.$|.{0,300}\S::$)"
    ),
    ASCIIDOC: re.compile(
        r"(?:={1,6} \S|:[\w!-]+:(?: |$)|\[(?:source|NOTE|TIP|WARNING|IMPORTANT|CAUTION|cols)\b"
        r"|(?:image|include|ifn?def|endif|toc)::|\|===|//(?: |$|//)"
        r"|.*(?:https?://\S+|link:\S+)\[[^\]]+\])"
    ),
    ORG: re.compile(
        r"(?:#\+\w+(?::|\b)|\*{1,6} \S|\s*:(?:PROPERTIES|END):|.*\[\[[^\]\n]+\]\[[^\]\n]+\]\])",
        re.IGNORECASE,
    ),
}  # fmt: skip
"""What lines of each look like."""
_DISTINCTIVE: Final = {
    RST: re.compile(
        r"^\.\. (?:[\w.:+-]+::|_[^_\n]+:|\|[^|\n]+\|)|^(?:={4,}|-{4,}|~{4,})\n.+\n[=~-]{4,}$"
        r"|`__?\b|::\n\n +\S",
        re.MULTILINE,
    ),
    ASCIIDOC: re.compile(
        r"^={1,5} \S|^(?:ifn?def|image|toc)::|^\[source|^/{4}$|^\+{4}$", re.MULTILINE
    ),
    ORG: re.compile(
        r"^#\+(?:title|author|begin_\w+|options|startup)\b|^:PROPERTIES:$|\[\[[^\]\n]+\]\[",
        re.MULTILINE | re.IGNORECASE,
    ),
}
"""What no other of them has."""


def by_name(name: str) -> str | None:
    """Return the media type that a name or an address ends in; None where it says nothing."""
    last = name.rpartition("/")[2].partition("?")[0]
    stem, dot, suffix = last.rpartition(".")
    return SUFFIXES.get(f".{suffix.lower()}") if dot and stem else None


def by_look(text: str, *, otherwise: str) -> str:
    """Return the media type of a text, by what most of its telling lines look like.

    Args:
        text: The document.
        otherwise: What it is taken for where nothing tells.
    """
    head = text[: _LINES * 200]
    lines = [line.rstrip()[:400] for line in head.split("\n")[:_LINES]]
    counts = {
        kind: sum(bool(sign.match(line)) for line in lines) for kind, sign in _LINE_PATTERNS.items()
    }
    underlined = sum(_is_title(*pair) for pair in pairwise(lines))
    counts[RST] += underlined * (counts[RST] > 0)
    counts[MARKDOWN] += underlined * (counts[RST] == 0)
    able = [kind for kind in counts if kind not in _DISTINCTIVE or _DISTINCTIVE[kind].search(head)]
    best = max(able, key=lambda kind: counts[kind])
    return best if counts[best] else otherwise


def _is_title(text: str, under: str) -> bool:
    return (
        len(under) >= 3
        and under[0] in "=-~^"
        and len(set(under)) == 1
        and 0 < len(text) <= len(under)
    )


_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META: Final = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.IGNORECASE
)
_HEAD: Final = 2048
_CHARSET: Final = re.compile(
    r"utf-?8|us-ascii|ascii|latin-?1|iso-?8859-?\d{1,2}|windows-125\d|cp125\d|koi8-[ru]|gb2312|gbk"
    r"|gb18030|big5|shift[_-]jis|euc-jp|euc-kr|utf-16(?:le|be)?"
)
"""Python knows codecs that are no character sets, and some that decode twice."""


def decoded(raw: bytes, declared: str | None, *, markup: bool = False) -> str:
    """Return the text of a document; what fits no character set becomes U+FFFD.

    Bytes that are UTF-8 are taken for it whatever else is claimed: hardly anything else is.

    Args:
        raw: The bytes.
        declared: The character set its server names.
        markup: It is HTML, which may name its own.
    """
    for mark, charset in _MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(charset, "replace")
    meta = _META.search(raw[:_HEAD]) if markup else None
    claimed = [declared, meta[1].decode("ascii", "replace") if meta else None]
    usual = [name for name in claimed if name and _is_charset(name)]
    wide = [name for name in usual if name.lower().startswith("utf-16")]  # its NULs are UTF-8 too
    for charset in [*wide, "utf-8", *usual]:
        try:
            return raw.decode(charset)
        except UnicodeDecodeError:
            continue
    text = raw.decode("utf-8", "replace")
    if any(letter > "\x7f" and letter != "\ufffd" for letter in text):
        return text  # UTF-8 with a fault in it
    legacy = [name for name in usual if codecs.lookup(name).name != "utf-8"]
    return raw.decode(legacy[0] if legacy else "windows-1252", "replace")


def _is_charset(name: str) -> bool:
    try:
        return bool(_CHARSET.fullmatch(name.lower())) and bool(codecs.lookup(name))
    except LookupError:
        return False
