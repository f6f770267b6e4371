"""Markdown into blocks: CommonMark with tables, rendered and then read as a page.

So what HTML hides is hidden in Markdown too, across the two. Knows nothing of passages.
"""

import re
from typing import Final

from markdown_it import MarkdownIt

from panel.evidence.block import Block, Extract
from panel.evidence.html import read_html

_FRONT_MATTER: Final = re.compile(r"\A---\n(.{0,20000}?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)


def read_markdown(text: str) -> Extract:
    """Return the visible blocks of a Markdown text and what was hidden in it."""
    lines, text = _front_matter(text)
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    environment: dict[str, dict[str, dict[str, str]]] = {}
    found = read_html(parser.render(text, environment))
    # `[//]: # (text)` is the comment of those who want none of HTML's.
    notes = tuple(
        link["title"]
        for link in environment.get("references", {}).values()
        if link["href"] in {"#", "", "<>"} and link["title"]
    )
    blocks = (*(Block("list", line, "Metadata") for line in lines), *found.blocks)
    return Extract(blocks, found.hidden + notes, found.removed + len(notes))


def _front_matter(text: str) -> tuple[list[str], str]:
    """Split off the metadata lines a model card begins with: they hold its licence."""
    found = _FRONT_MATTER.match(text)
    if not found:
        return [], text
    lines = [line for line in found[1].split("\n") if line.strip() and not line.startswith("#")]
    return lines, text[found.end() :]
