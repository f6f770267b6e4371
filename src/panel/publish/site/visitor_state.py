"""What a running server adds to a page: votes as they stand now, and who is looking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from panel.publish.community.tally import Tally

Tallied = Tally
"""The community's votes on one tool, those of the signed-in and the anonymous apart."""


@dataclass(frozen=True)
class VisitorState:
    """The visitor's side of a live page. Without it a page has no forms."""

    tallies: Mapping[str, Tallied] = field(default_factory=dict)
    """Votes by the tool's key; they go over those the site was made with."""
    choice: Literal["ship", "skip"] | None = None
    """How this visitor voted on the page's tool."""
    signed_in: bool = False
    notice: str | None = None
    """One sentence on what the visitor's last action did."""
    takes_mail: bool = True
    """Whether this server can send mail: without it nobody can subscribe or sign in."""
    takes_requests: bool = True
    """Whether visitors may ask for reviews."""
