"""Untrusted text: made clean when it is read, harmless in a prompt, safe on a terminal.

Knows characters and control tokens, not documents: what markup hides is `evidence`'s work.
"""

import re
import unicodedata
from collections import Counter
from typing import Final

_LINE_ENDS: Final = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")

_INVISIBLE: Final = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # C0 and C1 but tab and line ends
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # fillers, soft hyphen
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero-width and bidi
    "\ufe00-\ufe0f"  # variation selectors
    "\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff"  # surrogates, private use, noncharacters
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0xE0000, 0x10000)
    )
    + "\U000e0000-\U0010ffff"  # tag block, more variation selectors, private planes
    "]"
)

_NO_BREAKS: Final = str.maketrans("", "", "\n\t")

_KINDS: Final = {
    "tag-block": re.compile("[\U000e0000-\U000e007f]"),
    "zero-width": re.compile("[\xad\u034f\u200b-\u200d\u2060-\u2064\ufeff]"),
    "text-direction": re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f]"),
    "variation-selector": re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"),
    "control": re.compile("[\x00-\x1f\x7f-\x9f]"),
}

_EMOJI: Final = "\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_EMOJI_STYLE: Final = re.compile(
    f"(?<=[0-9#*\xa9\xae\u203c\u2049\u2122\u2139{_EMOJI}])[\ufe0e\ufe0f](?![\ufe00-\ufe0f])"
)
_EMOJI_JOIN: Final = re.compile(f"(?<=[{_EMOJI}])\u200d(?=[{_EMOJI}])")

_CONTROL_TOKENS: Final = re.compile(
    r"<(?=[|｜])"  # <|im_start|>, <｜User｜>
    r"|<(?=<SYS>>|</SYS>>)"
    r"|<(?=[/!]?[^\s<>]{1,64}>)"  # <s>, </think>, <start_of_turn>, <0x0A>, <turn|>
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|CALL_ID"
    r"|ARGS|MODEL_SETTINGS|THINK|IMG|IMG_BREAK|IMG_END|AUDIO|BEGIN_AUDIO|PREFIX|MIDDLE|SUFFIX"
    r"|CLS|SEP|MASK|PAD|UNK|BOS|EOS|control_\d{1,4})\])"  # [INST], [/TOOL_CALLS]
    r"|\[(?=gMASK\]|sMASK\]|\|)"  # [gMASK], [|user|]
    r"|\](?=~)|~(?=\[)"  # ]~b]
    r"|\[(?=E\d{1,9}(?:\.\d{1,9})?\])"  # a passage id of ours
)

_VENDOR_KEY: Final = re.compile(
    r"(?:sk|pk|rk|gsk|csk|xai|nvapi|pplx|tgp|fw|r8|vck|gh[opsu]|github_pat|glpat)[-_]\S{3,}"
    r"|hf_\S{3,}|(?:AKIA|AIza|eyJ|dapi|ya29\.)\S{6,}|[Bb]earer\s+\S+"
)
_LONG_KEY: Final = re.compile(
    r"(?=\S*[0-9])(?=\S*[A-Za-z])[A-Za-z0-9_=+]{20,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4,12}){4}"
)


def clean(text: str) -> tuple[str, int]:
    """Drop what a reader cannot see, unify line ends, compose (NFC).

    Returns:
        The text, and how many invisible characters went. What ordinary writing holds is dropped
        uncounted: a byte order mark at the start, the style selectors and joiners of emoji.
    """
    if text.isascii() and text.translate(_NO_BREAKS).isprintable():
        return text, 0  # all of it can be seen: most text there is
    text, removed = _INVISIBLE.subn("", _without_ordinary(text))
    return unicodedata.normalize("NFC", text), removed


def invisible(text: str) -> Counter[str]:
    """Return how many characters of each kind `clean` takes out and counts."""
    return Counter(_kind(match.group()) for match in _INVISIBLE.finditer(_without_ordinary(text)))


def _without_ordinary(text: str) -> str:
    """Return the text without the invisible characters of ordinary writing."""
    text = _LINE_ENDS.sub("\n", text.removeprefix("\ufeff"))
    return _EMOJI_JOIN.sub("", _EMOJI_STYLE.sub("", text))


def _kind(letter: str) -> str:
    return next(
        (kind for kind, pattern in _KINDS.items() if pattern.match(letter)), "other invisible"
    )


def neutralise(text: str) -> str:
    """Put a blank into every chat-template control token, and into forged passage ids.

    `<|im_start|>` becomes `< |im_start|>`: a person and a model can still read it, a tokenizer no
    longer takes it for the end of a turn. Call it on text that went through `clean`.
    """
    if not ("<" in text or "[" in text or "]" in text or "~" in text):
        return text  # as most text there is
    return _CONTROL_TOKENS.sub(lambda match: match.group() + " ", text)


def printable(text: str) -> str:
    """Return the text without control and bidi characters, safe on a terminal and in a log."""
    if text.isascii() and text.translate(_NO_BREAKS).isprintable():
        return text
    return _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))


def one_line(text: str) -> str:
    """Return the printable text on one line, each run of whitespace as one blank."""
    return " ".join(printable(text).split())


def begins_like_key(text: str) -> bool:
    """Tell whether a word begins as a known vendor's keys do."""
    return _VENDOR_KEY.fullmatch(text.strip()) is not None


def looks_like_key(text: str) -> bool:
    """Tell whether a word looks like a key rather than a name; such a word is not shown."""
    return begins_like_key(text) or _LONG_KEY.fullmatch(text.strip()) is not None
