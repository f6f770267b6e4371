"""Sending an issue: one mail per confirmed address, none twice, resumed where it stopped.

A mail is claimed in the database before it is handed over and ended after. What a killed process
leaves claimed may have gone out or not; it is reported, and only a person sends it again.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Final

from panel.foundation.errors import (
    DatabaseDown,
    MailDeferred,
    MailError,
    MailRefused,
    MailRejected,
    MailUncertain,
)
from panel.publish.community.database import Database
from panel.publish.community.deliveries import SendProgress, Sends
from panel.publish.community.subscribers import Subscriber
from panel.publish.community.tokens import Tokens
from panel.publish.newsletter.issue import Issue
from panel.publish.newsletter.mime import Listing, message
from panel.publish.newsletter.settings import MailSettings
from panel.publish.newsletter.smtp import SMTPConnection
from panel.publish.page_urls import PageURLs

PURPOSE: Final = "unsubscribe"
HOURS: Final = 24 * 365
LIST: Final = "Panel weekly"


@dataclass(frozen=True)
class Pace:
    """Rate and retries of a sending. These and the server's deadline bound every wait."""

    per_minute: int = 300
    pauses: tuple[float, ...] = (10.0, 60.0)
    """Seconds before each further round over the deferred mails."""
    in_a_row: int = 5
    """Mails in a row for which the server failed altogether, after which a round ends."""


class Sending:
    """The sending of one issue by one process."""

    def __init__(
        self,
        database: Database,
        mailing: MailSettings,
        issue: Issue,
        *,
        pace: Pace | None = None,
        watch: Callable[[SendProgress], None] = lambda progress: None,
    ) -> None:
        """Nothing is sent yet. `watch` is called every few seconds with the progress."""
        self.trouble: str = ""
        """What the server said last when it put a mail off or turned it down."""
        self._sends = Sends(database)
        self._tokens = Tokens(database)
        self._database = database
        self._mailing = mailing
        self._issue = issue
        self._pace = pace or Pace()
        self._watch = watch
        self._stop = threading.Event()

    @property
    def week(self) -> str:
        """The week whose issue it is."""
        return self._issue.week

    def message_id(self, reader: int) -> str:
        """Return the Message-ID of one reader's mail: the same whenever it is sent.

        Mail servers log it, so that a person can tell whether an uncertain mail went out;
        mailboxes drop the second of two.
        """
        return f"<{self._ident(reader)}@{self._mailing.sender.domain}>"

    def stop(self) -> None:
        """End after the current mail. Safe to call from a signal handler."""
        self._stop.set()

    def run(self) -> SendProgress:
        """Send what is left, in a few rounds, and return how far it has come.

        Raises:
            MailRefused: the server will not work for us; nothing more was tried.
            DatabaseDown: the database went away; what was acknowledged is kept.
        """
        for pause in (*self._pace.pauses, None):
            if not self._round() or pause is None or self._stop.wait(pause):
                break
        return self._sends.progress(self.week)

    def _round(self) -> bool:
        """Try every remaining subscriber once; return whether any mail was deferred."""
        put_off, in_a_row, last_progress = False, 0, time.monotonic()
        with self._mailing.server.connection() as connection:
            for reader in self._paced(self._sends.left(self.week)):
                try:
                    self._send(connection, reader)
                    in_a_row = 0
                except (MailDeferred, MailUncertain) as error:
                    self.trouble = error.message
                    put_off = put_off or isinstance(error, MailDeferred)
                    whole = not isinstance(error, MailDeferred) or error.everybody
                    in_a_row = in_a_row + 1 if whole else 0
                if in_a_row == self._pace.in_a_row:
                    return True
                if time.monotonic() - last_progress > 5:
                    last_progress = time.monotonic()
                    self._watch(self._sends.progress(self.week))
        return put_off

    def _send(self, connection: SMTPConnection, reader: Subscriber) -> None:
        """Send one mail, unless another process has claimed it.

        Raises `MailDeferred` with the claim given back, `MailUncertain` with the claim left.
        """
        week = self.week
        if not self._sends.claim(week, reader.id):
            return
        try:
            connection.send(self.mail(reader))
        except (MailDeferred, MailRefused):
            self._store(lambda: self._sends.release(week, reader.id))
            raise
        except (MailRejected, ValueError) as error:
            self.trouble = error.message if isinstance(error, MailError) else str(error)
            self._store(lambda: self._sends.failed(week, reader.id, message=self.trouble))
        else:
            self._store(lambda: self._sends.done(week, reader.id))

    def mail(self, reader: Subscriber) -> EmailMessage:
        """Return the issue as a mail to one reader."""
        now = datetime.now(UTC)
        token = self._tokens.issue(PURPOSE, str(reader.id), hours=HOURS, now=now)
        link = PageURLs(self._issue.base_url).unsubscribe(token)
        return message(
            self._issue.mail(link),
            sender=self._mailing.sender,
            to=reader.address,
            now=now,
            listing=Listing(LIST, link),
            ident=self._ident(reader.id),
        )

    def _ident(self, reader: int) -> str:
        return f"{self.week}.{self._database.mark('mail', f'{self.week} {reader}')[:24]}"

    def _paced(self, readers: Iterator[Subscriber]) -> Iterator[Subscriber]:
        """Yield readers, no faster than the pace, until `stop` is called."""
        step, due = 60 / self._pace.per_minute, time.monotonic()
        for reader in readers:
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            due = max(due, time.monotonic() - 1) + step
            yield reader

    def _store(self, note: Callable[[], None]) -> None:
        """Store how a mail ended, with retries over a short outage: else it stays uncertain."""
        for pause in (0.5, 1.0, 2.0, 4.0, 8.0):
            with contextlib.suppress(DatabaseDown):
                return note()
            time.sleep(pause)
        return note()
