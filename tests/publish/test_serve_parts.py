"""Parts of the server by themselves: threads, ready pages, forms, cookies, progress."""

import asyncio
import gzip
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from panel.publish.community.tally import Tally, VoteCount
from panel.publish.server.cookies import CookieJar, new_voter
from panel.publish.server.database import Unavailable
from panel.publish.server.forms import BadForm, read_form
from panel.publish.server.http_page import make_page
from panel.publish.server.review_progress import ProgressTracker, ReviewProgress, Step
from panel.publish.server.tally_cache import TallyCache
from panel.publish.server.thread_pool import PoolBusy, ThreadPool
from panel.reviews.events import Decided, Reviewed, Started, Stepped
from panel.reviews.review import Missing
from tests.support.cards import SKEPTIC, card
from tests.support.runs_samples import tool

FORM = "application/x-www-form-urlencoded"


def request(body=b"", **headers):
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": raw}
    return Request(scope, receive)


# Threads


def test_what_takes_too_long_is_given_up_and_keeps_its_place():
    async def work():
        hands, release = ThreadPool("test", threads=1, waiting=2), threading.Event()
        began = time.monotonic()
        with pytest.raises(PoolBusy):
            await hands.do(release.wait, seconds=0.1)
        assert time.monotonic() - began < 5
        waiting = asyncio.ensure_future(hands.do(lambda: "second", seconds=10))
        await asyncio.sleep(0.05)
        with pytest.raises(PoolBusy):  # one hangs, one waits
            await hands.do(lambda: "third", seconds=10)
        release.set()
        assert await waiting == "second"
        assert await hands.do(lambda: "fourth", seconds=10) == "fourth"
        hands.close()

    asyncio.run(work())


def test_a_fault_in_a_thread_reaches_who_asked():
    def broken():
        raise ValueError("this")

    async def work():
        hands = ThreadPool("test", threads=1, waiting=2)
        with pytest.raises(ValueError, match="this"):
            await hands.do(broken, seconds=10)
        assert await hands.do(lambda: 1, seconds=10) == 1
        hands.close()

    asyncio.run(work())


# Pages


@given(st.binary(max_size=3000), st.sampled_from(["a.html", "a.css", "a.png", "feed.xml", "a.js"]))
def test_a_ready_page_unpacks_to_itself_and_its_tag_names_its_bytes(body, path):
    page = make_page(path, body)
    assert page.packed is None or gzip.decompress(page.packed) == body
    assert make_page(path, body) == page
    assert make_page(path, body + b"x").tag != page.tag
    assert page.size == len(body) + len(page.packed or b"")


def test_what_is_packed_already_is_not_packed_again():
    assert make_page("a.png", b"x" * 5000).packed is None
    assert make_page("feed.xml", b"x" * 5000).media_type.startswith("application/atom+xml")


# Counts


def test_a_vote_noted_during_a_reading_is_not_undone_by_it():
    newer = Tally(anonymous=VoteCount(2, 0))

    async def work():
        async def read():
            counts.note("a", newer)
            return {"a": Tally(anonymous=VoteCount(1, 0)), "b": Tally()}

        counts = TallyCache(read)
        await counts.refresh()
        return counts

    counts = asyncio.run(work())
    assert counts.now["a"] == newer
    assert counts.known


def test_counts_that_cannot_be_read_are_none():
    async def work():
        async def read():
            raise Unavailable

        counts = TallyCache(read)
        counts.note("a", Tally(anonymous=VoteCount(2, 0)))
        await counts.refresh()
        return counts

    counts = asyncio.run(work())
    assert (counts.known, counts.now) == (False, {})


# Forms and cookies


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=1", "text/plain", 415),
        (b"a=1", "multipart/form-data; boundary=x", 415),
        (b"a=1&a=2", FORM, 400),
        (b"a=%ff", FORM, 400),
        ("a=ü".encode(), FORM, 400),
        (b"&".join(b"%d=1" % n for n in range(50)), FORM, 400),
    ],
)
def test_what_is_no_form_of_ours_is_refused(body, kind, status):
    with pytest.raises(BadForm) as caught:
        asyncio.run(read_form(request(body, content_type=kind)))
    assert caught.value.status == status


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=30), max_size=8))
def test_a_form_is_read_as_a_browser_writes_it(fields):
    from urllib.parse import urlencode

    fields = {k.encode("utf-8", "ignore").decode(): v.encode("utf-8", "ignore").decode()
              for k, v in fields.items()}  # fmt: skip
    body = urlencode(fields).encode()
    assert asyncio.run(read_form(request(body, content_type=FORM))) == fields


@given(st.text(max_size=80))
def test_only_cookies_that_we_could_have_written_are_read(value):
    value = value.encode("ascii", "ignore").decode().replace(";", "").strip()
    cookies = CookieJar(secure=False).read(request(cookie=f"panel-voter={value}"))
    assert cookies.voter is None or (22 <= len(cookies.voter) <= 64 and cookies.voter.isascii())


def test_a_cookie_comes_back_as_it_was_written():
    jar, voter = CookieJar(secure=True), new_voter()
    response = Response()
    jar.write(response, "voter", voter, seconds=60)
    (line,) = [v.decode() for n, v in response.raw_headers if n == b"set-cookie"]
    assert jar.read(request(cookie=line.partition(";")[0])).voter == voter
    assert CookieJar(secure=False).read(request(cookie=line.partition(";")[0])).voter is None


# Progress


def test_progress_follows_what_happens():
    begun = ReviewProgress(1, "read", (Step("skeptic", "The Skeptic", 0, 3),
                                 Step("builder", "The Builder", 0, 3)))  # fmt: skip
    one = tool("sieve")
    stepped = begun.after(Started(one)).after(Stepped(one, "skeptic", "grows", 2, 3))
    assert stepped.steps[0] == Step("skeptic", "The Skeptic", 2, 3, "grows")
    assert stepped.steps[1] == begun.steps[1]
    through = stepped.after(Reviewed(one, SKEPTIC))
    assert through.steps[0] == Step("skeptic", "The Skeptic", 3, 3, "votes skip")
    gone = Missing(persona="builder", reason="timeout", detail="")
    assert through.after(Reviewed(one, gone)).steps[1].status == "no review"
    assert through.after(Decided(one, card())).doing == "the verdict is in"


def test_a_tracker_wakes_whoever_waits_from_another_thread():
    async def work():
        tracker = ProgressTracker()
        tracker.attach(asyncio.get_running_loop())
        change = tracker.next_change()
        threading.Thread(target=tracker.begin, args=(7, "reading")).start()
        async with asyncio.timeout(10):
            await change.wait()
        first = tracker.get(7)
        tracker.happened(7, Started(tool("sieve")))
        tracker.happened(8, Started(tool("sieve")))  # never begun here: ignored
        return first, tracker.get(7), tracker.get(8)

    first, second, unknown = asyncio.run(work())
    assert (first.version, second.version, unknown) == (1, 2, None)
