"""Markdown into blocks: CommonMark with tables, rendered and then read as a page.

So what HTML hides is hidden in Markdown too, across the two. Knows nothing of passages.
"""

from dataclasses import replace
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

from panel.evidence.readers import front_matter
from panel.evidence.readers.block import Block, Extract
from panel.evidence.readers.html import read_html
from panel.evidence.readers.plain import without_pictures

_MAX_BRACKETS: Final = 2000


def read_markdown(text: str) -> Extract:
    """Return the visible blocks of a Markdown text and what was hidden in it."""
    lines, text = front_matter.split(text)
    environment: dict[str, dict[str, dict[str, str]]] = {}
    extract = read_html(rendered(text, environment))
    # `[//]: # (text)` is the comment of those who want none of HTML's.
    notes = tuple(
        link["title"]
        for link in environment.get("references", {}).values()
        if link["href"] in {"#", "", "<>"} and link["title"]
    )
    front = (Block("list", without_pictures(line), "Metadata") for line in lines)
    blocks = (*front, *extract.blocks)
    why = extract.why + ("link reference without a link",) * len(notes)
    return replace(
        extract,
        blocks=blocks,
        hidden=extract.hidden + notes,
        removed=extract.removed + len(notes),
        why=why,
    )


def rendered(text: str, environment: dict[str, Any] | None = None) -> str:
    """Return the HTML that a Markdown text stands for; its links are collected in `environment`."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    # Nothing is linked here: what an address may be does not decide what a reader sees.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.core.ruler.before("inline", "bounded", _bound)
    page: str = parser.render(text, environment)
    return page


def _bound(state: StateCore) -> None:
    """Escape the brackets of an oversized paragraph: matching them takes quadratic time."""
    for token in state.tokens:
        if token.type == "inline" and token.content.count("[") > _MAX_BRACKETS:
            token.content = token.content.replace("[", "&#91;")
