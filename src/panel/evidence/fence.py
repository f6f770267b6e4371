"""The fence: evidence as lines of a prompt, between marker lines that no page can know.

The marker is a keyed hash of the text under a secret of this installation, so it is the same for
the four personas, for a resume and for a replay. Knows nothing of questions or personas.
"""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from panel.evidence.source import Passage
from panel.foundation.errors import SettingsError
from panel.foundation.paths import broken_link
from panel.foundation.text import clean, neutralise, one_line

FENCE: Final = "\x01FENCE\x01"
"""Placeholder for the fence's marker in a stored request. Ingest removes control characters, so no
untrusted text can hold it; the marker itself stays out of request keys and of the journal."""

SECRET_BYTES: Final = 32

_EMPTY_LINES: Final = re.compile(r"\n\s*\n")
_RULE: Final = re.compile(r"([^\w\s])\1{3,}")
_PADDING: Final = re.compile(r"(?<=\S) {3,}")


def fenced(passages: Sequence[Passage], facts: Sequence[str] = ()) -> str:
    """Return facts and passages as lines between two marker lines.

    Only lines of ours start in the first column: `#` headings, `[E1.4]` passages, the markers.
    Further lines of a passage are indented, control tokens are made harmless, and what nobody can
    see goes, also from a tool that was made in memory and never read from a file.
    """
    lines = [_safe_line(fact) for fact in facts]
    previous: tuple[str, ...] = ()
    source = ""
    for passage in passages:
        if (source_id := passage.id.partition(".")[0]) != source:
            source, previous = source_id, ()
        path = tuple(part for part in passage.heading.split(" › ") if part)
        lines += _heading_lines(previous, path)
        previous = path
        lines.append(rendered(passage))
    return "\n".join([f"BEGIN DATA {FENCE}", *lines, f"END DATA {FENCE}"])


def rendered(passage: Passage) -> str:
    """Return one passage as it stands in a prompt: its number, and its text without padding."""
    return f"[{passage.id}] {_unpadded(passage.text)}"


@lru_cache(maxsize=4_096)
def _unpadded(text: str) -> str:
    text = clean(text)[0].strip()
    if "\n" in text:
        text = _EMPTY_LINES.sub("\n", text)
    text = _PADDING.sub("  ", _RULE.sub(r"\1\1\1", text))
    return neutralise(text).replace("\n", "\n  ")


@lru_cache(maxsize=256)
def marker(secret: bytes, text: str) -> str:
    """Return 12 hex digits that depend on secret and text and do not occur in the text."""
    for counter in range(1_000_000):
        message = counter.to_bytes(4, "big") + text.encode("utf-8", "surrogatepass")
        mark = hmac.new(secret, message, hashlib.sha256).hexdigest()[:12]
        if mark not in text:
            return mark
    raise AssertionError("a text that holds a million keyed hashes of itself")


class SecretNotKept(SettingsError):
    """The folder for the installation's secret cannot be read or written."""


def installation_secret(folder: Path) -> bytes:
    """Return the secret kept in `folder`, made once, readable by the owner only.

    Raises:
        SecretNotKept: the folder cannot be read or written.
        SettingsError: what it holds is damaged.
    """
    place = folder / "secret"
    try:
        if not place.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _create(place)
        secret = place.read_bytes()
    except OSError as error:
        reason = broken_link(place) or (error.strerror or "error").lower()
        raise SecretNotKept(
            f"{place}: the installation's secret cannot be kept: {reason}",
            hint="set PANEL_CONFIG to a folder that can be written",
        ) from None
    if len(secret) != SECRET_BYTES:
        raise SettingsError(f"{place}: damaged", hint=f"rm {place}")
    return secret


def _create(place: Path) -> None:
    """Put a new secret in place unless another process was first; never a half-written one."""
    draft = place.with_name(f".secret-{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, place)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, place: Path) -> None:
    try:
        os.link(draft, place)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        draft.replace(place)


def _heading_lines(previous: tuple[str, ...], path: tuple[str, ...]) -> Iterable[str]:
    """Name only the levels that changed since the passage before."""
    shared = 0
    while shared < min(len(previous), len(path)) and previous[shared] == path[shared]:
        shared += 1
    if path and shared == len(path) < len(previous):
        shared -= 1  # back up to a section that has subsections: name it again
    for depth in range(shared, len(path)):
        yield f"{'#' * (depth + 1)} {_safe_line(path[depth])}"


@lru_cache(maxsize=1_024)
def _safe_line(text: str) -> str:
    return neutralise(one_line(clean(text)[0]))
