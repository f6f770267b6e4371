"""`panel serve` as a command: what it refuses to start with, and how it ends."""

import signal
import socket

import pytest

from tests.support.cards import batch
from tests.support.live import Visitor
from tests.support.shelf import shelve


@pytest.mark.parametrize(
    ("options", "settings", "message"),
    [
        (("--host", "0.0.0.0"), {}, "the site's own address has to be known"),
        (("--base-url", "panel.example"), {}, "--base-url must be the address"),
        (("--trusted-proxy", "somewhere"), {}, "--trusted-proxy"),
        (("--allow-host", "https://www.panel.example"), {}, "--allow-host"),
        ((), {"PANEL_API_KEY": "canary"}, "at least 16"),
        ((), {"PANEL_SMTP_URL": "http://canary", "PANEL_MAIL_FROM": "a@b.c"}, "PANEL_SMTP_URL"),
        ((), {"PANEL_SMTP_URL": "smtp://u:canary@127.0.0.1:9"}, "PANEL_MAIL_FROM"),
        ((), {"PANEL_DATABASE_URL": "mysql://canary"}, "PANEL_DATABASE_URL"),
        ((), {"PANEL_DATABASE_URL": "postgresql://u:canary@127.0.0.1:9/x"}, "127.0.0.1"),
        (("--host", "203.0.113.9", "--allow-host", "x"), {}, "cannot listen"),
    ],
)
def test_it_says_in_one_line_why_it_does_not_start(desk, options, settings, message):
    desk.env.update(settings)
    done = desk.run("serve", "--port", "0", *options)
    assert done.returncode in (2, 3)
    assert message in done.stderr
    assert "canary" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said_with_the_next_thing_to_type(desk):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = desk.run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "--port" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -15), (signal.SIGINT, 130)])
def test_it_serves_until_a_signal_and_says_where(desk, number, code):
    shelve(desk.folder / "runs", batch())
    process = desk.start("serve", "--port", "0", "--no-requests")
    try:
        for line in process.stderr:
            if line.startswith("serving"):
                break
        url = line.split()[-1].rstrip("/")
        assert "serving 5 tools at http://127.0.0.1:" in line
        assert Visitor(url).get("/").status == 200
        process.send_signal(number)
        process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == code


def test_a_second_server_on_one_sqlite_file_is_refused(desk):
    from panel.publish.community.database import Database

    with Database.open(None, folder=desk.folder / "community", alone=True):
        done = desk.run("serve", "--port", "0")
    assert done.returncode == 2
    assert "another server runs on this database" in done.stderr


def test_a_lost_secret_is_said_with_the_file_and_nothing_is_changed(desk):
    from panel.publish.community.database import Database
    from panel.publish.community.identities import Identities

    folder = desk.folder / "community"
    with Database.open(None, folder=folder) as database:
        Identities(database).anonymous("a cookie")
    (folder / "secret").unlink()
    for command in (("serve", "--port", "0"), ("digest", "subscribers")):
        before = {path: path.read_bytes() for path in folder.iterdir()}
        done = desk.run(*command)
        assert done.returncode == 2
        assert "community/secret is missing" in done.stderr
        assert "from a backup" in done.stderr
        assert "Traceback" not in done.stderr
        after = {path: path.read_bytes() for path in folder.iterdir()}
        assert after == {**before, **{path: after[path] for path in after if not after[path]}}
