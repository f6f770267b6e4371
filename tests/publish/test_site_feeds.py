"""Feeds, sitemap, robots and pictures as their readers take them."""

import io
import json
from xml.etree import ElementTree

import feedparser  # type: ignore[import-untyped]
import pytest
from PIL import Image

from panel.publish.site.feeds import NEWEST
from tests.support.cards import NOW, batch, card, named
from tests.support.sites import LONG, later, site, tool

BASE = "https://verdicts.example/sub"


def test_the_atom_feed_has_each_verdict_newest_first():
    cards = [card(), later(tool("Quillstore", "skip"), 2), named("Parley")]
    feed = feedparser.parse(site(cards, base_url=BASE, today=NOW.date()).render("feed.xml"))
    assert feed.bozo is False
    assert feed.entries[0].title == "Quillstore: skip"
    assert len(feed.entries) == 3
    assert "It was ship." in feed.entries[0].summary
    assert feed.entries[0].link == f"{BASE}/tools/quillstore.html"
    assert feed.feed.links[0].href == f"{BASE}/feed.xml"


def test_a_feed_entry_keeps_its_identity_when_the_site_moves():
    one, two = (
        json.loads(site([card()], base_url=base).render("feed.json"))["items"][0]["id"]
        for base in (BASE, "https://elsewhere.example")
    )
    assert one == two


def test_the_json_feed_has_the_fields_of_version_1_1():
    feed = json.loads(
        site(list(batch()), base_url=BASE, title="Ours", today=NOW.date()).render("feed.json")
    )
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"] == "Ours"
    assert feed["home_page_url"] == f"{BASE}/"
    assert feed["feed_url"] == f"{BASE}/feed.json"
    for item in feed["items"]:
        assert isinstance(item["id"], str)
        assert item["content_text"]
        assert item["date_published"] == "2026-11-22T10:00:00Z"


def test_without_a_base_address_feeds_are_sound_and_there_is_no_sitemap():
    made = site([card()])
    assert feedparser.parse(made.render("feed.xml")).bozo is False
    assert "url" not in json.loads(made.render("feed.json"))["items"][0]
    assert made.render("sitemap.xml") is None
    assert b"Sitemap" not in made.render("robots.txt")
    assert not [path for path in made.paths() if path.startswith("pictures/")]


def test_an_empty_feed_is_sound():
    assert feedparser.parse(site([], base_url=BASE).render("feed.xml")).bozo is False


def test_the_edition_of_a_week_that_is_over_stands_in_the_feeds():
    made = site([card(), later(named("Parley"), 1)], base_url=BASE)
    titles = [entry.title for entry in feedparser.parse(made.render("feed.xml")).entries]
    assert titles[1::2] == ["Parley: ship", "Quillstore: ship"]
    assert titles[0].startswith("Week 48 of 2026")
    assert titles[2].startswith("Week 47 of 2026")
    during = site([card()], base_url=BASE, today=NOW.date())
    assert len(feedparser.parse(during.render("feed.xml")).entries) == 1


def test_a_feed_is_bounded():
    cards = [named(f"Tool {number}") for number in range(NEWEST + 20)]
    assert len(json.loads(site(cards).render("feed.json"))["items"]) == NEWEST


def test_the_sitemap_has_every_page_once():
    made = site([card(), tool("Alpha"), tool("Beta")], base_url=BASE)
    tree = ElementTree.fromstring(made.render("sitemap.xml"))
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    places = [node.text.removeprefix(f"{BASE}/") for node in tree.iter(f"{space}loc")]
    html = {path for path in made.paths() if path.endswith(".html")}
    assert sorted(places) == sorted((html - {"404.html", "index.html"}) | {""})
    assert f"Sitemap: {BASE}/sitemap.xml" in made.render("robots.txt").decode()


@pytest.mark.parametrize(
    "path",
    ["tools/quillstore.html", "tools/gullible.html", "tools/halfway.html", "tools/wide.html",
     "compare/alpha-vs-quillstore.html", "compare/quillstore-vs-wide.html"],
)  # fmt: skip
def test_a_picture_is_a_small_palette_png_of_the_size_previews_want(path):
    wide = tool("Wide", score=None).model_copy(update={})
    wide = wide.model_copy(update={"tool": wide.tool.model_copy(update={"name": LONG})})
    made = site([*batch(), tool("Alpha"), wide], base_url=BASE)
    key = next(k for k in made.context.catalogue.histories if k.startswith("an-observ"))
    path = path.replace("quillstore-vs-wide", f"{key}-vs-quillstore").replace("wide", key)
    png = made.render(f"pictures/{path.removesuffix('.html')}.png")
    picture = Image.open(io.BytesIO(png))
    assert (picture.size, picture.mode) == ((1200, 630), "P")
    assert len(png) <= 20_000
    page = made.render(path).decode()
    name = path.rpartition("/")[2].removesuffix(".html")
    assert f"{BASE}/pictures/{path.partition('/')[0]}/{name}.png" in page


def test_verdicts_differ_in_shape_and_not_in_colour_only():
    made = site([tool("Same", pages) for pages in ("ship",)], base_url=BASE)
    other = site([tool("Same", "skip")], base_url=BASE)
    grey = []
    for pages in (made, other):
        picture = Image.open(io.BytesIO(pages.render("pictures/tools/same.png"))).convert("L")
        stamp = picture.crop((80, 380, 124, 426)).point(lambda v: 255 * (v < 200))
        grey.append([sum(stamp.crop((0, y, 44, y + 1)).tobytes()) for y in (8, 38)])
    assert grey[0][0] < grey[0][1]
    assert grey[1][0] > grey[1][1]
