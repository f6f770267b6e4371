"""Bytes of a document into text, by its byte order mark, its server, itself, or a guess."""

import codecs
import re
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META: Final = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.IGNORECASE
)
_HEAD: Final = 2048
_USUAL: Final = re.compile(
    r"utf-?8|us-ascii|ascii|latin-?1|iso-?8859-?\d{1,2}|windows-125\d|cp125\d|koi8-[ru]|gb2312|gbk"
    r"|gb18030|big5|shift[_-]jis|euc-jp|euc-kr|utf-16(?:le|be)?"
)
"""Python knows codecs that are no character sets, and some that decode twice."""


def decoded(raw: bytes, named: str | None, *, markup: bool = False) -> str:
    """Return the text of a document; what fits no character set becomes U+FFFD.

    Bytes that are UTF-8 are taken for it whatever else is claimed: hardly anything else is.

    Args:
        raw: The bytes.
        named: The character set its server names.
        markup: It is HTML, which may name its own.
    """
    for mark, charset in _MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(charset, "replace")
    own = _META.search(raw[:_HEAD]) if markup else None
    claimed = [named, own[1].decode("ascii", "replace") if own else None]
    usual = [name for name in claimed if name and _known(name)]
    wide = [name for name in usual if name.lower().startswith("utf-16")]  # its NULs are UTF-8 too
    for charset in [*wide, "utf-8", *usual]:
        try:
            return raw.decode(charset)
        except UnicodeDecodeError:
            continue
    text = raw.decode("utf-8", "replace")
    if any(letter > "\x7f" and letter != "\ufffd" for letter in text):
        return text  # UTF-8 with a fault in it
    others = [name for name in usual if codecs.lookup(name).name != "utf-8"]
    return raw.decode(others[0] if others else "windows-1252", "replace")


def _known(name: str) -> bool:
    try:
        return bool(_USUAL.fullmatch(name.lower())) and bool(codecs.lookup(name))
    except LookupError:
        return False
