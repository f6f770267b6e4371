"""A page before it is rendered: content, metadata, the visitor's state, its policy. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from panel.publish import page_urls
from panel.publish.community.tally import Choice, Tally


@dataclass(frozen=True)
class SitePage:
    """A page's content; the frame around it comes from `Head`."""

    template: str
    title: str
    description: str
    section: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    path: str | None = None
    """The canonical path, where other paths lead to the page too."""
    index: bool = True
    """Whether search engines may list it, and links to it have a preview image."""


@dataclass(frozen=True)
class VisitorState:
    """The state of one visitor on a live page; a page without it has no forms."""

    tallies: Mapping[str, Tally] = field(default_factory=dict)
    """Votes by the tool's key; they go over those the site was made with."""
    choices: Mapping[str, Choice] = field(default_factory=dict)
    """How this visitor voted on tools of the page, by the tool's key."""
    signed_in: bool = False
    notice: str | None = None
    """One sentence on what the visitor's last action did."""
    takes_mail: bool = True
    """Whether this server can send mail: without it nobody can subscribe or sign in."""
    takes_requests: bool = True
    """Whether visitors may request reviews."""


@dataclass(frozen=True)
class PageMeta:
    """A page's place and name; `section` is the part of the navigation that it belongs to."""

    path: str
    title: str
    description: str
    site: str
    policy: str
    root: str
    base_url: str | None = None
    live_url: str | None = None
    section: str = ""
    picture: str | None = None
    """The path of the page's picture for link previews."""
    index: bool = True
    """False keeps search engines away."""

    @property
    def full_title(self) -> str:
        """The page's title with the site's."""
        return self.title if self.title == self.site else f"{self.title} · {self.site}"

    @property
    def canonical(self) -> str | None:
        """The page's one address, None where the site has none."""
        return page_urls.absolute_url(self.base_url, self.path) if self.base_url else None

    @property
    def picture_url(self) -> str | None:
        """The picture's address, None without one: link previews need a whole address."""
        both = self.base_url and self.picture
        return page_urls.absolute_url(self.base_url or "", self.picture or "") if both else None


def policy(*, live: bool, header: bool = False) -> str:
    """Return the policy of a page made in advance, or of a `live` one with forms.

    `'self'` covers files beside a page opened from disk too. `frame-ancestors` is obeyed in a
    `header` only.
    """
    parts = [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        f"connect-src {_own(live)}",
        f"form-action {_own(live)}",
        "base-uri 'none'",
    ]
    return "; ".join([*parts, "frame-ancestors 'none'"] if header else parts)


def _own(allowed: bool) -> str:
    return "'self'" if allowed else "'none'"
