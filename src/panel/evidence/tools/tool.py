"""A tool: the thing under review, as its tool file, the command line or a program states it."""

from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

ToolKind = Literal["library", "service", "model", "application", "standard"]
"""What a tool is; a `standard` is a format or a protocol."""

TOOL_KINDS: Final[tuple[ToolKind, ...]] = get_args(ToolKind)

KindOrigin = Literal["address", "evidence"]
"""Where a kind was read that nobody stated."""


def _is_none(value: object) -> bool:
    return value is None


class Document(BaseModel):
    """Evidence as text in memory, for programs; a file's text needs none: its path will do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    name: str = Field(default="document", min_length=1, max_length=200)
    """Shown to people; its suffix says the format (`README.md`), without one the text does."""


class Tool(BaseModel):
    """What is under review. Text fields are untrusted: a list may come from anyone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    url: str | None = None
    category: str | None = None
    kind: ToolKind | None = Field(default=None, exclude_if=_is_none)
    """What the tool is, which decides what is asked about it; None: not known."""
    kind_origin: KindOrigin | None = Field(default=None, exclude_if=_is_none)
    """None where `kind` was stated or is not known; never read from a file."""
    tagline: str | None = None
    price: str | None = None
    """Entry price as text; None when unknown."""
    description: str | None = None
    evidence: tuple[Path, ...] = ()
    """Local files about the tool, absolute once read from a list."""
    documents: tuple[Document, ...] = Field(default=(), exclude=True, repr=False)
    """Texts about the tool, read after its files; what is stored is the sources made of them."""
    slug: str = ""
    """File-safe name, unique within a run; filled by `tool_list`, never read from a file."""
