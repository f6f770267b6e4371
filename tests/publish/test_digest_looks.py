"""The mails in a real browser: as narrow as a phone, as wide as a reading pane, light and dark."""

from datetime import timedelta

import pytest

from panel.publish.newsletter import render, transactional
from panel.publish.newsletter.edition import edition
from panel.publish.page_urls import PageURLs
from tests.publish.test_digest_writing import WEEK, Shelf, worst
from tests.support.browser import axe
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


@pytest.mark.parametrize("name", ["full", "empty", "unlinked", "sign in"])
def test_a_mail_fits_its_screen_loads_nothing_and_is_accessible(chromium, tmp_path, name):
    path = tmp_path / "mail.html"
    path.write_text(mails()[name], encoding="utf-8")

    def look(page):
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.reload()
        widths = []
        for width in (320, 390, 700):
            page.set_viewport_size({"width": width, "height": 700})
            widths.append(page.evaluate("document.documentElement.scrollWidth") <= width)
        # A mail has no landmarks: mail programs drop them.
        light = axe(page, without=("region", "landmark-one-main"))
        page.emulate_media(color_scheme="dark")
        dark = axe(page, without=("region", "landmark-one-main"))
        return widths, light, dark, requests

    found = chromium.visit(path.as_uri(), look, width=320)
    assert found == ([True] * 3, [], [], [path.as_uri()])
