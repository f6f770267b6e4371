"""The URL scheme of the published pages: paths below the site's root, the same on disk and live.

Site, server and newsletter build every link to a page from here. Pure.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from panel.foundation.errors import InputError
from panel.foundation.slug import slug
from panel.foundation.urls import https

FRONT: Final = "index.html"
TOOLS: Final = "tools.html"
TOOLS_BY_SCORE: Final = "tools-by-score.html"
TOOLS_BY_DATE: Final = "tools-by-date.html"
COMPARISONS: Final = "compare.html"
CATEGORIES: Final = "categories.html"
REVIEWERS: Final = "reviewers.html"
PROVIDERS: Final = "providers.html"
METHOD: Final = "method.html"
EDITIONS: Final = "weekly.html"
NOT_FOUND: Final = "404.html"
ATOM: Final = "feed.xml"
JSON_FEED: Final = "feed.json"
SITEMAP: Final = "sitemap.xml"
ROBOTS: Final = "robots.txt"
SEARCH: Final = "search.js"
STYLE: Final = "style.css"
SCRIPT: Final = "panel.js"
ICON: Final = "icon.svg"

TOOL: Final = "tools/*.html"
"""Paths of pages that there is one of for each of something; `*` is its name: a tool's key."""
PAIR: Final = "compare/*.html"
CATEGORY: Final = "categories/*.html"
REVIEWER: Final = "reviewers/*.html"
EDITION: Final = "weekly/*.html"
PICTURE: Final = "pictures/*.png"
"""The preview image of a page: `tools/x.html` has `pictures/tools/x.png`."""

_MAX_BYTES: Final = 150
"""Longest file name, below what `write_atomic` takes."""
_PART: Final = 60
"""Letters of each tool in the name of a pair that would be longer."""


def name(pattern: str, path: str) -> str | None:
    """Return what `*` of the pattern is in the path, "" without a `*`; None for other paths."""
    start, star, end = pattern.partition("*")
    if not star:
        return "" if path == pattern else None
    matches = path.startswith(start) and path.endswith(end)
    return path[len(start) : -len(end)] if matches else None


def tool(key: str) -> str:
    """Return the path of a tool's page by the tool's key."""
    return TOOL.replace("*", key)


def pair(key_a: str, key_b: str) -> str:
    """Return the path of the page that compares two tools by their keys, in either order."""
    first, second = sorted((key_a, key_b))
    both = f"{first}-vs-{second}"
    if len(both) > _MAX_BYTES:
        # Too long for a file name: the beginnings of both, and a hash of the whole.
        both = f"{first[:_PART]}-vs-{second[:_PART]}-{slug(both)[-8:]}"
    return PAIR.replace("*", both)


def category(category_slug: str) -> str:
    """Return the path of a category's page by the category's slug."""
    return CATEGORY.replace("*", category_slug)


def reviewer(persona_slug: str) -> str:
    """Return the path of a persona's page by the persona's slug."""
    return REVIEWER.replace("*", persona_slug)


def edition(week: str) -> str:
    """Return the path of a weekly edition's page by its week: `2026-W47`."""
    return EDITION.replace("*", week)


def picture(path: str) -> str:
    """Return the path of a page's preview image."""
    return PICTURE.replace("*", path.removesuffix(".html"))


def root(path: str) -> str:
    """Return the relative path from a page to the site's root: one `../` a folder."""
    return "../" * path.count("/")


def absolute_url(base_url: str, path: str) -> str:
    """Return the whole URL of a path; that of the front page is the site's root."""
    return f"{base_url.rstrip('/')}/{quote('' if path == FRONT else path)}"


@dataclass(frozen=True)
class PageURLs:
    """URLs of pages below the site's base, a URL or a relative path without a slash at its end."""

    base: str

    @classmethod
    def parse(cls, url: str) -> "PageURLs":
        """Read `--base-url`.

        Raises:
            InputError: it is neither https nor http on this machine, or has a query or fragment.
        """
        base = url.strip().rstrip("/")
        try:
            parts = urlsplit(base)
            local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        except ValueError:
            local = False
        usable = https(f"https{base[4:]}" if local else base)
        if not usable or "?" in base or "#" in base:
            raise InputError(
                "the base URL must be https (http only on this machine), without ? and #",
                hint="for instance --base-url https://panel.example.org",
            )
        return cls(base)

    @property
    def host(self) -> str:
        """The host's name, for people."""
        return urlsplit(self.base).hostname or ""

    @property
    def method(self) -> str:
        """The page on how verdicts are made."""
        return absolute_url(self.base, METHOD)

    def tool(self, key: str) -> str:
        """Return a tool's page."""
        return absolute_url(self.base, tool(key))

    def pair(self, key_a: str, key_b: str) -> str:
        """Return the page that compares two tools."""
        return absolute_url(self.base, pair(key_a, key_b))

    def edition(self, week: str) -> str:
        """Return the page of a week's edition."""
        return absolute_url(self.base, edition(week))

    def unsubscribe(self, token: str) -> str:
        """Return the URL where a click, or a POST without cookies, ends a subscription."""
        return f"{self.base}/unsubscribe/{quote(token, safe='')}"
