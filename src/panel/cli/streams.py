"""Standard output and error: what cannot be written there does not end a command.

A character that the encoding lacks is replaced by a plain one. When the reader has gone away
(`panel … | head`), the rest is dropped and the command ends with its own exit code. A full
standard output is an error in one line.
"""

import codecs
import errno
import io
import os
import sys
import unicodedata
from typing import Final, TextIO, cast

from panel.foundation.errors import PanelError

_GONE: Final = {errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN}
_HANDLER: Final = "panel.plain"

_REPLACEMENTS: Final = {
    **dict.fromkeys("‐‑‒–—―−─┄┈╌", "-"), **dict.fromkeys("━═", "="), **dict.fromkeys("╍┅┉", "~"),
    **dict.fromkeys("│┃║", "|"), **dict.fromkeys("‘’‚‛′", "'"), **dict.fromkeys("“”„«»″", '"'),
    **dict.fromkeys("•◆★☆", "*"), **dict.fromkeys("·░", "."), **dict.fromkeys("█■▇▆▅", "#"),
    **dict.fromkeys("×╳✕✖✗✘", "x"), **dict.fromkeys("○●◯", "o"), **dict.fromkeys("▲△↑", "^"),
    **dict.fromkeys("▼▽↓", "v"), **dict.fromkeys("≈∼", "~"), **dict.fromkeys("✓✔", "+"),
    "▒": ":", "▓": "%", "›": ">", "‹": "<", "→": "->", "←": "<-", "⇒": "=>", "…": "...",
    "⁄": "/", "≤": "<=", "≥": ">=", "≠": "!=", "±": "+-", "€": "EUR", "£": "GBP", "¥": "JPY",
    "©": "(c)", "®": "(R)", "§": "S", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE",
    "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i",
}  # fmt: skip
"""Replacements in ASCII; one column wide for characters that tables and bars are drawn with."""


class OutputFull(PanelError):
    """Standard output takes no more: its disk is full, or the device fails."""


class Stream(io.TextIOBase):
    """A standard stream on which writing fails only where the user must know of it."""

    # Without a `buffer` on purpose: click would write past this class where the encoding is ASCII.

    def __init__(self, under: TextIO, *, needed: bool) -> None:
        """Wrap a stream; what is `needed` raises `OutputFull` where it cannot be written."""
        self._under = under
        self._needed = needed
        if isinstance(under, io.TextIOWrapper):
            under.reconfigure(errors=_HANDLER)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self._under.encoding or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """How characters that the encoding lacks are treated."""
        return self._under.errors

    def write(self, text: str) -> int:
        """Write text; characters that the encoding lacks are replaced."""
        if text == "":  # click probes streams so, and swallows what that raises
            return 0
        try:
            return self._under.write(text)
        except OSError as error:
            self._lost(error)
            return len(text)

    def write_utf8(self, text: str) -> None:
        """Write data, which is UTF-8 whatever the encoding of the stream is."""
        raw = getattr(self._under, "buffer", None)
        if raw is None:
            self.write(text)
            return
        try:
            self._under.flush()
            raw.write(text.encode("utf-8", "replace"))
            raw.flush()
        except OSError as error:
            self._lost(error)

    def flush(self) -> None:
        """Write what is still kept back."""
        try:
            if not self._under.closed:
                self._under.flush()
        except OSError as error:
            self._lost(error)

    def fileno(self) -> int:
        """Return the stream's file descriptor."""
        return self._under.fileno()

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""
        return self._under.isatty()

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def _lost(self, error: OSError) -> None:
        # What is still buffered goes to the null device: Python would try it again at its end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        # Windows says EINVAL of a pipe whose reader is gone.
        gone = _GONE | ({errno.EINVAL} if os.name == "nt" else set())
        if self._needed and error.errno not in gone:
            why = (error.strerror or str(error)).lower()
            raise OutputFull(
                f"standard output cannot be written: {why}",
                hint="free some space, then run it again",
            ) from error


def prepare() -> None:
    """Put a `Stream` in the place of standard output and error."""
    codecs.register_error(_HANDLER, _replaced)
    # A closed descriptor is opened first: the next file, a journal perhaps, would take its number.
    for name, needed in (("stdout", True), ("stderr", False)):
        under: TextIO | None = getattr(sys, name)
        if under is None:
            under = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        setattr(sys, name, cast(TextIO, Stream(under, needed=needed)))


def plain(text: str) -> str:
    """Return text in ASCII: characters replaced, letters without accents, `?` for the rest."""
    return "".join(_plain(character) for character in text)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


def _plain(character: str) -> str:
    if character.isascii() or character in _REPLACEMENTS:
        return _REPLACEMENTS.get(character, character)
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return ""
    apart = unicodedata.normalize("NFKD", character)
    if apart != character:
        return plain(apart)
    if "\u2500" <= character <= "\u257f":
        return "+"
    return "??" if unicodedata.east_asian_width(character) in "WF" else "?"
