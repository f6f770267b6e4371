"""O1: hostile text in every field, judged on every page and feed by real parsers."""

import json
from itertools import pairwise
from urllib.parse import urlsplit
from xml.etree import ElementTree

import feedparser  # type: ignore[import-untyped]
import html5lib
import pytest

from panel.publish.site.feeds import NEWEST
from panel.publish.site.page import VisitorState
from panel.report.citations import line
from tests.support.cards import PAYLOADS, SKEPTIC, card, hostile
from tests.support.sites import Held, later, site

BASE = "https://verdicts.example"
DEAD = {
    "iframe", "object", "embed", "base", "audio", "video", "img", "image", "picture", "source",
    "track", "style", "math", "foreignObject", "use", "animate", "set", "portal", "frame",
    "applet", "marquee", "noscript", "template", "comment", "textarea+",
}  # fmt: skip
LOADS = {"src", "srcset", "srcdoc", "style", "background", "ping", "formaction", "poster", "data",
         "xlink:href", "manifest", "archive", "dynsrc"}  # fmt: skip


def everything():
    """A site with each payload as a tool, in a history of two verdicts, beside an honest one."""
    cards = [card()]
    for number, payload in enumerate(PAYLOADS):
        bad = hostile(payload)
        bad = bad.model_copy(update={"run": f"run {number} {payload}"})
        turned = bad.reviews[0].findings[0].model_copy(update={"answer": "unclear", "p": 0.5})
        review = bad.reviews[0].model_copy(update={"findings": (turned,), "vote": "skip"})
        cards += [bad, later(bad, 1, reviews=(review, SKEPTIC))]
    return cards


@pytest.fixture(scope="module")
def hostile_site():
    return site(everything(), base_url=BASE, title=PAYLOADS[0])


def tag(node):
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else "comment"


def active(tree, depth):
    """Everything in a page that could run, load, send or restyle, and is not the site's own."""
    root = "../" * depth
    for node in tree.iter():
        name, get = tag(node), node.get
        if name in DEAD:
            yield name
        for attribute in node.attrib:
            own = name == "script" and attribute == "src"
            if attribute.startswith("on") or (attribute in LOADS and not own):
                yield f"{name} {attribute}"
        if name == "script" and (get("src") != f"{root}panel.js" or node.text):
            yield f"script {get('src')}"
        if name == "meta" and get("http-equiv") not in (None, "Content-Security-Policy"):
            yield f"meta {get('http-equiv')}"
        if name == "link" and not get("href").startswith((f"{root}style.css", f"{root}icon.svg",
                                                          f"{root}feed.", f"{BASE}/")):  # fmt: skip
            yield f"link {get('href')}"
        if name == "form" and get("action").removeprefix(root) not in (
            "vote",
            "subscribe",
            "request",
        ):
            yield f"form {get('action')}"
        if name == "a":
            yield from unsafe(get("href"), get("rel") or "")


def unsafe(href, rel):
    parts = urlsplit(href)
    if parts.scheme == parts.netloc == "":
        if href.startswith(("/", "\\")) or ":" in href.partition("#")[0]:
            yield f"a {href}"
    elif parts.scheme != "https" or not {"noopener", "noreferrer", "ugc"} <= set(rel.split()):
        yield f"a {href} rel={rel}"


def parse(page):
    parser = html5lib.HTMLParser(
        html5lib.getTreeBuilder("etree"), strict=True, namespaceHTMLElements=False
    )
    return parser.parse(page.decode())


def pages(made):
    yield from (path for path in made.paths() if path.endswith(".html") and path != "404.html")
    keys = list(made.context.catalogue.histories)
    yield from (f"compare/{one}-vs-{two}.html" for one, two in pairwise(keys))


def test_o1_no_page_holds_anything_active(hostile_site):
    seen = 0
    for path in pages(hostile_site):
        tree = parse(hostile_site.render(path))
        assert list(active(tree, path.count("/"))) == [], path
        seen += 1
    assert seen > 60


def test_o1_no_live_page_holds_anything_active(hostile_site):
    votes = dict.fromkeys(hostile_site.context.catalogue.histories, "skip")
    live = VisitorState(choices=votes, signed_in=True, notice=PAYLOADS[1])
    for path in list(pages(hostile_site))[::6]:
        tree = parse(hostile_site.render(path, live=live))
        assert list(active(tree, path.count("/"))) == [], path


def test_o1_the_judge_of_these_tests_sees_what_is_active():
    bad = (
        b"<!doctype html><title>x</title><p onclick=x>y</p><img src=x><a href='javascript:x'>z</a>"
    )
    kinds = list(active(html5lib.parse(bad.decode(), namespaceHTMLElements=False), 0))
    assert set(kinds) == {"p onclick", "img", "img src", "a javascript:x rel="}


def test_o1_the_atom_feed_is_sound_and_plain(hostile_site):
    text = hostile_site.render("feed.xml")
    feed = feedparser.parse(text)
    assert feed.bozo is False
    assert len(feed.entries) == len(everything()) + 2 <= NEWEST
    for entry in feed.entries:
        assert entry.summary_detail.type == "text/plain"
        assert entry.title_detail.type == "text/plain"
        assert urlsplit(entry.link).netloc == "verdicts.example"
        assert entry.id.startswith("urn:uuid:")
    tags = {node.tag.rpartition("}")[2] for node in ElementTree.fromstring(text).iter()}
    assert tags <= {"feed", "id", "title", "subtitle", "updated", "author", "name", "link", "entry",
                    "published", "category", "summary"}  # fmt: skip


def test_o1_the_json_feed_holds_plain_text_only(hostile_site):
    feed = json.loads(hostile_site.render("feed.json"))
    for item in feed["items"]:
        assert set(item) <= {"id", "url", "title", "content_text", "date_published", "tags"}
        assert item["url"].startswith(f"{BASE}/")
        assert item["title"] == line(item["title"])


def test_o1_the_search_index_is_two_assignments_of_json(hostile_site):
    text = hostile_site.render("search.js").decode("ascii")
    assert "<" not in text
    tools, pairs = text.splitlines()
    assert tools.startswith("window.panelTools=[[")
    rows = json.loads(tools.removeprefix("window.panelTools=").removesuffix(";"))
    assert len(rows) == len(Held(everything()).histories())
    names = json.loads(pairs.removeprefix("window.panelPairs=").removesuffix(";"))
    assert len(names) == len(hostile_site.context.catalogue.pairs)


def test_o1_the_sitemap_names_own_pages_only(hostile_site):
    tree = ElementTree.fromstring(hostile_site.render("sitemap.xml"))
    places = [node.text for node in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert len(places) > 60
    assert all(place.startswith(f"{BASE}/") and place.isascii() for place in places)


def test_o1_pictures_of_hostile_names_can_be_drawn(hostile_site):
    for path in hostile_site.paths():
        if path.startswith("pictures/"):
            assert hostile_site.render(path).startswith(b"\x89PNG")
