"""Fields: one entry of a list checked, cleaned and capped, with errors that name file and line."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from panel.evidence.tools.file_access import ListFolder
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

_KEYS: Final = frozenset(KEYS)
_UNKNOWN: Final = frozenset(
    {"null", "none", "nil", "nan", "<na>", "n/a", "na", "#n/a", "#value!", "#ref!", "undefined"}
)
"""What data frames, databases and spreadsheets write for a value that is not there."""
_LONGEST_UNKNOWN: Final = max(map(len, _UNKNOWN))


@dataclass(slots=True)
class ListEntry:
    """One entry of a list, checked; not yet a tool, for it may be one that was listed before."""

    fields: dict[str, Any]
    """Those of the tool that are known, but for its slug."""
    full_name: str
    notes: list[str]
    """One line for each value that was cut, cleaned or read as unknown."""

    def tool(self, slug: str = "") -> Tool:
        """Return the entry as a tool."""
        return Tool.model_validate({**self.fields, "slug": slug})


def read_entry(
    row: Row,
    folder: ListFolder,
    *,
    files: Sequence[Path] = (),
    documents: Sequence[Document] = (),
) -> ListEntry:
    """Return the entry of a row.

    Args:
        row: The entry as it was typed.
        folder: What its evidence paths are relative to.
        files: Further evidence, already absolute.
        documents: Further evidence as texts.

    Raises:
        ToolError: a field has the wrong form, or a file may not be evidence.
    """
    if not row.values.keys() <= _KEYS:
        raise _unknown_key(next(key for key in row.values if key not in _KEYS), row)
    notes: list[str] = []
    texts = {
        key: text
        for key, value in row.values.items()
        if value is not None and key != "evidence" and (text := _text(row, key, value, notes))
    }
    stated = texts.pop("kind", None)
    if not (full_name := texts.get("name", "")):
        raise ToolError(f"{row.place('name')}: no name", hint="name: NAME")
    fields: dict[str, Any] = {key: _capped(row, key, text, notes) for key, text in texts.items()}
    if url := fields.get("url"):
        _check_url(url, row.place("url"))
    if stated:
        fields["kind"] = tool_kind(stated, row.place("kind"))
    if evidence := (*_paths(row, folder), *files):
        fields["evidence"] = evidence
    if documents:
        fields["documents"] = documents
    if not fields.keys() & _SAYS:
        raise ToolError(
            f"{row.place()}: {printable(fields['name'])!r} has neither description nor evidence"
            " nor url",
            hint="add description: TEXT, evidence: [README.md], or url: https://…",
        )
    return ListEntry(fields, full_name, notes)


_SAYS: Final = {"description", "evidence", "documents", "url"}
"""An entry has at least one of these."""


def tool_kind(text: str, place: str) -> ToolKind:
    """Return the kind that a text names; raise `ToolError` beginning with `place` for another."""
    for kind in TOOL_KINDS:
        if text.strip().casefold() == kind:
            return kind
    raise ToolError(
        f"{place}: kind must be one of {', '.join(TOOL_KINDS)}, but is {printable(text)[:80]!r}",
        hint=did_you_mean(text.strip().casefold(), TOOL_KINDS, most=1) or "kind: library",
    )


def _text(row: Row, key: str, value: object, notes: list[str]) -> str | None:
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
    text = text.strip()
    return len(text) <= _LONGEST_UNKNOWN and text.casefold() in _UNKNOWN


def _capped(row: Row, key: str, text: str, notes: list[str]) -> str:
    cap = CAPS[key]
    if len(text) <= cap:
        return text
    if key == "url":
        raise ToolError(f"{row.place(key)}: url is longer than {cap} characters")
    notes.append(f"{row.place(key)}: {key} cut from {len(text)} to {cap} characters")
    return text[:cap].rstrip()


def _check_url(url: str, place: str) -> None:
    if web_address(url) is None or " " in url:
        raise ToolError(
            f"{place}: url must be a web address, but is {printable(url)[:80]!r}",
            hint="url: https://example.org",
        )


def _paths(row: Row, folder: ListFolder) -> Iterator[Path]:
    value = row.values.get("evidence")
    if not value:
        return
    place = row.place("evidence")
    if isinstance(value, str):
        value = [] if _is_unknown(value) else value.split(";")
    names = value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ToolError(f"{place}: evidence must be a list of files", hint="evidence: [README.md]")
    if len(names) > MAX_EVIDENCE:
        raise ToolError(f"{place}: more than {MAX_EVIDENCE} evidence files for one tool")
    for name in dict.fromkeys(name.strip() for name in names if name.strip()):
        yield folder.file(name, place)


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
