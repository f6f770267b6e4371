"""Sending an edition: one mail per confirmed address, over a real server, on both databases."""

import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from panel.foundation.errors import DatabaseError, MailRefused
from panel.publish.community.database import Database
from panel.publish.community.deliveries import Sends
from panel.publish.community.subscribers import Subscribers
from panel.publish.community.tokens import Tokens
from panel.publish.newsletter.edition import edition
from panel.publish.newsletter.issue import Issue
from panel.publish.newsletter.mime import Sender
from panel.publish.newsletter.sending import Pace, Sending
from panel.publish.newsletter.settings import MailSettings
from panel.publish.newsletter.smtp import SMTPServer
from panel.publish.newsletter.week import Week
from panel.publish.page_urls import PageURLs
from panel.runs.history.archive import Archive
from tests.support.cards import batch
from tests.support.postbox import postbox
from tests.support.shelf import shelve

WEEK = Week(2026, 47)
PLACES = PageURLs.parse("https://panel.example")
SENDER = Sender("Panel", "weekly@panel.example")
QUICK = Pace(per_minute=60_000, pauses=(0, 0))


@pytest.fixture
def box():
    with postbox() as server:
        yield server


@pytest.fixture
def sqlite(tmp_path):
    """Where the database makes no difference: the quicker one."""
    with Database.open(None, folder=tmp_path / "community") as opened:
        yield opened


@pytest.fixture
def issue(tmp_path):
    shelve(tmp_path / "runs", batch(), created=WEEK.start + timedelta(days=1))
    return Issue.of(edition(Archive.open(tmp_path / "runs"), WEEK), PLACES)


def readers(database, count=5):
    """Confirm so many subscribers; return their addresses."""
    addresses = [f"reader{n}@reader.example" for n in range(count)]
    known = Subscribers(database)
    for address in addresses:
        known.ask(address)
        known.confirm(address)
    return addresses


def sending(database, box, issue, *, pace=QUICK, timeout=20.0):
    Sends(database).open(str(WEEK), issue.write())
    server = replace(SMTPServer.parse(box.url), timeout=timeout)
    return Sending(database, MailSettings(server, SENDER), issue, pace=pace)


def counts(result):
    return (result.sent, result.failed, result.uncertain, result.left)


def test_w5_every_confirmed_address_gets_one_mail_and_nobody_else_any(database, box, issue):
    addresses = readers(database)
    known = Subscribers(database)
    known.ask("asked@reader.example")
    known.unsubscribe(addresses[0])
    result = sending(database, box, issue).run()
    assert counts(result) == (4, 0, 0, 0)
    assert box.counts == dict.fromkeys(addresses[1:], 1)


def test_w5_a_second_run_sends_nothing(database, box, issue):
    readers(database)
    sending(database, box, issue).run()
    assert counts(sending(database, box, issue).run()) == (5, 0, 0, 0)
    assert len(box.mails) == 5


def test_w5_every_mail_has_a_link_of_its_own_that_the_server_will_honour(database, box, issue):
    addresses = readers(database)
    sending(database, box, issue).run()
    ids = {subscriber.address: subscriber.id for subscriber in Subscribers(database).confirmed()}
    tokens = set()
    for address, mail in box.mails:
        link = mail["List-Unsubscribe"].strip("<>")
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        for kind in ("plain", "html"):
            assert link in mail.get_body((kind,)).get_content()
        token = link.removeprefix("https://panel.example/unsubscribe/")
        assert Tokens(database).read("unsubscribe", token) == str(ids[address])
        tokens.add(token)
        assert address not in link
    assert len(tokens) == len(addresses)


def test_a_link_still_works_after_eleven_months(sqlite, box, issue):
    readers(sqlite, 1)
    sending(sqlite, box, issue).run()
    token = box.mails[0][1]["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    later = datetime.now(UTC) + timedelta(days=330)
    assert Tokens(sqlite).spend("unsubscribe", token, now=later)


def test_the_same_mail_has_the_same_message_id_and_readers_have_different_ones(sqlite, box, issue):
    addresses = readers(sqlite, 3)
    box.faults[addresses[0]] = ["take and drop"]
    first = sending(sqlite, box, issue)
    first.run()
    (unsure,) = Sends(sqlite).uncertain(str(WEEK))
    Sends(sqlite).release(str(WEEK), unsure.subscriber)
    sending(sqlite, box, issue).run()
    ids = [mail["Message-ID"] for address, mail in box.mails if address == addresses[0]]
    assert ids == [first.message_id(unsure.subscriber)] * 2
    assert len({mail["Message-ID"] for _, mail in box.mails}) == 3


def test_a_mail_put_off_is_tried_again_and_arrives(sqlite, box, issue):
    addresses = readers(sqlite)
    box.faults[addresses[1]] = ["451 later", "450 later still"]
    box.faults[addresses[2]] = ["421 closing"]
    box.faults[addresses[3]] = ["data 452 full"]
    assert counts(sending(sqlite, box, issue).run()) == (5, 0, 0, 0)
    assert set(box.counts.values()) == {1}


def test_a_mail_put_off_too_often_is_left_for_the_next_run(sqlite, box, issue):
    addresses = readers(sqlite)
    box.faults[addresses[0]] = ["451 later"] * 3
    first = sending(sqlite, box, issue)
    assert counts(first.run()) == (4, 0, 0, 1)
    assert "451 later" in first.trouble
    assert counts(sending(sqlite, box, issue).run()) == (5, 0, 0, 0)
    assert set(box.counts.values()) == {1}


def test_an_address_turned_down_for_good_is_kept_as_failed_and_not_tried_again(sqlite, box, issue):
    addresses = readers(sqlite)
    box.faults[addresses[0]] = ["550 5.1.1 no such user reader0@reader.example"]
    assert counts(sending(sqlite, box, issue).run()) == (4, 1, 0, 0)
    assert counts(sending(sqlite, box, issue).run()) == (4, 1, 0, 0)
    assert addresses[0] not in box.counts
    (failed,) = Sends(sqlite).refused(str(WEEK))
    assert "550" in failed.message
    assert "reader0" not in failed.message


def test_a_failed_mail_that_a_person_frees_is_sent(sqlite, box, issue):
    addresses = readers(sqlite, 2)
    box.faults[addresses[0]] = ["550 not today"]
    sending(sqlite, box, issue).run()
    (failed,) = Sends(sqlite).refused(str(WEEK))
    Sends(sqlite).forgive(str(WEEK), failed.subscriber)
    assert counts(sending(sqlite, box, issue).run()) == (2, 0, 0, 0)


@pytest.mark.parametrize("fault", ["take and drop", "lose and drop", "hang"])
def test_w5_a_mail_that_may_have_gone_out_is_listed_and_never_sent_by_itself(
    database, box, issue, fault
):
    addresses = readers(database)
    box.faults[addresses[2]] = [fault]
    timeout = 2.0 if fault == "hang" else 20.0
    assert counts(sending(database, box, issue, timeout=timeout).run()) == (4, 0, 1, 0)
    assert counts(sending(database, box, issue).run()) == (4, 0, 1, 0)
    assert [send.address for send in Sends(database).uncertain(str(WEEK))] == [addresses[2]]
    assert box.counts[addresses[2]] <= 1
    assert all(box.counts[send] == 1 for send in addresses if send != addresses[2])


def test_a_server_that_is_down_ends_the_run_early_with_everybody_left(sqlite, box, issue):
    addresses = readers(sqlite, 20)
    for address in addresses:
        box.faults[address] = ["421 down"] * 9
    assert counts(sending(sqlite, box, issue).run()) == (0, 0, 0, 20)
    # Three rounds, each ended after five mails.
    assert sum(9 - len(faults) for faults in box.faults.values()) == 15
    box.faults.clear()
    assert counts(sending(sqlite, box, issue).run()) == (20, 0, 0, 0)


def test_readers_put_off_one_by_one_do_not_keep_others_waiting(sqlite, box, issue):
    addresses = readers(sqlite, 20)
    for address in addresses[:10]:
        box.faults[address] = ["450 greylisted"] * 9
    assert counts(sending(sqlite, box, issue).run()) == (10, 0, 0, 10)


def test_a_server_that_refuses_the_sender_burns_no_address(sqlite, box, issue):
    readers(sqlite)
    box.sender_answer = "550 who are you"
    with pytest.raises(MailRefused):
        sending(sqlite, box, issue).run()
    assert counts(Sends(sqlite).progress(str(WEEK))) == (0, 0, 0, 5)


def test_who_unsubscribes_during_the_sending_gets_no_mail(sqlite, box, issue):
    addresses = readers(sqlite)
    box.on_mail = lambda recipient: Subscribers(sqlite).unsubscribe(addresses[3])
    assert counts(sending(sqlite, box, issue).run()) == (4, 0, 0, 0)
    assert addresses[3] not in box.counts


def test_w5_two_senders_at_once_send_every_mail_once(database_url, tmp_path, box, issue):
    folder = tmp_path / "community"
    with (
        Database.open(database_url, folder=folder) as one,
        Database.open(database_url, folder=folder) as two,
    ):
        addresses = readers(one, 30)
        both = [sending(sender, box, issue) for sender in (one, two)]
        threads = [threading.Thread(target=sender.run) for sender in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert box.counts == dict.fromkeys(addresses, 1)
        assert counts(Sends(one).progress(str(WEEK))) == (30, 0, 0, 0)


def test_the_pace_is_kept(sqlite, box, issue):
    readers(sqlite, 4)
    moments = []
    box.on_mail = lambda recipient: moments.append(datetime.now(UTC))
    sending(sqlite, box, issue, pace=Pace(per_minute=300, pauses=())).run()
    assert moments[-1] - moments[0] > timedelta(seconds=3 * 0.2 - 0.1)


def test_told_to_stop_it_ends_after_the_mail_under_way(sqlite, box, issue):
    readers(sqlite)
    work = sending(sqlite, box, issue)
    box.on_mail = lambda recipient: work.stop()
    assert counts(work.run()) == (1, 0, 0, 4)
    assert len(box.mails) == 1


def test_an_issue_is_kept_word_for_word_and_another_format_is_refused(issue):
    assert Issue.read(issue.write(), "2026-W47") == issue
    for body in ("", "{}", issue.write().replace("panel.issue/1", "panel.issue/2")):
        with pytest.raises(DatabaseError, match="2026-W47"):
            Issue.read(body, "2026-W47")


def test_only_the_link_differs_between_readers(issue):
    one, two = issue.mail("https://a.example/1"), issue.mail("https://a.example/2")
    assert issue.mark not in one.text + one.html
    assert one.text.replace("a.example/1", "a.example/2") == two.text
    assert len(re.findall("https://a.example/1", one.html)) == 1
