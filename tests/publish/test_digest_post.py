"""Handing a mail over, against a real SMTP server: what a broken line means, and no secret told."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from panel.foundation.errors import (
    MailDeferred,
    MailError,
    MailRefused,
    MailRejected,
    MailUncertain,
    SettingsError,
)
from panel.publish.newsletter.mime import MailMessage, Sender, message
from panel.publish.newsletter.smtp import SMTPServer
from tests.support.postbox import postbox

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SENDER = Sender("Panel", "weekly@panel.example")
CONTENT = MailMessage("Hello", "one\n.two\n..three\n", "<p>one</p>")
SECRET = "canary-Secret-42"


def mail(to="ann@reader.example", content=CONTENT):
    return message(content, sender=SENDER, to=to, now=NOW)


@pytest.fixture
def box():
    with postbox() as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody trusts, and a server's context with it."""
    if not shutil.which("openssl"):
        pytest.skip("mail under TLS (install openssl)")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:127.1,IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context


def test_a_mail_arrives_as_it_was_written(box):
    SMTPServer.parse(box.url).send(sent := mail())
    ((recipient, received_mail),) = box.mails
    assert recipient == "ann@reader.example"
    assert received_mail.get_body(("plain",)).get_content().splitlines() == [
        "one",
        ".two",
        "..three",
    ]
    assert box.raw[0].rstrip() == sent.as_bytes().rstrip()


def test_many_mails_go_over_one_connection(box):
    with SMTPServer.parse(box.url).connection() as line:
        for number in range(20):
            line.send(mail(f"reader{number}@reader.example"))
    assert len(box.mails) == 20
    assert box.connections == 1


def test_a_mail_goes_to_its_one_recipient_and_nobody_else(box):
    content = replace(CONTENT, subject="Hello\r\nBcc: eve@evil.example\r\n\r\nbody")
    SMTPServer.parse(box.url).send(mail(content=content))
    ((recipient, received_mail),) = box.mails
    assert recipient == "ann@reader.example"
    assert received_mail["Bcc"] is None
    assert received_mail["Subject"] == "Hello Bcc: eve@evil.example body"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("451 4.7.1 come back later", MailDeferred),
        ("421 4.3.2 closing", MailDeferred),
        ("550 5.1.1 <ann@reader.example> unknown here", MailRejected),
        ("data 452 full", MailDeferred),
        ("data 554 no", MailRejected),
        ("take and drop", MailUncertain),
        ("lose and drop", MailUncertain),
    ],
)
def test_what_the_server_answers_says_whether_the_mail_may_be_sent_again(box, fault, error):
    box.faults["ann@reader.example"] = [fault]
    with SMTPServer.parse(box.url).connection() as line:
        with pytest.raises(error) as caught:
            line.send(mail())
        line.send(mail("ben@reader.example"))
    assert box.counts["ben@reader.example"] == 1
    assert box.counts["ann@reader.example"] == (fault == "take and drop")
    assert "ann@" not in str(caught.value)
    assert str(box.port) in caught.value.message


def test_a_server_that_serves_nobody_is_told_from_one_that_puts_off_one_reader(box):
    box.faults["ann@reader.example"] = ["451 later", "421 bye"]
    for everybody in (False, True):
        with pytest.raises(MailDeferred) as caught:
            SMTPServer.parse(box.url).send(mail())
        assert caught.value.everybody is everybody


def test_a_connection_lost_inside_a_long_mail_is_no_doubt(box):
    box.faults["ann@reader.example"] = ["drop"]
    long = replace(CONTENT, text="a line of text that goes on\n" * 300_000)
    with pytest.raises(MailDeferred):
        SMTPServer.parse(box.url).send(mail(content=long))
    assert box.mails == []


def test_a_connection_lost_inside_a_short_mail_is_never_taken_for_sent(box):
    box.faults["ann@reader.example"] = ["drop"]
    with pytest.raises((MailDeferred, MailUncertain)):
        SMTPServer.parse(box.url).send(mail())
    assert box.mails == []


def test_a_server_that_goes_silent_after_the_mail_leaves_it_uncertain(box):
    box.faults["ann@reader.example"] = ["hang"]
    server = replace(SMTPServer.parse(box.url), timeout=0.3)
    started = time.monotonic()
    with pytest.raises(MailUncertain):
        server.send(mail())
    assert time.monotonic() - started < 10


def test_a_server_that_drips_its_greeting_is_cut_off_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip():
            client, _ = listening.accept()
            with client:
                try:
                    for _ in range(100):
                        client.sendall(b"2")
                        time.sleep(0.1)
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        server = SMTPServer("127.0.0.1", listening.getsockname()[1], timeout=5, deadline=0.5)
        started = time.monotonic()
        with pytest.raises(MailDeferred, match="no answer in time"):
            server.send(mail())
        assert time.monotonic() - started < 5
        thread.join()


def test_a_server_that_is_not_there_is_named_with_its_port(box):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(MailDeferred, match=rf"127\.0\.0\.1:{port}: nothing listens there"):
        SMTPServer("127.0.0.1", port).send(mail())


def test_a_sender_that_the_server_refuses_is_a_setting_to_mend_and_no_readers_fault(box):
    box.sender_answer = "553 not your address"
    with pytest.raises(MailRefused) as caught:
        SMTPServer.parse(box.url).send(mail())
    assert caught.value.exit_code == 2


def test_o4_a_wrong_password_is_refused_and_never_shown():
    with postbox(password="right") as box:
        post = SMTPServer.parse(box.url.replace("//", f"//user:{SECRET}@"))
        with pytest.raises(MailRefused, match="rejected the user name or password") as caught:
            post.send(mail())
        assert SECRET not in repr(caught.value) + repr(post) + str(post)
        SMTPServer.parse(box.url.replace("//", "//user:right@")).send(mail())
        assert len(box.mails) == 1


def test_a_password_is_not_sent_in_the_clear_to_another_machine(box):
    # 127.1 is this machine too, but a name that does not say so.
    post = replace(SMTPServer.parse(box.url), host="127.1", user="user", password=SECRET)
    with pytest.raises(MailRefused, match="no STARTTLS") as caught:
        post.send(mail())
    assert SECRET not in str(caught.value)


def test_starttls_is_used_and_its_certificate_checked(certificate, monkeypatch):
    path, context = certificate
    with postbox(tls_context=context, password=SECRET) as box:
        away = replace(SMTPServer.parse(box.url), host="127.1", user="user", password=SECRET)
        with pytest.raises(MailRefused, match="certificate is not trusted"):
            away.send(mail())
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        away.send(mail())
        assert len(box.mails) == 1


def test_smtps_speaks_tls_from_the_first_byte(certificate, monkeypatch):
    path, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with postbox(smtps=context) as box:
        with replace(SMTPServer.parse(box.url), tls=True).connection() as line:
            for _ in range(3):
                line.send(mail())
        assert len(box.mails) == 3
        assert box.connections == 1


@pytest.mark.parametrize(
    "url",
    [
        "", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://mail:0",
        "smtp://mail:99999", f"smtp://user@{SECRET}", f"smtp://user:{SECRET}/x@mail:587",
        f"smtp://user:{SECRET}@mail:587/?tls=no", f"smtp://üser:{SECRET}@mail",
        f"smtp://user:{SECRET}%0d%0aRSET@mail",
    ],
)  # fmt: skip
def test_o4_a_server_address_that_is_none_is_turned_down_without_being_repeated(url):
    with pytest.raises(SettingsError) as caught:
        SMTPServer.parse(url)
    assert "PANEL_SMTP_URL" in caught.value.message
    assert SECRET not in caught.value.message
    assert SECRET not in (caught.value.hint or "")


def test_a_server_address_is_read_with_its_usual_ports_and_escapes():
    assert SMTPServer.parse("smtp://mail.example.org") == SMTPServer("mail.example.org", 587)
    server = SMTPServer.parse("smtps://a%40b:p%2Fw@mail.example.org")
    assert server == SMTPServer("mail.example.org", 465, tls=True, user="a@b", password="p/w")
    assert str(SMTPServer.parse("smtp://[::1]:25")) == "[::1]:25"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("localhost.evil.example", False),
     ("10.0.0.1", False), ("mail", False)],
)  # fmt: skip
def test_only_this_machine_is_loopback(host, loopback):
    assert SMTPServer(host, 25).loopback is loopback


def test_every_kind_of_failure_is_a_mail_error():
    kinds = (MailDeferred, MailRefused, MailRejected, MailUncertain)
    assert all(issubclass(kind, MailError) for kind in kinds)
