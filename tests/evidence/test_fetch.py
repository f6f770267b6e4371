"""Fetching a page: what comes back, and what stops bombs, slow servers, loops and lost keys."""

import asyncio
import gzip
import os
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from panel.evidence.fetch.fetcher import Fetcher
from panel.foundation.errors import BadResponse, Blocked, FetchError, NoAnswer, TooLarge, TooSlow
from tests.support.bombs import gzip_bomb
from tests.support.command import ROOT
from tests.support.faultd import (
    FaultServer,
    after,
    chunked,
    drip,
    endless,
    gzipped,
    hang,
    head,
    raw,
    redirect,
    respond,
)  # fmt: skip

HTML = ("Content-Type", "Text/HTML; charset=ISO-8859-1")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@asynccontextmanager
async def served(script, **options):
    """A server with a script, a fetcher that may reach it, and the server's root address."""
    async with FaultServer(script) as server:
        fetcher = Fetcher(allow=frozenset({f"127.0.0.1:{server.port}"}), now=lambda: NOW, **options)
        try:
            yield server, fetcher, f"http://127.0.0.1:{server.port}"
        finally:
            await fetcher.close()


def fetched(*script, path="/", deadline=5.0, **options):
    """Return the page, or the error, and the server."""

    async def run():
        async with served(list(script), **options) as (server, fetcher, root):
            try:
                return await fetcher.get(root + path, deadline=deadline), server
            except FetchError as error:
                return error, server

    return asyncio.run(run())


# What comes back


def test_a_page_says_where_it_is_from_and_what_it_is():
    page, server = fetched(respond(200, b"caf\xe9", (HTML,)), path="/a?b=c#d")
    assert page.url == page.requested_url.removesuffix("#d")
    assert (page.status, page.media_type, page.charset) == (200, "text/html", "ISO-8859-1")
    assert (page.body, page.retrieved, page.hops) == (b"caf\xe9", NOW, ())
    assert server.requests[0].path == "/a?b=c"


def test_a_request_says_who_asks_and_keeps_nothing(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    (tmp_path / "netrc").chmod(0o600)
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    async def run():
        script = [respond(200, "x", (HTML, ("Set-Cookie", "a=b; Path=/")))]
        async with served(script) as (server, fetcher, root):
            for _ in range(2):
                await fetcher.get(root)
            return server.requests

    for request in asyncio.run(run()):
        assert request.headers["user-agent"].startswith("panel/")
        assert not {"cookie", "authorization", "referer"} & set(request.headers)


def test_gzip_is_decoded():
    assert fetched(gzipped(b"page" * 1000, (HTML,)))[0].body == b"page" * 1000


@pytest.mark.parametrize("status", [204, 206, 304, 400, 404, 429, 500, 503])
def test_any_status_but_200_is_named(status):
    error, _ = fetched(respond(status, "" if status in (204, 304) else "no"), path="/?key=hunter2")
    assert (type(error), error.status) == (BadResponse, status)
    assert error.message == f"127.0.0.1 answers {status}"


def test_no_server_is_one_line():
    async def run():
        fetcher = Fetcher(allow=frozenset({"127.0.0.1:9"}))
        with pytest.raises(NoAnswer, match=r"127\.0\.0\.1: no connection"):
            await fetcher.get("http://127.0.0.1:9/?key=hunter2")
        await fetcher.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "scenario",
    [
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"),
        raw(b"\x00\x01\x02 no http\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50_000 + b"\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 1_000_000 + b"\r\n\r\n"),
        raw(b""),
        respond(200, b"no gzip", (HTML, ("Content-Encoding", "gzip"))),
        respond(200, gzip.compress(b"x")[:-6], (HTML, ("Content-Encoding", "gzip"))),
        respond(200, gzip.compress(b"x") * 2, (HTML, ("Content-Encoding", "gzip"))),
        *(
            respond(200, b"x", (HTML, ("Content-Encoding", name)))
            for name in ("br", "deflate", "zstd", "gzip, gzip", "gzip, br")
        ),
        respond(302, b"", (HTML,)),
    ],
)
def test_a_broken_response_is_one_line(scenario):
    error, _ = fetched(scenario, path="/?key=hunter2")
    assert isinstance(error, BadResponse | NoAnswer)
    assert "127.0.0.1" in error.message
    assert error.message.isprintable()
    assert "hunter2" not in error.message


# F2: bombs


# Made when their turn comes: every worker imports this module, one asks for them.
TOO_LARGE = {
    "plain": lambda: respond(200, b"x" * 2_000_001, (HTML,)),
    "gzip": lambda: gzipped(b"x" * 2_000_001, (HTML,)),
    "nested": lambda: gzipped(
        gzip.compress(b"x" * 50_000_000) + os.urandom(2_000_000), (HTML,)),
    "endless": lambda: endless(b"x" * 1000, headers=(HTML,)),
    "announced": lambda: raw(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 100),
    "gzip of nothing": lambda: chunked(
        [b"\x1f\x8b\x08\x08" + b"\0" * 6, *[b"name" * 1000] * 1000],
        headers=(HTML, ("Content-Encoding", "gzip"))),
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_LARGE)
def test_f2_more_than_two_megabytes_are_not_taken(name):
    error, server = fetched(TOO_LARGE[name]())
    assert isinstance(error, TooLarge)
    assert server.requests[0].sent < 12_000_000


def test_f2_two_megabytes_are_taken():
    assert len(fetched(gzipped(b"x" * 2_000_000, (HTML,)))[0].body) == 2_000_000


def test_f2_what_comes_beyond_the_announced_length_is_never_part_of_the_page():
    page, _ = fetched(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc" + b"x" * 5000))
    assert getattr(page, "body", b"abc") == b"abc"
    assert getattr(page, "code", "bad_response") == "bad_response"


BOMBED = """
import asyncio, os, re, resource, sys, time
from panel.foundation.errors import TooLarge
from panel.evidence.fetch.fetcher import Fetcher

def kilobytes(name):
    if not os.path.exists("/proc/self/status"):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with open("/proc/self/status") as file:
        return int(re.search(name + r":\\s+(\\d+)", file.read())[1])

async def main(port):
    fetcher = Fetcher(allow=frozenset({f"127.0.0.1:{port}"}))
    await fetcher.get(f"http://127.0.0.1:{port}/page")
    before, started = kilobytes("VmRSS"), time.monotonic()
    try:
        await fetcher.get(f"http://127.0.0.1:{port}/bomb")
    except TooLarge:
        print(kilobytes("VmHWM") - before, time.monotonic() - started)
    await fetcher.close()

asyncio.run(main(sys.argv[1]))
"""


def test_f2_a_bomb_of_512_mib_grows_memory_by_16_mib_at_most():
    async def run():
        script = [
            respond(200, b"x" * 1000, (HTML,)),
            respond(200, gzip_bomb(bytes(2**20), 512), (HTML, ("Content-Encoding", "gzip"))),
        ]
        async with FaultServer(script) as server:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", BOMBED, str(server.port), stdout=subprocess.PIPE, cwd=ROOT
            )
            return (await child.communicate())[0].split()

    grown, seconds = asyncio.run(run())
    assert int(grown) <= 16 * 1024
    assert float(seconds) <= 2


# F3: time, turns, redirects

PAGE = head(200, [HTML, ("Content-Length", "4")]) + b"page"


@pytest.mark.parametrize(
    "scenario",
    [hang(), drip(PAGE, every=0.05), drip(head(200, [HTML]) + b"x" * 999, every=0.02),
     chunked([b"x"] * 999, every=0.02), after(0.4, redirect("/again")),
     raw(b"HTTP/1.1 103 Early\r\n\r\n" * 20_000 + b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")],
    ids=["hang", "headers", "body", "chunks", "redirects", "early hints"],
)  # fmt: skip
def test_f3_one_deadline_covers_everything(scenario):
    started = time.monotonic()
    error, _ = fetched(scenario, deadline=0.6)
    assert isinstance(error, TooSlow | BadResponse | NoAnswer)
    assert time.monotonic() - started < 10


def test_f3_waiting_for_a_turn_costs_no_time_of_the_page():
    async def run():
        async with served(lambda _: after(0.5, respond(200, "x"))) as (_, fetch, root):
            pages = [fetch.get(f"{root}/{n}", deadline=0.9) for n in range(6)]
            return [page.status for page in await asyncio.gather(*pages)]

    assert asyncio.run(run()) == [200] * 6


def test_f3_at_most_two_connections_to_one_host():
    active, most = set(), []

    def slow(request):
        async def scenario(request, line):
            active.add(request.path)
            most.append(len(active))
            await asyncio.sleep(0.05)
            await line.respond(200, [HTML], b"x")
            active.discard(request.path)

        return scenario

    async def run():
        async with served(slow) as (server, fetcher, root):
            await asyncio.gather(*(fetcher.get(f"{root}/{n}") for n in range(8)))
            return server.connections

    assert asyncio.run(run()) <= 4
    assert max(most) == 2


def test_f3_a_slow_host_delays_no_other():
    async def run():
        async with served([hang()]) as (slow, _, _), FaultServer([respond(200, "x")]) as quick:
            allow = frozenset({f"127.0.0.1:{slow.port}", f"localhost:{quick.port}"})
            fetcher = Fetcher(allow=allow)
            stuck = [
                asyncio.create_task(fetcher.get(f"http://127.0.0.1:{slow.port}/{n}"))
                for n in range(20)
            ]
            await slow.received(2)
            page = await fetcher.get(f"http://localhost:{quick.port}/", deadline=3)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
            await fetcher.close()
            return page.status

    assert asyncio.run(run()) == 200


def test_f3_a_look_up_without_end_is_too_slow():
    async def never(host, port):
        await asyncio.sleep(3600)

    async def run():
        fetcher = Fetcher(resolve=never)
        with pytest.raises(TooSlow, match=r"example\.org"):
            await fetcher.get("https://example.org/", deadline=0.2)
        await fetcher.close()

    asyncio.run(run())


def test_f3_five_redirects_are_followed_and_named():
    page, server = fetched(*(redirect(f"/{n}") for n in range(5)), respond(200, "x", (HTML,)))
    assert [url.rpartition("/")[2] for url in page.hops] == ["", "0", "1", "2", "3"]
    assert page.url.endswith("/4")
    assert len(server.requests) == 6


def test_f3_a_sixth_redirect_is_one_too_many():
    error, server = fetched(*(redirect(f"/{n}") for n in range(9)))
    assert "more than 5 redirects" in error.message
    assert len(server.requests) == 6


@pytest.mark.parametrize("redirects", ["/", "", "#x", "?"])
def test_f3_a_loop_is_named(redirects):
    error, server = fetched(redirect(redirects))
    assert isinstance(error, BadResponse)
    assert "loop" in error.message or "nowhere" in error.message
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "redirects",
    ["http://127.0.0.1:9/", "//127.0.0.1/", "http:///x/", "ftp://127.0.0.1/", "javascript:1",
     "file:///etc/passwd", "http://u:p@example.org/", "http://\u0661.1.1.1:99999/", "http://[x/"],
)  # fmt: skip
def test_f1_a_redirect_elsewhere_is_blocked(redirects):
    error, server = fetched(redirect(redirects.encode().decode("latin-1")))
    assert type(error) is Blocked
    assert len(server.requests) == 1


# Keys


KEY = ("Authorization", "Bearer hunter2")


def test_a_key_goes_to_its_host_only_and_not_on_a_way_that_another_chose():
    async def run():
        async with FaultServer([]) as home, FaultServer([]) as stranger:
            own, strange = f"http://127.0.0.1:{home.port}", f"http://localhost:{stranger.port}"
            redirects = {"/same": "/page", "/away": f"{strange}/page", "/and": f"{strange}/back"}
            home.script = lambda r: (
                redirect(redirects[r.path]) if r.path in redirects else respond(200)
            )
            stranger.script = lambda r: (
                redirect(f"{own}/page") if r.path == "/back" else respond(200)
            )
            allow = frozenset({f"127.0.0.1:{home.port}", f"localhost:{stranger.port}"})
            fetcher = Fetcher(allow=allow, keys={"127.0.0.1": KEY})
            for url in (f"{own}/same", f"{own}/away", f"{own}/and", f"{strange}/back"):
                await fetcher.get(url)
            await fetcher.close()
            requests = [[r.path, r.headers.get("authorization")] for r in home.requests]
            return requests, [r.headers.get("authorization") for r in stranger.requests]

    home, stranger = asyncio.run(run())
    key = KEY[1]
    assert home == [["/same", key], ["/page", key], ["/away", key], ["/and", key],
                    ["/page", None], ["/page", None]]  # fmt: skip
    assert stranger == [None] * 3


def test_a_key_is_not_sent_in_the_clear():
    looked_up = []

    async def resolve(host, port):
        looked_up.append((host, port))
        raise OSError

    async def run():
        fetcher = Fetcher(keys={"api.example.org": KEY}, resolve=resolve)
        with pytest.raises(NoAnswer):
            await fetcher.get("http://api.example.org/")
        await fetcher.close()

    asyncio.run(run())
    assert looked_up == [("api.example.org", 80)]
