"""Encoded text: what a passage says once base64, hex, escapes, rot13 or look-alikes are undone.

A model may read these as easily as plain words. Returns readings; judges none of them.
"""

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:\s[A-Za-z0-9+/_-]{8,})*={0,2}")
_HEX: Final = re.compile(r"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[\s:,]?){16,}")
_PERCENT: Final = re.compile(r"[\w.+-]{0,40}(?:%[0-9a-fA-F]{2}[\w.+-]{0,24}){4,}")
_ESCAPES: Final = re.compile(r"(?:\\u[0-9a-fA-F]{4}[ ]?){8,}")
_ENTITIES: Final = re.compile(r"(?:&#x?[0-9a-fA-F]{2,6};\s?){8,}")
_SPACED: Final = re.compile(r"(?<!\w)(?:[^\W_][ .\-_*|]{1,3}){8,200}[^\W_](?!\w)")
_BINARY: Final = re.compile(r"(?:[01]{8}\s?){8,}")
_LOOKALIKES: Final = str.maketrans(
    "аеорсухіјѕһԁӏАВЕКМНОРСТХІЅαεικνορτυχΑΒΕΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdlABEKMHOPCTXISaeikvoptuxABEHIKMNOPTYX",
)
_MIXED: Final = re.compile(r"[A-Za-z][\u0370-\u04ff]|[\u0370-\u04ff][A-Za-z]")
_LEET: Final = re.compile(
    r"(?<![\w@$!|])(?=[\w@$!|]*[\d@$!|])(?=[\w@$!|]*[a-z])[\w@$!|]{2,30}", re.I
)
"""A word with digits or signs among its letters: `4n5w3r`."""
_LEET_RUN: Final = re.compile(r"[\w@$!|]+(?:[\s,.:;-]{1,3}[\w@$!|]+){0,60}")
_LEET_LETTERS: Final = tuple(
    str.maketrans("0134578@$!|", f"o{letter}eastb" + "as" + f"{letter}{letter}") for letter in "il"
)
SPELLINGS: Final = frozenset({"look-alike letters", "compatibility letters"})
"""Readings that are the text itself in other letters."""
_MAX_RUNS: Final = 12
"""Encoded runs that are looked into in one text."""


def decodings(text: str) -> Iterator[tuple[str, str]]:
    """Yield (how it was encoded, what it says) for every hidden reading of a text."""
    yield from _runs(text)
    if _MIXED.search(text):
        yield "look-alike letters", text.translate(_LOOKALIKES)
    if (plain := unicodedata.normalize("NFKC", text)) != text:
        yield "compatibility letters", plain
    yield from _leet(text)
    yield "rot13", codecs.encode(text, "rot13")
    yield "reversed letters", text[::-1]


def _leet(text: str) -> Iterator[tuple[str, str]]:
    """Yield the runs of words that are written with digits for letters, as letters."""
    if len(_LEET.findall(text)) < 2:
        return
    for count, match in enumerate(_LEET_RUN.finditer(text)):
        words = match.group().split()
        spelt = len(_LEET.findall(match.group()))
        if count < _MAX_RUNS * 4 and spelt >= 2 and spelt >= 0.4 * len(words):
            for letters in _LEET_LETTERS:
                decoded = match.group().lower().translate(letters)
                yield "digits for letters", decoded
                yield "digits for letters", re.sub(r"\W", "", decoded)


def _runs(text: str) -> Iterator[tuple[str, str]]:
    for pattern, encoding, decode in (
        (_BASE64, "base64", _from_base64),
        (_HEX, "hex", _from_hex),
        (_PERCENT, "percent escapes", unquote),
        (_ESCAPES, "unicode escapes", _from_escapes),
        (_ENTITIES, "entities", html.unescape),
        (_SPACED, "spaced letters", _from_spaced),
        (_BINARY, "binary", _from_binary),
    ):
        for count, match in enumerate(pattern.finditer(text)):
            if count == _MAX_RUNS:
                break
            if (decoded := decode(match.group())) and _is_text(decoded):
                yield encoding, decoded


def _from_base64(text: str) -> str:
    body = re.sub(r"\s", "", text).replace("-", "+").replace("_", "/").rstrip("=")
    body = body[: len(body) - (len(body) % 4 == 1)]
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4)).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _from_hex(text: str) -> str:
    digits = re.sub(r"0x|\\x|[^0-9a-fA-F]", "", text)
    return bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("utf-8", "ignore")


def _from_escapes(text: str) -> str:
    return "".join(chr(int(code, 16)) for code in re.findall(r"\\u([0-9a-fA-F]{4})", text))


def _from_spaced(text: str) -> str:
    """Undo `i g n o r e`; where one word ended and the next began is lost."""
    return re.sub(r"[\W_]", "", text)


def _from_binary(text: str) -> str:
    bits = re.findall(r"[01]{8}", text)
    return bytes(int(byte, 2) for byte in bits).decode("utf-8", "ignore")


def _is_text(text: str) -> bool:
    printable_count = sum(c.isprintable() or c in "\n\t" for c in text)
    return len(text) >= 8 and printable_count >= 0.95 * len(text)
