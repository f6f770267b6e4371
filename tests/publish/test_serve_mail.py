"""Signing in and the weekly mail: mailed links over real SMTP, spent by POST only. W5."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from panel.publish.community.database import Database
from panel.publish.community.deliveries import Sends
from panel.publish.community.rate_limits import Rate
from panel.publish.community.subscribers import UNCONFIRMED, Subscribers
from panel.publish.community.tables import spent
from panel.publish.community.tally import Tally, VoteCount
from panel.publish.community.tokens import Tokens
from panel.publish.newsletter.edition import edition
from panel.publish.newsletter.issue import Issue
from panel.publish.newsletter.mime import Sender
from panel.publish.newsletter.sending import Sending
from panel.publish.newsletter.settings import MailSettings
from panel.publish.newsletter.smtp import SMTPServer
from panel.publish.newsletter.week import Week
from panel.publish.page_urls import PageURLs
from panel.publish.server import mailed_links
from panel.publish.server.uvicorn_limits import listen
from panel.runs.history.archive import Archive
from tests.support.cards import NOW, batch, named
from tests.support.live import FREE, postbox, serving, until
from tests.support.shelf import shelve


@pytest.fixture
def box():
    with postbox() as running:
        yield running


def confirmed(live):
    return [one.address for one in live.state.subscribers.confirmed()]


def unsubscribe_path(live, address):
    records = live.state
    records.subscribers.ask(address)
    records.subscribers.confirm(address)
    (one,) = [
        subscriber
        for subscriber in records.subscribers.confirmed()
        if subscriber.address == address
    ]
    return f"/unsubscribe/{records.tokens.issue('unsubscribe', str(one.id), hours=24)}"


def subscribed(live, box, address="ada@reader.example"):
    assert live.visitor().post("/subscribe", address=address).status == 303
    box.wait(1)
    return box.link()


# Signing in


def test_signing_in_takes_the_mailed_link_and_its_button(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        ada = live.visitor()
        answer = ada.post("/sign-in", address="Ada@Reader.example")
        assert (answer.status, answer.headers["location"]) == (303, "sign-in/sent")
        (mail,) = box.wait(1)
        assert mail["To"] == "Ada@reader.example"
        assert mail["From"] == "Panel <weekly@panel.example>"
        page = ada.get(box.link())
        assert "A…@reader.example" in page.text
        assert page.cookies == []
        assert "Sign out" not in ada.get("/sign-in").text
        assert ada.post(box.link()).headers["location"] == "../sign-in"
        page = ada.get("/sign-in").text
        assert "You are signed in. Your votes count as verified." in page
        assert "Sign out" in page


def test_votes_before_signing_in_become_verified(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        ada = live.visitor()
        ada.vote("ship")
        assert live.state.votes.tally("quillstore") == Tally(anonymous=VoteCount(1, 0))
        ada.post("/sign-in", address="ada@reader.example")
        box.wait(1)
        ada.post(box.link())
        assert live.state.votes.tally("quillstore") == Tally(verified=VoteCount(1, 0))
        page = ada.get("/tools/quillstore.html").text
        assert "You voted ship." in page
        assert "1 vote" in live.visitor().get("/tools/quillstore.html").text
        ada.vote("skip")
        assert live.state.votes.tally("quillstore") == Tally(verified=VoteCount(0, 1))


def test_a_sign_in_link_works_once_and_opening_it_uses_nothing_up(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        live.visitor().post("/sign-in", address="ada@reader.example")
        box.wait(1)
        for _ in range(5):  # mail scanners
            assert live.visitor().get(box.link()).status == 200
            assert live.visitor().ask("HEAD", box.link()).cookies == []
        assert live.visitor().post(box.link()).status == 303
        assert live.visitor().post(box.link()).status == 410
        assert "used already" in live.visitor().get(box.link()).text


def test_a_forged_link_is_refused(tmp_path):
    with serving(tmp_path, shelf=False) as live:
        for token in ("x", "WyJhIl0.forged", "a" * 1900, "%00", "%F0%9F%92%A9"):
            for purpose in ("sign-in", "confirm", "unsubscribe"):
                assert live.visitor().get(f"/{purpose}/{token}").status == 404
                assert live.visitor().post(f"/{purpose}/{token}").status == 404


def test_an_old_link_and_one_for_something_else_are_refused(tmp_path):
    with serving(tmp_path, shelf=False) as live:
        tokens, past = live.state.tokens, datetime.now(UTC) - timedelta(hours=2)
        old = tokens.issue("sign-in", "ada@reader.example", hours=1, now=past)
        assert live.visitor().post(f"/sign-in/{old}").status == 410
        other = mailed_links.issue(tokens, "confirm", "ada@reader.example").partition("/")[2]
        assert live.visitor().post(f"/sign-in/{other}").status == 404


def test_signing_out_ends_a_session_also_for_a_stolen_cookie(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        ada, thief = live.visitor(), live.visitor()
        ada.post("/sign-in", address="ada@reader.example")
        box.wait(1)
        ada.post(box.link())
        thief.cookies = dict(ada.cookies)
        assert "Sign out" in thief.get("/sign-in").text
        ada.post("/sign-out")
        assert ada.cookies.keys() == {"panel-notice"}
        assert "Sign out" not in thief.get("/sign-in").text


def test_a_made_up_session_is_none(tmp_path):
    with serving(tmp_path) as live:
        liar = live.visitor()
        liar.cookies["panel-session"] = "WyIxIiwyMDAwMDAwMDAwXQ.aaaaaaaaaaaaaaaaaaaaaaa"
        assert "Sign out" not in liar.get("/sign-in").text
        liar.vote("ship")
        assert live.state.votes.tally("quillstore") == Tally(anonymous=VoteCount(1, 0))


# The weekly mail


def test_w5_subscribing_takes_two_steps_and_leaving_one(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        link = subscribed(live, box)
        assert confirmed(live) == []
        assert live.visitor().get(link).status == 200
        assert confirmed(live) == []
        assert "You are subscribed" in live.visitor().post(link).text
        assert confirmed(live) == ["ada@reader.example"]
        leave = unsubscribe_path(live, "ada@reader.example")
        assert live.visitor().get(leave).status == 200
        assert confirmed(live) == ["ada@reader.example"]
        assert "You are unsubscribed" in live.visitor().post(leave).text
        assert confirmed(live) == []


def test_w5_an_unconfirmed_address_gets_one_message_a_day(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        for _ in range(20):
            live.visitor().post("/subscribe", address="ada@reader.example")
        live.visitor().post("/subscribe", address="bob@reader.example")
        box.wait(2)
        until(lambda: not live.state.mail_queue.is_busy)
        assert sorted(mail["To"] for mail in box.mails) == [
            "ada@reader.example",
            "bob@reader.example",
        ]


def test_w5_the_answer_is_the_same_for_known_and_unknown_addresses(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        live.visitor().post(subscribed(live, box, "known@reader.example"))
        assert confirmed(live) == ["known@reader.example"]
        for path in ("/subscribe", "/sign-in"):
            answers = [
                live.visitor().post(path, address=address)
                for address in ("known@reader.example", "unknown@reader.example")
            ]
            seen = [(a.status, a.body, a.headers | {"date": ""}, a.cookies) for a in answers]
            assert seen[0] == seen[1]


def test_w5_no_answer_waits_for_a_mail(tmp_path):
    # A mail server that takes the connection and never says a word.
    with listen("127.0.0.1", 0) as deaf:
        post = SMTPServer.parse(f"smtp://127.0.0.1:{deaf.getsockname()[1]}")
        mailing = MailSettings(post, Sender("Panel", "weekly@panel.example"))
        with serving(tmp_path, mailing=mailing) as live:
            began = time.monotonic()
            for n in range(5):
                assert live.visitor().post("/subscribe", address=f"a{n}@b.example").status == 303
            assert time.monotonic() - began < 5


def test_w5_confirming_and_leaving_twice_is_no_harm(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        link = subscribed(live, box)
        live.visitor().post(link)
        assert "what you asked for is done" in live.visitor().post(link).text
        assert confirmed(live) == ["ada@reader.example"]
        leave = unsubscribe_path(live, "ada@reader.example")
        for _ in range(3):
            answer = live.visitor().post(leave)
            assert (answer.status, "You are unsubscribed" in answer.text) == (200, True)
        assert confirmed(live) == []


def test_w5_a_link_used_before_says_what_is_true_now(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        people, visitor = live.state.subscribers, live.visitor()
        confirm = subscribed(live, box)
        visitor.post(confirm)
        leave = unsubscribe_path(live, "ada@reader.example")
        assert "You are unsubscribed" in visitor.post(leave).text
        for answer in (visitor.get(leave), visitor.get(confirm), visitor.post(confirm)):
            assert answer.status == 410
            assert "You are not subscribed" in answer.text
        assert visitor.post(leave).status == 200  # a mail program that tries again is told so
        # Subscribed anew, by a new link.
        people.ask("ada@reader.example", datetime.now(UTC) + timedelta(hours=25))
        for answer in (visitor.get(leave), visitor.post(leave), visitor.get(confirm)):
            assert answer.status == 410
            assert "waits to be confirmed" in answer.text
            assert "removed" not in answer.text
        people.confirm("ada@reader.example")
        one_click = visitor.ask("POST", leave, fields={"List-Unsubscribe": "One-Click"})
        for answer in (visitor.get(leave), one_click):
            assert answer.status == 410
            assert "You are subscribed again" in answer.text
            assert "unsubscribed" not in answer.text
        assert "You are subscribed" in visitor.get(confirm).text
        assert confirmed(live) == ["ada@reader.example"]


def test_addresses_that_never_confirm_are_forgotten_after_a_week(tmp_path, box):
    now = datetime.now(UTC)
    with Database.open(None, folder=tmp_path / "community") as database:
        people = Subscribers(database)
        people.ask("never-canary@reader.example", now - UNCONFIRMED - timedelta(hours=1))
        people.ask("late@reader.example", now - UNCONFIRMED + timedelta(hours=1))
        tokens = Tokens(database)
        old = tokens.issue("confirm", "x", hours=1, now=now - timedelta(days=40))
        tokens.spend("confirm", old, now=now - timedelta(days=40))
    with serving(tmp_path, box=box) as live:
        state = live.state.subscribers.state
        until(lambda: state("never-canary@reader.example") is None)
        assert state("late@reader.example") == "asked"
        database = live.state.database.database

        def used():
            with database.reading() as connection:
                return connection.execute(select(spent)).all()

        until(lambda: used() == [])
    assert timedelta(days=7) == UNCONFIRMED
    for file in (tmp_path / "community").iterdir():
        assert b"never-canary" not in file.read_bytes()


def test_w5_a_mail_program_leaves_without_cookies_or_a_page_of_ours(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        webmail = {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}
        for number, headers in enumerate(({}, webmail)):
            leave = unsubscribe_path(live, f"ada{number}@reader.example")
            fields = {"List-Unsubscribe": "One-Click"}
            answer = live.visitor().ask("POST", leave, fields=fields, headers=headers)
            assert answer.status == 200
            assert confirmed(live) == []
        leave = unsubscribe_path(live, "bob@reader.example")
        body = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click'
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert live.visitor().ask("POST", leave, headers=headers, body=body).status == 200
        assert confirmed(live) == []


def test_w5_a_link_confirmed_late_does_not_bring_back_who_left(tmp_path, box):
    with serving(tmp_path, box=box) as live:
        link = subscribed(live, box)
        live.state.subscribers.unsubscribe("ada@reader.example")
        assert live.visitor().post(link).status == 410
        assert confirmed(live) == []


NO_ADDRESSES = (
    "", "nobody", "a@b", "a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "x" * 300,
)  # fmt: skip


def test_w3_what_is_no_address_is_told_and_nothing_is_mailed(tmp_path, box):
    with serving(tmp_path, box=box, shelf=False) as live:
        for address in NO_ADDRESSES:
            for path in ("/subscribe", "/sign-in"):
                answer = live.visitor().post(path, address=address)
                assert (answer.status, address) == (422, address)
                assert "\r" not in answer.text
                assert "\r\n" not in str(answer.headers)
        until(lambda: not live.state.mail_queue.is_busy)
        assert box.mails == []


def test_w2_mails_to_one_address_are_few(tmp_path, box):
    rates = FREE | {"mail_address": Rate(burst=3, per_minute=0.2)}
    with serving(tmp_path, box=box, rates=rates, shelf=False) as live:
        answers = [live.visitor().post("/sign-in", address="Ada@Reader.example") for _ in range(9)]
        assert [a.status for a in answers] == [303] * 3 + [429] * 6
        assert int(answers[-1].headers["retry-after"]) > 60
        box.wait(3)
        until(lambda: not live.state.mail_queue.is_busy)
        assert len(box.mails) == 3


def test_w2_mails_to_one_mailbox_are_few_however_it_is_spelled(tmp_path, box):
    rates = FREE | {"mail_address": Rate(burst=2, per_minute=0.01)}
    spelled = ("ada.l@gmail.com", "AdaL@gmail.com", "a.d.a.l+x@googlemail.com", "adal+y@gmail.com")
    with serving(tmp_path, box=box, rates=rates, shelf=False) as live:
        seen = [
            live.visitor().post(("/sign-in", "/subscribe")[n % 2], address=address).status
            for n, address in enumerate(spelled)
        ]
        assert seen == [303, 303, 429, 429]
        assert live.visitor().post("/sign-in", address="ada.l@reader.example").status == 303


def test_without_a_mail_server_nothing_is_offered(tmp_path):
    with serving(tmp_path) as live:
        assert "no mail can be sent" in live.visitor().get("/sign-in").text
        assert 'action="subscribe"' not in live.visitor().get("/").text
        assert live.visitor().post("/subscribe", address="a@b.example").status == 503
        assert live.visitor().post("/sign-in", address="a@b.example").status == 503


def test_a_mail_that_cannot_be_sent_is_tried_again_and_told_without_its_address(tmp_path, box):
    with listen("127.0.0.1", 0) as spare:
        port = spare.getsockname()[1]
    mailing = MailSettings(
        SMTPServer.parse(f"smtp://127.0.0.1:{port}"), Sender("Panel", "p@panel.example")
    )
    with serving(tmp_path, mailing=mailing, mail_pauses=(0.1, 0.1)) as live:
        live.visitor().post("/subscribe", address="canary@reader.example")
        until(lambda: any("given up" in line for line in live.log))
        assert not any("canary" in line for line in live.log)
        # It never went out, so it may be asked for again at once.
        until(lambda: live.state.subscribers.ask("canary@reader.example"))


def test_w5_every_link_of_a_real_issue_leads_somewhere_and_its_headers_end_it(tmp_path, box):
    shelve(tmp_path / "runs", [*batch(), named("Rival")])
    with serving(tmp_path, box=box) as live:
        subscribers = live.state.subscribers
        subscribers.ask("ada@reader.example")
        subscribers.confirm("ada@reader.example")
        weekly = edition(Archive.open(tmp_path / "runs"), Week.of(NOW))
        issue = Issue.of(weekly, PageURLs.parse(live.url))
        database = live.state.database.database
        Sends(database).open(issue.week, issue.write())
        mailing = live.state.config.mailing
        assert Sending(database, mailing, issue).run().sent == 1
        (mail,) = box.wait(1)
        page = mail.get_body(("html",)).get_content()
        places = set(re.findall(rf'href="{live.url}(/[^"]*)"', page))
        assert len(places) > 3
        assert {place: live.visitor().get(place).status for place in places} == dict.fromkeys(
            places, 200
        )
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        leave = mail["List-Unsubscribe"].strip("<>").removeprefix(live.url)
        fields = {"List-Unsubscribe": "One-Click"}
        assert live.visitor().ask("POST", leave, fields=fields).status == 200
        assert confirmed(live) == []
