"""Feeds of verdicts and newsletter editions: Atom (RFC 4287) and JSON Feed 1.1; the sitemap.

All texts in them are plain text.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree import ElementTree as xml

from panel.publish import page_urls
from panel.publish.newsletter.edition import Edition
from panel.publish.newsletter.render import feed_entry
from panel.publish.site.tool_summary import tool_summary
from panel.report import figures
from panel.runs.history.entry import History

NEWEST: Final = 50

_SPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:panel-verdict:site")


@dataclass(frozen=True)
class FeedItem:
    """One entry; all texts are plain."""

    id: str
    """A URN that stays the same wherever the site moves."""
    title: str
    path: str
    when: datetime
    text: str
    tags: tuple[str, ...] = ()


def feed_id(*parts: str) -> str:
    """Return the URN that stands for these parts together."""
    return uuid.uuid5(_SPACE, "\0".join(parts)).urn


def feed_items(newest: Iterable[History], others: Iterable[FeedItem] = ()) -> tuple[FeedItem, ...]:
    """Return the newest entries: a verdict each, and the others among them by time."""
    items = [item for history in newest for item in _verdict_items(history)]
    items += others
    return tuple(sorted(items, key=lambda item: (item.when, item.id), reverse=True)[:NEWEST])


def _verdict_items(history: History) -> Iterator[FeedItem]:
    count = len(history.entries)
    for end in range(max(0, count - NEWEST), count):
        entry = history.entries[end]
        summary = tool_summary(History(history.key, history.entries[: end + 1]))
        was = f" It was {summary.before}." if summary.before else ""
        yield FeedItem(
            id=feed_id(entry.run, entry.tool.slug),
            title=f"{summary.name}: {summary.outcome}",
            path=summary.path,
            when=summary.created,
            text=f"{summary.headline}: {figures.percent(summary.ship_percent)} ship, score "
            f"{figures.score(summary.score)} of 100.{was}"
            + (f" {summary.tagline}" if summary.tagline else ""),
            tags=tuple(tag for tag in (summary.outcome, summary.category) if tag),
        )


EDITIONS: Final = 8
"""Newest editions that are in the feeds."""


def edition_items(editions: Sequence[Edition]) -> Iterator[FeedItem]:
    """Yield the newest editions; `editions` newest first."""
    for edition in editions[:EDITIONS]:
        entry = feed_entry(edition)
        path = page_urls.edition(str(edition.week))
        yield FeedItem(entry.id, entry.title, path, entry.updated, entry.summary)


_ATOM: Final = "http://www.w3.org/2005/Atom"
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SUBTITLE: Final = "What a panel of reviewers says about tools"


def atom(items: Sequence[FeedItem], title: str, base_url: str | None) -> bytes:
    """Return the Atom feed. Without a base address its links are relative to its own place."""
    feed = xml.Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    _leaf(feed, "id", feed_id(base_url or "", title))
    _leaf(feed, "title", title)
    _leaf(feed, "subtitle", _SUBTITLE)
    _leaf(feed, "updated", _stamp(items[0].when if items else _NEVER))
    _leaf(_leaf(feed, "author"), "name", title)
    mime = "application/atom+xml"
    _leaf(feed, "link", rel="self", type=mime, href=_address(base_url, page_urls.ATOM))
    _leaf(feed, "link", rel="alternate", type="text/html", href=_address(base_url, page_urls.FRONT))
    for item in items:
        entry = _leaf(feed, "entry")
        _leaf(entry, "id", item.id)
        _leaf(entry, "title", item.title)
        href = _address(base_url, item.path)
        _leaf(entry, "link", rel="alternate", type="text/html", href=href)
        _leaf(entry, "published", _stamp(item.when))
        _leaf(entry, "updated", _stamp(item.when))
        for tag in item.tags:
            _leaf(entry, "category", term=tag)
        _leaf(entry, "summary", item.text, type="text")
    xml.indent(feed)
    return _declared(feed)


def json_feed(items: Sequence[FeedItem], title: str, base_url: str | None) -> bytes:
    """Return the JSON feed. Without a base address it has no addresses: they must be whole."""
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "description": _SUBTITLE,
        "language": "en",
    }
    if base_url:
        feed["home_page_url"] = page_urls.absolute_url(base_url, page_urls.FRONT)
        feed["feed_url"] = page_urls.absolute_url(base_url, page_urls.JSON_FEED)
    feed["items"] = [_json_item(item, base_url) for item in items]
    return (json.dumps(feed, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def sitemap(paths: Sequence[tuple[str, datetime | None]], base_url: str) -> bytes:
    """Return the sitemap of paths with the moment each last changed, where that is known."""
    tree = xml.Element("urlset", {"xmlns": "http://www.sitemaps.org/schemas/sitemap/0.9"})
    for path, when in paths:
        url = _leaf(tree, "url")
        _leaf(url, "loc", page_urls.absolute_url(base_url, path))
        if when:
            _leaf(url, "lastmod", _stamp(when))
    return _declared(tree)


def _json_item(item: FeedItem, base_url: str | None) -> dict[str, Any]:
    address = {"url": page_urls.absolute_url(base_url, item.path)} if base_url else {}
    return {
        "id": item.id,
        **address,
        "title": item.title,
        "content_text": item.text,
        "date_published": _stamp(item.when),
        "tags": list(item.tags),
    }


def _leaf(parent: xml.Element, name: str, text: str = "", **attributes: str) -> xml.Element:
    element = xml.SubElement(parent, name, attributes)
    element.text = text or None
    return element


def _declared(tree: xml.Element) -> bytes:
    text = xml.tostring(tree, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode("utf-8", "replace")


def _address(base_url: str | None, path: str) -> str:
    return page_urls.absolute_url(base_url, path) if base_url else path


def _stamp(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
