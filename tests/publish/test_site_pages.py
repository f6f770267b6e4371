"""The site in real Chromium, opened from disk; and its HTML before a real checker."""

import pytest

from panel.publish.community.tally import Tally, VoteCount
from panel.publish.site.build import build
from panel.publish.site.page import VisitorState
from panel.publish.site.site import Site
from panel.runs.history.archive import Archive
from tests.support.browser import axe, check_html, overflow, wait_until
from tests.support.cards import PAYLOADS, batch, card
from tests.support.sites import PERSONAS, TALLIES, TODAY, fill, later, site, tool

KINDS = {
    "front": "index.html",
    "tools": "tools.html",
    "tools by score": "tools-by-score.html",
    "comparisons": "compare.html",
    "comparison": "compare/parley-vs-quillstore.html",
    "categories": "categories.html",
    "category": "categories/stores.html",
    "reviewers": "reviewers.html",
    "reviewer": "reviewers/skeptic.html",
    "providers": "providers.html",
    "method": "method.html",
    "editions": "weekly.html",
    "edition": "weekly/2026-W47.html",
    "lost": "404.html",
    "tool": "tools/quillstore.html",
    "moved": "tools/parley.html",
    "held": "tools/gullible.html",
    "incomplete": "tools/halfway.html",
    "live front": "live.html",
    "live tool": "tools/live.html",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A site on disk, with two live pages beside it, and the site."""
    folder = tmp_path_factory.mktemp("site")
    fill(folder / "runs")
    tallies = {**TALLIES, "halfway": Tally(VoteCount(1, 0))}
    made = Site(Archive.open(folder / "runs"), personas=PERSONAS, tallies=tallies, today=TODAY)
    out = folder / "out"
    build(made, out)
    live = VisitorState(choices={"quillstore": "skip"}, notice="Your vote counts.")
    (out / "live.html").write_bytes(made.render("index.html", live=live))
    (out / "tools/live.html").write_bytes(made.render("tools/quillstore.html", live=live))
    return out


def address(built, kind):
    return (built / KINDS[kind]).as_uri()


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_wrong_in_light_and_dark_and_a_phone_shows_all(chromium, built, kind):
    def both(page):
        wide = axe(page)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 390, "height": 900})
        return wide, axe(page), overflow(page)

    assert chromium.visit(address(built, kind), both) == ([], [], 0)


ARCHIVES = {
    "nothing": [],
    "one tool": [card()],
    "ties": [tool("Even", score=61.0), tool("Level", score=61.0), tool("Nought", "skip", 0.0)],
    "every outcome": [*batch(), tool("Undecided", "split", 50.0), tool("Unknown", "ship", None)],
    "odd names": [
        *(
            tool(text, slug=f"odd-{n}", tagline=text, category=text, price=text)
            for n, text in enumerate(PAYLOADS[::4])
        ),
        tool("x" * 200, slug="x"), tool("مقياس", category="أدوات", slug="rtl"), tool("1", slug="1"),
    ],
    "a tool that moved": [card(), later(card(), 3, model="another"), later(card(), 9)],
}  # fmt: skip


def test_the_html_is_valid_whatever_was_reviewed(built, tmp_path):
    for number, cards in enumerate(ARCHIVES.values()):
        made = site(cards)
        build(made, tmp_path / str(number))
        for path in ("index.html", *(path for path in made.paths() if path.startswith("tools/"))):
            live = VisitorState(
                notice="Your vote counts.", takes_mail=not number % 2, signed_in=True
            )
            name = f"live-{path.replace('/', '-')}"
            (tmp_path / str(number) / name).write_bytes(made.render(path, live=live))
    pages = [*sorted(built.rglob("*.html")), *sorted(tmp_path.rglob("*.html"))]
    assert len(pages) > 2 * len(KINDS)
    assert check_html(pages) == []


def test_the_front_page_is_small_and_asks_no_other_host(chromium, built, tmp_path):
    many = site([tool(f"Tool {n}", category=f"Kind {n % 40}") for n in range(300)])
    build(many, tmp_path / "many")

    def loaded(page):
        names = []
        page.on("request", lambda request: names.append(request.url))
        page.reload()
        return names.copy(), hits(page)

    def hits(page):
        page.locator("#search").fill("kind")
        page.locator("#search").focus()
        wait_until(page, "document.querySelector('#search-count').textContent")
        return page.locator(".search li").count()

    for out in (built, tmp_path / "many"):
        names, found = chromium.visit((out / "index.html").as_uri(), loaded)
        assert found == (300 if out.name == "many" else 0)
        assert all(name.startswith(out.as_uri()) for name in names)
        files = {name.removeprefix(f"{out.as_uri()}/") for name in names}
        assert files | {"icon.svg"} == {"index.html", "style.css", "panel.js", "icon.svg"}
        assert sum((out / name).stat().st_size for name in files | {"icon.svg"}) < 100_000


def shown(page):
    return page.locator(".verdicts > li:visible .name a").all_inner_texts()


def test_one_facet_narrows_a_list_without_script(chromium, built):
    address = (built / "tools-by-score.html").as_uri()
    names = chromium.visit(f"{address}#verdict=ship", shown, script=False)
    assert names == ["Parley", "Quillstore"]


def test_facets_join_and_the_address_gives_the_same_list_again(chromium, built):
    def narrow(page):
        page.get_by_role("link", name="ship 2").click()
        page.get_by_text("Category", exact=True).first.click()
        page.get_by_role("link", name="stores").last.click()
        page.get_by_role("link", name="Newest").click()
        page.wait_for_url("**/tools-by-date.html#verdict=ship&category=stores")
        names, count = shown(page), page.locator(".narrow [role=status]").inner_text()
        page.get_by_role("link", name="Show all").click()
        page.locator(".narrow [role=status]", has_text="2 of 7").wait_for(state="hidden")
        return names, count, len(shown(page))

    assert chromium.visit(address(built, "tools"), narrow) == (
        ["Parley", "Quillstore"],
        "2 of 7 tools: ship, stores.",
        7,
    )


def test_a_category_is_sorted_in_place_and_its_address_says_how(chromium, built):
    names = chromium.visit(f"{address(built, 'category')}#sort=name", shown)
    assert names == sorted(names, key=str.casefold)
    by_score = chromium.visit(address(built, "category"), shown)
    assert by_score != names

    def narrowed(page):
        return shown(page), page.locator(".narrow [aria-current]").first.inner_text()

    # No order, but a name that every object has.
    unknown = f"{address(built, 'category')}#sort=constructor"
    assert chromium.visit(unknown, narrowed) == (by_score, "Highest score")
    count = chromium.visit(
        f"{address(built, 'category')}#kind=<b>x",
        lambda page: page.locator(".narrow [role=status]").inner_text(),
    )
    assert count == "No tool is all of these."


def test_search_works_from_disk_with_the_keyboard_alone(chromium, built):
    def search(page):
        page.locator("#search").focus()
        page.keyboard.type("QUILL")
        page.wait_for_selector(".search li a")
        count = page.locator("#search-count").inner_text()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**/tools/quillstore.html")
        return count, page.locator("h1").inner_text()

    assert chromium.visit(address(built, "front"), search) == ("1 tool found", "Quillstore")


def test_search_shows_hostile_names_as_text(chromium, tmp_path):
    name = "<img src=x onerror=alert(1)>"
    build(site([tool(name, slug="x"), card()]), tmp_path)

    def search(page):
        page.locator("#search").fill("onerror")
        page.locator("#search").focus()
        page.wait_for_selector(".search li a")
        return page.locator(".search li a span").first.inner_text(), page.locator("img").count()

    assert chromium.visit((tmp_path / "index.html").as_uri(), search) == (name, 0)


def test_search_is_emptied_by_escape_and_says_when_nothing_is_found(chromium, built):
    def search(page):
        field = page.locator("#search")
        field.focus()
        page.keyboard.type("nothing of that name")
        wait_until(page, "document.querySelector('#search-count').textContent")
        count = page.locator("#search-count").inner_text()
        page.keyboard.press("Escape")
        return count, field.input_value(), page.locator("#search-count").inner_text()

    nothing = "No tool matches “nothing of that name”."
    assert chromium.visit(address(built, "tools"), search) == (nothing, "", "")


SEARCHES = {
    "quilstroe": ("No tool is spelled “quilstroe”. The nearest:", ["tools/quillstore"]),
    "Quill-Store": ("1 tool found", ["tools/quillstore"]),
    "quillstore vs parlay": (
        "1 comparison found",
        ["compare/parley-vs-quillstore", "tools/quillstore", "tools/parley"],
    ),
    "parley versus gullible": (
        "These two have no page side by side. Each by itself:",
        ["tools/parley", "tools/gullible"],
    ),
    "parley vs zzz": ("No tool matches “zzz”.", ["tools", "tools/parley"]),
}


def test_search_knows_two_tools_and_forgives_typos(chromium, built):
    def search(page):
        page.locator("#search").focus()
        wait_until(page, "window.panelTools")
        found = {}
        for query in SEARCHES:
            page.locator("#search").fill(query)
            links = page.locator(".search a:visible").all()
            paths = [link.get_attribute("href").removesuffix(".html") for link in links]
            found[query] = (page.locator("#search-count").inner_text(), paths)
        return found

    assert chromium.visit(address(built, "front"), search) == SEARCHES


def test_without_script_there_is_no_dead_field_and_the_list_is_linked(chromium, built):
    def look(page):
        seen = page.locator("#search").is_visible()
        page.get_by_role("link", name="All tools from A to Z").click()
        return seen, page.locator("h1").inner_text()

    assert chromium.visit(address(built, "front"), look, script=False) == (False, "All tools")


def test_the_first_key_leads_past_the_navigation(chromium, built):
    def skip(page):
        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.textContent")
        page.keyboard.press("Enter")
        return first, page.evaluate("document.activeElement.id")

    assert chromium.visit(address(built, "tool"), skip) == ("Skip to content", "main")


def test_a_citation_opens_its_passage_and_details_open_by_key(chromium, built):
    def cite(page):
        page.locator(".said .cite a").first.click()
        target = page.evaluate("document.querySelector(':target').id")
        summary = page.locator("section.review summary").first
        summary.focus()
        page.keyboard.press("Enter")
        return target, page.locator("section.review details").first.get_attribute("open")

    assert chromium.visit(address(built, "tool"), cite) == ("E1.1", "")


def test_printed_pages_leave_navigation_and_forms_out(chromium, built):
    def printed(page):
        page.emulate_media(media="print")
        hidden = ("header.site nav", "footer.site", "form.vote")
        return [page.locator(selector).first.is_visible() for selector in hidden]

    assert chromium.visit(address(built, "live tool"), printed) == [False] * 3
