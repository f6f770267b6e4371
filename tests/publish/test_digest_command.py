"""`panel digest` and `panel digest send` as a user runs them, killed in the middle too."""

import json
import os
import random
import re
import sys
import time
from datetime import timedelta
from typing import NamedTuple

import pytest

from panel.publish.community.database import Database
from panel.publish.community.deliveries import Sends
from panel.publish.community.subscribers import Subscribers
from panel.publish.newsletter.week import Week
from tests.support.cards import batch
from tests.support.postbox import postbox
from tests.support.shelf import shelve

WEEK = Week(2026, 45)
SEND = ("digest", "send", "--week", WEEK, "--per-minute", 60_000, "--rounds", 1)
SECRET = "canary-Secret-42"


@pytest.fixture
def box():
    with postbox() as server:
        yield server


@pytest.fixture
def shop(desk, box):
    """A desk with a week's verdicts, and an environment that names the server and the pages."""
    shelve(desk.folder / "runs", batch(), created=WEEK.start + timedelta(days=1))
    (desk.folder / "community").mkdir()
    desk.env |= {
        "PANEL_SMTP_URL": box.url,
        "PANEL_MAIL_FROM": "Panel <weekly@panel.example>",
        "PANEL_BASE_URL": "https://panel.example",
    }
    return desk


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def typed(shop, monkeypatch, capfd):
    """Run `panel` in this process, which is quicker than in one of its own."""
    from panel.cli.main import main

    def run(*args, **env):
        with monkeypatch.context() as patch:
            patch.chdir(shop.folder)
            for name in set(os.environ) - {"PATH"}:
                patch.delenv(name)
            for name, value in shop.environment(**env).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["panel", *map(str, args)])
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
            return Done(ended.value.code, *capfd.readouterr())

    return run


def opened(desk):
    return Database.open(None, folder=desk.folder / "community")


def readers(desk, count):
    addresses = [f"reader{n}@reader.example" for n in range(count)]
    with opened(desk) as database:
        for address in addresses:
            Subscribers(database).ask(address)
            Subscribers(database).confirm(address)
    return addresses


def test_the_edition_is_printed_as_text_and_written_in_every_form(typed, shop):
    done = typed("digest", "--week", WEEK)
    assert done.returncode == 0, done.stderr
    assert "PANEL WEEKLY" in done.stdout
    assert "https://panel.example/tools/quillstore.html" in done.stdout
    assert "Ship it: 3 of 4 reviewers would." in " ".join(done.stdout.split())
    assert done.stderr == ""
    unlinked = typed("digest", "--week", WEEK, PANEL_BASE_URL="")
    assert "https://" not in unlinked.stdout
    assert unlinked.stderr.startswith("note: nothing is linked: --base-url URL says where")
    done = typed("digest", "--week", WEEK, "--out", "weekly")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (shop.folder / "weekly").iterdir()}
    assert names == {f"{WEEK}{ending}" for ending in (".txt", ".html", ".md", ".json")}
    document = json.loads((shop.folder / "weekly" / f"{WEEK}.json").read_text())
    assert (document["week"], len(document["new"])) == (str(WEEK), 5)
    assert document["feed"]["link"] == "https://panel.example/"


def test_one_form_alone_is_written_when_asked_for(typed, shop):
    typed("digest", "--week", WEEK, "--out", "weekly", "--format", "markdown")
    (path,) = (shop.folder / "weekly").iterdir()
    assert path.name == f"{WEEK}.md"
    done = typed("digest", "--week", WEEK, "--format", "json")
    assert json.loads(done.stdout)["schema"] == "panel.digest/1"


def test_without_a_week_it_is_the_last_whole_one(desk):
    done = desk.run("digest")
    assert done.returncode == 0, done.stderr
    assert "No tool was reviewed in the week of" in done.stdout


def test_what_cannot_be_done_is_said_in_one_line_with_the_next_step(typed, shop):
    readers(shop, 1)
    for args, env, message in [
        (("digest", "--week", "2026-W60"), {}, "there is no week 60 in 2026"),
        (("digest", "--base-url", "http://panel.example"), {}, "the base URL must be https"),
        (("digest", "send", "--week", "2090-W01"), {}, "is not over"),
        (SEND, {"PANEL_SMTP_URL": ""}, "PANEL_SMTP_URL is not set"),
        (SEND, {"PANEL_MAIL_FROM": "x"}, "PANEL_MAIL_FROM is not one mail address"),
        (SEND, {"PANEL_BASE_URL": ""}, "where the pages are"),
        ((*SEND, "--data", "nowhere"), {}, "nowhere is no folder"),
        ((*SEND, "--resend", "7"), {}, "has nothing to settle"),
    ]:
        done = typed(*args, **env)
        assert done.returncode == 2, (args, done.stderr)
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        prefixes = [line.partition(":")[0] for line in done.stderr.splitlines()]
        assert [word for word in prefixes if word != "warning"] == ["error", "hint"]


def test_everybody_gets_the_mail_and_nobody_is_named(typed, shop, box):
    addresses = readers(shop, 3)
    done = typed(*SEND)
    assert (done.returncode, done.stdout) == (
        0, f"{WEEK}: 3 sent, 0 failed, 0 uncertain, 0 left\n",
    )  # fmt: skip
    assert box.counts == dict.fromkeys(addresses, 1)
    assert "@" not in done.stdout + done.stderr
    again = typed(*SEND)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert len(box.mails) == 3


def test_a_dry_run_sends_nothing_and_writes_nothing(typed, shop, box):
    readers(shop, 2)
    done = typed(*SEND, "--dry-run", PANEL_SMTP_URL="")
    assert done.returncode == 0, done.stderr
    assert f"{WEEK}: 0 sent, 0 failed, 0 uncertain, 2 left" in done.stderr
    assert "Quillstore" in done.stdout
    assert box.connections == 0
    with opened(shop) as database:
        assert Sends(database).weeks() == ()


def test_an_empty_week_can_be_kept_back(typed, shop, box):
    readers(shop, 1)
    done = typed("digest", "send", "--week", "2026-W10", "--skip-empty")
    assert done.returncode == 0
    assert "nothing was reviewed" in done.stderr
    assert box.mails == []


def test_subscribers_are_counted_and_named_only_when_asked(typed, shop):
    addresses = readers(shop, 2)
    assert typed("digest", "subscribers").stdout == "2 confirmed\n"
    named = typed("digest", "subscribers", "--addresses").stdout
    assert named.splitlines() == addresses


def test_failed_mails_exit_1_and_are_listed_with_what_to_type(typed, shop, box):
    addresses = readers(shop, 2)
    box.faults[addresses[0]] = ["550 no such user"]
    done = typed(*SEND)
    assert done.returncode == 1
    assert done.stdout == f"{WEEK}: 1 sent, 1 failed, 0 uncertain, 0 left\n"
    assert "550 no such user" in done.stderr
    assert "@" not in done.stderr
    assert addresses[0] in typed(*SEND, "--addresses").stderr
    (next_step,) = re.findall(r"again: panel (.*)", done.stderr)
    assert typed(*next_step.split()).returncode == 0
    assert box.counts == dict.fromkeys(addresses, 1)


def test_a_server_that_is_not_there_exits_3_with_what_to_type(typed, shop, box):
    readers(shop, 1)
    done = typed(*SEND, PANEL_SMTP_URL="smtp://127.0.0.1:9")
    assert done.returncode == 3
    assert "127.0.0.1:9: nothing listens there" in done.stderr
    (next_step,) = re.findall(r"to go on: panel (.*)", done.stderr)
    assert typed(*next_step.split()).returncode == 0
    assert len(box.mails) == 1


def test_o4_a_password_is_nowhere_to_be_seen(shop, box):
    readers(shop, 1)
    url = box.url.replace("//", f"//user:{SECRET}@")
    for args in (("--debug", *SEND), (*SEND, "--dry-run")):
        done = shop.run(*args, PANEL_SMTP_URL=url)
        assert SECRET not in done.stdout + done.stderr
    stored = b"".join(p.read_bytes() for p in shop.folder.rglob("*") if p.is_file())
    assert SECRET.encode() not in stored


def test_runs_added_after_the_first_mail_change_nothing_for_the_rest(typed, shop, box):
    addresses = readers(shop, 2)
    box.faults[addresses[1]] = ["451 later"]
    assert typed(*SEND).returncode == 3
    shelve(shop.folder / "runs", batch()[:1], created=WEEK.start + timedelta(days=2))
    assert typed(*SEND).returncode == 0
    one, two = (mail["Subject"] for _, mail in box.mails)
    assert one == two
    other = typed(*SEND, "--base-url", "https://other.example")
    assert other.returncode == 2
    assert "was begun with the base URL https://panel.example" in other.stderr


def test_a_signal_ends_it_after_the_mail_under_way(shop, box):
    readers(shop, 200)
    process = shop.start(*SEND)
    box.on_mail = lambda recipient: len(box.mails) == 3 and process.terminate()
    out, err = process.communicate(timeout=50)
    assert process.returncode == 143, err
    sent = int(re.search(r"(\d+) sent, 0 failed, 0 uncertain, (\d+) left", out)[1])
    assert sent == len(box.mails) < 200
    assert "to go on: panel digest send" in err


def test_only_one_process_sends_at_a_time(shop, box):
    readers(shop, 300)
    process = shop.start("digest", "send", "--week", WEEK, "--per-minute", 300)
    deadline = time.monotonic() + 40
    while not box.mails and time.monotonic() < deadline:
        time.sleep(0.02)
    second = shop.run(*SEND, "--resend", "uncertain")
    assert second.returncode == 3, second.stderr
    assert "another panel digest send is running" in second.stderr
    process.terminate()
    process.communicate(timeout=50)
    assert set(box.counts.values()) == {1}


def test_w5_killed_again_and_again_nobody_gets_two_and_nobody_is_forgotten(shop, box):
    addresses = readers(shop, 60)
    random.seed(47)
    killed = 0
    for kill in ("taken", "lost", "some time", "some time", "some time"):
        before = len(box.mails)
        process = shop.start(*SEND)

        def strike(recipient, kill=kill, before=before, process=process):
            if kill != "some time" and len(box.mails) == before + 4:
                process.kill()
                if kill == "lost":
                    box.faults[recipient] = ["lose and drop"]

        box.on_mail = strike
        if kill == "some time":
            deadline = time.monotonic() + 40
            while len(box.mails) == before and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.1))
            process.kill()
        process.communicate(timeout=50)
        killed += process.returncode == -9
    assert killed >= 3
    box.on_mail = lambda recipient: None
    done = shop.run(*SEND)
    check_conserved(shop, addresses, box, done)


def check_conserved(shop, addresses, box, done):
    """Nobody has two mails, and whoever has none is listed as uncertain; then settle them."""
    assert set(box.counts.values()) == {1}
    with opened(shop) as database:
        uncertain = {send.address: send.subscriber for send in Sends(database).uncertain(str(WEEK))}
    missing = {send for send in addresses if send not in box.counts}
    assert missing <= set(uncertain)
    assert done.returncode == 1, done.stderr
    assert f"0 failed, {len(uncertain)} uncertain, 0 left" in done.stdout
    listed = re.findall(r"subscriber (\d+), .*Message-ID (<\S+>)", done.stderr)
    assert {int(number) for number, _ in listed} == set(uncertain.values())
    assert "@reader.example" not in done.stderr
    # The server's log tells by Message-ID which of them it took.
    taken = {mail["Message-ID"] for _, mail in box.mails}
    sent = ",".join(number for number, ident in listed if ident in taken)
    lost = ",".join(number for number, ident in listed if ident not in taken)
    settled = [*(["--as-sent", sent] if sent else []), *(["--resend", lost] if lost else [])]
    last = shop.run(*SEND, *settled)
    assert last.returncode == 0, last.stderr
    assert box.counts == dict.fromkeys(addresses, 1)
