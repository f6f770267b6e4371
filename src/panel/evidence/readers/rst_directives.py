"""Directives that docutils does not know, or does not run here: what of one a reader sees.

Most come from Sphinx and its extensions. Knows names and the layout of a directive, not its words.
"""

import re
import textwrap
from dataclasses import dataclass
from typing import Final, Literal

Fate = Literal["shown", "code", "picture", "dropped", "hidden"]
"""What becomes of it: words, a listing, an image, nothing at all, or text that no reader sees."""

_FIRST: Final = re.compile(
    r"\s*\.\.\s+(?P<name>\|[^|\n]+\|\s*)?(?P<kind>[\w.:+-]+?)\s*::(?:[ \t]+(?P<argument>.*)|\s*)"
)
_OPTION: Final = re.compile(r":([\w.-]+):(?:\s+(.*)|\s*)")

_HIDDEN: Final = frozenset({
    "only", "ifconfig", "meta", "raw", "todo", "comment", "hidden", "include", "index", "title",
    "testsetup", "testcleanup", "highlight", "currentmodule", "module", "py:module",
    "py:currentmodule", "sectionauthor", "codeauthor", "moduleauthor", "tabularcolumns",
    "default-domain", "no-content", "role", "default-role", "ifslides", "ifnotslides", "post",
})  # fmt: skip
"""Depends on who builds the page, or is for machines."""
_DROPPED: Final = frozenset({
    "toctree", "contents", "sectnum", "target-notes", "literalinclude", "video", "youtube", "vimeo",
    "bibliography", "program", "cssclass", "rst-class", "class", "sphinx-has-extension",
})  # fmt: skip
"""Navigation, files that are not here, and settings of the page."""
_CODE: Final = re.compile(
    r"(?:code(?:-block|-cell)?|sourcecode|highlight-\w+|doctest|test(?:code|output)|ipython|prompt"
    r"|parsed-literal|productionlist|mermaid|graphviz|digraph|plantuml|uml|command-output|runblock"
    r"|jupyter-execute|console|math|program-output|exec_code|asciinema)"
)
_PICTURE: Final = frozenset({"image", "figure", "thumbnail"})
_SILENT_ARGUMENT: Final = re.compile(
    r"(?:auto\w+|click|argparse|typer|openapi|plot|code.*|class|container|grid(?:-item)?|card-carousel"
    r"|tab-set|tabs|button-.*|raw|figure|image)"
)
_VERSIONS: Final = {
    "versionadded": "Added in version", "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version", "versionremoved": "Removed in version",
    "deprecated-removed": "Deprecated since version",
}  # fmt: skip
"""What these say to a reader, before their argument."""


@dataclass(frozen=True)
class Directive:
    """A directive taken apart."""

    kind: str
    defines: bool
    """It defines a substitution: what it holds shows only where that is used."""
    argument: str
    options: dict[str, str]
    content: str

    @property
    def fate(self) -> Fate:
        """What becomes of it."""
        if self.defines or self.kind in _HIDDEN or "hidden" in self.classes:
            return "hidden"
        if self.kind in _DROPPED or self.kind.startswith("auto"):
            return "dropped"
        if self.kind in _PICTURE:
            return "picture"
        return "code" if _CODE.fullmatch(self.kind) else "shown"

    @property
    def classes(self) -> str:
        """The classes its options name."""
        return " ".join(self.options.get(name, "") for name in ("class", "name-class"))

    @property
    def title(self) -> str:
        """The words of its first line, where that is text."""
        if label := _VERSIONS.get(self.kind):
            return f"{label} {self.argument}"
        return "" if _SILENT_ARGUMENT.fullmatch(self.kind) else self.argument

    @property
    def unseen(self) -> str:
        """All it holds, for those who want to know what was hidden."""
        whole = (self.argument, *self.options.values(), self.content)
        return "\n".join(part for part in whole if part.strip()) or self.kind

    @property
    def unseen_options(self) -> list[str]:
        """Options that hold a sentence: no reader sees them."""
        shown = {"alt", "caption", "title", "header", "class", "target"}
        pairs = self.options.items()
        return [text for name, text in pairs if name not in shown and len(text.split()) > 3]


def read_directive(block: str) -> Directive | None:
    """Return the directive that a block of text is; None where it is none."""
    first, _, rest = block.partition("\n")
    found = _FIRST.fullmatch(first)
    if found is None:
        return None
    lines = textwrap.dedent(rest).split("\n")
    argument = [found["argument"] or ""]
    while lines and lines[0].strip() and not _OPTION.match(lines[0]):
        argument.append(lines.pop(0).strip())
    options: dict[str, str] = {}
    name = ""
    while lines and lines[0].strip():
        line = lines.pop(0)
        if option := _OPTION.fullmatch(line):
            name = option[1].lower()
            options[name] = option[2] or ""
        else:
            options[name] = f"{options.get(name, '')} {line.strip()}".strip()
    content = "\n".join(lines).strip("\n")
    kind = found["kind"].lower().removeprefix("rst:")
    # Without an option line between, the first paragraph of `.. note::` is what it says.
    return Directive(kind, bool(found["name"]), " ".join(argument).strip(), options, content)
