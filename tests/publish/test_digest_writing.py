"""The edition as mail, Markdown, feed entry and JSON: hostile words in it, parsers as judges."""

import email
import email.policy
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from types import MappingProxyType

import feedparser  # type: ignore[import-untyped, unused-ignore]
import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from panel.foundation.errors import InputError, RunError, SettingsError
from panel.publish.newsletter import render
from panel.publish.newsletter.answers import answered
from panel.publish.newsletter.edition import edition
from panel.publish.newsletter.mime import Listing, MailMessage, Sender, message, recipient
from panel.publish.newsletter.transactional import confirmation, sign_in
from panel.publish.newsletter.view import AT_MOST
from panel.publish.newsletter.week import Week
from panel.publish.page_urls import PageURLs
from panel.report.citations import line
from panel.report.scorecard.view import view as card_view
from panel.reviews.evidence_changes import Reason
from panel.reviews.review import Forecast
from panel.reviews.verdict.scorecard import CardTool, Verdict, VoteTotals
from panel.runs.history.entry import History, entry
from tests.support.cards import PAYLOADS, card, hostile, named, review
from tests.support.statements import composed, written

WEEK = Week(2026, 47)
INSIDE = WEEK.start + timedelta(days=2)
BASE = "https://panel.example"
PLACES = PageURLs.parse(BASE)
LINK = PLACES.unsubscribe("TOKEN")
SENDER = Sender("Panel", "weekly@panel.example")

TAGS = {"html", "head", "meta", "title", "style", "body", "div", "table", "tbody", "tr", "td", "p",
        "span", "strong", "br", "h1", "h2", "h3", "a"}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "name", "content", "style", "class", "role", "width", "height", "align",
    "cellpadding", "cellspacing", "border", "aria-hidden", "href",
}  # fmt: skip
FORGE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Shelf:
    """An archive made of cards, oldest first for each tool."""

    def __init__(self, *histories, reasons=(), weights=MappingProxyType({})):
        self._histories = tuple(
            History(f"tool-{n}", tuple(entry(c, f"tool-{n}", reasons, weights) for c in cards))
            for n, cards in enumerate(histories)
        )

    def histories(self):
        return self._histories


def worst(payload, **verdict):
    """A hostile card that takes part in everything an edition shows."""
    edition_ = hostile(payload)
    values = {"outcome": "ship", "ship_percent": 50, "score": 60, "votes": VoteTotals(ship=1)}
    bold = Forecast(claim=payload, probability=0.99, resolve_by=date(2027, 1, 1))
    reviews = tuple(r.model_copy(update={"forecast": bold}) for r in edition_.reviews)
    return edition_.model_copy(
        update={"created": INSIDE, "reviews": reviews, "verdict": Verdict(**values | verdict)}
    )


def edition_of(payload):
    old = worst(payload, outcome="skip").model_copy(
        update={
            "created": INSIDE - timedelta(days=9),
            "reviews": (review(payload, payload, "skip", 20.0),),
            "model": f"{payload} too",
        }
    )
    held = worst(payload, outcome="hold")
    reasons = (Reason(what=payload, before=payload, after=payload, passage=True),)
    return edition(Shelf([worst(payload)], [old, worst(payload)], [held], reasons=reasons), WEEK)


def parse(text):
    parser = html5lib.HTMLParser(
        html5lib.getTreeBuilder("etree"), strict=True, namespaceHTMLElements=False
    )
    return parser.parse(text)


def tag(node):
    return node.tag if isinstance(node.tag, str) else "comment"


def active(tree):
    """Everything in a mail that could run, load, send or restyle."""
    for node in tree.iter():
        if tag(node) not in TAGS:
            yield tag(node)
        yield from (f"{tag(node)} {name}" for name in node.attrib if name not in ATTRIBUTES)
        if re.search(r"url\s*\(|@import|expression|behavior", node.get("style", ""), re.I):
            yield f"style {node.get('style')}"
        if tag(node) == "a" and not node.get("href", "").startswith(f"{BASE}/"):
            yield f"a {node.get('href')}"
        if tag(node) == "meta" and node.get("http-equiv"):
            yield "meta"


def shown(tree):
    return " ".join("".join(tree.itertext()).split())


def squeezed(text):
    """Words as they survive: breaks that stop links are blanks."""
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_a_payload_in_every_field_leaves_nothing_active_in_the_mail(payload):
    tree = parse(render.html(edition_of(payload), places=PLACES, unsubscribe=LINK))
    assert list(active(tree)) == []
    assert len([n for n in tree.iter() if tag(n) == "style"]) == 1
    assert squeezed(line(payload))[:40] in squeezed(shown(tree))


def test_a_verdict_that_a_refresh_moved_says_why_in_every_format():
    reasons = (Reason(what="licence", before="MIT", after="AGPL-3.0"),) * 2
    old = card(verdict=Verdict(outcome="skip", votes=VoteTotals(skip=4)))
    made = [old.model_copy(update={"created": INSIDE - timedelta(days=9)}),
            card().model_copy(update={"created": INSIDE})]  # fmt: skip
    moved, plain = (edition(Shelf(made, reasons=why), WEEK) for why in (reasons, ()))
    said = "Its evidence changed: licence: MIT → AGPL-3.0, and 1 more change."
    for write in (render.html, render.text, render.markdown):
        assert said in " ".join(write(moved).replace("\\", "").split()), write
        assert "Its evidence changed" not in write(plain)
    (change,), (quiet,) = (json.loads(render.as_json(e))["changed"] for e in (moved, plain))
    assert [reason["what"] for reason in change["reasons"]] == ["licence"] * 2
    assert "reasons" not in quiet


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_the_mails_styles_are_ours_whatever_the_words(payload):
    def styles(text):
        tree = parse(render.html(edition_of(text), places=PLACES, unsubscribe=LINK))
        return [(tag(n), n.get("style"), n.get("class")) for n in tree.iter()]

    assert styles(payload) == styles("plain words")


def test_o1_the_judge_sees_what_it_must_see():
    bad = "<p onclick=x><img src=x><script></script><a href=//evil></a><p style='a:url(x)'>"
    kinds = set(active(html5lib.parse(bad, namespaceHTMLElements=False)))
    assert kinds == {"p onclick", "img", "img src", "script", "a //evil", "style a:url(x)"}


def test_o1_the_mail_loads_nothing():
    text = render.html(edition_of("x"), places=PLACES, unsubscribe=LINK)
    assert not re.search(r"url\(|@import|@font-face|src=|background=|<link|<img", text, re.I)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_a_payload_in_every_field_leaves_text_as_text(payload):
    text = render.text(edition_of(payload), places=PLACES, unsubscribe=LINK)
    assert not re.search(r"[^\n -~\u00a0-\U0001faff]", text)
    links = re.findall(r"\S*://\S*|www\.\S*|\w@\w\S*", text)
    assert {link.split("/")[2] for link in links} == {"panel.example"}
    ours = {"NEW VERDICTS", "CHANGED VERDICTS", "CLOSEST COMPARISON", "BOLDEST FORECAST"}
    assert ours <= set(text.splitlines())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_a_payload_in_every_field_leaves_no_active_node_in_markdown(payload):
    tree = html5lib.parse(
        FORGE.render(render.markdown(edition_of(payload), places=PLACES)),
        namespaceHTMLElements=False,
    )
    allowed = {"html", "head", "body", "h1", "h2", "p", "ul", "li", "strong", "a", "code", "hr",
               "blockquote"}  # fmt: skip
    assert {tag(n) for n in tree.iter()} <= allowed
    assert {a for n in tree.iter() for a in n.attrib} <= {"href"}
    assert all(n.get("href").startswith(f"{BASE}/") for n in tree.iter() if tag(n) == "a")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_a_payload_in_every_field_leaves_the_feed_entry_harmless(payload):
    entry = render.feed_entry(edition_of(payload), places=PLACES)
    tree = html5lib.parseFragment(entry.html, namespaceHTMLElements=False)
    allowed = {"DOCUMENT_FRAGMENT", "h2", "ul", "li", "p", "a", "br", "blockquote"}
    assert {tag(n) for n in tree.iter()} <= allowed
    assert {a for n in tree.iter() for a in n.attrib} <= {"href"}
    assert all(n.get("href").startswith(f"{BASE}/") for n in tree.iter() if tag(n) == "a")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", entry.title + entry.summary)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_a_feed_made_of_the_entry_is_read_by_a_feed_reader(payload):
    entry = render.feed_entry(edition_of(payload), places=PLACES)
    feed = ET.Element("feed", xmlns="http://www.w3.org/2005/Atom")
    node = ET.SubElement(feed, "entry")
    for name, text in (("id", entry.id), ("title", entry.title), ("summary", entry.summary),
                       ("updated", entry.updated.isoformat())):  # fmt: skip
        ET.SubElement(node, name).text = text
    ET.SubElement(node, "content", type="html").text = entry.html
    read = feedparser.parse(ET.tostring(feed))
    assert not read.bozo
    (one,) = read.entries
    assert one.id.startswith("urn:uuid:")
    assert one.updated == "2026-11-23T00:00:00+00:00"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_json_is_json_and_keeps_the_words_as_they_are(payload):
    text = render.as_json(edition_of(payload), places=PLACES)
    document = json.loads(text, parse_constant=lambda c: pytest.fail(c))
    assert document["schema"] == "panel.digest/1"
    assert document["new"][0]["tool"]["name"] == hostile(payload).tool.name
    assert document["boldest"]["probability"] == 0.99


def built(payload="x", **fields):
    content = render.mail(edition_of(payload), places=PLACES, unsubscribe=LINK)
    content = MailMessage(fields.get("subject", content.subject), content.text, content.html)
    return message(content, sender=SENDER, to="ann@reader.example", now=INSIDE,
                   listing=Listing("Panel weekly", LINK))  # fmt: skip


def received(mail):
    """The mail as a mail program reads it from the wire."""
    return email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)


HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Id", "List-Unsubscribe",
    "List-Unsubscribe-Post", "Content-Type", "MIME-Version",
]  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_no_words_of_a_tool_become_a_header(payload):
    mail = received(built(payload, subject=f"{payload}\r\nBcc: eve@evil.example\n\nX-Evil: 1"))
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert mail["To"] == "ann@reader.example"
    assert not mail.defects
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


@given(st.text(max_size=300), st.text(max_size=80), st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_o1_no_text_at_all_becomes_a_header_or_breaks_the_mail(subject, body, name):
    content = MailMessage(subject, body.encode("utf-8", "replace").decode(), "<p>x</p>")
    mail = message(content, sender=Sender(line(name) or "Panel", SENDER.address),
                   to="ann@reader.example", now=INSIDE, listing=Listing(name, LINK))  # fmt: skip
    wire = mail.as_bytes()
    parsed = email.message_from_bytes(wire, policy=email.policy.default)
    assert sorted(parsed.keys()) == sorted(HEADERS)
    assert wire.isascii()
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    assert b"\n" not in wire.replace(b"\r\n", b"")
    assert b"\r" not in wire.replace(b"\r\n", b"")


def test_w5_every_edition_has_the_headers_of_rfc_8058_each_on_one_line():
    token = "x" * 600
    content = render.mail(edition_of("x"), places=PLACES, unsubscribe=LINK)
    link = PLACES.unsubscribe(token)
    mail = message(content, sender=SENDER, to="ann@reader.example", now=INSIDE,
                   listing=Listing("Panel weekly", link))  # fmt: skip
    lines = mail.as_bytes().decode("ascii").split("\r\n")
    assert f"List-Unsubscribe: <{BASE}/unsubscribe/{token}>" in lines
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert "List-Id: Panel weekly <weekly.panel.example>" in lines
    assert "Auto-Submitted: auto-generated" in lines


def test_a_mail_leads_to_the_page_of_its_own_edition():
    edition = edition_of("x")
    page = f"{BASE}/weekly/{edition.week}.html"
    content = render.mail(edition, places=PLACES, unsubscribe=LINK)
    assert f'href="{page}"' in content.html
    assert page in content.text.splitlines()
    assert "on the web" not in render.markdown(edition, places=PLACES)
    assert "on the web" not in render.mail(edition, places=None, unsubscribe=LINK).text


def test_w5_both_parts_have_a_visible_link_to_unsubscribe():
    mail = received(built())
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert LINK in plain.split()
    links = [n for n in parse(html).iter("a") if n.get("href") == LINK]
    assert [n.text for n in links] == ["Unsubscribe"]


def test_a_mail_is_dated_named_and_for_one_reader():
    mail = received(built())
    assert mail["From"] == "Panel <weekly@panel.example>"
    assert mail["Date"].datetime == INSIDE
    assert re.fullmatch(r"<[0-9a-f]{32}@panel\.example>", mail["Message-ID"])
    assert len(mail["To"].addresses) == 1


@pytest.mark.parametrize(
    "address",
    ["a@b.example, c@d.example", "a@b.example\nBcc: c@d.example", "Ann <a@b.example>", "a@b (c)",
     "", "a", "a@", "@b", '"a b"@c.example', "a b@c.example", "a@b.example\0", "a" * 400 + "@b.c",
     "undisclosed:;", "a@b@c.example"],
)  # fmt: skip
def test_what_is_not_one_address_gets_no_mail(address):
    with pytest.raises(ValueError, match="not one mail address"):
        recipient(address)


@pytest.mark.parametrize(
    "text", ["", "Panel", "a@b.c, c@d.e", "Panel <a@b>\r\nBcc: c@d", "Panel <>", "Ü <ü@b.example>"]
)
def test_a_sender_that_is_none_is_a_setting_to_mend(text):
    with pytest.raises(SettingsError, match="PANEL_MAIL_FROM"):
        Sender.parse(text)


def test_a_reader_with_letters_beyond_ascii_is_written_to_as_rfc_6531_says():
    mail = message(MailMessage("Hi", "x", "<p>x</p>"), sender=Sender("Pänel", "w@p.example"),
                   to="jürgen@bücher.example", now=INSIDE)  # fmt: skip
    assert "To: jürgen@bücher.example\r\n".encode() in mail.as_bytes()


def test_a_sender_has_a_name_and_an_address():
    assert Sender.parse("Panel Weekly <w@p.example>") == Sender("Panel Weekly", "w@p.example")
    assert Sender.parse("w@p.example") == Sender("Panel", "w@p.example")


@pytest.mark.parametrize(
    "url",
    ["http://panel.example", "ftp://panel.example", "panel.example", "https://a@panel.example",
     "https://panel.example/?a=b", "https://panel.example/#a", "https://panel.example/ x", "https:",
     "javascript:alert(1)", "http://127.0.0.1.evil.example"],
)  # fmt: skip
def test_pages_are_at_an_https_address_or_on_this_machine(url):
    with pytest.raises(InputError):
        PageURLs.parse(url)


def test_pages_may_lie_below_a_path_or_on_this_machine():
    assert (
        PageURLs.parse("https://a.example/panel/").tool("x")
        == "https://a.example/panel/tools/x.html"
    )
    assert PageURLs.parse("http://localhost:8000").pair("b", "a") == (
        "http://localhost:8000/compare/a-vs-b.html"
    )


@pytest.mark.parametrize("make", [confirmation, sign_in])
def test_a_letter_has_one_link_and_says_what_happens_if_it_was_not_you(make):
    link = "https://panel.example/confirm/TOKEN?a=1&b=<x>"
    content = make(link)
    tree = parse(content.html)
    assert {n.get("href") for n in tree.iter("a")} == {link}
    assert re.findall(r"\S+://\S+", content.text) == [link]
    for text in (shown(tree), " ".join(content.text.split())):
        assert "If this was not you, do nothing" in text
    assert [n for n in active(tree) if not n.startswith("a https")] == []
    assert max(map(len, content.text.replace(link, "").splitlines())) <= 72


def test_an_empty_week_says_so_in_one_line():
    empty = edition(Shelf(), WEEK)
    sentence = "No tool was reviewed in the week of 16–22 November 2026."
    assert render.text(empty).splitlines().count(sentence) == 1
    assert shown(parse(render.html(empty))).count(sentence) == 1
    assert sentence in render.markdown(empty).splitlines()
    assert sentence in render.feed_entry(empty).html
    assert render.mail(empty, places=None, unsubscribe=None).subject == (
        "Panel, week 47 of 2026: no new verdicts"
    )


def test_a_quiet_week_says_that_verdicts_stand():
    old = card().model_copy(update={"created": INSIDE - timedelta(days=9)})
    quiet = edition(Shelf([old, card().model_copy(update={"created": INSIDE})]), WEEK)
    assert "1 tool was reviewed again, and its verdict stands." in render.text(quiet)


def test_without_a_base_url_nothing_is_linked():
    plain = edition_of("plain")
    assert "://" not in render.text(plain)
    assert "href" not in render.html(plain)
    assert "](" not in render.markdown(plain)
    assert json.loads(render.as_json(plain))["new"][0]["page"] is None


def test_a_tie_is_said_and_nothing_more():
    plain = edition_of("plain")
    assert plain.closest.tie
    assert "A tie: both score 60.0." in render.text(plain)


def test_a_verdict_on_hold_is_told_without_numbers_that_speak_for_it():
    held = worst("Held tool", outcome="hold", score=99, ship_percent=100)
    text = render.text(edition(Shelf([held]), WEEK))
    assert "Suspicious evidence: a person must look before this counts." in text
    assert "99" not in text


def test_a_large_week_stays_below_what_mail_services_cut():
    long = "words " * 60
    tools = [
        named(f"Tool {n} {long}").model_copy(update={
            "created": INSIDE,
            "tool": CardTool(name=f"Tool {n} {long}", slug=f"t{n}", tagline=long, category=long),
        })
        for n in range(300)
    ]  # fmt: skip
    before = [t.model_copy(update={
        "created": INSIDE - timedelta(days=9),
        "verdict": t.verdict.model_copy(update={"outcome": "split"}),
        "reviews": tuple(r.model_copy(update={"vote": "abstain"}) for r in t.reviews),
    }) for t in tools[:150]]  # fmt: skip
    large = edition(
        Shelf(*zip(before, tools[:150], strict=True), *([t] for t in tools[150:])), WEEK
    )
    visible = (*large.new[:AT_MOST], *(change.now for change in large.changed[:AT_MOST]))
    large = replace(large, answers={entry.key: long for entry in visible})
    html = render.html(large, places=PLACES, unsubscribe=LINK)
    assert len(html.encode()) < 100_000
    assert f"And {150 - AT_MOST} more" in shown(parse(html))
    assert len(json.loads(render.as_json(large))["new"]) == 150


WEIGHTS = {"builder": 1.0, "skeptic": 2.0, "business": 1.0, "futurist": 1.0}
FORMS = (render.html, render.text, render.markdown, lambda e: render.feed_entry(e).html)


def told(text):
    """Words of any form on one line, without its escapes."""
    return " ".join(unescape(text).replace("\\", "").split())


def this_week(card, name="Tidewater", category="Databases", **verdict):
    """The card made in the week; of another name, category and verdict."""
    changed = card.verdict.model_copy(update=verdict)
    named = card.tool.model_copy(update={"name": name, "slug": name, "category": category})
    return card.model_copy(update={"created": INSIDE, "verdict": changed, "tool": named})


def week_of(*cards, weights=WEIGHTS):
    """An edition of cards that are each a tool's first, with their answers."""
    by_key = {f"tool-{n}": card for n, card in enumerate(cards)}
    weekly = edition(Shelf(*([card] for card in cards), weights=weights), WEEK)
    return answered(weekly, lambda one: by_key[one.key])


def test_every_form_says_why_a_verdict_is_what_it_is():
    card = this_week(written())
    weekly = week_of(card)
    sentence = card_view(card).answer_text
    assert sentence.startswith("Ship it: 3 of 4 reviewers would, the Builder because it installs")
    assert all(sentence in told(write(weekly)) for write in FORMS)
    assert json.loads(render.as_json(weekly))["new"][0]["answer"] == sentence
    old = this_week(written(), outcome="skip").model_copy(
        update={"created": INSIDE - timedelta(days=9)}
    )
    moved = answered(edition(Shelf([old, card]), WEEK), lambda one: card)
    assert moved.changed
    assert all(sentence in told(write(moved)) for write in FORMS)
    assert json.loads(render.as_json(moved))["changed"][0]["now"]["answer"] == sentence


def test_a_verdict_that_does_not_count_or_cannot_be_read_stands_without_an_answer():
    def lost(one):
        raise RunError("the scorecard cannot be read")

    held = week_of(this_week(written(), outcome="hold"))
    unread = answered(edition(Shelf([this_week(written())]), WEEK), lost)
    for weekly in (held, unread):
        assert weekly.answers == {}
        assert "Tidewater" in render.text(weekly)
        assert "answer" not in json.loads(render.as_json(weekly))["new"][0]


def test_answers_are_read_of_the_verdicts_that_are_shown_only():
    cards = [this_week(written(), f"T{n}") for n in range(AT_MOST + 5)]
    assert len(week_of(*cards).answers) == AT_MOST


def test_a_share_says_of_whom_it_is_and_that_votes_do_not_count_the_same():
    votes = VoteTotals(ship=1, skip=3)
    one = this_week(composed(), outcome="skip", ship_percent=20.0, votes=votes)
    away = VoteTotals(ship=3, abstain=1)
    two = this_week(composed(), "Silt", "Toys", ship_percent=100.0, votes=away)
    weekly = week_of(one, two)
    for write in FORMS:
        assert "20% ship (weighted), score" in told(write(weekly))
        assert "100% ship of those who voted, score" in told(write(weekly))
        assert told(write(weekly)).count("weighted: the Skeptic counts 2, the others 1.") == 1
    alike = week_of(two, weights=dict.fromkeys(WEIGHTS, 1.0))
    assert all("weighted" not in told(write(alike)) for write in FORMS)
    assert "weighted" not in render.text(week_of(two, weights={}))


def test_a_ship_and_a_skip_far_apart_are_no_close_comparison():
    def titles(*verdicts):
        cards = [this_week(written(), f"T{n}", **v) for n, v in enumerate(verdicts)]
        return {title for title in ("CLOSEST COMPARISON", "ONE CATEGORY, TWO VERDICTS")
                if title in render.text(week_of(*cards)).splitlines()}  # fmt: skip

    ship = {"outcome": "ship", "score": 69.4}
    assert titles(ship, {"outcome": "skip", "score": 28.6}) == {"ONE CATEGORY, TWO VERDICTS"}
    assert titles(ship, {"outcome": "skip", "score": 59.5}) == {"CLOSEST COMPARISON"}
    assert titles(ship, {"outcome": "ship", "score": 40.0}) == {"CLOSEST COMPARISON"}
    text = render.text(week_of(*(this_week(written(), f"T{n}", score=60.0 + n) for n in (0, 1))))
    assert "1.0 points apart within one category." in text
    kinds = [this_week(written(), f"T{n}", score=60.0 + n) for n in (0, 1)]
    kinds = [c.model_copy(update={"tool": c.tool.model_copy(update={"kind": kind})})
             for c, kind in zip(kinds, ("service", "model"), strict=True)]  # fmt: skip
    assert "One is a model and the other a service, so not all" in " ".join(
        render.text(week_of(*kinds)).split()
    )
    assert "Category: Databases" in text.splitlines()


def test_lines_of_the_text_are_short_but_for_links():
    text = render.text(edition_of("many words " * 30), places=PLACES, unsubscribe=LINK)
    assert max(len(line) for line in text.splitlines() if "://" not in line) <= 72
