"""One page before it is drawn: its template, its name and what it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SitePage:
    """A page's content; the frame around it comes from `Head`."""

    template: str
    title: str
    description: str
    section: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)
    picture: bool = False
    """Whether links to it can be shown with a picture."""
    path: str | None = None
    """The page's own path, where it can be asked for by others too."""
    index: bool = True
