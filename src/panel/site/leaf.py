"""One page before it is drawn: its template, its name and what it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Leaf:
    """A page's content; the frame around it comes from `Head`."""

    template: str
    title: str
    description: str
    section: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)
    tool: str | None = None
    """The key of the tool that is voted on here."""
    picture: bool = False
    index: bool = True
