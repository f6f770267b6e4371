"""The feeds: Atom (RFC 4287) and JSON Feed 1.1, with plain text only."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree import ElementTree as xml

from panel.publish.site import urls
from panel.publish.site.feed_item import FeedItem, feed_id
from panel.publish.site.page_meta import absolute_url

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
    _leaf(feed, "link", rel="self", type=mime, href=_address(base_url, urls.ATOM))
    _leaf(feed, "link", rel="alternate", type="text/html", href=_address(base_url, urls.FRONT))
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
        feed["home_page_url"] = absolute_url(base_url, urls.FRONT)
        feed["feed_url"] = absolute_url(base_url, urls.JSON_FEED)
    feed["items"] = [_json_item(item, base_url) for item in items]
    return (json.dumps(feed, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def sitemap(paths: Sequence[tuple[str, datetime | None]], base_url: str) -> bytes:
    """Return the sitemap of paths with the moment each last changed, where that is known."""
    tree = xml.Element("urlset", {"xmlns": "http://www.sitemaps.org/schemas/sitemap/0.9"})
    for path, when in paths:
        url = _leaf(tree, "url")
        _leaf(url, "loc", absolute_url(base_url, path))
        if when:
            _leaf(url, "lastmod", _stamp(when))
    return _declared(tree)


def _json_item(item: FeedItem, base_url: str | None) -> dict[str, Any]:
    address = {"url": absolute_url(base_url, item.path)} if base_url else {}
    return {
        "id": item.id,
        **address,
        "title": item.title,
        "content_text": item.text,
        "date_published": _stamp(item.when),
        "tags": list(item.tags),
    }


def _leaf(parent: xml.Element, name: str, text: str = "", **attributes: str) -> xml.Element:
    found = xml.SubElement(parent, name, attributes)
    found.text = text or None
    return found


def _declared(tree: xml.Element) -> bytes:
    text = xml.tostring(tree, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode("utf-8", "replace")


def _address(base_url: str | None, path: str) -> str:
    return absolute_url(base_url, path) if base_url else path


def _stamp(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
