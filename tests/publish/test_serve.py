"""The live pages: fast, fresh, the same addresses as the files, and votes beside the verdict."""

import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from panel.publish.community.tally import Tally, VoteCount
from panel.publish.site.page import VisitorState
from panel.report.figures import percent
from tests.support.cards import card, named
from tests.support.live import serving, until
from tests.support.shelf import shelve


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


def test_a_page_is_what_the_site_renders(live):
    site, offered = live.state.page_cache.site, VisitorState(takes_mail=False)
    for path in ("index.html", "tools/quillstore.html", "style.css"):
        assert live.visitor().get(f"/{path}").body == site.render(path, live=offered)
    assert live.visitor().get("/").body == live.visitor().get("/index.html").body


def test_without_a_mail_server_no_page_offers_what_needs_one(live):
    for path in ("/", "/tools/quillstore.html"):
        text = live.visitor().get(path).body.decode()
        assert "sign-in" not in text
        assert "/subscribe" not in text


def test_a_page_that_the_browser_has_is_not_sent_again(live):
    first = live.visitor().get("/tools/quillstore.html")
    again = live.visitor().get("/tools/quillstore.html", **{"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_a_page_is_packed_for_who_takes_it(live):
    plain = live.visitor().get("/tools/quillstore.html")
    packed = live.visitor().get("/tools/quillstore.html", **{"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "accept-encoding" in packed.headers["vary"]


def test_head_has_no_body_and_other_methods_are_refused(live):
    head = live.visitor().ask("HEAD", "/tools/quillstore.html")
    assert (head.status, head.body) == (200, b"")
    assert live.visitor().ask("DELETE", "/tools/quillstore.html").status == 405


@pytest.mark.parametrize("path", ["/tools/nothing.html", "/nothing", "/a/b/c", "/a/" + "b/" * 9])
def test_a_wrong_address_is_404_with_a_way_back(live, path):
    answer = live.visitor().get(path)
    assert answer.status == 404
    assert "script>" not in answer.text.replace("panel.js", "").replace(" defer></script>", "")


def test_new_verdicts_appear_without_a_restart(tmp_path):
    with serving(tmp_path) as live:
        assert live.visitor().get("/tools/newcomer.html").status == 404
        shelve(tmp_path / "runs", [named("Newcomer")])
        until(lambda: live.visitor().get("/tools/newcomer.html").status == 200)
        assert "Newcomer" in live.visitor().get("/").text


def test_a_vote_is_counted_changed_and_withdrawn(tmp_path):
    with serving(tmp_path) as live:
        voter, reader = live.visitor(), live.visitor()
        answer = voter.vote("ship")
        assert (answer.status, answer.headers["location"]) == (
            303,
            "tools/quillstore.html",
        )
        page = voter.get("/tools/quillstore.html").text
        assert "Your vote to ship is counted." in page
        assert "You voted ship." in page
        assert "Your vote to ship is counted." not in voter.get("/tools/quillstore.html").text
        seen = reader.get("/tools/quillstore.html").text
        assert "1 vote" in seen
        assert "You voted" not in seen
        voter.vote("skip")
        assert "You voted skip." in voter.get("/tools/quillstore.html").text
        assert live.state.votes.tally("quillstore") == Tally(anonymous=VoteCount(0, 1))
        voter.vote("withdraw")
        assert "Nobody has voted yet" in voter.get("/tools/quillstore.html").text
        assert live.state.votes.tally("quillstore") == Tally()


def test_votes_leave_the_panels_number_alone(tmp_path):
    with serving(tmp_path) as live:
        before = live.visitor().get("/api/tools/parley").body
        for _ in range(5):
            live.visitor().vote("ship", "parley")
        assert live.visitor().get("/api/tools/parley").body == before
        tally = live.state.votes.tally("parley")
        page = live.visitor().get("/tools/parley.html").text
        low, high = tally.anonymous.interval
        assert f"({percent(low)}–{percent(high)})" in page


def test_no_cookie_is_set_before_somebody_votes(live):
    for path in ("/", "/tools/quillstore.html", "/sign-in", "/requests", "/api"):
        assert live.visitor().get(path).cookies == []


def test_a_voters_cookie_is_for_the_server_alone(tmp_path):
    with serving(tmp_path, base_url="https://panel.example") as live:
        voter = live.visitor()
        headers = {"Origin": "https://panel.example", "Host": "panel.example"}
        fields = {"tool": "quillstore", "choice": "ship"}
        cookies = voter.ask("POST", "/vote", fields=fields, headers=headers).cookies
    (line,) = [cookie for cookie in cookies if "voter" in cookie]
    assert line.startswith("__Host-panel-voter=")
    assert {"HttpOnly", "SameSite=lax", "Secure", "Path=/"} <= set(line.split("; "))


def test_a_withdrawal_without_a_vote_changes_nothing(live):
    voter = live.visitor()
    assert voter.vote("withdraw", "halfway").status == 303
    assert "no vote of yours" in voter.get("/tools/halfway.html").text


@pytest.mark.parametrize("back", ["compare/parley-vs-quillstore.html#votes", "tools.html"])
def test_a_vote_leads_back_to_where_it_was_cast(live, back):
    voter = live.visitor()
    answer = voter.post("/vote", tool="quillstore", choice="ship", back=back)
    assert (answer.status, answer.headers["location"]) == (303, back)
    page = voter.get(f"/{back.partition('#')[0]}").text
    assert "Your vote to ship is counted." in page
    assert ("You voted ship." in page) == ("vs" in back)
    assert voter.post("/vote", tool="quillstore", choice="withdraw").status == 303


@pytest.mark.parametrize(
    "back",
    [
        "", "/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/tools.html",
        "https://evil.example/tools.html", "https:tools.html", "//evil.example/tools.html",
        "javascript:alert(1)", "tools/../../tools.html", "../tools.html", "./tools.html",
        "\ttools.html", "tools.html\n", "tools.html\r\nset-cookie: a=b", "tools\x00.html",
        "tools.html?next=//evil.example", "tools.html#//evil.example", "a/b/c.html",
        "evil.example", "%2f%2fevil.example/a.html", "\u2215tools.html", "t\u043eols.html",
    ],
)  # fmt: skip
def test_a_vote_leads_to_no_address_of_anothers_choice(live, back):
    answer = live.visitor().post("/vote", tool="quillstore", choice="withdraw", back=back)
    assert (answer.status, answer.headers["location"]) == (303, "tools/quillstore.html")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"tool": "quillstore", "choice": "hold"}, 400),
        ({"tool": "quillstore"}, 400),
        ({"tool": "nothing", "choice": "ship"}, 404),
        ({"tool": "../../etc", "choice": "ship"}, 404),
        ({}, 400),
    ],
)
def test_a_vote_that_is_none_is_refused(live, fields, status):
    assert live.visitor().post("/vote", **fields).status == status


def test_w1_64_votes_at_once_of_one_identity_are_one_row(tmp_path, database_url):
    with serving(tmp_path, database_url=database_url) as live:
        voter = live.visitor()
        voter.vote("ship")
        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(lambda n: voter.vote("ship" if n % 2 else "skip"), range(64)))
        assert {answer.status for answer in answers} <= {303}
        votes = live.state.votes
        assert votes.tally("quillstore").anonymous.total == 1
        assert votes.recount() == votes.tallies()


def test_the_page_of_a_damaged_run_is_500_and_the_others_stay(tmp_path):
    shelve(tmp_path / "runs", [card()])
    spoilt = shelve(tmp_path / "runs", [named("Spoilt")])
    with serving(tmp_path, refresh_seconds=3600) as live:
        for file in (tmp_path / "runs" / spoilt).glob("journal.db*"):
            file.unlink()
        answer = live.visitor().get("/tools/spoilt.html")
        assert answer.status == 500
        assert str(tmp_path) not in answer.text
        assert live.visitor().get("/tools/quillstore.html").status == 200


def test_every_form_on_a_page_leads_somewhere(live):
    page = live.visitor().get("/").text + live.visitor().get("/tools/quillstore.html").text
    actions = set(re.findall(r'<form[^>]* action="([^"]*)"', page))
    assert actions
    for action in actions:
        assert live.visitor().post(f"/{Path(action).name}").status in (400, 422, 503)
