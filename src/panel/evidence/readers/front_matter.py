"""Front matter: the metadata before a Markdown text, in YAML, TOML or JSON. It is never prose.

Read line by line and not by a parser of each language: the text is untrusted, and only its short
keys are used.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

_LONGEST: Final = 600
"""Characters of an entry that is kept whole; a longer one is a table of results, not metadata."""
_LINES: Final = 24
"""Lines of such an entry."""
_MAX_LINES: Final = 60
"""Lines in all."""

_KEY: Final = re.compile(r"[\"']?[\w.$@/ -]{1,80}[\"']?\s*(?::(?:\s|$)|=(?!=))")
_TOML_LINE: Final = re.compile(r"(\"[^\"]*\"|'[^']*'|[\w.-]+)\s*=\s*(.*)")
_FENCES: Final = {
    "---": ("---", "..."), "---yaml": ("---", "..."), "---yml": ("---", "..."),
    "+++": ("+++",), "---toml": ("---",), ";;;": (";;;",), "---json": ("---",),
}  # fmt: skip
_QUOTES: Final = "\"'"


def split(text: str) -> tuple[list[str], str]:
    """Part a text from its front matter.

    Returns:
        The lines of its short entries, as `key: value`, and the text behind it. Without front
        matter there are no lines, and the text is whole.
    """
    text = text.lstrip("\n")
    if text.startswith("{"):
        return _json_object(text)
    lines = text.split("\n")
    opening = lines[0].rstrip().replace(" ", "").lower()
    closings = _FENCES.get(opening)
    if closings is None:
        return [], text
    body, rest = _body(lines, closings)
    if not _is_metadata(body, opening):
        return [], text
    return _short_entries(body, opening), "\n".join(rest)


def _body(lines: Sequence[str], closings: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the lines between the marks, and those behind; without an end mark, up to a gap."""
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() in closings:
            return [*lines[1:number]], [*lines[number + 1 :]]
    gap = next((n for n, line in enumerate(lines[1:], 1) if not line.strip()), len(lines))
    return [*lines[1:gap]], [*lines[gap:]]


def _is_metadata(body: Sequence[str], opening: str) -> bool:
    """Tell keys from prose between two rules: every line at the margin must be one of metadata."""
    filled = [line for line in body if line.strip()]
    if not filled:
        return bool(body)
    if opening in {";;;", "---json"}:
        return "".join(filled).lstrip().startswith("{")
    plain = [line for line in filled if not line.startswith((" ", "\t", "#"))]
    metadata_lines = sum(bool(_KEY.match(line)) or line[0] in "-[]{}\"'" for line in plain)
    keys = sum(bool(_KEY.match(line)) for line in plain)
    tables = "+++" in opening or opening.endswith("toml")
    return metadata_lines >= 0.9 * len(plain) and (keys > 0 or (tables and bool(plain)))


def _short_entries(body: Sequence[str], opening: str) -> list[str]:
    if opening in {";;;", "---json"}:
        try:
            return _values(json.loads("\n".join(body)))
        except (ValueError, RecursionError):
            return []
    toml = "+++" in opening or opening.endswith("toml")
    lines = [line for entry in _entries(body) if _is_short(entry) for line in entry]
    return [_as_yaml(line) if toml else line for line in lines][:_MAX_LINES]


def _entries(body: Sequence[str]) -> Iterator[list[str]]:
    """Yield each key with the lines that belong to it, without comments and empty lines."""
    entry: list[str] = []
    for line in body:
        if not line.strip() or line.startswith("#"):
            continue
        if entry and _KEY.match(line) and not line.startswith((" ", "\t", "-")):
            yield entry
            entry = []
        entry.append(line.rstrip())
    if entry:
        yield entry


def _is_short(entry: Sequence[str]) -> bool:
    return len(entry) <= _LINES and sum(map(len, entry)) <= _LONGEST


def _as_yaml(line: str) -> str:
    match = _TOML_LINE.fullmatch(line.strip())
    return f"{match[1].strip(_QUOTES)}: {match[2].strip().strip(_QUOTES)}" if match else line


def _json_object(text: str) -> tuple[list[str], str]:
    """Part a text from a JSON object it begins with; braces of a template are not one."""
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return [], text
    rest = text[end:]
    apart = rest.lstrip(" \t").startswith("\n") and rest.strip()
    return (_values(value), rest) if apart and isinstance(value, dict) else ([], text)


def _values(metadata: Any) -> list[str]:
    if not isinstance(metadata, dict):
        return []
    pairs = [(str(key), _value_text(value)) for key, value in metadata.items()]
    return [f"{key}: {value}" for key, value in pairs if 0 < len(value) <= _LONGEST][:_MAX_LINES]


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        plain = all(isinstance(item, str | int | float) for item in value)
        return ", ".join(map(str, value)) if plain else ""
    if isinstance(value, dict) or value is None:
        return ""
    return " ".join(json.dumps(value).split()) if isinstance(value, bool) else str(value)
