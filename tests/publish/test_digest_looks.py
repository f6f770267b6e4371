"""The mails in a real browser: as narrow as a phone, as wide as a reading pane, light and dark."""

import shutil
from datetime import timedelta

import pytest

from panel.publish.newsletter import render, transactional
from panel.publish.newsletter.edition import edition
from panel.publish.page_urls import PageURLs
from tests.publish.test_digest_writing import WEEK, Shelf, worst
from tests.support.browser import ALONE, MISSING, axe
from tests.support.cards import named

PLACES = PageURLs.parse("https://panel.example")


def mails():
    """An edition with everything in it and long words, an empty one, and a mail to sign in."""
    long = "Supercalifragilisticexpialidocious-" * 3
    inside = {"created": WEEK.start + timedelta(days=1)}
    old = worst("Changed", outcome="skip").model_copy(
        update={"created": WEEK.start - timedelta(days=9)}
    )
    tools = [[old, worst("Changed")], [worst(long)]]
    tools += [
        [named(f"Tool {outcome}").model_copy(update={
            **inside,
            "verdict": worst("x", outcome=outcome).verdict,
        })]
        for outcome in ("ship", "skip", "split", "hold", "incomplete")
    ]  # fmt: skip
    full, empty = edition(Shelf(*tools), WEEK), edition(Shelf(), WEEK)
    link = PLACES.unsubscribe("TOKEN" * 30)
    return {
        "full": render.html(full, places=PLACES, unsubscribe=link),
        "empty": render.html(empty, places=PLACES, unsubscribe=link),
        "unlinked": render.html(full),
        "sign in": transactional.sign_in("https://panel.example/sign-in/" + "TOKEN" * 30).html,
    }


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium")
    if not program:
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=[*ALONE])
        yield opened
        opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["full", "empty", "unlinked", "sign in"])
def test_a_mail_fits_its_screen_loads_nothing_and_is_accessible(browser, tmp_path, name, scheme):
    path = tmp_path / "mail.html"
    path.write_text(mails()[name], encoding="utf-8")
    context = browser.new_context(color_scheme=scheme, viewport={"width": 320, "height": 700})
    requests: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    page = context.new_page()
    page.goto(path.as_uri())
    for width in (320, 390, 700):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    # A mail has no landmarks: mail programs drop them.
    assert axe(page, without=("region", "landmark-one-main")) == []
    assert requests == [path.as_uri()]
    context.close()
