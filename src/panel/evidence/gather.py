"""Gathers a tool's own evidence: its files, else its description. No network.

The readers of each format know file contents; `collect` reads addresses.
"""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from panel.evidence.injection.detect import examine
from panel.evidence.readers.document import is_light, read_document
from panel.evidence.readers.format_detection import (
    PDF,
    PLAIN,
    SUFFIXES,
    by_look,
    by_name,
    decoded,
)
from panel.evidence.readers.passages import ReadDocument
from panel.evidence.readers.sandbox import parse
from panel.evidence.source import Evidence, Source
from panel.evidence.tools.file_access import holds_key, refused_key
from panel.evidence.tools.tool import Document, Tool
from panel.foundation.errors import ToolError, Unparseable
from panel.foundation.text import printable

MAX_BYTES: Final = 2_000_000
"""Largest evidence file."""
MAX_PDF: Final = 20_000_000
"""Largest PDF: most of its bytes are pictures and fonts."""


def gather(tool: Tool, *, now: datetime) -> Evidence:
    """Return the sources about a tool: its files in their order, else its description.

    Args:
        tool: The tool; its evidence paths are absolute.
        now: The time to note as that of reading.

    Raises:
        ToolError: a file is missing, no regular file, too large, not text, or empty.
    """
    return evidence_of(tool, read_files(tool, now=now) or [_described(tool, now)])


def read_files(tool: Tool, *, now: datetime) -> list[ReadDocument]:
    """Return what a tool's own files and documents say, in order; raises as `gather` does."""
    names = _shown_names(tool.evidence)
    files = [_file(path, name, now) for path, name in zip(tool.evidence, names, strict=True)]
    return files + [_text(document, now) for document in tool.documents]


def evidence_of(
    tool: Tool, readings: Iterable[ReadDocument], notes: Sequence[str] = ()
) -> Evidence:
    """Return the readings as numbered sources, flagged where they speak to the reviewer."""
    sources: list[Source] = [reading.numbered(number) for number, reading in enumerate(readings, 1)]
    for source in sources:
        if not source.passages:
            raise ToolError(f"{source.source}: no readable text in it")
    return examine(Evidence(sources=tuple(sources), notes=tuple(notes)), tool)


def _described(tool: Tool, now: datetime) -> ReadDocument:
    raw = (tool.description or tool.name).encode("utf-8", "replace")
    extract = read_document(raw, "text/plain")
    return ReadDocument("description", now, hashlib.sha256(raw).hexdigest(), extract, "description")


def check_readable(tool: Tool) -> None:
    """Raise the `ToolError` of a file that cannot be read, where that shows without reading."""
    for path in tool.evidence:
        try:
            found = path.stat()
        except OSError as error:
            raise _unreadable(path, error) from None
        _check_kind(path, found)
        if path.suffix.lower() not in SUFFIXES:
            _media_type(path, path.name)


def _file(path: Path, name: str, now: datetime) -> ReadDocument:
    raw = _read(path)
    # Of a long list only the first files were looked into, and one may have changed since.
    if holds_key(raw):
        raise refused_key(name)
    return _parsed(raw, name, path, now)


def _text(document: Document, now: datetime) -> ReadDocument:
    raw, name = document.text.encode("utf-8", "replace"), printable(document.name)
    if len(raw) > MAX_BYTES:
        raise ToolError(
            f"{name}: larger than {MAX_BYTES // 1_000_000} MB",
            hint="keep the part that is about the tool",
        )
    return _parsed(raw, name, Path(name.rpartition("/")[2]), now)


def _parsed(raw: bytes, name: str, path: Path, now: datetime) -> ReadDocument:
    """Read bytes in the format that the path's suffix means, else in that of their look."""
    media_type = _media_type(path, name)
    try:
        media_type = media_type or by_look(decoded(raw, None), otherwise=PLAIN)
        if media_type not in ("text/html", PDF):
            _check_text(raw, name)
        light = is_light(raw, media_type)
        extract = read_document(raw, media_type) if light else parse(raw, media_type, name=name)
    except Unparseable as error:
        raise ToolError(error.message) from None
    return ReadDocument(name, now, hashlib.sha256(raw).hexdigest(), extract, "file")


def _media_type(path: Path, name: str) -> str | None:
    """Return the format that a path's suffix means; None without a suffix."""
    media_type = by_name(path.name)
    if media_type is None and (suffix := path.suffix.lower()):
        raise ToolError(
            f"{name}: panel reads Markdown, HTML, PDF and plain text, reStructuredText, AsciiDoc"
            f" and Org, not {printable(suffix)[:20]}",
            hint="save it as .md, .rst, .html, .pdf or .txt",
        )
    return media_type


def _check_kind(path: Path, found: os.stat_result) -> None:
    """Raise `ToolError` for what is no regular file, or too large."""
    if stat.S_ISDIR(found.st_mode):
        raise ToolError(f"{printable(str(path))}: a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise ToolError(f"{printable(str(path))}: not a regular file")
    limit = _limit(path)
    if found.st_size > limit:
        raise ToolError(
            f"{printable(str(path))}: larger than {limit // 1_000_000} MB",
            hint="keep the part that is about the tool",
        )


def _limit(path: Path) -> int:
    return MAX_PDF if path.suffix.lower() == ".pdf" else MAX_BYTES


def _unreadable(path: Path, error: OSError | ValueError) -> ToolError:
    reason = getattr(error, "strerror", None) or "cannot be read"
    return ToolError(f"{printable(str(path))}: {reason.lower()}")


def _read(path: Path) -> bytes:
    try:
        # Without O_NONBLOCK, opening a named pipe would block until it has a writer.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            _check_kind(path, os.fstat(file.fileno()))
            return file.read(_limit(path))
    except IsADirectoryError:
        raise ToolError(f"{printable(str(path))}: a folder, not a file") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _check_text(raw: bytes, name: str) -> None:
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ToolError(f"{name}: binary, not text", hint="save it as .md, .html or .txt")
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ToolError(f"{name} line {line}: not UTF-8 text", hint="save it as UTF-8") from None


def _shown_names(paths: Sequence[Path]) -> list[str]:
    """Return file names, with as many folders as tell equal names apart; never a full path."""
    parts = [tuple(printable(part) for part in path.parts[1:]) or (path.name,) for path in paths]
    depth = 1
    while depth < 4:
        names = ["/".join(part[-depth:]) for part in parts]
        if max(Counter(names).values(), default=1) == 1:
            return names
        depth += 1
    return ["/".join(part[-depth:]) for part in parts]
