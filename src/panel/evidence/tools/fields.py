"""Fields: one entry of a list checked, cleaned and capped, with errors that name file and line."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from panel.evidence.tools.file_access import check_listed
from panel.evidence.tools.list_formats import KEYS, Row
from panel.evidence.tools.tool import TOOL_KINDS, Document, Tool, ToolKind
from panel.foundation.did_you_mean import did_you_mean
from panel.foundation.errors import ToolError
from panel.foundation.text import clean, printable
from panel.foundation.urls import web_address

CAPS: Final = {
    "name": 200, "url": 2000, "category": 100, "tagline": 300, "price": 200, "description": 4000,
}  # fmt: skip
"""Longest text of each field, in characters; longer text is cut, and a note says so."""

MAX_EVIDENCE: Final = 50

_UNKNOWN: Final = frozenset(
    {"null", "none", "nil", "nan", "<na>", "n/a", "na", "#n/a", "#value!", "#ref!", "undefined"}
)
"""What data frames, databases and spreadsheets write for a value that is not there."""


def read_tool(
    row: Row,
    *,
    folder: Path,
    files: Sequence[Path] = (),
    documents: Sequence[Document] = (),
    allow_outside: bool = False,
) -> tuple[Tool, str, tuple[str, ...]]:
    """Return the tool of a row without its slug, its full name, and notes on what was changed.

    Args:
        row: The entry.
        folder: What its evidence paths are relative to.
        files: Further evidence, already absolute.
        documents: Further evidence as texts.
        allow_outside: Whether those paths may lead out of the folder.

    Raises:
        ToolError: a field has the wrong form, or a file may not be evidence.
    """
    for key in row.values:
        if key not in KEYS:
            raise _unknown_key(key, row)
    notes: list[str] = []
    full = {key: _text(row, key, notes) for key in CAPS}
    texts = {key: _capped(row, key, text, notes) for key, text in full.items()}
    if not texts["name"]:
        raise ToolError(f"{row.place('name')}: no name", hint="name: NAME")
    _check_url(texts["url"], row.place("url"))
    kind = (stated := _text(row, "kind", notes)) and tool_kind(stated, row.place("kind"))
    evidence = (*_paths(row, folder, allow_outside=allow_outside), *files)
    if not (texts["description"] or evidence or documents or texts["url"]):
        raise ToolError(
            f"{row.place()}: {printable(texts['name'])!r} has neither description nor evidence"
            " nor url",
            hint="add description: TEXT, evidence: [README.md], or url: https://…",
        )
    tool = Tool.model_validate(
        {**texts, "kind": kind, "evidence": evidence, "documents": documents}
    )
    return tool, full["name"] or "", tuple(notes)


def tool_kind(text: str, place: str) -> ToolKind:
    """Return the kind that a text names; raise `ToolError` beginning with `place` for another."""
    for kind in TOOL_KINDS:
        if text.strip().casefold() == kind:
            return kind
    raise ToolError(
        f"{place}: kind must be one of {', '.join(TOOL_KINDS)}, but is {printable(text)[:80]!r}",
        hint=did_you_mean(text.strip().casefold(), TOOL_KINDS, most=1) or "kind: library",
    )


def _text(row: Row, key: str, notes: list[str]) -> str | None:
    value = row.values.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        scalar = isinstance(value, int | float)
        hint = (
            f'in quotes: "{key}": {json.dumps(json.dumps(value))}' if scalar else f'{key}: "TEXT"'
        )
        raise ToolError(f"{row.place(key)}: {key} must be one text", hint=hint)
    if key != "name" and _is_unknown(value):
        notes.append(f"{row.place(key)}: {key} {value.strip()!r} is read as unknown")
        return None
    text, removed = clean(value)
    if removed:
        notes.append(f"{row.place(key)}: {removed} invisible characters removed from {key}")
    return (text.strip() if key == "description" else " ".join(text.split())) or None


def _is_unknown(text: str) -> bool:
    return text.strip().casefold() in _UNKNOWN


def _capped(row: Row, key: str, text: str | None, notes: list[str]) -> str | None:
    cap = CAPS[key]
    if text is None or len(text) <= cap:
        return text
    if key == "url":
        raise ToolError(f"{row.place(key)}: url is longer than {cap} characters")
    notes.append(f"{row.place(key)}: {key} cut from {len(text)} to {cap} characters")
    return text[:cap].rstrip()


def _check_url(url: str | None, place: str) -> None:
    if url is None:
        return
    if web_address(url) is None or " " in url:
        raise ToolError(
            f"{place}: url must be a web address, but is {printable(url)[:80]!r}",
            hint="url: https://example.org",
        )


def _paths(row: Row, folder: Path, *, allow_outside: bool) -> Iterator[Path]:
    place = row.place("evidence")
    value = row.values.get("evidence")
    if isinstance(value, str):
        value = [] if _is_unknown(value) else value.split(";")
    names = value or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ToolError(f"{place}: evidence must be a list of files", hint="evidence: [README.md]")
    if len(names) > MAX_EVIDENCE:
        raise ToolError(f"{place}: more than {MAX_EVIDENCE} evidence files for one tool")
    for name in dict.fromkeys(name.strip() for name in names if name.strip()):
        listed_path = folder / name
        path = evidence_file(listed_path, shown=name, place=place)
        check_listed(
            path, listed_path, folder, shown=name, place=place, allow_outside=allow_outside
        )
        yield path


def evidence_file(path: Path, *, shown: str, place: str) -> Path:
    """Return the absolute path of an existing file; `shown` is its name in messages."""
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = False
    if not exists:
        raise ToolError(f"{place}: no evidence file {printable(shown)[:200]!r}")
    return path.resolve()


def _unknown_key(key: str, row: Row) -> ToolError:
    place = f"{row.where} line {row.header}" if row.header else row.place(key)
    bare, removed = clean(key)
    if removed:
        signs = " ".join(f"U+{ord(sign):04X}" for sign in dict.fromkeys(key) if sign not in bare)
        return ToolError(
            f"{place}: unknown key {printable(key)[:80]!r}: it holds an invisible sign, {signs}",
            hint=f"type it anew: {bare.strip()[:80]}",
        )
    return ToolError(
        f"{place}: unknown key {printable(key)[:80]!r}",
        hint=did_you_mean(key.strip().lower(), KEYS, most=1) or f"keys are {', '.join(KEYS)}",
    )
