"""Slugs: names made into file names that every operating system takes, at most 120 bytes."""

import hashlib
import re
import unicodedata
from collections.abc import Container
from typing import Final

MAX_BYTES: Final = 120
_HASH_BYTES: Final = 9  # a dash and eight hex digits

_OTHERS: Final = re.compile(r"[^a-z0-9]+")
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", "conin", "conout", "clock"}
    | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
)


def slug(name: str, *, taken: Container[str] = ()) -> str:
    """Return a name of `a-z0-9` and dashes; with a hash where it alone would not do.

    A hash of the full name is added when the plain form is empty, cut, reserved on Windows or
    already in `taken`.
    """
    plain = _plain(name)
    if plain and plain not in _RESERVED and len(plain) <= MAX_BYTES and plain not in taken:
        return plain
    stem = plain[: MAX_BYTES - _HASH_BYTES].strip("-") or "tool"
    attempt = 0
    while (candidate := f"{stem}-{_digest(name, attempt)}") in taken:
        attempt += 1
    return candidate


def _plain(name: str) -> str:
    if not name.isascii():
        name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _OTHERS.sub("-", name.lower().replace("'", "")).strip("-")


def _digest(name: str, turn: int) -> str:
    text = f"{name}\0{turn}" if turn else name
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
