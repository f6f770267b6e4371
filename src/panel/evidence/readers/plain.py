"""Plain text into blocks: paragraphs separated by empty lines, and list items.

Pictures and fonts that are embedded as `data:` URLs are bytes for a browser, not words: they are
removed here for plain text, Markdown and HTML.
"""

import re
from collections.abc import Iterator
from typing import Final

from panel.evidence.readers.block import Block, Extract

_ADDRESS: Final = re.compile(
    r"(?P<image>!\[[^\]\n]{0,300}\]\(\s*<?\s*)?(?P<tag><img\b[^<>]{0,400}?\bsrc\s*=\s*[\"']?)?"
    r"data:(?:image|font|audio|video|model|application|text|multipart|x-[\w-]+)/[\w.+-]{1,80}"
    r"(?:;\s?[\w-]{1,40}(?:=(?:\"[^\"\n]{0,80}\"|[\w.:-]{0,80}))?){0,6},",
    re.IGNORECASE,
)
_BASE64: Final = re.compile(
    r"[A-Za-z0-9+/%=_-]*(?:\s+[A-Za-z0-9+/]{40,}={0,2}(?![\w/.-]))*(?:\s[A-Za-z0-9+/]{2,}={1,2}(?!\w))?"
)
"""A payload may be wrapped into lines; a run so long is no word."""
_PLAIN: Final = re.compile(r"[^\s\"'<>()\[\]{}|`]*")
_MARKUP: Final = re.compile(r"(?:%3c|<)(?:svg|\?xml|!--)\b", re.IGNORECASE)
_MARKUP_END: Final = re.compile(r"(?:%3c|<)/svg(?:%3e|>)", re.IGNORECASE)
_IMAGE_END: Final = re.compile(r"[^)\n]{0,300}\)|")
_TAG_END: Final = re.compile(r"[^<>\n]{0,400}>|")
_SHORT: Final = re.compile(r"data:text/[\w.+-]+(?:;charset=[\w-]+)?,\S{0,64}", re.IGNORECASE)
"""What a page about such addresses gives as its example."""


def without_pictures(text: str) -> str:
    """Return the text without `data:` addresses, and without the image markup around one."""
    return "".join(_around(text)) if "data:" in text.lower() else text


def _around(text: str) -> Iterator[str]:
    """Yield what stands before, between and behind the addresses."""
    place, closed = 0, True
    while match := _ADDRESS.search(text, place):
        yield text[place : match.start()]
        end = None
        if closed and _MARKUP.match(text, match.end()):
            end = _MARKUP_END.search(text, match.end())
            closed = end is not None  # without one, later addresses do not search again
        if end is None:
            body = _BASE64 if match[0].lower().endswith(";base64,") else _PLAIN
            end = body.match(text, match.end())
        place = end.end() if end else match.end()
        if match["image"]:
            place = _end(_IMAGE_END, text, place)
        elif match["tag"]:
            place = _end(_TAG_END, text, place)
        elif _SHORT.fullmatch(address := text[match.start() : place]):
            yield address
    yield text[place:]


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return match.end() if match else place


_ITEM: Final = re.compile(r"^\s{0,6}(?:[-*+•]|\d{1,3}[.)])\s+")


def read_plain(text: str) -> Extract:
    """Return the paragraphs of a text; nothing in it is markup, so nothing is hidden."""
    return Extract(tuple(_blocks(without_pictures(text))))


def _blocks(text: str) -> Iterator[Block]:
    for paragraph in re.split(r"\n[ \t]*\n", text):
        lines = [line for line in paragraph.split("\n") if line.strip()]
        if lines and all(line.startswith(("    ", "\t")) for line in lines):
            yield Block("code", "\n".join(line.rstrip() for line in lines))
            continue
        yield from _items(lines)


def _items(lines: list[str]) -> Iterator[Block]:
    """Part the lines of a paragraph where list items start."""
    in_list = False
    words: list[str] = []
    for line in lines:
        if match := _ITEM.match(line):
            if words:
                yield Block("list" if in_list else "prose", " ".join(words))
            in_list, words = True, line[match.end() :].split()
        else:
            words += line.split()
    if words:
        yield Block("list" if in_list else "prose", " ".join(words))
