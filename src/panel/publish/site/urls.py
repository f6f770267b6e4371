"""The addresses of pages: paths below the site's root, the same on disk and live. Pure."""

from typing import Final

from panel.publish.page_urls import pair, tool

__all__ = ["pair", "tool"]

FRONT: Final = "index.html"
TOOLS: Final = "tools.html"
COMPARISONS: Final = "compare.html"
CATEGORIES: Final = "categories.html"
REVIEWERS: Final = "reviewers.html"
PROVIDERS: Final = "providers.html"
METHOD: Final = "method.html"
NOT_FOUND: Final = "404.html"
ATOM: Final = "feed.xml"
JSON_FEED: Final = "feed.json"
SITEMAP: Final = "sitemap.xml"
ROBOTS: Final = "robots.txt"
SEARCH: Final = "search.js"
STYLE: Final = "style.css"
SCRIPT: Final = "panel.js"
ICON: Final = "icon.svg"


def category(name: str) -> str:
    """Return a category's page by the category's slug."""
    return f"categories/{name}.html"


def reviewer(name: str) -> str:
    """Return a persona's page by the persona's slug."""
    return f"reviewers/{name}.html"


def picture(path: str) -> str:
    """Return the picture that goes with a page: `tools/x.html` has `pictures/tools/x.png`."""
    return f"pictures/{path.removesuffix('.html')}.png"


def root(path: str) -> str:
    """Return what leads from a page to the site's root: "" or `../` a folder."""
    return "../" * path.count("/")
