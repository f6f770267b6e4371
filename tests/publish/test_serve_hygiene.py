"""W3: requests that should not be served, and clients that never end theirs."""

import contextlib
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.foundation.errors import SettingsError
from panel.publish.server.middleware import MAX_BODY
from panel.publish.server.proxy_headers import UNKNOWN, TrustedProxies
from panel.publish.server.same_origin import SameOrigin, host_name
from panel.publish.server.uvicorn_limits import MAX_HEAD, ServerLimits, client_network
from tests.support.live import serving, until

VOTE = b"tool=quillstore&choice=ship"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("hygiene")) as running:
        yield running


def raw(live, data, *, seconds=20.0, host="127.0.0.1"):
    """Send bytes and return all that comes back until the server closes."""
    with socket.create_connection((host, live.port), timeout=seconds) as line:
        with contextlib.suppress(OSError):
            line.sendall(data)
        got = b""
        with contextlib.suppress(OSError):
            while piece := line.recv(65536):
                got += piece
        return got


def request(live, method="GET", path="/", *lines, host=None, body=b""):
    host = f"127.0.0.1:{live.port}" if host is None else host
    head = "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *lines])
    if body:
        head += f"\r\nContent-Length: {len(body)}\r\nContent-Type: {FORM}"
    return raw(live, head.encode("latin-1") + b"\r\n\r\n" + body)


def status(answer):
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://127.0.0.1:1"},
        {"Cookie": "panel-voter=abcdefghijklmnopqrstuvwxyz"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/vote", "/subscribe", "/sign-in", "/sign-out", "/request"])
def test_w3_a_form_of_another_site_is_403_and_does_nothing(live, path, headers):
    fields = {"tool": "halfway", "choice": "ship", "address": "a@b.example"}
    answer = live.visitor().ask("POST", path, fields=fields, headers=headers)
    assert answer.status == 403
    assert answer.cookies == []
    assert live.state.votes.tally("halfway").anonymous.total == 0


@pytest.fixture(scope="module")
def behind_tls(tmp_path_factory):
    """A server behind a proxy that does TLS, which visitors know under two names."""
    with serving(
        tmp_path_factory.mktemp("tls"),
        base_url="https://panel.example",
        allow_hosts=("www.panel.example", "[2001:db8:0::7]", "b\u00fccher.example"),
    ) as running:
        yield running


LOOPBACK = "127.0.0.1:8000"
SAME = "same-origin"
# Each is (Host, Origin, Sec-Fetch-Site, Referer); a None is not sent.
OWN = {
    "the first name": ("panel.example", "https://panel.example", SAME, None),
    "the second name": ("www.panel.example", "https://www.panel.example", SAME, None),
    "no Sec-Fetch-Site": ("www.panel.example", "https://www.panel.example", None, None),
    "no Origin": ("www.panel.example", None, SAME, None),
    "the usual port said": ("www.panel.example:443", "https://www.panel.example", SAME, None),
    "the usual port said twice": ("panel.example:443", "https://panel.example:443", None, None),
    "Host rewritten": (LOOPBACK, "https://panel.example", SAME, None),
    "Host rewritten, second name": ("localhost", "https://www.panel.example", SAME, None),
    "capitals": ("WWW.Panel.Example", "HTTPS://www.PANEL.example", SAME, None),
    "a final dot": ("www.panel.example.", "https://www.panel.example.", SAME, None),
    "IPv6": ("[2001:DB8::7]", "https://[2001:db8::7]", SAME, None),
    "letters beyond ASCII": ("xn--bcher-kva.example", "https://xn--bcher-kva.example", None, None),
    "Origin null": ("www.panel.example", "null", SAME, None),
    "the second name without TLS": ("www.panel.example", "http://www.panel.example", SAME, None),
    "Referer instead": ("www.panel.example", None, None, "https://www.panel.example/a?b=https://x"),
}
OTHERS = {
    "another site": ("panel.example", "https://evil.example", "cross-site", None),
    "another site that lies": ("panel.example", "https://evil.example", SAME, None),
    "another site, Host rewritten": (LOOPBACK, "https://evil.example", SAME, None),
    "a sister": ("panel.example", "https://evil.panel.example", "same-site", None),
    "a name that begins like ours": (LOOPBACK, "https://panel.example.evil.example", SAME, None),
    "one of ours to another": ("panel.example", "https://www.panel.example", "same-site", None),
    "another port": ("www.panel.example", "https://www.panel.example:8443", SAME, None),
    "no TLS": ("panel.example", "http://panel.example", SAME, None),
    "no TLS, Host rewritten": (LOOPBACK, "http://www.panel.example", SAME, None),
    "Host rewritten, no Sec-Fetch-Site": (LOOPBACK, "https://panel.example", None, None),
    "Origin null": ("panel.example", "null", None, None),
    "a user in it": ("panel.example", "https://panel.example@evil.example", SAME, None),
    "no scheme of the web": ("panel.example", "chrome-extension://panel.example", SAME, None),
    "Referer of another site": ("panel.example", None, None, "https://evil.example/panel.example"),
}  # fmt: skip


def voted(live, host, origin, site, referer, *more):
    headers = {"Origin": origin, "Sec-Fetch-Site": site, "Referer": referer}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return status(request(live, "POST", "/vote", *lines, *more, host=host, body=VOTE))


@pytest.mark.parametrize("headers", OWN.values(), ids=OWN)
def test_a_form_of_every_name_of_ours_passes_behind_tls(behind_tls, headers):
    assert voted(behind_tls, *headers) == 303


@pytest.mark.parametrize("headers", OTHERS.values(), ids=OTHERS)
def test_a_form_of_no_name_of_ours_is_403_behind_tls(behind_tls, headers):
    assert voted(behind_tls, *headers) == 403
    assert voted(behind_tls, *headers, "X-Forwarded-Host: evil.example") == 403


def test_what_host_was_asked_for_is_believed_of_our_own_proxy_only(behind_tls, tmp_path):
    rewritten = (LOOPBACK, "https://panel.example", None, None)
    header = "X-Forwarded-Host: panel.example"
    assert voted(behind_tls, *rewritten, header) == 403
    ours = {"base_url": "https://panel.example", "proxies": TrustedProxies.of(["127.0.0.1"])}
    with serving(tmp_path, **ours) as live:
        assert voted(live, *rewritten, header) == 303
        assert voted(live, *rewritten, "X-Forwarded-Host: evil.example") == 403
        evil = (LOOPBACK, "https://evil.example", SAME, None)
        assert voted(live, *evil, "X-Forwarded-Host: evil.example") == 403


@pytest.mark.parametrize("name", ["", "https://panel.example", "a b", "x/y", "\u2603" * 80])
def test_an_allowed_name_that_can_be_none_is_refused(name):
    with pytest.raises(SettingsError, match="--allow-host"):
        SameOrigin.of(host="127.0.0.1", base_url=None, allowed=[name])


def test_a_form_of_our_own_page_passes_by_either_header(live):
    own = {"Origin": live.url}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    for headers in own:
        fields = {"tool": "parley", "choice": "ship"}
        assert live.visitor().ask("POST", "/vote", fields=fields, headers=headers).status == 303


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "a b", "[::1"]
)
def test_w3_a_wrong_host_is_400(live, host):
    answer = request(live, host=host)
    assert status(answer) == 400
    assert b"evil" not in answer


def test_w3_two_hosts_are_400(live):
    assert status(request(live, "GET", "/", "Host: evil.example")) == 400


def test_w3_a_form_of_1_mb_is_413_and_is_not_kept(live):
    answer = request(live, "POST", "/vote", f"Origin: {live.url}", body=b"x" * 1_000_000)
    assert status(answer) == 413
    assert b"64 kB" in answer


def test_w3_a_large_body_of_unknown_length_is_413(live):
    piece = b"%x\r\n%s\r\n" % (8000, b"y" * 8000)
    head = (
        f"POST /vote HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\nOrigin: {live.url}\r\n"
        f"Content-Type: {FORM}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    answer = raw(live, head.encode() + piece * (MAX_BODY // 8000 + 40) + b"0\r\n\r\n")
    assert status(answer) == 413


@pytest.mark.parametrize("length", ["-1", "1e9", "99999999999999999999", "64001"])
def test_w3_an_impossible_length_is_refused(live, length):
    lines = (f"Origin: {live.url}", f"Content-Length: {length}", f"Content-Type: {FORM}")
    assert status(request(live, "POST", "/vote", *lines)) in (400, 413)


@pytest.mark.parametrize(
    "path",
    [
        "/vote%0d%0aSet-Cookie:%20evil=1",
        "/%0d%0aLocation:%20https://evil.example",
        "/tools/%0aX-Evil:1.html",
        "//evil.example/%2e%2e",
        "/\\evil.example",
    ],
)
def test_w3_no_header_and_no_redirect_comes_from_an_address(live, path):
    for method in ("GET", "POST"):
        answer = request(live, method, path, f"Origin: {live.url}")
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert b"evil" not in head
        assert status(answer) in (400, 403, 404, 405)


@pytest.mark.parametrize(
    "tool",
    ["//evil.example", "https://evil.example/", "quillstore\r\nX-Evil: 1", "/\\evil.example"],
)
def test_w3_a_form_field_leads_nowhere_else(live, tool):
    fields = {"tool": tool, "choice": "ship", "next": "https://evil.example", "return": "//evil"}
    answer = live.visitor().post("/vote", **fields)
    assert answer.status == 404
    assert "evil" not in str(answer.headers)
    good = live.visitor().post("/vote", **{**fields, "tool": "parley"})
    assert good.headers["location"] == "tools/parley.html"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/style.css",
        "/api",
        "/api/verdicts",
        "/api/nothing",
        "/sign-in",
        "/live.css",
    ],
)
def test_w3_every_answer_says_that_it_may_not_be_framed(live, path):
    headers = live.visitor().get(path).headers
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00", b"HELO\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n"]
)
def test_what_is_no_http_is_400_and_closed(live, data):
    answer = raw(live, data)
    assert status(answer) == 400
    assert b"frame-ancestors" in answer


def test_w3_endless_headers_are_431(live):
    lines = b"".join(b"X-%d: %s\r\n" % (n, b"z" * 1000) for n in range(MAX_HEAD // 1000 + 300))
    answer = raw(live, b"GET / HTTP/1.1\r\n" + lines)
    assert status(answer) == 431


@pytest.mark.parametrize("more", [0, 1])
def test_w3_headers_up_to_the_limit_pass_and_one_byte_more_is_431(live, more):
    head = f"GET /live.css HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\nConnection: close\r\n"
    room = MAX_HEAD - len(head) - len("X-Long: \r\n\r\n")
    sent = head + f"X-Long: {'z' * (room + more)}\r\n\r\n"
    assert len(sent) == MAX_HEAD + more
    answer = raw(live, sent.encode())
    assert status(answer) == (431 if more else 200)
    assert live.visitor().get("/live.css").status == 200


def test_w3_a_body_does_not_count_as_headers(live):
    first = (
        f"POST /sign-out HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\nOrigin: {live.url}\r\n"
        f"Content-Length: 50000\r\n\r\n"
    ).encode() + b"x" * 50_000
    second = f"GET /live.css HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\nConnection: close\r\n\r\n"
    got = raw(live, first + second.encode())
    assert b" 431 " not in got
    assert b"text/css" in got


def test_w3_a_request_that_never_ends_is_cut_off(tmp_path):
    with serving(tmp_path, limits=ServerLimits(request_seconds=0.5)) as live:
        host = f"Host: 127.0.0.1:{live.port}\r\n".encode()
        opened = b"POST /vote HTTP/1.1\r\n" + host + f"Origin: {live.url}\r\n".encode()
        head = opened + f"Content-Type: {FORM}\r\nContent-Length: 500\r\n\r\n".encode()
        for begun in (b"", b"GET / HT", b"GET / HTTP/1.1\r\n" + host, head + b"tool="):
            began = time.monotonic()
            assert status(raw(live, begun)) == 408
            assert time.monotonic() - began < 5
        assert live.visitor().get("/").status == 200


def test_w3_a_second_request_is_timed_from_its_own_beginning(tmp_path):
    with serving(tmp_path, limits=ServerLimits(request_seconds=0.5)) as live:
        get = f"GET /style.css HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", live.port), timeout=20) as line:
            line.sendall(get)
            line.recv(1_000_000)
            time.sleep(0.8)
            line.sendall(get)
            assert line.recv(1_000_000)
            line.sendall(b"GET / HTTP/1.1\r\n")
            left = b""
            while piece := line.recv(65536):
                left += piece
        assert b" 408 " in left


def test_w3_a_reader_who_takes_nothing_is_cut_off(tmp_path):
    with serving(tmp_path, limits=ServerLimits(stall_seconds=0.5)) as live:
        get = f"GET /tools/quillstore.html HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\n\r\n".encode()
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            line.connect(("127.0.0.1", live.port))
            with contextlib.suppress(OSError):
                line.settimeout(0.2)
                for _ in range(2000):
                    line.sendall(get)
            until(lambda: not live.server.server_state.connections)


def test_w3_one_address_gets_its_share_of_connections_only(tmp_path):
    with serving(tmp_path, limits=ServerLimits(connections=8)) as live:
        with contextlib.ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(socket.create_connection(("127.0.0.1", live.port)))
            until(lambda: len(live.server.server_state.connections) == 8)
            answer = raw(live, b"GET / HTTP/1.1\r\n\r\n")
            assert status(answer) == 503
            assert b"retry-after" in answer
        until(lambda: live.visitor().get("/").status == 200)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "no address"),
    ],
)
def test_w3_one_network_of_ipv6_is_one_client(address, expected):
    assert client_network(address) == expected


def test_w3_200_slow_clients_leave_others_below_one_second(live):
    stop = threading.Event()

    def drip():
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            lines = [
                stack.enter_context(socket.create_connection(("127.0.0.1", live.port)))
                for _ in range(200)
            ]
            for line in lines:
                line.send(b"GET / HTTP/1.1\r\nX-Slow: ")
            while not stop.wait(0.3):
                for line in lines:
                    line.send(b"z")

    slow = threading.Thread(target=drip)
    slow.start()
    try:
        until(lambda: len(live.server.server_state.connections) >= 150)
        waits = []
        for _ in range(200):
            began = time.monotonic()
            assert live.visitor().get("/tools/quillstore.html").status == 200
            waits.append(time.monotonic() - began)
    finally:
        stop.set()
        slow.join()
    assert sorted(waits)[int(len(waits) * 0.99)] < 5


def test_a_fault_of_ours_shows_nothing_of_itself(live, monkeypatch):
    def broken(path, look):
        raise RuntimeError("canary /etc/secret")

    monkeypatch.setattr(live.state.page_cache, "page", broken)
    answer = live.visitor().get("/")
    assert answer.status == 500
    assert "canary" not in answer.text
    assert any("RuntimeError" in line for line in live.log)
    assert not any("canary" in line for line in live.log)


# The same without a server


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("panel.example", "panel.example"),
        ("Panel.Example:8000", "panel.example"),
        ("[::1]:80", "::1"),
        ("panel.example:", None),
        ("panel.example:http", None),
        ("a@panel.example", None),
        ("panel.example/x", None),
        ("", None),
        ("panel.example.", "panel.example"),
        ("[2001:DB8:0:0::7]:443", "2001:db8::7"),
    ],
)
def test_a_host_header_is_read_strictly(host, name):
    assert host_name(host) == name


@given(st.text(max_size=60))
def test_no_text_opens_a_door_that_does_not_know_it(text):
    door = SameOrigin.of(host="127.0.0.1", base_url="https://panel.example")
    known = {"panel.example", "127.0.0.1", "localhost", "::1"}
    assert not door.knows(text) or host_name(text) in known


def test_an_origin_has_to_be_the_address_visitors_know():
    door = SameOrigin.of(host="127.0.0.1", base_url="https://panel.example")
    assert door.own_page("panel.example", "https://panel.example", None)
    assert not door.own_page("panel.example", "http://panel.example", None)
    assert not door.own_page("panel.example", "https://panel.example:444", None)
    assert door.own_page("127.0.0.1:8000", "http://127.0.0.1:8000", None)
    assert not door.own_page("127.0.0.1:8000", "https://panel.example", None)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["evil"], UNKNOWN),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("", [], UNKNOWN),
    ],
)
def test_only_a_proxy_of_ours_says_who_asks(peer, forwarded, client):
    assert TrustedProxies.of(["10.0.0.0/8"]).client(peer, forwarded) == client


def test_without_proxies_nobody_says_who_asks():
    assert TrustedProxies().client("127.0.0.1", ["198.51.100.1"]) == "127.0.0.1"
    with pytest.raises(SettingsError, match="trusted-proxy"):
        TrustedProxies.of(["somewhere"])
