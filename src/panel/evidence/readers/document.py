"""A document's bytes into blocks: decoded, cleaned, read by its format, checked for injections.

Pure, and as fast as its input allows; untrusted input goes through `sandbox`.
"""

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from panel.evidence.injection.detect import find_flags
from panel.evidence.readers.asciidoc import read_asciidoc
from panel.evidence.readers.block import Extract
from panel.evidence.readers.format_detection import (
    ASCIIDOC,
    MARKDOWN,
    ORG,
    PDF,
    PLAIN,
    RST,
    decoded,
)
from panel.evidence.readers.html import read_html
from panel.evidence.readers.org import read_org
from panel.evidence.readers.plain import read_plain
from panel.evidence.readers.web import find_links, read_web
from panel.foundation.text import clean, invisible

_LIGHT: Final = 64_000
"""Bytes of plain text or Markdown: the worst that is known then takes about a second."""
_LIGHT_PAGE: Final = 2_000
"""Bytes of HTML: too few for the extractor, and so for a parser that is not Python."""


def _markdown(text: str) -> Extract:
    from panel.evidence.readers.markdown import read_markdown

    return read_markdown(text)


def _rst(text: str) -> Extract:
    from panel.evidence.readers.rst import read_rst

    return read_rst(text)


_READERS: Final[dict[str, Callable[[str], Extract]]] = {
    "text/html": read_web,
    "application/xhtml+xml": read_web,
    MARKDOWN: _markdown,
    "text/x-markdown": _markdown,
    PLAIN: read_plain,
    RST: _rst,
    "text/prs.fallenstein.rst": _rst,
    ASCIIDOC: read_asciidoc,
    "text/x-asciidoc": read_asciidoc,
    ORG: read_org,
    "text/x-org": read_org,
}
_SLOW: Final = (_rst, read_asciidoc, read_org)
"""Readers that recurse, or keep what a document defines: each document gets a process."""


_prepared: set[Callable[[str], Extract] | str] = set()


def prepare(media_type: str, *, whole: bool = False) -> bool:
    """Import what reading a document of this type needs; False where that has been done.

    Long pages are the rule, so that the extractor of main text is imported for each page.

    Args:
        media_type: One that `is_known`.
        whole: The page will be read without the extractor.
    """
    kind = PDF if media_type == PDF else _READERS[media_type]
    if kind in _prepared or (kind is read_web and whole):
        return False
    _prepared.add(kind)
    with contextlib.suppress(ValueError):
        read_document(_SAMPLE, media_type)
    return True


def is_known(media_type: str) -> bool:
    """Tell whether documents of this type can be read."""
    return media_type in _READERS or media_type == PDF


_SAMPLE: Final = b"<main><h1>A</h1>" + b"<p>Some words that say what it does.</p>\n" * 99
"""Read to import a reader: long enough for the extractor of main text."""


def is_light(raw: bytes, media_type: str) -> bool:
    """Tell whether a document is read here sooner than a child process would have started."""
    if media_type == PDF or _READERS[media_type] in _SLOW:
        return False
    return len(raw) <= (_LIGHT_PAGE if _READERS[media_type] is read_web else _LIGHT)


def read_document(
    raw: bytes, media_type: str, *, charset: str | None = None, whole: bool = False
) -> Extract:
    """Return what a document shows and what it hides.

    Args:
        raw: Its bytes.
        media_type: One that `is_known`.
        charset: As the server names it; a byte order mark goes before it.
        whole: Keep menus, side columns and footers of a web page.

    Raises:
        Unreadable: a PDF that is damaged or encrypted.
    """
    if media_type == PDF:
        from panel.evidence.readers.pdf import read_pdf

        extract, text = read_pdf(raw), ""
    else:
        reader = _READERS[media_type]
        text = decoded(raw, charset, markup=reader is read_web)
        cleaned, removed = clean(text)
        extract = (read_html if whole and reader is read_web else reader)(cleaned)
        unseen = Counter(dict(extract.characters))
        if removed:
            unseen.update(invisible(text))
        extract = replace(
            extract, removed=extract.removed + removed, characters=tuple(unseen.items())
        )
        if reader is read_web:
            links, title = find_links(cleaned)
            extract = replace(extract, links=links, title=title)
    visible = "\n".join(block.text for block in extract.blocks)
    return replace(extract, flags=find_flags(visible, hidden=extract.hidden, raw=text or visible))
