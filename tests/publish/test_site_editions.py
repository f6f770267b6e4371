"""The weekly editions on the site: an archive of all, a page each, one after the other."""

import json
from dataclasses import replace
from datetime import date

import pytest

from panel.publish.newsletter import render
from panel.publish.newsletter.edition import editions
from panel.publish.site.feeds import EDITIONS
from tests.publish.test_site_hostile import parse
from tests.support.cards import batch, card, named
from tests.support.live import serving
from tests.support.sites import Held, later, site, tool

BASE = "https://verdicts.example"
TODAY = date(2026, 12, 3)
WEEKS = ["2026-W48", "2026-W47", "2026-W45"]
"""Newest first; nothing was reviewed in week 46."""


def archive():
    """Three weeks with verdicts: batch and a pair, another outcome, a confirmation."""
    old = later(card(), -14)
    first = [*batch(), tool("Alpha", score=66.5), tool("Beta", score=66.0)]
    return [old, *first, later(tool("Alpha", "skip", 30.0), 3), later(named("Parley"), 4)]


@pytest.fixture(scope="module")
def made():
    return site(archive(), base_url=BASE, today=TODAY)


def text(page):
    return " ".join("".join(parse(page).find("body").itertext()).split())


def links(page):
    return [node.get("href") for node in parse(page).iter("a")]


def test_the_archive_lists_every_edition_newest_first(made):
    page = made.render("weekly.html")
    assert [link for link in links(page) if link.startswith("weekly/")] == [
        f"weekly/{week}.html" for week in WEEKS
    ]
    for words in ("Week 48 of 2026", "23–29 November 2026", "Quillstore: ship", "1 new verdict"):
        assert words in text(page)
    assert {"feed.xml", "feed.json"} <= set(links(page))


def test_an_edition_shows_what_its_mail_shows(made):
    for edition in editions(Held(archive()), TODAY):
        page = text(made.render(f"weekly/{edition.week}.html"))
        shown = json.loads(render.as_json(edition))
        names = [entry["tool"]["name"] for entry in shown["new"]]
        names += [change["now"]["tool"]["name"] for change in shown["changed"]]
        assert [name for name in names if name not in page] == []
        for row in render.text(edition).split("\n\n")[1].splitlines():
            assert row in page
        assert "nsubscribe" not in page


def test_an_edition_says_why_its_verdicts_are_what_they_are(made):
    page = text(made.render("weekly/2026-W47.html"))
    assert "Ship it: 3 of 4 reviewers would." in page
    assert "category: " in page


def test_an_edition_leads_to_tools_pairs_and_its_neighbours(made):
    known = {*made.paths()}
    for week, before, after in zip(WEEKS, [*WEEKS[1:], None], [None, *WEEKS], strict=False):
        page = made.render(f"weekly/{week}.html")
        beside = {node.get("rel"): node.get("href") for node in parse(page).iter("a")}
        assert beside.get("prev") == (f"../weekly/{before}.html" if before else None)
        assert beside.get("next") == (f"../weekly/{after}.html" if after else None)
        own = [link.removeprefix("../").partition("#")[0] for link in links(page)]
        assert [link for link in own if link and link not in known] == []
    middle = made.render("weekly/2026-W47.html")
    assert "../tools/alpha.html" in links(middle)
    assert "../compare/alpha-vs-beta.html" in links(middle)
    assert made.render("weekly/2026-W46.html") is None
    assert made.render("weekly/2026-W49.html") is None


def test_editions_have_their_place_in_sitemap_feeds_and_footer(made):
    assert made.render("sitemap.xml").decode().count(f"{BASE}/weekly/2026-W") == len(WEEKS)
    items = json.loads(made.render("feed.json"))["items"]
    pages = [item["url"] for item in items if "/weekly/" in item["url"]]
    assert pages == [f"{BASE}/weekly/{week}.html" for week in WEEKS[:EDITIONS]]
    assert "../weekly.html" in links(made.render("tools/quillstore.html"))


def test_an_edition_comes_out_when_its_week_is_over():
    made = site([card()], today=date(2026, 11, 22))
    assert "No edition yet" in text(made.render("weekly.html"))
    assert made.refresh() is False
    made.context = replace(made.context, day=date(2026, 11, 23))
    assert made.refresh() is True
    assert "weekly/2026-W47.html" in links(made.render("weekly.html"))


def test_the_server_has_the_archive_and_leads_there_from_signing_up(tmp_path):
    with serving(tmp_path) as live:
        assert live.visitor().get("/weekly.html").status == 200
        assert live.visitor().get("/weekly/1999-W01.html").status == 404
        assert 'href="../weekly.html"' in live.visitor().get("/subscribe/sent").text
