"""What people do on the live pages, in a real browser: by mouse, by keyboard, without script."""

import contextlib

import pytest

from panel.publish.server.review_progress import Step
from panel.reviews.verdict.scorecard import CardTool
from tests.publish.test_serve_mail import confirmed, unsubscribe_path
from tests.support.browser import axe, check_html, overflow
from tests.support.cards import batch, card
from tests.support.command import answering
from tests.support.live import postbox, serving
from tests.support.shelf import shelve

TOLD = "Turns tables into widgets, in one process and one file, for small teams."
TOOL = "/tools/quillstore.html"


@pytest.fixture(scope="module")
def box():
    with postbox() as running:
        yield running


@pytest.fixture(scope="module")
def live(tmp_path_factory, box):
    folder = tmp_path_factory.mktemp("browser")
    rival = CardTool(name="Ledgerfile", slug="ledgerfile", category="Developer tools")
    shelve(folder / "runs", [*batch(), card(tool=rival)])
    with pytest.MonkeyPatch.context() as patch, answering("--latency", "2") as provider:
        patch.setenv("PANEL_CONFIG", str(folder / "config"))
        review = {"provider": provider, "personas": ("builder", "skeptic", "business")}
        with serving(folder, box=box, review=review) as running:
            yield running


def visit(chromium, live, path, work, **how):
    return chromium.visit(live.url + path, work, **how)


def test_a_reader_compares_two_tools_and_opens_a_citation(chromium, live):
    def work(page):
        page.click("header >> text=Compare")
        page.click("main a[href*='-vs-'] >> nth=0")
        compared = page.inner_text("h1")
        page.goto(live.url + TOOL)
        cite = page.locator(".cite a:visible").first
        target = cite.get_attribute("href").removeprefix("#")
        cite.click()
        passage = page.locator(f"[id='{target}']")
        passage.wait_for(state="visible")
        assert page.evaluate("document.activeElement.id") == target
        text = passage.inner_text()
        page.keyboard.press("Escape")
        assert page.locator(".passages > div:target").count() == 0
        assert page.evaluate("document.activeElement.hash") == f"#{target}"
        return compared, text

    compared, passage = visit(chromium, live, "/", work)
    assert "Quillstore" in compared
    assert "Quillstore" in passage


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_voter_votes_changes_and_withdraws(chromium, live, script):
    def work(page):
        seen = []
        for button in ("Ship it", "Skip it", "Withdraw"):
            page.click(f"button:has-text('{button}')")
            assert page.url.startswith(live.url + TOOL)
            seen.append(page.inner_text("[role=status].notice"))
        assert page.locator("button:has-text('Withdraw')").count() == 0
        return seen

    assert visit(chromium, live, TOOL, work, script=script) == [
        "Your vote to ship is counted.",
        "Your vote to skip is counted.",
        "Your vote is withdrawn.",
    ]


def test_a_voter_needs_no_mouse(chromium, live):
    def focused(page):
        return page.evaluate("document.activeElement.innerText.trim()")

    def press(page, label):
        for _ in range(60):
            page.keyboard.press("Tab")
            if label in focused(page):
                assert page.evaluate("document.activeElement.matches(':focus-visible')")
                return page.keyboard.press("Enter")
        raise AssertionError(f"no way to {label} by keyboard")

    def work(page):
        press(page, "Skip it")
        page.wait_for_selector("text=You voted skip.")
        press(page, "Withdraw")
        page.wait_for_selector("text=Your vote is withdrawn.")

    visit(chromium, live, TOOL, work)


def test_a_reader_subscribes_confirms_and_leaves(chromium, live, box):
    before = len(box.mails)

    def ask(page):
        page.fill("footer input[type=email]", "eve@reader.example")
        page.click("button:has-text('Subscribe')")
        return page.inner_text("h1")

    assert visit(chromium, live, "/", ask) == "One more step"
    box.wait(before + 1)

    def press(page):
        page.click("main button")
        return page.inner_text("h1")

    assert visit(chromium, live, box.link(), press) == "You are subscribed"
    assert "eve@reader.example" in confirmed(live)
    leave = unsubscribe_path(live, "eve@reader.example")
    assert visit(chromium, live, leave, press, script=False) == "You are unsubscribed"
    assert "eve@reader.example" not in confirmed(live)


def test_a_voter_signs_in_and_the_vote_goes_along(chromium, live, box):
    before = len(box.mails)

    def work(page):
        page.click("button:has-text('Ship it')")
        page.click("header >> text=Sign in")
        page.fill("#sign-in-address", "fay@reader.example")
        page.click("button:has-text('Send the link')")
        assert page.inner_text("h1") == "Look into your mail"
        box.wait(before + 1)
        page.goto(live.url + box.link())
        page.click("main button")
        assert page.inner_text("h1") == "You are signed in"
        page.goto(live.url + TOOL)
        form_text = page.inner_text("form.vote")
        page.click("button:has-text('Withdraw')")
        page.click("header >> text=Signed in")
        page.click("button:has-text('Sign out')")
        return form_text

    form_text = visit(chromium, live, TOOL, work)
    assert "You voted ship." in form_text
    assert "verified" not in form_text


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_visitor_asks_for_a_review_and_watches_it_finish(chromium, live, script):
    name = f"Widget {'one' if script else 'two'}"

    def work(page):
        page.fill("input[name=name]", name)
        page.fill("textarea[name=description]", TOLD)
        page.click("button:has-text('Ask the panel')")
        assert page.inner_text("h1") == name
        seen = set()
        for _ in range(200):
            seen.add(page.inner_text("[data-doing]"))
            if page.locator(".onward").count():
                break
            page.wait_for_timeout(100 if script else 400)
            if script:
                continue
            assert page.locator("text=Look again").is_visible()
            page.click("text=Look again")
        page.click(".onward")
        return seen, page.inner_text("h1")

    seen, title = visit(chromium, live, "/requests", work, script=script)
    assert title == name
    assert "The verdict is in." in seen


def test_progress_is_drawn_as_it_happens(chromium, live):
    def work(page):
        page.fill("input[name=name]", "Widget three")
        page.fill("textarea[name=description]", TOLD)
        page.click("button:has-text('Ask the panel')")
        page.wait_for_selector("progress")
        hint = page.locator("text=Look again").is_visible()
        bars = page.locator("progress").count()
        steps = page.locator("[data-steps]").inner_text()
        page.wait_for_selector(".onward", timeout=40_000)
        return hint, bars, steps

    hint, bars, steps = visit(chromium, live, "/", work)
    assert (hint, bars) == (False, 3)
    assert "The Builder" in steps


@pytest.fixture(scope="module")
def paths(live):
    """Every page that only a running server has."""
    records = live.state
    links = {
        purpose: f"/{purpose}/{records.tokens.issue(purpose, subject, hours=1)}"
        for purpose, subject in (("sign-in", "a@b.example"), ("confirm", "a@b.example"),
                                 ("unsubscribe", "1"))
    }  # fmt: skip
    waiting = records.requests.add("Quite a long name for a tool " * 3, "https://x.example/", None)
    return ["/sign-in", "/sign-in/sent", "/subscribe/sent", "/requests", "/api", "/nothing",
            f"/requests/{waiting.id}", "/sign-in/forged", *links.values()]  # fmt: skip


def test_live_pages_are_accessible_and_fit_their_window(chromium, live, paths):
    """All on a phone in the dark, and every fourth on a light screen as well."""
    problems = {}
    for path in paths:

        def look(page, path=path):
            problems[path, 390] = (axe(page), overflow(page))
            if path in paths[::4]:
                page.set_viewport_size({"width": 1280, "height": 900})
                page.emulate_media(color_scheme="light")
                problems[path, 1280] = (axe(page), overflow(page))

        # Consoles tell that a page which says what went wrong is a 404.
        refused = path in ("/nothing", "/sign-in/forged")
        expected = pytest.raises(AssertionError, match="status of 404")
        with expected if refused else contextlib.nullcontext():
            visit(chromium, live, path, look, width=390, scheme="dark")
    assert problems == dict.fromkeys(problems, ([], 0))
    assert len(problems) == len(paths) + len(paths[::4])


STEPS = (Step("builder", "The Builder", 3, 9, "votes ship"), Step("skeptic", "The Skeptic", 0, 0))


def test_live_pages_are_valid_html_those_of_a_request_in_every_state(live, paths, tmp_path):
    pages = [live.visitor().get(path) for path in paths]
    pages.append(live.visitor().post("/request", name="<b>", description="\n<i>"))
    # Nothing works the queue of this one, so that each state stays as it is.
    with serving(tmp_path, takes_requests=False) as still:
        queue, tracker = still.state.requests, still.state.progress
        for name in ("Done", "Failed", "Running", "Asked", "<i>Waits</i>", "שלום " * 20):
            queue.add(name, "https://x.example/a?b=<c>", None)
        done, failed, running, waiting = (queue.next().id for _ in range(4))
        queue.done(done, run="r", key="quillstore")
        queue.failed(failed, message="It has no <page>.")
        tracker.begin(running, "what is known about the tool is read")
        tracker.begin(waiting, "the reviewers read the evidence", STEPS)
        states = [still.visitor().get(f"/requests/{number}") for number in range(1, 7)]
        states.append(still.visitor().get("/requests"))
    assert [page.status for page in states] == [200] * 7
    files = []
    for number, page in enumerate(pages + states):
        files.append(tmp_path / f"{number}.html")
        files[-1].write_bytes(page.body)
    assert check_html(files) == []
