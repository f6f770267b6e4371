"""Tool lists: each tool once, in the order of first appearance, with a path of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from panel.evidence.tools.fields import MAX_EVIDENCE, ListEntry, read_entry
from panel.evidence.tools.file_access import ListFolder, check_named, evidence_file
from panel.evidence.tools.identity import contradict, name_key
from panel.evidence.tools.list_formats import KEYS, Row, read_rows
from panel.evidence.tools.tool import Document, Tool
from panel.foundation.did_you_mean import near_names
from panel.foundation.errors import ToolError
from panel.foundation.slug import slug
from panel.foundation.text import printable

MAX_TOOLS: Final = 200_000
MAX_NAMES: Final = 5
"""Names that are listed where none is near."""


@dataclass(frozen=True)
class ToolList:
    """The tools of a list."""

    tools: tuple[Tool, ...]
    notes: tuple[str, ...] = ()
    """One line for each entry that was merged, cut or cleaned."""


@dataclass(slots=True)
class _Listed:
    """A tool of the list, as its first entry and those merged into it say."""

    line: int
    tool: Tool


def read_tools(path: Path, *, allow_outside: bool = False) -> ToolList:
    """Read a list of tools: YAML, JSON, JSON Lines, CSV or TSV, told by the file's suffix.

    Entries that are one tool (see `identity`) become one: the first wins, later ones fill what it
    leaves out. Evidence paths are relative to the list, and lie in its folder unless
    `allow_outside`; hidden files and private keys are none.

    Raises:
        ToolError: naming file, line and key.
    """
    rows, notes = read_rows(path)
    folder = ListFolder(path.parent, allow_outside=allow_outside)
    by_name: dict[str, list[_Listed]] = {}
    slugs: set[str] = set()
    listed: list[_Listed] = []
    for count, row in enumerate(rows, 1):
        if count > MAX_TOOLS:
            raise ToolError(f"{path}: more than {MAX_TOOLS} tools in one list")
        entry = read_entry(row, folder)
        notes += entry.notes
        namesakes = by_name.setdefault(name_key(entry.full_name), [])
        url = entry.fields.get("url")
        first = next((n for n in namesakes if not contradict(n.tool.url, url)), None)
        if first is None:
            own_slug = slug(entry.full_name, taken=slugs)
            slugs.add(own_slug)
            tool = _Listed(row.line, entry.tool(own_slug))
            notes += _separation_notes(namesakes, tool, path)
            namesakes.append(tool)
            listed.append(tool)
        else:
            notes.append(_merged(first, entry, row.line, path))
            first.tool = _filled(first.tool, entry.tool())
    return ToolList(tuple(entry.tool for entry in listed), tuple(notes))


def single_tool(
    name: str,
    *,
    url: str | None = None,
    description: str | None = None,
    evidence: Sequence[Path] = (),
    documents: Sequence[Document] = (),
) -> Tool:
    """Return a tool named on the command line or by a program, checked like one of a list.

    Its files may lie anywhere; private keys and files of secrets are refused with ToolError.
    """
    files = [evidence_file(path, shown=str(path), place="--evidence") for path in evidence]
    for file, path in zip(files, evidence, strict=True):
        check_named(file, shown=str(path), place="--evidence")
    row = Row("command line", 0, {"name": name, "url": url, "description": description})
    unique = tuple(dict.fromkeys(files))
    entry = read_entry(row, ListFolder(Path.cwd()), files=unique, documents=documents)
    return entry.tool(slug(entry.full_name))


def pick(tools: Sequence[Tool], name: str) -> Tool:
    """Return the tool with this name or slug; raise ToolError naming the nearest ones."""
    key = name_key(name)
    for tool in tools:
        if key in {name_key(tool.name), tool.slug}:
            return tool
    near_keys = near_names(key, [name_key(tool.name) for tool in tools])
    names = [tool.name for key in near_keys for tool in tools if name_key(tool.name) == key]
    if names:
        hint = f"did you mean {' or '.join(dict.fromkeys(names))}?"
    else:
        more = ", …" if len(tools) > MAX_NAMES else ""
        hint = f"there are {', '.join(tool.name for tool in tools[:MAX_NAMES])}{more}"
    raise ToolError(f"no tool named {printable(name)[:80]!r} there", hint=hint)


def _filled(first: Tool, later: Tool) -> Tool:
    texts = {key: getattr(first, key) or getattr(later, key) for key in KEYS if key != "evidence"}
    files = tuple(dict.fromkeys(first.evidence + later.evidence))[:MAX_EVIDENCE]
    return first.model_copy(update={**texts, "evidence": files})


def _merged(first: _Listed, entry: ListEntry, line: int, path: Path) -> str:
    names = f"{printable(first.tool.name)!r} of line {first.line}"
    return f"{path} line {line}: {printable(entry.fields['name'])!r} is {names}: merged"


def _separation_notes(namesakes: list[_Listed], tool: _Listed, path: Path) -> list[str]:
    if not namesakes:
        return []
    first = namesakes[0]
    return [
        f"{path} line {tool.line}: {printable(tool.tool.name)!r} has another address than the"
        f" one of line {first.line}: kept apart"
    ]
