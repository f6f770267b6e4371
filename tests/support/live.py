"""A live server for tests: the real one on a loopback port, a mail server beside it, and a client.

with serving(tmp_path) as live:
    reader = live.visitor()
    assert reader.get("/tools/quillstore.html").status == 200
"""

import contextlib
import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import html5lib
from aiosmtpd.controller import Controller
from pydantic import SecretStr

from panel.engine.options import Options
from panel.foundation.settings import Settings
from panel.publish.community.database import Database
from panel.publish.community.rate_limits import Rate
from panel.publish.newsletter.mime import Sender
from panel.publish.newsletter.settings import MailSettings
from panel.publish.newsletter.smtp import SMTPServer
from panel.publish.server.config import RATES, ServerConfig
from panel.publish.server.main import open_app, open_state
from panel.publish.server.state import ServerState
from panel.publish.server.uvicorn_limits import LimitedServer, ServerLimits, listen
from tests.support.cards import batch
from tests.support.shelf import shelve

KEY = "a-key-for-tests-only-0123456789"
FREE = dict.fromkeys(RATES, Rate(burst=100_000, per_minute=100_000))
"""Rates that nobody meets."""


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[str]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")


class Visitor:
    """A browser as far as a server can tell: keeps cookies, says where its forms come from."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form from a page of the site."""
        headers = {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        return self.ask("POST", path, fields=fields, headers=headers)

    def ask(
        self,
        method: str,
        path: str,
        *,
        fields: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if fields is not None:
            body = urlencode(fields).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=sent)
            got = connection.getresponse()
            header_list = got.getheaders()
            answer = Answer(
                got.status,
                {name.lower(): value for name, value in header_list},
                got.read(),
                [value for name, value in header_list if name.lower() == "set-cookie"],
            )
        finally:
            connection.close()
        self._keep(answer)
        return answer

    def json(self, method: str, path: str, *, headers: dict[str, str], payload: Any = None) -> Any:
        """Ask the API as a program does; returns what it says."""
        body = None if payload is None else json.dumps(payload).encode()
        all_headers = {"Content-Type": "application/json", **headers}
        return json.loads(self.ask(method, path, headers=all_headers, body=body).body)

    def vote(self, choice: str, tool: str = "quillstore") -> Answer:
        return self.post("/vote", tool=tool, choice=choice)

    def _keep(self, answer: Answer) -> None:
        for line in answer.cookies:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value


@dataclass
class Postbox:
    """A mail server that takes everything."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"

    def wait(self, count: int) -> list[EmailMessage]:
        """Return the mails as soon as there are so many."""
        until(lambda: len(self.mails) >= count)
        return self.mails

    def link(self, number: int = -1) -> str:
        """Return the path of a mail's link."""
        part = self.mails[number].get_body(("plain",))
        assert part is not None
        match = re.search(r"https?://[^\s/]+(/\S+)", part.get_content())
        assert match
        return match[1]


@contextlib.contextmanager
def postbox() -> Iterator[Postbox]:
    """Run a mail server."""
    box = Postbox()
    with listen("127.0.0.1", 0) as spare:
        box.port = spare.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Live:
    """A server that runs."""

    url: str
    state: ServerState
    server: LimitedServer
    log: list[str]
    """Lines for the operator."""
    thread: threading.Thread

    def visitor(self) -> Visitor:
        return Visitor(self.url)

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    shelf: bool = True,
    database_url: str | None = None,
    box: Postbox | None = None,
    review: dict[str, Any] | None = None,
    options: Options | None = None,
    limits: ServerLimits | None = None,
    **setup: Any,
) -> Iterator[Live]:
    """Run the server over a folder; with `shelf`, one tool of each outcome is in it."""
    runs = folder / "runs"
    if shelf and not runs.exists():
        shelve(runs, batch())
    log: list[str] = []
    with listen("127.0.0.1", 0) as socket:
        port = socket.getsockname()[1]
        settings: dict[str, Any] = {
            "review": options
            or Options(settings=Settings(runs=runs), environ={}, **(review or {})),
            "data": folder / "community",
            "port": port,
            "key": SecretStr(KEY),
            "rates": FREE,
            "refresh_seconds": 0.2,
        }
        if box is not None:
            post = SMTPServer.parse(f"smtp://127.0.0.1:{box.port}")
            settings["mailing"] = MailSettings(post, Sender("Panel", "weekly@panel.example"))
        made = ServerConfig(**settings | setup)
        database = Database.open(database_url, folder=made.data, alone=True)
        state = open_state(made, database, say=log.append)
        server = LimitedServer(
            open_app(state), limits=limits or ServerLimits(), on_stop=state.stopping.set
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
        thread.start()
        try:
            until(lambda: server.started or not thread.is_alive())
            yield Live(f"http://127.0.0.1:{port}", state, server, log, thread)
        finally:
            server.end()
            thread.join(20)
            assert not thread.is_alive()


def until(true: Callable[[], object], *, seconds: float = 20) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


OWN_SCRIPTS = {"panel.js", "progress.js"}
ACTIVE = {"img", "iframe", "object", "embed", "style", "base", "audio", "video", "frame", "applet"}
ADDRESSES = {"href", "src", "action", "formaction", "data", "poster", "xlink:href", "srcset"}


def assert_harmless(page: str) -> None:
    """Judge a page with a parser: nothing of others runs, loads or sends."""
    for element in html5lib.parse(page, namespaceHTMLElements=False).iter():
        tag = str(element.tag).rpartition("}")[2]
        assert tag not in ACTIVE, tag
        if tag == "script":
            assert element.get("src", "").rpartition("/")[2] in OWN_SCRIPTS
            assert not element.text
        if tag == "meta":
            assert (element.get("http-equiv") or "").lower() != "refresh"
        for name, value in element.attrib.items():
            assert not str(name).lower().startswith("on"), name
            assert name != "style"
            if name in ADDRESSES:
                scheme = urlsplit(value).scheme
                assert scheme in ("", "https") or tag == "a", value
                assert scheme in ("", "https", "http"), value
                if tag != "a" and tag != "link":
                    assert not value.startswith("//")
                    assert scheme == "", (tag, value)
