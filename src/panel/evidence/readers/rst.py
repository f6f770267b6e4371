"""reStructuredText into blocks: docutils parses it, and what shows is written as a page and read.

So titles, tables, images and hidden classes are treated as in HTML and Markdown. Nothing is run or
opened: no file is inserted, nothing raw passes, no configuration is read.
"""

import html
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.parsers.rst import Parser
from docutils.utils import new_document

from panel.evidence.readers.block import Extract
from panel.evidence.readers.html_writer import HTMLWriter, beginning

Treatment = Literal["shown", "code", "picture", "dropped", "hidden"]
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
    def treatment(self) -> Treatment:
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
        parts = (self.argument, *self.options.values(), self.content)
        return "\n".join(part for part in parts if part.strip()) or self.kind

    @property
    def unseen_options(self) -> list[str]:
        """Options that hold a sentence: no reader sees them."""
        visible = {"alt", "caption", "title", "header", "class", "target"}
        pairs = self.options.items()
        return [text for name, text in pairs if name not in visible and len(text.split()) > 3]


def read_directive(block: str) -> Directive | None:
    """Return the directive that a block of text is; None where it is none."""
    first, _, rest = block.partition("\n")
    match = _FIRST.fullmatch(first)
    if match is None:
        return None
    lines = textwrap.dedent(rest).split("\n")
    argument = [match["argument"] or ""]
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
    kind = match["kind"].lower().removeprefix("rst:")
    # Without an option line between, the first paragraph of `.. note::` is what it says.
    return Directive(kind, bool(match["name"]), " ".join(argument).strip(), options, content)


_SAFE: Final[dict[str, Any]] = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 6,
    "warning_stream": False,
    "line_length_limit": 10_000_000,
    "smart_quotes": False,
    "syntax_highlight": "none",
    "character_level_inline_markup": False,
    "tab_width": 8,
}
_MAX_CHARACTERS: Final = 150_000
"""Characters that are parsed, about a second of work; what follows is left aside."""
_MAX_DEPTH: Final = 12
"""Directives within directives that are read as such."""
_MAX_SUBSTITUTIONS: Final = 2_000
"""Substitutions that are put in place in one document."""

_FILE_FIELDS: Final = frozenset({
    "orphan", "tocdepth", "nocomments", "nosearch", "no-search", "nosidebar", "html_theme.sidebar",
})  # fmt: skip
"""Fields for the program that builds the pages."""
_ROLE: Final = re.compile(r":([\w.:+-]+):`(.*)`|`(.*)`(?::([\w.:+-]+):)?_{0,2}", re.DOTALL)
_LABELLED: Final = re.compile(r"(.+?)\s+<[^<>]*>", re.DOTALL)
_BLOCKS: Final = {
    "paragraph": "p", "bullet_list": "ul", "enumerated_list": "ol", "list_item": "li",
    "definition_list": "dl", "term": "dt", "definition": "dd", "block_quote": "blockquote",
    "literal_block": "pre", "doctest_block": "pre", "math_block": "pre", "table": "table",
    "thead": "thead", "tbody": "tbody", "row": "tr", "entry": "td", "caption": "p", "legend": "div",
    "line": "p", "rubric": "p", "attribution": "p", "field_list": "ul", "field": "li",
    "option_list": "ul",
    "subtitle": "p", "figure": "div",
}  # fmt: skip
_AS_LINK: Final = frozenset({"reference", "footnote_reference", "citation_reference"})


def read_rst(text: str) -> Extract:
    """Return the visible blocks of a reStructuredText document and what was hidden in it."""
    opening, omitted = beginning(text, _MAX_CHARACTERS)
    return replace(_Page(opening).extract(), aside=omitted)


def _parsed(text: str) -> nodes.document:
    settings = get_default_settings(Parser())
    for name, value in _SAFE.items():
        setattr(settings, name, value)
    document = new_document("README", settings)
    Parser().parse(text, document)
    return document


class _Page(HTMLWriter):
    """Writes a document as HTML, or what a directive in `outer` holds."""

    def __init__(self, text: str, outer: "_Page | None" = None) -> None:
        """Read the text; what came of it is in `parts`, `hidden` and `why`."""
        super().__init__()
        self.outer = outer
        self.level: int = outer.level if outer else 0
        self.depth: int = outer.depth + 1 if outer else 0
        self.expanded: int = outer.expanded if outer else 0
        self.used: set[str] = set()
        self.document = _parsed(text)
        self.messages = {
            identity: message.astext()
            for message in self.document.findall(nodes.system_message)
            for identity in message["ids"]
        }
        self.linked = _linked(self.document)
        self.hide(self.document.get("title", ""), "directive title")
        self._all(self.document.children)
        for name, definition in self.document.substitution_defs.items():
            if name not in self.used:
                self.hide(_words(definition), "substitution that is not used")

    # How parts are written

    def _text(self, words: str) -> None:
        self.parts.append(html.escape(words))

    def _all(self, children: Sequence[nodes.Node]) -> None:
        """Write nodes; a `class` directive is about what follows it."""
        classes = ""
        for child in children:
            if isinstance(child, nodes.pending):
                classes = " ".join(child.details.get("class", ()))
                continue
            self._classed(child, classes)
            classes = ""

    def _classed(self, node: nodes.Node, extra: str = "") -> None:
        own_classes = " ".join(node["classes"]) if isinstance(node, nodes.Element) else ""
        if not (classes := f"{extra} {own_classes}".strip()):
            self._node(node)
            return
        tag = "span" if isinstance(node, nodes.Inline) else "div"
        self.parts.append(f'<{tag} class="{html.escape(classes)}">')
        self._node(node)
        self.parts.append(f"</{tag}>")

    def _node(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Text):
            self._text(node.astext())
            return
        name = type(node).__name__
        writer: Callable[[Any], None] | None = getattr(self, f"_{name}", None)
        if writer is not None:
            writer(node)
        elif name in _BLOCKS:
            self._within(_BLOCKS[name], node)
        elif name in _AS_LINK:
            self.parts.append('<a href="#">')
            self._all(node.children)
            self.parts.append("</a>")
        else:
            self._all(node.children)

    def _within(self, tag: str, node: nodes.Node) -> None:
        self.parts.append(f"<{tag}>")
        self._all(node.children)
        self.parts.append(f"</{tag}>\n")

    def _joined(self, tag: str, label: str, body: Sequence[nodes.Node]) -> None:
        """Write a label and, on the same line, the first paragraph of what it labels."""
        first = isinstance(body[0], nodes.paragraph) if body else False
        self.parts.append(f"<{tag}>{html.escape(label)}")
        self._all([*body[0].children, *body[1:]] if first else body)
        self.parts.append(f"</{tag}>\n")

    # What each kind of node is; the names are those of docutils

    def _section(self, node: nodes.section) -> None:
        self.level += 1
        self._all(node.children)
        self.level -= 1

    def _title(self, node: nodes.title) -> None:
        in_section = isinstance(node.parent, nodes.section)
        self._within(f"h{min(6, max(1, self.level))}" if in_section else "p", node)

    def _comment(self, node: nodes.comment) -> None:
        self.hide(node.astext(), "comment")

    def _meta(self, node: nodes.Element) -> None:
        self.hide(str(node.get("content", "")), "directive meta")

    def _raw(self, node: nodes.raw) -> None:
        self.hide(node.astext(), "directive raw")

    def _substitution_definition(self, node: nodes.substitution_definition) -> None:
        """It shows where it is used."""

    def _substitution_reference(self, node: nodes.substitution_reference) -> None:
        definition = self._defined(node["refname"])
        self.expanded += 1
        if definition is None or self.depth >= _MAX_DEPTH or self.expanded > _MAX_SUBSTITUTIONS:
            self._text(node.astext())
            return
        self.depth += 1
        self._all(definition.children)
        self.depth -= 1

    def _defined(self, name: str) -> nodes.substitution_definition | None:
        """Return what a substitution stands for, and note that it is used."""
        canonical = self.document.substitution_names.get(name.lower(), name)
        if canonical in self.document.substitution_defs:
            self.used.add(canonical)
            return self.document.substitution_defs[canonical]
        return self.outer._defined(name) if self.outer else None

    def _target(self, node: nodes.target) -> None:
        if isinstance(node.parent, nodes.TextElement):
            self._all(node.children)
        elif not self.linked.intersection(node["names"]) and not node.get("anonymous"):
            self.hide(_words(node), "link target that nothing leads to")

    def _image(self, node: nodes.image) -> None:
        alt, address = node.get("alt", ""), node.get("uri", "")
        self.image(address, alt)

    def _field(self, node: nodes.field) -> None:
        name = node.children[0].astext()
        if name.lower() in _FILE_FIELDS:
            self.hide(f":{name}: {node.children[1].astext()}".strip(), "field for the page's maker")
            return
        self._joined("li", f"{name}: ", node.children[1].children)

    def _option_list_item(self, node: nodes.option_list_item) -> None:
        group, description = node.children
        options = ", ".join(option.astext() for option in group.children)
        self._joined("li", f"{options}  ", description.children)

    def _footnote(self, node: nodes.Element) -> None:
        label, *body = node.children
        self._joined("div", f"[{label.astext()}] ", body)

    _citation = _footnote

    def _classifier(self, node: nodes.classifier) -> None:
        self._text(f" : {node.astext()}")

    def _topic(self, node: nodes.topic) -> None:
        if "contents" not in node["classes"]:
            self._all(node.children)

    def _transition(self, node: nodes.transition) -> None:
        self.parts.append("<hr>")

    def _problematic(self, node: nodes.problematic) -> None:
        """A role that docutils does not know: its words, without the name of the role."""
        raw = node.astext()
        if "disabled" in self.messages.get(node.get("refid", ""), ""):
            self.hide(raw, "role raw")
            return
        match = _ROLE.fullmatch(raw)
        words = (match[2] or match[3] or "") if match else raw
        label = _LABELLED.fullmatch(words)
        short = words.rpartition(".")[2] if words.startswith("~") else words.lstrip("!")
        self._text(label[1] if label else short)

    def _system_message(self, node: nodes.system_message) -> None:
        """A directive that is unknown, switched off or faulty; its text would be lost here."""
        block = next((c for c in node.children if isinstance(c, nodes.literal_block)), None)
        if block is None:
            return
        directive = read_directive(block.astext())
        if directive is not None:
            self._directive(directive)
        elif node["level"] >= 3:
            self.parts.append("<p>")
            self._text(block.astext())
            self.parts.append("</p>")

    def _directive(self, directive: Directive) -> None:
        treatment = directive.treatment
        if treatment == "hidden":
            self.hide(directive.unseen, f"directive {directive.kind}")
        elif treatment == "picture":
            self.image(directive.argument, directive.options.get("alt", ""))
        if treatment == "code":
            self.code(directive.content or directive.argument)
        elif treatment in {"shown", "picture"}:
            self._nested(directive, "" if treatment == "picture" else directive.title)

    def _nested(self, directive: Directive, title: str) -> None:
        for text in directive.unseen_options:
            self.hide(text, f"option of directive {directive.kind}")
        whole = f"{title}\n\n{directive.content}".strip("\n")
        self.parts.append(f'<div class="{html.escape(directive.classes)}">')
        if self.depth >= _MAX_DEPTH:
            self._text(whole)
        elif whole:
            inner = _Page(whole, self)
            self.parts += inner.parts
            self.hidden += inner.hidden
            self.why += inner.why
            self.expanded = inner.expanded
        self.parts.append("</div>")


def _linked(document: nodes.document) -> set[str]:
    """Return the names of the targets that a document's references lead to."""
    return {
        str(node["refname"]) for node in document.findall(nodes.reference) if node.get("refname")
    }


def _words(node: nodes.Element) -> str:
    """Return what a node that shows nothing says."""
    return node.astext().strip() or " ".join(node.rawsource.split()).removeprefix(".. ")
