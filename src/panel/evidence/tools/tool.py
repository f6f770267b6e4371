"""A tool: the thing under review, as its tool file or the command line states it."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Tool(BaseModel):
    """What is under review. Text fields are untrusted: they may come from anybody's list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    url: str | None = None
    category: str | None = None
    tagline: str | None = None
    price: str | None = None
    """Entry price as text; None when unknown."""
    description: str | None = None
    evidence: tuple[Path, ...] = ()
    """Local files about the tool, absolute once read from a list."""
    slug: str = ""
    """File-safe name, unique within a run; filled by `tool_list`, never read from a file."""
