"""Untrusted words in a mail: one line, short, and nothing a mail program would turn into a link.

Mail programs make links of whatever looks like one, in text and in HTML alike, so words of others
that look like an address get a blank put in. Knows no format.
"""

import re
from textwrap import fill
from typing import Final

from panel.report.citations import cut, line

WIDTH: Final = 72
_LINKED: Final = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\w)(?=@\w)|(?<=\w@)(?=\w)", re.I)


def one_line(text: str | None) -> str:
    """Return text on one line, without anything a screen would obey or hide."""
    return line(text)


def words(text: str | None, limit: int = 160) -> str:
    """Return untrusted text on one line of at most `limit` characters that links to nothing."""
    return cut(_LINKED.sub(" ", line(text)), limit)


def wrapped(text: str, *, indent: str = "", first: str | None = None) -> str:
    """Return one paragraph as lines of at most 72 characters; long words stay whole."""
    return fill(
        text,
        width=WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
