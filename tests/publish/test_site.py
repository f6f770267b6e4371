"""The site's pages: which there are, what stands on them, and what a live page adds."""

import re
from datetime import timedelta

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.foundation.errors import RunError
from panel.foundation.slug import slug
from panel.publish import page_urls
from panel.publish.page_urls import PageURLs
from panel.publish.site.front_page import contested, moved
from panel.publish.site.listed_tools import all_tools
from panel.publish.site.page import VisitorState, policy
from panel.publish.site.pairs import PER_TOOL, pairs
from panel.publish.site.site import Site
from panel.publish.site.tool_summary import tool_summary
from panel.reviews.verdict.scorecard import Verdict, VoteTotals
from panel.runs.history.archive import Archive
from tests.support.cards import NOW, batch, card, named
from tests.support.shelf import shelve
from tests.support.sites import PERSONAS, TALLIES, TODAY, Held, later, site, tool


def parse(page):
    return html5lib.parse(page.decode(), namespaceHTMLElements=False)


def text(page):
    return " ".join(" ".join(parse(page).itertext()).split())


def links(page):
    return [node.get("href") for node in parse(page).iter("a") if node.get("href")]


def target(path, href):
    """Where a link of a page leads, as a path below the site's root."""
    steps = path.split("/")[:-1]
    for part in href.partition("#")[0].split("/"):
        steps = steps[:-1] if part == ".." else [*steps, part]
    return "/".join(steps)


def test_every_path_leads_to_a_page_and_every_link_to_a_path():
    made = site([*batch(), tool("Alpha"), tool("Beta")], base_url="https://verdicts.example")
    paths = list(made.paths())
    assert len(set(paths)) == len(paths)
    assert page_urls.pair("alpha", "beta") in paths
    for path in paths:
        page = made.render(path)
        assert page is not None, path
        for href in links(page) if path.endswith(".html") and path != "404.html" else ():
            if not href.startswith(("https:", "#")):
                assert target(path, href) in paths, (path, href)


def test_every_claim_on_a_tool_page_opens_its_passage():
    page = parse(site([card()]).render("tools/quillstore.html"))
    ids = {node.get("id") for node in page.iter() if node.get("id")}
    cites = [node.get("href")[1:] for node in page.iter("a") if re.match(r"#E\d", node.get("href"))]
    assert len(cites) > 10
    assert set(cites) <= ids


@pytest.mark.parametrize(
    "path",
    ["nothing.html", "tools/nothing.html", "compare/a-vs-b.html", "categories/x.html", "tools/",
     "reviewers/nobody.html", "pictures/tools/nothing.png", "../index.html", "", "tools/../x.html"],
)  # fmt: skip
def test_a_path_that_is_not_there_has_no_page(path):
    assert site([card()]).render(path) is None


def test_the_page_for_lost_visitors_links_from_wherever_they_are():
    made = site([card()])
    assert "../tools.html" in links(made.not_found("tools/gone.html"))
    assert "tools.html" in links(made.not_found("gone.html"))
    hosted = site([card()], base_url="https://verdicts.example/sub/").render("404.html")
    assert "https://verdicts.example/sub/tools.html" in links(hosted)


def test_a_history_tells_what_changed_from_one_verdict_to_the_next():
    first = tool("Parley", "skip", 41.2)
    vote = first.reviews[1].model_copy(update={"vote": "ship", "score": 71.0})
    changed = (first.reviews[0], vote, *first.reviews[2:])
    second = later(tool("Parley", "ship", 66.6), 7, reviews=changed)
    page = text(site([first, second]).render("tools/parley.html"))
    assert "Verdict: skip → ship" in page
    assert "Score: 41.2 → 66.6 (+25.4)" in page
    assert "Skeptic: skip → ship" in page
    assert "The first verdict." in page


def test_a_run_that_is_gone_costs_the_history_its_changes_and_nothing_else(tmp_path):
    old = shelve(tmp_path, [card()], created=NOW - timedelta(days=9))
    shelve(tmp_path, [card()], created=NOW)
    archive = Archive.open(tmp_path)
    (tmp_path / old).rename(tmp_path / "old")
    page = text(Site(archive, personas=PERSONAS).render("tools/quillstore.html"))
    assert page.count("▲ ship") >= 2 or page.count("75% ship") >= 2
    assert old in page


def test_a_newest_card_that_is_gone_is_an_error(tmp_path):
    run = shelve(tmp_path, [card()])
    archive = Archive.open(tmp_path)
    (tmp_path / run).rename(tmp_path / "old")
    with pytest.raises(RunError, match=run):
        Site(archive).render("tools/quillstore.html")


def test_the_site_takes_in_what_was_added_to_the_archive(tmp_path):
    shelve(tmp_path, [card()])
    made = Site(Archive.open(tmp_path))
    assert not made.refresh()
    shelve(tmp_path, [named("Parley")], created=NOW + timedelta(days=1))
    assert made.refresh()
    assert made.render("tools/parley.html")


def test_votes_stand_beside_the_verdict_and_never_in_it():
    without = site([card()]).render("tools/quillstore.html")
    with_votes = site([card()], tallies=TALLIES).render("tools/quillstore.html")

    def panel_box(page):
        boxes = [n for n in parse(page).iter("section") if n.get("class", "").startswith("verdict")]
        return [" ".join(" ".join(box.itertext()).split()) for box in boxes]

    assert panel_box(without) == panel_box(with_votes)
    shown = text(with_votes)
    assert "75% ship (51%–90%) · 16 votes" in shown
    assert "51% ship (39%–63%) · 61 votes" in shown
    assert "Nobody has voted yet" in text(without)


def test_a_page_made_in_advance_has_no_form_and_a_live_one_has_them():
    made = site([card()], live_url="https://live.example/")
    fixed = made.render("tools/quillstore.html")
    assert b"<form" not in fixed
    assert "https://live.example/tools/quillstore.html" in links(fixed)
    visitor = VisitorState(choices={"quillstore": "ship"}, notice="Counted.")
    live = made.render("tools/quillstore.html", live=visitor)
    forms = {node.get("action"): node for node in parse(live).iter("form")}
    assert set(forms) == {"../vote", "../subscribe"}
    values = [(b.get("value"), b.get("aria-pressed")) for b in forms["../vote"].iter("button")]
    assert values == [("ship", "true"), ("skip", None), ("withdraw", None)]
    assert [i.get("value") for i in forms["../vote"].iter("input")] == [
        "quillstore",
        "tools/quillstore.html",
    ]
    assert "Counted." in text(live)
    front = made.render("index.html", live=VisitorState())
    assert "request" in [node.get("action") for node in parse(front).iter("form")]


def test_live_votes_go_over_those_the_site_was_made_with():
    made = site([card()], tallies=TALLIES)
    live = VisitorState(tallies={"quillstore": TALLIES["parley"]})
    assert "0% ship" in text(made.render("tools/quillstore.html", live=live))


def test_another_page_in_the_sites_frame_is_kept_from_search_engines(tmp_path):
    (tmp_path / "hello.html").write_text(
        '{% extends "base.html" %}{% block content %}<h1>{{ word }}</h1>{% endblock %}'
    )
    page = site([card()], folders=[tmp_path]).page(
        "hello.html", path="sign-in", title="Hello", live=VisitorState(), word="<b>"
    )
    assert b"<h1>&lt;b&gt;</h1>" in page
    assert b'content="noindex"' in page


def test_the_policy_forbids_what_a_page_does_not_need():
    page = site([card()]).render("index.html").decode()
    assert policy(live=False) in page.replace("&#39;", "'")
    assert "form-action 'none'" in policy(live=False)
    assert "frame-ancestors" in policy(live=True, header=True)
    assert "unsafe" not in policy(live=True)


def test_without_verdicts_every_page_says_so():
    made = site([])
    for path in made.paths():
        assert made.render(path) is not None
    for path in ("index.html", "tools.html", "categories.html", "providers.html"):
        assert "No verdicts yet" in text(made.render(path))
    assert "No comparisons yet" in text(made.render("compare.html"))


def test_a_comparison_has_one_address_whichever_tool_is_named_first():
    made = site([tool("Alpha"), tool("Beta")], base_url="https://verdicts.example")
    assert page_urls.pair("beta", "alpha") == page_urls.pair("alpha", "beta")
    turned = made.render("compare/beta-vs-alpha.html")
    assert turned is not None
    assert b'href="https://verdicts.example/compare/alpha-vs-beta.html"' in turned


@given(st.text(max_size=300), st.text(max_size=300))
def test_o2_addresses_are_short_plain_file_names(one, two):
    for path in (page_urls.tool(slug(one)), page_urls.pair(slug(one), slug(two))):
        name = path.partition("/")[2]
        assert re.fullmatch(r"[a-z0-9-]+\.html", name)
        assert len(name) <= 160


def names(rival):
    """The realistic reviews; the skeptic names a rival."""
    return tuple(
        review.model_copy(update={"beats": {"rival": rival}})
        if review.persona == "skeptic"
        else review
        for review in card().reviews
    )


def test_named_rivals_are_compared_first_then_the_best_then_what_is_close():
    named_rival = tool("Delta", "skip", 20.0).model_copy(
        update={"reviews": names("BETA did this before Delta, and rq too; Deltas do not count.")}
    )
    ships = [tool("Alpha"), tool("Beta", score=67.0), tool("Gamma", score=90.0)]
    others = [tool("RQ", "skip", 40.0), tool("Far", category="queues"), tool("Held", "hold", 66.5)]
    compared = site([*ships, named_rival, *others]).context.catalogue.pairs
    assert compared[0] == ("beta", "delta")
    assert set(compared[1:4]) == {("beta", "gamma"), ("alpha", "gamma"), ("gamma", "rq")}
    assert compared[-1] == ("delta", "rq")
    assert not {"far", "held"} & {key for pair in compared for key in pair}


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=80))
def test_a_tool_is_in_a_few_comparisons_only(scores):
    cards = [tool(f"Tool {n}", score=score / 10) for n, score in enumerate(scores)]
    histories = Held(cards).histories()
    chosen = pairs([histories])
    keys = [key for pair in chosen for key in pair]
    assert max(map(keys.count, keys)) <= PER_TOOL
    assert all(one < two for one, two in chosen)
    assert len(set(chosen)) == len(chosen)
    assert chosen == pairs([histories[::-1]])


def test_two_thousand_tools_give_five_hundred_comparisons():
    made = [tool(f"Tool {n}", score=20 + n / 40) for n in range(2000)]
    assert len(pairs([Held(made).histories()])) == 500


def test_contested_are_the_most_divided_and_moved_what_changed_lately():
    close = Verdict(outcome="split", ship_percent=50, score=60, votes=VoteTotals(ship=2, skip=2))
    sure = Verdict(outcome="ship", ship_percent=100, score=80, votes=VoteTotals(ship=4))
    before, now = named("Movable", verdict=close), named("Movable", verdict=sure)
    cards = [named("Even", verdict=close), named("Sure", verdict=sure), before, later(now, 5)]
    cards.append(later(named("Even", verdict=close), 5))
    newest = site(cards).context.catalogue.newest
    assert [history.key for history in contested(newest)] == ["even"]
    (move,) = moved(newest)
    assert (move.tile.key, move.was, move.by) == ("movable", "split", "+20.0")


def test_a_change_of_long_ago_is_no_movement():
    cards = [tool("Old", "skip"), later(tool("Old"), 1), later(tool("New"), 30)]
    assert moved(site(cards).context.catalogue.newest) == ()


def test_the_same_archive_gives_the_same_bytes():
    cards = [*batch(), tool("Alpha"), tool("Beta")]
    one, two = site(cards), site(cards[::-1])
    assert list(one.paths()) == list(two.paths())
    for path in one.paths():
        assert one.render(path) == two.render(path), path


def test_the_day_of_asking_is_used_where_none_is_given():
    assert site([card()]).context.today == TODAY
    assert site([card()], today=None).context.today >= TODAY.replace(year=2026, month=1)


@pytest.mark.parametrize("length", [1, 60, 72, 73, 120])
def test_mail_and_site_give_a_page_the_same_address(length):
    one, two = "a" * length, "b" * length
    places = PageURLs.parse("https://panel.example.org/")
    assert places.pair(two, one) == f"https://panel.example.org/{page_urls.pair(one, two)}"
    assert places.tool(one) == f"https://panel.example.org/{page_urls.tool(one)}"
    assert len(page_urls.pair(one, two)) <= 170


@pytest.mark.parametrize(
    ("price", "kind"),
    [("free, MIT", "free"), ("Open source", "free"), ("$0 a month", "free"), ("$0.02 a GB", "paid"),
     ("from €25 a month", "paid"), ("on request", None), (None, None)],
)  # fmt: skip
def test_a_price_that_is_understood_is_a_facet(price, kind):
    (history,) = Held([tool("Alpha", price=price)]).histories()
    assert tool_summary(history).price_class == kind


def test_lists_put_the_highest_score_first_and_what_is_no_verdict_last():
    cards = [tool("Held", "hold", 99.0), tool("Low", "skip", 20.0), tool("High", score=80.0)]
    listed = all_tools(site(cards).context.catalogue, "score")
    assert [row.tool.name for row in listed.rows] == ["High", "Low", "Held"]
    verdicts = next(facet for facet in listed.facets if facet.key == "verdict")
    assert [(v.value, v.count) for v in verdicts.values] == [("ship", 1), ("hold", 1), ("skip", 1)]


def test_every_score_is_marked_where_a_reviewer_ships_and_reviewers_have_their_signs():
    cards = [tool(name).model_copy(update={"ship_at": 70.0}) for name in ("Alpha", "Beta")]
    made = site(cards)
    pages = ("index.html", "tools-by-date.html", "categories/stores.html", "tools/alpha.html")
    for path in (*pages, "compare/alpha-vs-beta.html"):
        html = made.render(path).decode()
        marks = re.findall(r'<rect class="mark" x="([\d.]+)"', html)
        assert marks, path
        assert all(x.startswith("69.") for x in marks), path
        signs = set(re.findall(r'<span class="sign hue-[^>]*>(.+?)<', html))
        assert signs == {"B", "S", "$", "F"}, path


def test_a_tool_is_compared_with_its_pairs_first_then_with_the_others_of_its_category():
    cards = [tool(f"Tool {n}", score=90.0 - n) for n in range(9)]
    made = site([*cards, tool("Far", category="queues")])
    fixed, live = (made.render("tools/tool-8.html", live=live) for live in (None, VisitorState()))
    paths = [target("tools/x.html", href) for href in links(fixed)]
    paired = [path for path in paths if path.startswith("compare/")]
    assert paired == [f"compare/tool-{n}-vs-tool-8.html" for n in (7, 6)]
    assert [path for path in paths if path.startswith("tools/t")] == [
        f"tools/tool-{n}.html" for n in range(6)
    ]
    assert "../compare/tool-0-vs-tool-8.html" in links(live)
    assert made.render("compare/tool-0-vs-tool-8.html")


def test_what_is_unknown_takes_no_room():
    unknown = card().model_copy(
        update={
            "tool": card().tool.model_copy(update={"price": None, "kind": None, "tagline": None}),
            "verdict": Verdict(outcome="incomplete", votes=VoteTotals(ship=1, missing=3)),
        }
    )
    made = site([unknown])
    assert "Entry price" not in text(made.render("tools/quillstore.html"))
    for path in ("index.html", "tools.html", "tools/quillstore.html"):
        words = text(made.render(path))
        assert "– ship" not in words
        assert "score –" not in words
