"""F1: which addresses a stranger can make panel connect to: public ones, and no other."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from panel.evidence.fetch.checked_url import check_url, is_public, is_public_name
from panel.foundation.errors import Blocked
from tests.support.command import ROOT
from tests.support.world import CLEAN, FORMS, NUMBERS, PUBLIC, SPELLINGS


def namespaces():
    try:
        process = subprocess.run(["unshare", "-rn", "ip", "link"], capture_output=True)
    except FileNotFoundError:
        return False
    return process.returncode == 0 and shutil.which("unshare") is not None


def certified(folder):
    """Make a certificate for `secure.test` and return what makes the world use and trust it."""
    key, made, both = folder / "key.pem", folder / "made.pem", folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
               "/CN=secure.test", "-addext", "subjectAltName=DNS:secure.test",
               "-keyout", key, "-out", made]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    both.write_text(key.read_text() + made.read_text())
    return {"WORLD_CERTIFICATE": str(both), "SSL_CERT_FILE": str(made)}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What happened in a world where every address is on this machine, proxy variables set."""
    alone = namespaces()
    trust = certified(tmp_path_factory.mktemp("tls")) if alone else {}
    proxies = dict.fromkeys(("http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:80")
    process = subprocess.run(
        [*(["unshare", "-rn"] if alone else []), sys.executable, "-m", "tests.support.world"],
        cwd=ROOT, env=os.environ | proxies | trust | {"WORLD": str(int(alone))},
        check=True, timeout=50, stdout=subprocess.PIPE,
    )  # fmt: skip
    results = json.loads(process.stdout)
    assert ("naive" in results, "tls" in results) == (alone, bool(trust))
    return results


def test_f1_there_are_at_least_40_forms():
    assert len(set(FORMS)) >= 80


def test_f1_the_canary_hears_those_who_trust_a_resolver(report):
    assert report.get("naive", 40) >= 30


def test_f1_no_form_leads_to_a_connection(report):
    assert report["canary"] == []
    assert report["watched"] == []
    expected = dict.fromkeys(set(FORMS) - CLEAN, "blocked_address")
    assert {f: code for f, code in report["direct"].items() if f not in CLEAN} == expected


def test_f1_no_redirect_to_a_form_is_followed(report):
    codes = {f: code for f, code in report.get("redirected", {}).items() if f not in CLEAN}
    # `//host/` is an address relative to the page; it is refused for where it leads.
    assert set(codes.values()) <= {"blocked_address"}


def test_f1_one_bad_answer_of_the_resolver_blocks_the_name(report):
    assert set(report["names"].values()) == {"blocked_address"}
    assert len(report["names"]) == 2 * len(NUMBERS)


def test_f1_a_name_that_turns_to_loopback_between_two_hops_is_blocked(report):
    assert report.get("turncoat", "blocked_address") == "blocked_address"


def test_the_host_that_was_asked_for_is_named_in_the_handshake_and_the_request(report):
    assert {tuple(handshake[:2]) for handshake in report.get("secure", [])} <= {
        ("secure.test", "secure.test")
    }
    assert report.get("tls", {}).get("of another", "no_answer") == "no_answer"


def test_a_key_goes_over_tls_and_never_on_to_plain_http(report):
    got = report.get("tls", {})
    assert got.get("secure", "200") == got.get("upgraded", "200") == "200"
    assert got.get("downgraded with a key", "blocked_address") == "blocked_address"
    assert got.get("downgraded", "200") == "200"
    assert [key for *_, key in report.get("secure", [])] in ([], ["hunter2", None, "hunter2", None])


def test_f1_the_honest_server_is_reached_past_every_proxy_variable(report):
    assert report.get("honest", "200") == "200"


@pytest.mark.parametrize(
    "address", ["1.1.1.1", PUBLIC, "192.0.1.1", "2606:4700::1111", "2a00:1450::1", "2001:4860::8"]
)
def test_public_addresses_are_public(address):
    assert is_public(address)
    assert is_public_name(address)


@pytest.mark.parametrize("host", ["example.org", "a.b.example", "xn--bcher-kva.example", "1.com"])
def test_names_are_looked_up(host):
    assert is_public_name(host)


@pytest.mark.parametrize("address", NUMBERS)
def test_f1_denied_addresses_are_not_public(address):
    assert not is_public(address)


def test_only_the_listed_authority_is_allowed():
    allow = frozenset({"127.0.0.1:8000", "[::1]:8000"})
    assert check_url("http://127.0.0.1:8000/x", allow).allowlisted
    assert check_url("http://[::1]:8000/x", allow).allowlisted
    for authority in ("http://127.0.0.1:8001/", "http://127.0.0.1/", "http://127.1:8000/",
                  "http://localhost:8000/", "http://u@127.0.0.1:8000/"):  # fmt: skip
        with pytest.raises(Blocked):
            check_url(authority, allow)


@pytest.mark.parametrize(
    "form", [*sorted(set(SPELLINGS) - CLEAN), "http://a:b@c/?key=hunter2", "x" * 5000, "\x1b[31m"]
)
def test_a_refusal_is_one_short_line_without_what_an_address_may_hide(form):
    with pytest.raises(Blocked) as caught:
        check_url(form, frozenset())
    assert len(caught.value.message) < 160
    assert caught.value.message.isprintable()
    assert "hunter2" not in caught.value.message
    assert "pw" not in caught.value.message
