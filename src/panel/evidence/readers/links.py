"""The links and the name of a web page: what may be read next. Follows nothing.

Menus count here, unlike in the page's text: that is where a pricing page is linked.
"""

import contextlib
from typing import Final
from urllib.parse import urljoin

from panel.evidence.readers.markup import Markup

_MOST: Final = 500
_LONGEST: Final = 2000
_TEXT: Final = 100


def find_links(text: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the links of an HTML page, each as address and text, and what the page is called.

    Addresses are as the page gives them, joined with its own base if it has one. The name is that
    of the site, else the title up to its first separator, else empty.
    """
    page = _Links()
    page.feed(text)
    page.close()
    return tuple(page.found), page.site.strip()[:_TEXT] or _short(" ".join(page.title.split()))


class _Links(Markup):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.found: list[tuple[str, str]] = []
        self.site = ""
        self.title = ""
        self.href = ""
        self.text = ""
        self.titled = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "a":
            self._end_link()
            self.href = attributes.get("href", "").strip()[:_LONGEST]
        elif tag == "meta" and attributes.get("property") == "og:site_name":
            self.site = self.site or attributes.get("content", "")
        elif tag == "base":
            self.base = self.base or attributes.get("href", "")[:_LONGEST]
        self.titled = tag == "title" and not self.title

    def handle_endtag(self, tag: str) -> None:
        self.titled = False
        if tag == "a":
            self._end_link()

    def handle_data(self, data: str) -> None:
        if self.titled:
            self.title += data[:1000]
        elif self.href and len(self.text) < _TEXT:
            self.text += data[:1000]

    def _end_link(self) -> None:
        if self.href and len(self.found) < _MOST:
            with contextlib.suppress(ValueError):
                self.found.append((urljoin(self.base, self.href), " ".join(self.text.split())))
        self.href = self.text = ""


def _short(title: str) -> str:
    for separator in (" | ", " · ", " – ", " — ", " - ", ": "):
        title = title.partition(separator)[0]
    return title.strip() if len(title) <= 60 else ""
