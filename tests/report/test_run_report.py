"""The page of a run: what it holds, what its script does, and that it is safe and reachable."""

import itertools

import html5lib
import pytest

from panel.report.run.html import render
from panel.report.run.view import run_view
from panel.reviews.verdict.scorecard import Verdict, VoteTotals
from panel.runs.run import Run
from tests.support.browser import Chromium, axe, check_html, overflow
from tests.support.cards import BUILDER, PAYLOADS, SKEPTIC, batch, hostile, named
from tests.support.long_run import make_run
from tests.support.shelf import shelve


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a run of 120 tools, really reviewed by a scripted provider."""
    folder = tmp_path_factory.mktemp("report")
    with Run.open(make_run(folder, 120)) as run:
        file = folder / "report.html"
        file.write_text(render(run), encoding="utf-8")
    return file


def shelved(folder, cards):
    return Run.open(folder / shelve(folder, cards))


def text_of(page):
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    return tree, " ".join(" ".join(tree.itertext()).split())


def test_it_ranks_the_tools_and_says_what_is_missing_and_contested(tmp_path):
    with shelved(tmp_path, batch()) as run:
        tree, text = text_of(render(run))
        view = run_view(run.each_verdict())
    rows = tree.findall(".//table[@class='ranked']/tbody/tr")
    names = ["".join(row.find("th").itertext()) for row in rows]
    assert names == [r.name for r in view.summary.rows]
    assert len(rows) == len(batch())
    for outcome, count in view.outcomes:
        assert f"{outcome} {count}" in text
    assert "Missing reviews" in text
    assert all(detail in text for detail, _ in view.details)
    assert all(r.name in text.split("Contested")[-1] for r, _ in view.contested)


def test_its_figures_are_those_of_the_cards(tmp_path):
    same = Verdict(outcome="ship", ship_percent=50.0, score=61.0, votes=VoteTotals(ship=1, skip=1))
    cards = [
        named(f"tool-{n}", reviews=(BUILDER, SKEPTIC), missing=(), verdict=same) for n in range(3)
    ]
    with shelved(tmp_path, cards) as run:
        view = run_view(run.each_verdict())
    assert view.contested_total == 3
    (pair,) = view.agreement.pairs
    assert (pair.same, pair.tools, pair.correlation) == (0, 3, None)
    assert view.agreement.effective_votes is None
    assert dict(view.bins)["ship"][12] == 3
    installs = next(c for c in view.criteria if c.criterion == "installs")
    assert installs.answers["yes"] == installs.total == 3


def test_effective_votes_are_the_mean_of_the_tools_that_tell_them(tmp_path):
    verdicts = [
        Verdict(outcome="ship", score=70.0, votes=VoteTotals(ship=2), effective_votes=votes)
        for votes in (1.5, 2.5, None)
    ]
    cards = [named(f"tool-{n}", verdict=v) for n, v in enumerate(verdicts)]
    with shelved(tmp_path, cards) as run:
        _, text = text_of(render(run))
    assert "worth about 2.0 independent votes: the mean of 2 tools" in text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_strangers_stays_text(tmp_path, payload):
    with shelved(tmp_path, [hostile(payload), named("other")]) as run:
        tree, _ = text_of(render(run))
    elements = [node for node in tree.iter() if isinstance(node.tag, str)]
    assert len([node for node in elements if node.tag == "script"]) == 1
    assert not [node for node in elements if node.tag in ("img", "iframe", "object", "link", "use")]
    for node in elements:
        assert not any(name.startswith("on") or name == "style" for name in node.attrib)
        assert node.get("href", "#").startswith(("#", "scorecards/"))


def test_the_html_is_valid(page):
    faults = [fault for fault in check_html([page]) if "CSS:" not in fault]
    assert faults == []


def test_people_can_read_it_on_a_phone_and_a_screen(page, chromium: Chromium):
    def look(tab):
        found = {}
        for width, scheme in itertools.product((390, 1280), ("light", "dark")):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.emulate_media(color_scheme=scheme)
            found[width, scheme] = (axe(tab), overflow(tab))
        return found

    found = chromium.visit(page.as_uri(), look)
    assert found == dict.fromkeys(found, ([], 0))


def names(tab):
    return tab.eval_on_selector_all(
        ".ranked tbody th", "all => all.map((each) => each.textContent)"
    )


def test_without_script_all_rows_are_there(page, chromium: Chromium):
    count = chromium.visit(
        page.as_uri(), lambda tab: tab.locator(".ranked tbody tr").count(), script=False
    )
    assert count == 120


def test_filter_search_and_order_stand_in_the_address(page, chromium: Chromium):
    def use(tab):
        first = names(tab)
        tab.click("#more")
        everything = len(names(tab))
        tab.fill("#find", "widget 0001")
        found = names(tab)
        tab.select_option("#verdict", "skip")
        skipped = names(tab)
        tab.click("th[data-key=name] button")
        tab.click("th[data-key=name] button")
        turned, address = names(tab), tab.url
        tab.goto("about:blank")
        tab.goto(address)
        return first, everything, found, skipped, turned, address, names(tab)

    first, everything, found, skipped, turned, address, again = chromium.visit(page.as_uri(), use)
    assert (len(first), everything) == (50, 120)
    assert sorted(found) == [f"Widget {n:05}" for n in range(120) if "0001" in f"{n:05}"]
    assert 0 < len(skipped) < len(found)
    assert turned == sorted(skipped, reverse=True) == again
    assert "verdict=skip" in address
    assert "order=turned" in address


def test_a_click_on_a_score_sorts_by_it(page, chromium: Chromium):
    def use(tab):
        tab.click("th[data-key='by skeptic'] button")
        return tab.eval_on_selector_all(
            ".ranked tbody tr", "rows => rows.map((row) => row.cells[6].textContent)"
        ), tab.get_attribute("th[data-key='by skeptic']", "aria-sort")

    cells, sort = chromium.visit(page.as_uri(), use)
    scores = [float(cell.split()[-1]) for cell in cells]
    assert scores == sorted(scores, reverse=True)
    assert sort == "descending"
