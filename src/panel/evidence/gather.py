"""Gathering: a tool's evidence files read, cleaned, cut into passages and numbered.

Knows files; what is in them is for the readers of each format.
"""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from panel.errors import ToolError
from panel.evidence.block import Extract
from panel.evidence.html import read_html
from panel.evidence.markdown import read_markdown
from panel.evidence.passages import cut
from panel.evidence.plain import read_plain
from panel.evidence.source import Evidence, Source
from panel.evidence.suspicion import flags
from panel.tools.tool import Tool
from panel.untrusted import clean, printable

MAX_BYTES: Final = 2_000_000
"""Largest evidence file."""

_READERS: Final[dict[str, Callable[[str], Extract]]] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".mdx": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".txt": read_plain,
    ".text": read_plain,
    ".rst": read_plain,
    "": read_plain,
}


def gather(tool: Tool, *, now: datetime) -> Evidence:
    """Return the sources about a tool: its files in their order, else its description.

    Args:
        tool: The tool; its evidence paths are absolute.
        now: The time to note as that of reading.

    Raises:
        ToolError: a file is missing, no regular file, too large, not UTF-8 text, or empty.
    """
    names = _shown_names(tool.evidence)
    sources = [
        _source(_read(path), path.suffix.lower(), number=n, name=name, now=now)
        for n, (path, name) in enumerate(zip(tool.evidence, names, strict=True), 1)
    ]
    if not sources:
        raw = (tool.description or tool.name).encode("utf-8", "replace")
        sources = [_source(raw, ".txt", number=1, name="description", now=now)]
    own = "\n".join(filter(None, (tool.name, tool.tagline, tool.price, tool.description)))
    said = flags(own, hidden=(), raw=own)
    sources[0] = sources[0].model_copy(
        update={"flags": tuple(dict.fromkeys(sources[0].flags + said))}
    )
    return Evidence(sources=tuple(sources))


def _source(raw: bytes, suffix: str, *, number: int, name: str, now: datetime) -> Source:
    reader = _READERS.get(suffix)
    if reader is None:
        raise ToolError(
            f"{name}: panel reads Markdown, HTML and plain text, not {printable(suffix)[:20]}",
            hint="save it as .md, .html or .txt",
        )
    decoded = _decoded(raw, name)
    text, removed = clean(decoded)
    found = reader(text)
    passages = cut(found.blocks, f"E{number}")
    if not passages:
        raise ToolError(f"{name}: no readable text in it")
    visible = "\n".join(block.text for block in found.blocks)
    return Source(
        id=f"E{number}",
        source=name,
        retrieved=now,
        sha256=hashlib.sha256(raw).hexdigest(),
        passages=passages,
        removed_hidden=found.removed + removed,
        flags=flags(visible, hidden=found.hidden, raw=decoded),
    )


def _read(path: Path) -> bytes:
    try:
        # Without O_NONBLOCK a named pipe would wait for its writer for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ToolError(f"{printable(str(path))}: not a regular file")
            raw = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise ToolError(f"{printable(str(path))}: a folder, not a file") from None
    except (OSError, ValueError) as fault:
        what = getattr(fault, "strerror", None) or "cannot be read"
        raise ToolError(f"{printable(str(path))}: {what.lower()}") from None
    if len(raw) > MAX_BYTES:
        raise ToolError(
            f"{printable(str(path))}: larger than {MAX_BYTES // 1_000_000} MB",
            hint="keep the part that is about the tool",
        )
    return raw


def _decoded(raw: bytes, name: str) -> str:
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ToolError(f"{name}: binary, not text", hint="save it as .md, .html or .txt")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw[: fault.start].count(b"\n") + 1
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
