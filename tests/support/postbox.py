"""A real SMTP server on loopback, in a thread of its own, that can be told to misbehave."""

import asyncio
import email
import email.policy
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


class Postbox:
    """What was received, and what is done to whom.

    `faults` holds, by recipient, what happens to the next mails: an answer to RCPT such as
    `451 later`; `data 554 no` (an answer after the mail); `hang` (no answer); `drop` (the
    connection ends inside the mail), `take and drop` and `lose and drop` (it ends in place of
    the answer, the mail kept or not).
    """

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[tuple[str, EmailMessage]] = []
        self.raw: list[bytes] = []
        self.connections = 0
        self.faults: dict[str, list[str]] = {}
        self.sender_answer = ""
        self.on_mail: Callable[[str], None] = lambda recipient: None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def counts(self) -> Counter[str]:
        """How many mails each address got."""
        return Counter(recipient for recipient, _ in self.mails)

    def keep(self, envelope: Envelope) -> None:
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails += [(recipient, mail) for recipient in envelope.rcpt_tos]


class _Handler:
    def __init__(self, box: Postbox) -> None:
        self.box = box

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.box.sender_answer:
            return self.box.sender_answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        waiting = self.box.faults.get(address, [])
        if waiting and waiting[0][:3].isdigit():
            return waiting.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        (recipient,) = envelope.rcpt_tos
        waiting = self.box.faults.get(recipient, [])
        fault = waiting.pop(0) if waiting else ""
        self.box.on_mail(recipient)
        if fault.startswith("data "):
            return fault.removeprefix("data ")
        if fault == "hang":
            await asyncio.sleep(30)
        if fault != "lose and drop":
            self.box.keep(envelope)
        if fault.endswith("drop"):
            cut(server)
        return "250 OK"


def cut(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


class _Server(SMTP):
    """Counts connections, and ends them inside DATA where it is told to."""

    box: Postbox  # set by whoever makes it

    def connection_made(self, transport: Any) -> None:
        self.box.connections += 1
        super().connection_made(transport)

    async def smtp_DATA(self, arg: str) -> None:
        assert self.envelope is not None
        waiting = self.box.faults.get(next(iter(self.envelope.rcpt_tos), ""), [])
        if waiting and waiting[0] == "drop":
            waiting.pop(0)
            await self.push("354 go on")
            cut(self)
            return
        await super().smtp_DATA(arg)


@contextmanager
def postbox(**options: Any) -> Iterator[Postbox]:
    """Run a server; `tls` is an SSL context for STARTTLS, `password` asks for a sign-in."""
    box = Postbox()
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    password = options.pop("password", None)
    wrapped = options.pop("smtps", None)
    if password is not None:
        options |= {
            "auth_required": True,
            "auth_require_tls": options.get("tls_context") is not None,
            "authenticator": lambda server, session, envelope, mechanism, data: AuthResult(
                success=data.password == password.encode(), handled=False
            ),
        }

    def make() -> SMTP:
        with warnings.catch_warnings():
            # It warns of passwords without TLS, which a test wants.
            warnings.simplefilter("ignore", UserWarning)
            server = _Server(
                _Handler(box), loop=loop, hostname="postbox", enable_SMTPUTF8=True, **options
            )
        server.box = box
        return server

    async def serve() -> None:
        listening = await loop.create_server(make, "127.0.0.1", 0, ssl=wrapped)
        box.port = listening.sockets[0].getsockname()[1]
        ready.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        listening.close()

    def work() -> None:
        asyncio.set_event_loop(loop)
        task = loop.create_task(serve())
        box_stop.append(lambda: loop.call_soon_threadsafe(task.cancel))
        loop.run_until_complete(task)
        tasks = asyncio.all_tasks(loop)
        for pending in tasks:
            pending.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    box_stop: list[Callable[[], Any]] = []
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield box
    finally:
        box_stop[0]()
        thread.join(10)
