"""The mail server that PANEL_SMTP_URL names, and connections to it, through `smtplib`.

`smtplib.SMTP.sendmail` is not used, since two guarantees need more than it tells:

- Whether a mail may be sent again. `SMTP.data` writes text and final dot at once and raises the
  same error for a connection lost before and after. Here the dot is a write of its own: before it
  the server cannot have accepted the mail; after it the outcome is uncertain.
- An end to every wait. The timeout of `smtplib` bounds one read, and a server that sends a byte now
  and then never meets it. Here a timer bounds the whole mail.
"""

import contextlib
import ipaddress
import re
import select
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from panel.foundation.errors import (
    MailDeferred,
    MailError,
    MailRefused,
    MailRejected,
    MailUncertain,
    SettingsError,
)
from panel.foundation.text import one_line
from panel.publish.newsletter.mime import as_bytes, people

SETTING: Final = "PANEL_SMTP_URL"
EXAMPLE: Final = f"{SETTING}=smtp://USER:PASSWORD@mail.example.org:587"

_PORTS: Final = {"smtp": 587, "smtps": 465}
_CHECK: Final = f"check {EXAMPLE}"


@dataclass(frozen=True)
class SMTPServer:
    """A mail server; `str()` of it and every error name host and port, never user or password."""

    host: str
    port: int
    tls: bool = False
    """TLS from the first byte (smtps); else STARTTLS where it is needed or offered."""
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    timeout: float = 20.0
    """Seconds for one answer of the server."""
    deadline: float = 60.0
    """Seconds for one mail in all, connecting included."""

    @classmethod
    def parse(cls, url: str) -> "SMTPServer":
        """Read `smtp://user:password@host:587` or `smtps://…`.

        Raises:
            SettingsError: it is no such address; the message never repeats it.
        """
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError:
            raise _unusable("has no usable host or port") from None
        if parts.scheme not in _PORTS or not parts.hostname or port == 0:
            raise _unusable("must start with smtp:// or smtps:// and name a host")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise _unusable("has more behind the port; write / ? # in a password as %2F %3F %23")
        user, password = _credentials(parts)
        port = port or _PORTS[parts.scheme]
        return cls(parts.hostname, port, tls=parts.scheme == "smtps", user=user, password=password)

    @property
    def loopback(self) -> bool:
        """Whether the server is this machine, so that nothing crosses a network."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    def connection(self) -> "SMTPConnection":
        """Return a connection for several mails; use it in a `with`."""
        return SMTPConnection(self)

    def send(self, message: EmailMessage) -> None:
        """Send one mail over a connection of its own. Raises as `SMTPConnection.send` does."""
        with self.connection() as connection:
            connection.send(message)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class SMTPConnection:
    """A connection to a mail server, made with the first mail and again after it broke."""

    def __init__(self, server: SMTPServer) -> None:
        """Nothing is connected until the first mail."""
        self._server = server
        self._wire: _Wire | None = None

    def __enter__(self) -> "SMTPConnection":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def send(self, message: EmailMessage) -> None:
        """Send one mail to the server, from its From to its one To.

        Raises:
            MailRefused: the server refuses the sign-in or the sender.
            MailRejected: it will never accept this mail.
            MailDeferred: it did not accept it now; the connection is closed.
            MailUncertain: the connection broke when it may have accepted it; likewise.
        """
        sender, recipient = people(message)
        handed: list[bool] = []
        try:
            with self._guarded() as wire:
                self._deliver(wire, sender, recipient, as_bytes(message), handed)
        except MailError as error:
            error.message = re.sub(re.escape(recipient), "recipient", error.message, flags=re.I)
            error.args = (error.message,)
            raise
        except OSError as error:
            why = "no answer in time" if self._wire and self._wire.was_cut else _reason(error)
            self._drop()
            if handed:
                raise MailUncertain(
                    f"the connection to {self._server} broke after the whole mail was sent"
                ) from error
            raise MailDeferred(f"{self._server}: {why}", everybody=True) from error

    def close(self) -> None:
        """Send QUIT and close the connection; nothing is raised."""
        if self._wire is not None:
            with contextlib.suppress(OSError), _cut_after(5.0, self._wire):
                self._wire.quit()
        self._drop()

    def _drop(self) -> None:
        if self._wire is not None:
            self._wire.hang_up()
        self._wire = None

    @contextlib.contextmanager
    def _guarded(self) -> Iterator["_Wire"]:
        if self._wire is not None and self._wire.idle_ended():
            self._drop()
        self._wire = wire = self._wire or _Wire(self._server)
        with _cut_after(self._server.deadline, wire):
            if wire.sock is None:
                self._enter(wire)
            yield wire

    def _enter(self, wire: "_Wire") -> None:
        """Connect, encrypt, sign in."""
        server = self._server
        try:
            _expect(server, wire.connect(server.host, server.port), 220, refused=MailRefused)
            wire.ehlo_or_helo_if_needed()
            if not server.tls and not server.loopback:
                _encrypt(wire, server)
            if server.user is not None:
                _sign_in(wire, server)
        except ssl.SSLCertVerificationError as error:
            self._drop()
            raise MailRefused(
                f"{server}: its certificate is not trusted: {error.verify_message}",
                hint="SSL_CERT_FILE=… names another file of trusted authorities",
            ) from error
        except MailError:
            self._drop()
            raise

    def _deliver(
        self, wire: "_Wire", sender: str, recipient: str, data: bytes, handed: list[bool]
    ) -> None:
        server, options = self._server, []
        if not (sender + recipient).isascii():
            if not wire.has_extn("smtputf8"):
                raise MailRejected(f"{server} takes no address with letters beyond ASCII")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        try:
            _expect(server, wire.mail(sender, options), 250, refused=MailRefused)
            _expect(server, wire.rcpt(recipient), 250, 251)
            _expect(server, wire.docmd("DATA"), 354)
            wire.send(re.sub(rb"(?m)^\.", b"..", data))
            wire.send(b".\r\n")
            handed.append(True)
            answer = wire.getreply()
            if answer[0] // 100 not in (2, 4, 5):
                raise OSError("an answer that is none")
            _expect(server, answer, 250)
        except MailRejected:
            with contextlib.suppress(OSError):
                wire.rset()
            raise
        except MailError:
            self._drop()
            raise


class _Wire(smtplib.SMTP):
    """The client of the standard library, which another thread can disconnect."""

    def __init__(self, server: SMTPServer) -> None:
        self.was_cut = False
        self._plug: socket.socket | None = None
        self._tls = _context() if server.tls else None
        super().__init__(local_hostname="[127.0.0.1]", timeout=server.timeout)
        self._host = server.host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        # The dot goes out in a packet of its own: it must not wait for the text's receipt.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._plug = sock.dup()
        try:
            return self._tls.wrap_socket(sock, server_hostname=host) if self._tls else sock
        except OSError:
            sock.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        """Read one answer. Raises `TimeoutError` where it was cut off half-way."""
        answer = super().getreply()
        if self.was_cut:
            raise TimeoutError
        return answer

    def idle_ended(self) -> bool:
        """Whether the server has sent something between two mails: a 421 before it closes."""
        return self.sock is None or bool(select.select([self.sock], [], [], 0)[0])

    def cut(self) -> None:
        """Break the connection; a thread that waits on it gets an error."""
        self.was_cut = True
        if self._plug is not None:
            with contextlib.suppress(OSError):
                self._plug.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        """Close everything that is open."""
        self.close()
        if self._plug is not None:
            self._plug.close()
            self._plug = None


@contextlib.contextmanager
def _cut_after(seconds: float, wire: _Wire) -> Iterator[None]:
    """Bound a whole dialogue: the timeout of one read does not end a server that answers slowly."""
    timer = threading.Timer(seconds, wire.cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _encrypt(wire: _Wire, server: SMTPServer) -> None:
    if wire.has_extn("starttls"):
        wire.starttls(context=_context())
        wire.ehlo()
    elif server.user is not None:
        raise MailRefused(
            f"{server} offers no STARTTLS; a password is not sent unencrypted",
            hint="smtps://… if the server speaks TLS from the start (usually port 465)",
        )


def _sign_in(wire: _Wire, server: SMTPServer) -> None:
    wire.user, wire.password = server.user or "", server.password or ""
    offered = wire.esmtp_features.get("auth", "").upper().split()
    ways: dict[str, Any] = {
        "PLAIN": wire.auth_plain,
        "LOGIN": wire.auth_login,
        "CRAM-MD5": wire.auth_cram_md5,
    }
    way = next((name for name in ways if name in offered), None)
    if way is None:
        raise MailRefused(f"{server} offers no way to sign in that is known here", hint=_CHECK)
    try:
        # One try: some servers hang up on whoever tries a second way after a wrong password.
        wire.auth(way, ways[way])
    except smtplib.SMTPAuthenticationError as error:
        # The answer may repeat the credentials: only its code is shown.
        code = error.smtp_code
        if code // 100 == 4:
            text = f"{server} cannot sign anyone in now ({code})"
            raise MailDeferred(text, everybody=True) from None
        text = f"{server} rejected the user name or password ({code})"
        raise MailRefused(text, hint=_CHECK) from None


def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _expect(
    server: SMTPServer,
    answer: tuple[int, bytes],
    *wanted: int,
    refused: type[MailError] = MailRejected,
) -> None:
    """Raise what an unwanted answer means: `refused` for 5xx, else that it may go later."""
    code, text = answer
    if code in wanted:
        return
    words = one_line(text.decode("utf-8", "replace"))[:200]
    message = f"{server} said {code} {words}".rstrip()
    if code // 100 == 5:
        raise refused(message)
    raise MailDeferred(message, everybody=code == 421 or refused is MailRefused)


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "no such host, or no name server"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"said {error.smtp_code}"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason or 'handshake failed'}".lower()
    return "the connection was lost"


def _credentials(parts: SplitResult) -> tuple[str | None, str | None]:
    if parts.username is None and parts.password is None:
        return None, None
    if not parts.username or not parts.password:
        raise _unusable("needs both a user name and a password, or neither")
    user, password = unquote(parts.username), unquote(parts.password)
    if not (user + password).isascii() or not (user + password).isprintable():
        raise _unusable("has a user name or password beyond ASCII, which SMTP cannot carry")
    return user, password


def _unusable(what: str) -> SettingsError:
    return SettingsError(f"{SETTING} {what}", hint=f"for instance {EXAMPLE}")
