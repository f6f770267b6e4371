"""The format of a document: by its name, and where that says nothing by its look.

Knows names and lines; the readers of each format are `document`'s.
"""

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
_SIGNS: Final = {
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
_TELLING: Final = {
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
    counts = {kind: sum(bool(sign.match(line)) for line in lines) for kind, sign in _SIGNS.items()}
    underlined = sum(_is_title(*pair) for pair in pairwise(lines))
    counts[RST] += underlined * (counts[RST] > 0)
    counts[MARKDOWN] += underlined * (counts[RST] == 0)
    able = [kind for kind in counts if kind not in _TELLING or _TELLING[kind].search(head)]
    best = max(able, key=lambda kind: counts[kind])
    return best if counts[best] else otherwise


def _is_title(text: str, under: str) -> bool:
    return (
        len(under) >= 3
        and under[0] in "=-~^"
        and len(set(under)) == 1
        and 0 < len(text) <= len(under)
    )
