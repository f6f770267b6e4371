"""Escaping for Markdown: untrusted text stays text on every forge. Knows CommonMark and its kin.

Backslashes stop syntax. They do not stop what forges look for in the finished text (bare addresses,
@mentions, references to issues), so a word that holds such a thing is set as code.
"""

import re
from typing import Final

_SYNTAX: Final = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
_ENTITY: Final = re.compile(r"&(?=#?\w{1,40};)")
_START: Final = re.compile(r"^(?:[#>+=:-]|\d{1,9}(?=[.)]))")
_LIVE: Final = re.compile(
    r"://|^//|www\.|@[\w-]|#\d|\bgh-\d|\b(?:mailto|javascript|data|xmpp):",
    re.IGNORECASE,
)
_EMOJI: Final = re.compile(r":(?=[\w+-]{1,40}:)")
_SIGNS: Final = re.compile(r"[^\w\s,.;()!?'\"“”‘’–—…-]|_|www\.|\bgh-", re.IGNORECASE)
"""Whatever one of the patterns above may match, and more; most lines have none of it."""
_OUTER: Final = re.compile(r"^([(\[{<\"'“‘«]*)(.*?)([)\]}>\"'”’».,;:!?…]*)$")

_OPENED: Final = re.compile(r"[(\[{\"'“‘«]")
"""What an address in code stands behind: `get("https://x.example"`."""


def escape(text: str) -> str:
    """Return one line of untrusted text so that Markdown shows it and obeys none of it."""
    words = text.split()
    if _SIGNS.search(text):
        words = [_word(word) if _SIGNS.search(word) else word for word in words]
    return _START.sub(_escaped_start, " ".join(words))


def code(text: str) -> str:
    """Return one line of untrusted text as a code span."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def escape_pipes(markdown: str) -> str:
    """Return Markdown for a table cell, which a pipe ends even inside a code span."""
    return re.sub(r"(?<!\\)\|", r"\|", markdown)


def _word(word: str) -> str:
    if not _LIVE.search(word):
        return _plain(word)
    match = _OUTER.match(word)
    before, inner, after = match.groups() if match else ("", word, "")
    if _OPENED.search(inner):  # what closes it stands in `after`: code must not be cut between
        inner, after = f"{inner}{after}", ""
    return _plain(before) + code(inner) + _plain(after) if inner else _plain(word)


def _plain(text: str) -> str:
    text = _ENTITY.sub("&amp;", text).replace("<", "&lt;")
    return _EMOJI.sub(r"\:", _SYNTAX.sub(r"\\\g<0>", text))


def _escaped_start(match: re.Match[str]) -> str:
    return f"{match[0]}\\" if match[0].isdigit() else f"\\{match[0]}"
