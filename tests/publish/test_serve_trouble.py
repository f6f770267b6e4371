"""W2 and W4: floods of votes, and a database that is locked, stopped or gone. O1 and O4 as well."""

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import pytest

from panel.publish.community.rate_limits import Rate
from panel.publish.community.tally import Tally
from panel.publish.server.database import DatabaseLog
from panel.publish.server.proxy_headers import TrustedProxies
from tests.support.cards import PAYLOADS, hostile
from tests.support.live import FREE, KEY, Visitor, assert_harmless, postbox, serving, until
from tests.support.shelf import shelve

PAGE = "/tools/quillstore.html"


# W2


def test_w2_a_flood_of_votes_is_429_and_says_when_to_come_back(tmp_path):
    rates = FREE | {
        "vote_identity": Rate(burst=20, per_minute=6),
        "vote_network": Rate(burst=200, per_minute=60),
        "new_voter_network": Rate(burst=30, per_minute=6),
    }
    with serving(tmp_path, rates=rates) as live:
        voters = [live.visitor() for _ in range(5)]
        for voter in voters:
            assert voter.vote("ship").status == 303
        one = [voters[0].vote("skip" if n % 2 else "ship") for n in range(60)]
        assert {a.status for a in one} == {303, 429}
        assert 1 <= int(one[-1].headers["retry-after"]) <= 60
        fresh = [live.visitor().vote("skip", "parley") for _ in range(300)]
        assert [a.status for a in fresh].count(303) <= 31
        votes = live.state.votes
        assert votes.tally("quillstore").anonymous.total == 5
        assert votes.tally("parley").verified == Tally().verified
        assert votes.recount() == votes.tallies()
        assert live.visitor().get(PAGE).status == 200  # reading is never limited


def test_w2_made_up_cookies_count_as_new_voters(tmp_path):
    with serving(
        tmp_path, rates=FREE | {"new_voter_network": Rate(burst=3, per_minute=0.1)}
    ) as live:
        seen = []
        for number in range(10):
            liar = live.visitor()
            liar.cookies["panel-voter"] = f"made-up-{number:030}"
            seen.append(liar.vote("ship").status)
        assert seen == [303] * 3 + [429] * 7


def test_w2_votes_of_strangers_move_no_tool_and_a_batch_goes_whole(tmp_path):
    with serving(tmp_path) as live:
        order = live.visitor().get("/api/verdicts").body
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: live.visitor().vote("skip"), range(60)))
        assert live.visitor().get("/api/verdicts").body == order
        headers = {"Authorization": f"Bearer {KEY}"}
        (batch,) = live.visitor().json("GET", "/api/moderation/batches", headers=headers)
        assert (batch["votes"], batch["identities"]) == (60, 60)
        gone = live.visitor().json(
            "POST", "/api/moderation/remove", headers=headers, payload={"mark": batch["mark"]}
        )
        assert gone == {"removed": 60}
        assert live.state.votes.recount() == live.state.votes.tallies() == {}
        assert "Nobody has voted yet" in live.visitor().get(PAGE).text


def test_w2_addresses_behind_a_proxy_are_told_apart_only_if_it_is_ours(tmp_path):
    rates = FREE | {"new_voter_network": Rate(burst=2, per_minute=0.1)}

    def seen(live):
        return [
            live.visitor()
            .ask(
                "POST",
                "/vote",
                fields={"tool": "quillstore", "choice": "ship"},
                headers={"Origin": live.url, "X-Forwarded-For": f"198.51.{n}.1"},
            )
            .status
            for n in range(5)
        ]

    with serving(tmp_path / "one", rates=rates) as live:
        assert seen(live) == [303, 303, 429, 429, 429]
    with serving(tmp_path / "two", rates=rates, proxies=TrustedProxies.of(["127.0.0.1"])) as live:
        assert seen(live) == [303] * 5


def from_address(live, address, tool="quillstore"):
    """Vote as a new visitor whom our own proxy saw at an address."""
    headers = {"Origin": live.url, "X-Forwarded-For": address}
    fields = {"tool": tool, "choice": "ship"}
    return live.visitor().ask("POST", "/vote", fields=fields, headers=headers).status


@pytest.mark.parametrize("bits", [32, 48, 56, 64])
def test_w2_the_owner_of_one_ipv6_network_is_not_250_voters(tmp_path, bits):
    rates = FREE | {"new_voter_network": Rate(burst=60, per_minute=0.1)}
    start = int(ip_address("2001:db8::"))
    with serving(tmp_path, rates=rates, proxies=TrustedProxies.of(["127.0.0.1"])) as live:
        # Each visitor in the next network inside the owner's.
        step = 2 ** (128 - min(bits + 16, 128))
        seen = [from_address(live, str(ip_address(start + n * step))) for n in range(250)]
        assert seen.count(303) == (120 if bits == 32 else 60)
        assert from_address(live, "2a00:1450::1") == 303  # others are not held up


def test_w2_limits_survive_a_restart(tmp_path, database_url):
    rates = FREE | {
        "new_voter_network": Rate(burst=3, per_minute=0.01),
        "mail_address": Rate(burst=2, per_minute=0.01),
    }
    with postbox() as box:
        seen, mailed = [], []
        for _ in range(2):
            with serving(tmp_path, rates=rates, box=box, database_url=database_url) as live:
                seen += [live.visitor().vote("ship").status for _ in range(5)]
                for address in ("ada.l@gmail.com", "adal+1@gmail.com", "ADA.L@googlemail.com"):
                    mailed.append(live.visitor().post("/sign-in", address=address).status)
        assert seen == [303] * 3 + [429] * 7
        assert mailed == [303] * 2 + [429] * 4
    for file in (tmp_path / "community").iterdir():
        assert b"127.0.0" not in file.read_bytes()
        assert b"gmail" not in file.read_bytes()


def test_w2_limits_survive_a_server_that_is_killed(tmp_path, database_url):
    rates = FREE | {"new_voter_network": Rate(burst=2, per_minute=0.01)}
    with serving(tmp_path, rates=rates, database_url=database_url) as live:
        assert [live.visitor().vote("ship").status for _ in range(2)] == [303] * 2
        stored = live.state.buckets.kept
        until(lambda: any(one.level < 0.1 for one in stored().values()), seconds=10)


# W4


def test_w4_a_lock_held_makes_votes_503_and_pages_stay(tmp_path):
    with serving(tmp_path) as live:
        voter = live.visitor()
        assert voter.vote("ship").status == 303
        with contextlib.closing(
            sqlite3.connect(tmp_path / "community" / "panel.db", isolation_level=None)
        ) as other:
            other.execute("BEGIN EXCLUSIVE")
            began = time.monotonic()
            refused = voter.vote("skip")
            assert (refused.status, refused.headers["retry-after"]) == (503, "5")
            assert "nothing was counted" in refused.text
            assert time.monotonic() - began < 8
            assert live.visitor().get(PAGE).status == 200
            assert voter.get(PAGE).status == 200
            other.execute("ROLLBACK")
        until(lambda: voter.vote("skip").status == 303, seconds=5)
        assert live.state.votes.tally("quillstore").anonymous.skip == 1


def test_w4_without_its_database_a_page_shows_no_votes_and_says_so(tmp_path, postgres):
    with serving(tmp_path, database_url=postgres.new_database()) as live:
        voter = live.visitor()
        voter.vote("ship")
        assert "1 vote" in live.visitor().get(PAGE).text
        postgres.stop(crash=True)
        try:
            assert voter.vote("skip").status == 503
            until(lambda: "Votes cannot be shown" in live.visitor().get(PAGE).text)
            page = voter.get(PAGE)
            assert page.status == 200
            assert "1 vote" not in page.text
            for path in ("/", "/api/verdicts", "/api/tools/quillstore", "/style.css", "/sign-in"):
                assert live.visitor().get(path).status == 200
            for path in ("/api/tallies", "/requests", "/requests/1"):
                assert live.visitor().get(path).status == 503
            url = "https://widget.example/"
            refused = live.visitor().post("/request", name="A <widget>", url=url)
            assert refused.status == 503
            assert 'value="A &lt;widget&gt;"' in refused.text
            assert f'value="{url}"' in refused.text
        finally:
            postgres.start()
        until(lambda: "1 vote" in live.visitor().get(PAGE).text, seconds=5)
        assert "You voted ship." in voter.get(PAGE).text


def test_w4_no_acknowledged_vote_is_lost_while_the_server_is_stopped_again_and_again(
    tmp_path, postgres
):
    with serving(tmp_path, database_url=postgres.new_database()) as live:
        stop, acknowledged = threading.Event(), {}

        def vote(number):
            voter = live.visitor()
            for turn in range(1000):
                if stop.is_set():
                    return
                choice = ("ship", "skip")[turn % 2]
                if voter.vote(choice).status == 303:
                    acknowledged[number] = choice
                    unsure.discard(number)
                else:
                    unsure.add(number)

        unsure = set()
        with ThreadPoolExecutor(6) as pool:
            for number in range(6):
                pool.submit(vote, number)
            for seconds in (0.2, 0.6):
                time.sleep(0.7)
                postgres.stop(crash=True)
                time.sleep(seconds)
                postgres.start()
            healthy = live.visitor()
            until(lambda: healthy.vote("ship").status == 303, seconds=5)
            stop.set()
        votes = live.state.votes
        tally = votes.tally("quillstore").anonymous
        certain = [choice for number, choice in acknowledged.items() if number not in unsure]
        assert tally.ship >= certain.count("ship") + 1
        assert tally.skip >= certain.count("skip")
        assert votes.recount() == votes.tallies()
        assert certain


def test_w4_a_database_that_fails_is_told_in_one_line_a_minute_with_counts():
    lines, now = [], [0.0]
    trouble = DatabaseLog(lines.append, clock=lambda: now[0])
    trouble.worked()
    for second in range(150):
        now[0] = float(second)
        trouble.failed("panel.db: locked")
    assert lines == [
        "the database failed 1 call: panel.db: locked",
        "the database failed 60 calls in the last 60 s: panel.db: locked",
        "the database failed 60 calls in the last 60 s: panel.db: locked",
    ]
    now[0] = 170.0
    trouble.worked()
    assert len(lines) == 3
    now[0] = 185.0
    trouble.worked()
    trouble.worked()
    assert lines[3:] == [
        "the database failed 29 calls in the last 65 s: panel.db: locked; it answers again"
    ]


def test_w4_the_operator_is_told_that_the_database_is_away_without_its_password(tmp_path, postgres):
    url = postgres.new_database().replace("postgres@", "postgres:canary-password@")
    with serving(tmp_path, database_url=url) as live:
        postgres.stop(crash=True)
        try:
            assert [live.visitor().vote("skip").status for _ in range(9)] == [503] * 9
            until(lambda: not live.state.tallies.known)
        finally:
            postgres.start()
        lines = [line for line in live.log if "database" in line]
        assert len(lines) == len(live.log) == 1
        assert "the database failed 1 call: PostgreSQL at " in lines[0]
        assert "canary" not in lines[0]


# O1 and O4


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_o1_live_pages_are_harmless_whatever_they_are_sent(live, payload):
    visitor = live.visitor()
    pages = [
        visitor.post("/request", name=payload, url=payload, description=payload),
        visitor.post("/sign-in", address=payload),
        visitor.post("/vote", tool=payload, choice=payload),
        visitor.get(f"/requests/{add(live, payload)}"),
        visitor.get("/requests"),
    ]
    for page in pages:
        if "text/html" in page.headers["content-type"]:
            assert_harmless(page.text)


def add(live, payload):
    requests = live.state.requests
    request = requests.add(f"x{payload}"[:120], None, payload)
    return request.id


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    shelve(folder / "runs", [hostile(PAYLOADS[0])])
    with serving(folder, takes_requests=False) as running:
        yield running


def test_o4_no_secret_is_in_what_a_server_says_or_keeps(tmp_path, answers):
    mail, key = "canary-mail-password", "canary-api-key-0123456789"
    shelve(tmp_path / "runs", [hostile(PAYLOADS[0])])
    with socket.create_server(("127.0.0.1", 0)) as spare:
        port = spare.getsockname()[1]
    environ = {
        **os.environ,
        "PANEL_SMTP_URL": f"smtp://user:{mail}@127.0.0.1:9",
        "PANEL_MAIL_FROM": "p@panel.example",
        "PANEL_API_KEY": key,
        # A program that records requests somewhere would try to send them there.
        "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "PANEL_CONFIG": str(tmp_path / "config"),
    }
    command = [sys.executable, "-m", "panel", "serve", "--debug", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--runs", str(tmp_path / "runs"), "--provider", answers],
        env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
    ) as process:  # fmt: skip
        visitor = Visitor(f"http://127.0.0.1:{port}")
        until(lambda: _answers(visitor))
        token = visitor.post("/sign-in/canary-token-in-a-link").status
        visitor.ask("POST", "/api/votes", headers={"Authorization": f"Bearer {key}x"}, body=b"{}")
        visitor.post("/subscribe", address="canary-reader@b.example")
        time.sleep(0.5)
        process.terminate()
        output, _ = process.communicate(timeout=30)
    assert token == 404
    assert "Telemetry" not in output
    assert "canary" not in output, output
    assert process.returncode in (-15, 143)
    for file in (tmp_path / "community").iterdir():
        assert b"canary-mail" not in file.read_bytes()
        assert b"canary-api" not in file.read_bytes()


def _answers(visitor):
    with contextlib.suppress(OSError):
        return visitor.get("/").status == 200
