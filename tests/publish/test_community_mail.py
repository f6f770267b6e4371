"""Subscribers, sends, tokens and addresses, on SQLite and on PostgreSQL."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from panel.foundation.errors import AddressError, TokenError
from panel.publish.community.database import Database
from panel.publish.community.deliveries import SendProgress, Sends
from panel.publish.community.email_address import mailbox, normalize_address
from panel.publish.community.subscribers import Subscribers
from panel.publish.community.tables import spent, subscribers
from panel.publish.community.tokens import Tokens

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = "2026-W47"


def confirmed(database, *addresses):
    people = Subscribers(database)
    for address in addresses:
        people.ask(address, NOON)
        assert people.confirm(address, now=NOON)
    return [person.id for person in people.confirmed()]


# Subscribers


def test_w5_an_unconfirmed_address_is_mailed_once_in_24_hours(database):
    people = Subscribers(database)
    assert people.ask("ada@example.org", NOON)
    assert not people.ask("ADA@example.org", NOON + 23 * HOUR)
    assert people.ask("ada@example.org", NOON + 24 * HOUR)
    assert not people.ask("ada@example.org", NOON + 25 * HOUR)
    assert list(people.confirmed()) == []


def test_w5_of_64_asking_at_once_one_is_mailed(database):
    with ThreadPoolExecutor(16) as pool:
        due = pool.map(lambda _: Subscribers(database).ask("ada@example.org", NOON), range(64))
    assert sum(due) == 1


SPELLINGS = (
    "ada.lovelace@gmail.com", "adalovelace@gmail.com", "Ada.Love.Lace@GoogleMail.com",
    "adalovelace+news@gmail.com", "a.d.a.lovelace+x+y@googlemail.com",
)  # fmt: skip


def test_w5_all_spellings_of_a_mailbox_are_mailed_once_in_24_hours(database):
    people = Subscribers(database)
    assert [people.ask(spelling, NOON) for spelling in SPELLINGS] == [True] + [False] * 4
    assert people.ask(SPELLINGS[3], NOON + 24 * HOUR)
    assert not people.ask(SPELLINGS[0], NOON + 25 * HOUR)
    assert people.ask("bob+news@b\u00fccher.example", NOON)
    assert not people.ask("BOB@xn--bcher-kva.example", NOON)
    assert people.ask("bob@example.org", NOON)


def test_w5_of_many_spellings_at_once_one_is_mailed(database):
    with ThreadPoolExecutor(16) as pool:
        results = pool.map(
            lambda n: Subscribers(database).ask(f"ada+{n}@example.org", NOON), range(32)
        )
    assert sum(results) == 1


def test_w5_a_confirmed_address_is_never_asked_again(database):
    confirmed(database, "ada@example.org")
    assert not Subscribers(database).ask("ada@example.org", NOON + 100 * HOUR)
    assert Subscribers(database).confirm("ada@example.org")
    assert [p.address for p in Subscribers(database).confirmed()] == ["ada@example.org"]


def test_w5_unsubscribing_is_idempotent_and_the_address_is_gone(database):
    people = Subscribers(database)
    _, bea = confirmed(database, "ada@example.org", "bea@example.org")
    assert people.unsubscribe("ada@example.org")
    assert not people.unsubscribe("ada@example.org")
    assert people.leave(bea)
    assert not people.leave(bea)
    with database.reading() as connection:
        rows = connection.execute(select(subscribers)).all()
    assert {(row.state, row.address) for row in rows} == {("left", None)}
    assert list(people.confirmed()) == []
    assert not people.unsubscribe("nobody@example.org")


def test_w5_an_old_confirmation_does_not_bring_back_who_has_left(database):
    people = Subscribers(database)
    confirmed(database, "ada@example.org")
    people.unsubscribe("ada@example.org")
    assert not people.confirm("ada@example.org")
    assert not people.confirm("nobody@example.org")
    assert people.ask("ada@example.org", NOON + 25 * HOUR)
    assert people.confirm("ada@example.org")


def test_a_confirmation_that_could_not_be_mailed_is_due_again(database):
    people = Subscribers(database)
    assert people.ask("ada@example.org", NOON)
    people.not_mailed("ada@example.org")
    assert people.ask("ada@example.org", NOON)


def test_addresses_that_never_confirm_are_forgotten(database):
    people = Subscribers(database)
    people.ask("old@example.org", NOON)
    people.ask("new@example.org", NOON + 48 * HOUR)
    assert people.forget_unconfirmed(NOON + 24 * HOUR) == 1
    assert not people.confirm("old@example.org")
    assert people.confirm("new@example.org")


def test_nothing_stays_of_an_address_that_never_confirmed(database):
    people = Subscribers(database)
    (again,) = confirmed(database, "again@example.org")
    Sends(database).open(WEEK, "text", now=NOON)
    Sends(database).claim(WEEK, again)
    people.leave(again, now=NOON)
    people.ask("again@example.org", NOON + 48 * HOUR)
    people.ask("never@example.org", NOON)
    assert people.forget_unconfirmed(NOON + 72 * HOUR) == 2
    with database.reading() as connection:
        rows = connection.execute(select(subscribers)).all()
    # Who got an edition before is a row without an address: the same edition is never sent twice.
    assert [(row.id, row.address, row.state) for row in rows] == [(again, None, "left")]
    assert people.state("again@example.org") == people.state(again) == "left"
    assert people.state("never@example.org") is None


def test_subscribers_beyond_one_page_all_come_once(database):
    with database.writing() as connection:
        connection.execute(
            subscribers.insert(),
            [{"key": f"k{n}", "address": f"a{n}@example.org", "state": "confirmed",
              "changed": NOON} for n in range(1203)],
        )  # fmt: skip
    addresses = [person.address for person in Subscribers(database).confirmed()]
    assert addresses == [f"a{n}@example.org" for n in range(1203)]


def test_no_trace_of_an_address_is_in_the_file_after_leaving(tmp_path):
    with Database.open(None, folder=tmp_path) as database:
        confirmed(database, "very-rare-name@example.org")
        Subscribers(database).unsubscribe("very-rare-name@example.org")
    for path in tmp_path.iterdir():
        assert b"very-rare-name" not in path.read_bytes(), path


# Sends


def test_w5_a_mail_is_claimed_once_and_left_until_then(database):
    ada, bea = confirmed(database, "ada@example.org", "bea@example.org")
    sends = Sends(database)
    sends.open(WEEK, "text")
    assert [p.id for p in sends.left(WEEK)] == [ada, bea]
    assert sends.claim(WEEK, ada)
    assert not sends.claim(WEEK, ada)
    assert [p.id for p in sends.left(WEEK)] == [bea]
    sends.done(WEEK, ada)
    assert not sends.claim(WEEK, ada)
    assert sends.progress(WEEK) == SendProgress(sent=1, failed=0, uncertain=0, left=1)
    sends.open("2026-W48", "text")
    assert [p.id for p in sends.left("2026-W48")] == [ada, bea]


def test_w5_of_many_senders_at_once_one_gets_the_mail(database):
    (ada,) = confirmed(database, "ada@example.org")
    sends = Sends(database)
    sends.open(WEEK, "text")
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda _: sends.claim(WEEK, ada), range(32))) == 1


def test_a_claim_can_be_given_back_but_not_what_was_sent(database):
    (ada,) = confirmed(database, "ada@example.org")
    sends = Sends(database)
    sends.open(WEEK, "text")
    sends.claim(WEEK, ada)
    sends.release(WEEK, ada)
    assert sends.claim(WEEK, ada)
    sends.done(WEEK, ada)
    sends.release(WEEK, ada)
    assert not sends.claim(WEEK, ada)


def test_a_mail_turned_down_for_good_is_listed_and_not_left(database):
    (ada,) = confirmed(database, "ada@example.org")
    sends = Sends(database)
    sends.open(WEEK, "text")
    sends.claim(WEEK, ada)
    sends.failed(WEEK, ada, message="550 no such\x1b[31m mailbox")
    (one,) = sends.refused(WEEK)
    assert (one.address, one.state, one.message) == (
        "ada@example.org", "failed", "550 no such[31m mailbox",
    )  # fmt: skip
    assert list(sends.left(WEEK)) == []


def test_who_leaves_during_the_sending_is_not_claimed(database):
    (ada,) = confirmed(database, "ada@example.org")
    sends = Sends(database)
    sends.open(WEEK, "text")
    (due,) = sends.left(WEEK)
    Subscribers(database).leave(ada)
    assert not sends.claim(WEEK, due.id)


def test_who_comes_back_does_not_get_the_same_edition_twice(database):
    (ada,) = confirmed(database, "ada@example.org")
    sends = Sends(database)
    sends.open(WEEK, "text")
    sends.claim(WEEK, ada)
    sends.done(WEEK, ada)
    Subscribers(database).unsubscribe("ada@example.org")
    Subscribers(database).ask("ada@example.org", NOON + 48 * HOUR)
    Subscribers(database).confirm("ada@example.org")
    assert list(sends.left(WEEK)) == []


def test_everybody_gets_the_edition_as_it_was_when_sending_began(database):
    sends = Sends(database)
    assert sends.open(WEEK, "first") == "first"
    assert sends.open(WEEK, "second") == "first"
    sends.open("2026-W48", "next")
    assert sends.weeks() == ("2026-W48", WEEK)


# Forks one sender after another, so that imports are paid once and a kill hits only sending.
SENDERS = """
import os, sys
from pathlib import Path
from panel.publish.community.database import Database
from panel.publish.community.deliveries import Sends

def send():
    with Database.open(sys.argv[1], folder=Path(sys.argv[2])) as database:
        sends = Sends(database)
        sends.open("2026-W47", "text")
        for person in sends.left("2026-W47"):
            if sends.claim("2026-W47", person.id):
                os.write(1, f"{person.id}\\n".encode())  # the mail goes out
                sends.done("2026-W47", person.id)

for line in sys.stdin:
    if (pid := os.fork()) == 0:
        send()
        os._exit(0)
    os.write(1, f"pid {pid}\\n".encode())
    os.waitpid(pid, 0)
    os.write(1, b"ended\\n")
"""


def test_w5_a_kill_in_the_middle_of_sending_makes_no_duplicate(database, database_url, tmp_path):
    everybody = confirmed(database, *(f"p{n}@example.org" for n in range(60)))
    command = [sys.executable, "-c", SENDERS, database_url, str(tmp_path / "community")]
    mailed = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as senders:
        for kill_after in (7, 19, None):
            senders.stdin.write("go\n")
            senders.stdin.flush()
            number, pid = 0, None
            while (line := senders.stdout.readline().strip()) != "ended":
                if line.startswith("pid"):
                    pid = int(line.split()[1])
                else:
                    mailed.append(int(line))
                    number += 1
                if pid and kill_after and number >= kill_after:
                    os.kill(pid, signal.SIGKILL)
                    kill_after = None
    uncertain = [send.subscriber for send in Sends(database).uncertain(WEEK)]
    assert len(mailed) == len(set(mailed))
    assert set(mailed) | set(uncertain) == set(everybody)
    assert len(uncertain) <= 2
    assert Sends(database).progress(WEEK).left == 0


# Tokens


def test_a_token_gives_back_its_subject_until_it_is_spent(database):
    tokens = Tokens(database)
    token = tokens.issue("confirm", "ada@example.org", hours=48, now=NOON)
    assert tokens.read("confirm", token, now=NOON) == "ada@example.org"
    assert tokens.read("confirm", token, now=NOON) == "ada@example.org"
    assert tokens.spend("confirm", token, now=NOON) == "ada@example.org"
    for use in (tokens.read, tokens.spend):
        with pytest.raises(TokenError) as caught:
            use("confirm", token, now=NOON)
        assert caught.value.reason == "spent"


def test_of_64_spending_a_token_at_once_one_succeeds(database):
    tokens = Tokens(database)
    token = tokens.issue("sign-in", "ada@example.org", hours=1)

    def spend(_):
        try:
            return tokens.spend("sign-in", token)
        except TokenError as error:
            return error.reason

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(spend, range(64)))
    assert sorted(results) == ["ada@example.org", *["spent"] * 63]


def test_a_token_is_good_for_one_purpose_one_installation_and_a_time(database, tmp_path):
    tokens = Tokens(database)
    token = tokens.issue("confirm", "ada@example.org", hours=48, now=NOON)
    reasons = {}
    with Database.open(None, folder=tmp_path / "elsewhere") as other:
        for name, keeper, purpose, now in (
            ("purpose", tokens, "sign-in", NOON),
            ("installation", Tokens(other), "confirm", NOON),
            ("time", tokens, "confirm", NOON + 49 * HOUR),
        ):
            for use in (keeper.read, keeper.spend):
                with pytest.raises(TokenError) as caught:
                    use(purpose, token, now=now)
                reasons[name, use.__name__] = caught.value.reason
    assert set(reasons.values()) == {"forged", "expired"}
    assert [name for (name, _), reason in reasons.items() if reason == "expired"] == ["time"] * 2
    # An attempt that came too late spends nothing.
    assert tokens.spend("confirm", token, now=NOON) == "ada@example.org"


@given(cut=st.integers(0, 200), junk=st.text(max_size=3))
def test_a_changed_token_is_forged(tokens, cut, junk):
    token = tokens.issue("confirm", "ada@example.org", hours=48)
    changed = token[:cut] + junk + token[cut + 1 :]
    if changed == token:
        return
    with pytest.raises(TokenError) as caught:
        tokens.read("confirm", changed)
    assert caught.value.reason == "forged"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    with Database.open(None, folder=tmp_path_factory.mktemp("tokens")) as database:
        yield Tokens(database)


def test_a_token_longer_than_any_link_is_not_even_read(database):
    with pytest.raises(TokenError):
        Tokens(database).read("confirm", "a" * 1_000_000)


def test_spent_tokens_do_not_pile_up(database):
    tokens = Tokens(database)
    for n in range(3):
        now = NOON + timedelta(days=n * 40)
        tokens.spend("confirm", tokens.issue("confirm", "x", hours=1, now=now), now=now)
    with database.reading() as connection:
        assert len(connection.execute(select(spent)).all()) == 1


# Addresses


@pytest.mark.parametrize(
    ("given_one", "expected"),
    [
        (" Ada.L@Example.ORG ", "Ada.L@example.org"),
        ("ada@bücher.example.org", "ada@xn--bcher-kva.example.org"),
        ("ada+digest@example.org", "ada+digest@example.org"),
    ],
)
def test_an_address_is_brought_to_the_form_mail_is_sent_to(given_one, expected):
    assert normalize_address(given_one) == expected


@pytest.mark.parametrize(
    "address",
    ["", "ada", "ada@", "@example.org", "ada@example", "ada@exa mple.org", "ada@localhost",
     "ada@[127.0.0.1]", '"ada l"@example.org', "ada@example.org\nBcc: all@example.org",
     "ada@example.org\r\nSubject: x", "a\0da@example.org", "Ada <ada@example.org>",
     "ada@example.org,bea@example.org", "ädä@example.org", "a" * 65 + "@example.org",
     "a@" + "b" * 300 + ".org", "ada@example.org\u2028", "ada@\ud800.org", "x" * 100_000],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_one_printable_line(address):
    with pytest.raises(AddressError) as caught:
        normalize_address(address)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 120


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_typed_is_an_address_or_an_error(local, domain):
    try:
        address = normalize_address(f"{local}@{domain}")
    except AddressError:
        return
    assert address.isascii()
    assert address.isprintable()
    assert " " not in address
    assert normalize_address(address) == address


def test_one_mailbox_has_many_spellings():
    same = {"ada@example.org", "ADA@example.org", "ada+x@Example.Org"}
    assert {mailbox(spelling) for spelling in same} == {"ada@example.org"}
    assert mailbox("a.d@example.org") == "a.d@example.org"
    assert mailbox("+x@example.org") == "+x@example.org"


def test_the_secret_is_for_the_owner_only(tmp_path: Path):
    Database.open(None, folder=tmp_path / "data").close()
    for name in ("secret", "panel.db"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0
    assert len((tmp_path / "data" / "secret").read_bytes()) == 32
