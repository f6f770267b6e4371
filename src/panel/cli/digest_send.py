"""Mailing a week's edition: once to each subscriber, continued where it stopped.

What needs a decision of a person (mails that failed or are uncertain) is listed, and settled.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import click

from panel.cli.console import say, warn
from panel.cli.output import emit_text
from panel.foundation.errors import InputError, MailRefused, RunStopped, SettingsError
from panel.foundation.file_lock import LockHeld
from panel.publish.community.database import Database, open_lock
from panel.publish.community.deliveries import Send, SendProgress, Sends
from panel.publish.newsletter.edition import Edition
from panel.publish.newsletter.issue import Issue
from panel.publish.newsletter.sending import Pace, Sending
from panel.publish.newsletter.settings import MailSettings
from panel.publish.newsletter.week import Week
from panel.publish.page_urls import PageURLs
from panel.report.figures import moment

SHOWN: Final = 20
"""Mails that are listed one by one."""


@dataclass(frozen=True)
class SendJob:
    """Which week's edition is mailed, and how."""

    week: Week
    urls: Callable[[], PageURLs | None]
    """Returns where the pages are, None where that is not known."""
    edition: Callable[[], Edition]
    """Reads the edition; called only where no issue of that week is stored."""
    command: str
    """The command that goes on with this job."""
    skip_empty: bool
    per_minute: int
    rounds: int
    resend: str | None
    as_sent: str | None
    addresses: bool
    """Name addresses in what is listed."""


def send_issue(database: Database, mail: MailSettings, job: SendJob) -> int:
    """Send what is left of a week's mails, print how far it has come, return the exit code."""
    sends, week = Sends(database), str(job.week)
    issue = _stored(sends, job)
    if issue is None:
        issue = _new(job)
        if issue is None:
            return 0
        sends.open(week, issue.write())
    _settle(sends, job)
    pace = Pace(per_minute=job.per_minute, pauses=Pace.pauses[: job.rounds - 1])
    sending = Sending(database, mail, issue, pace=pace, watch=_watch(week))
    try:
        with _stopped_by_signals(sending) as received:
            sending.run()
    except MailRefused:
        _report(database, sending, job)
        raise
    code = _report(database, sending, job)
    return 128 + received[0] if received and code == 3 else code


def rehearse(database: Database, job: SendJob) -> None:
    """Print what would be sent."""
    sends, week = Sends(database), str(job.week)
    issue = _stored(sends, job) or _new(job)
    if issue is None:
        return
    say(f"subject: {issue.subject}")
    say(f"{_summary(week, sends.progress(week))}; nothing was sent now")
    emit_text(issue.mail("(each reader's own link)").text, None)


@contextlib.contextmanager
def open_database(folder: Path) -> Iterator[Database]:
    """Open the database of subscribers; raise `InputError` where there is none."""
    if not folder.is_dir():
        raise InputError(
            f"there are no subscribers: {folder} is no folder",
            hint="panel serve makes it; --data DIR names another",
        )
    with Database.open(os.environ.get("PANEL_DATABASE_URL"), folder=folder) as database:
        for note in database.notes:
            warn(note)
        yield database


@contextlib.contextmanager
def sole_sender(folder: Path) -> Iterator[None]:
    """Let one process send at a time: mails that another is sending would look uncertain."""
    lock = open_lock(folder / "digest.lock")
    try:
        try:
            lock.acquire()
        except LockHeld:
            raise RunStopped(
                f"another panel digest send is running in {folder}", hint="wait until it has ended"
            ) from None
        yield
    finally:
        lock.close()


@contextlib.contextmanager
def _stopped_by_signals(sending: Sending) -> Iterator[list[int]]:
    """End after the mail under way on the first SIGINT or SIGTERM, at once on the second."""
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        sending.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stored(sends: Sends, job: SendJob) -> Issue | None:
    """Return the issue whose sending has begun, None where it has not."""
    week = str(job.week)
    if week not in sends.weeks():
        return None
    issue = Issue.read(sends.open(week, ""), week)
    urls = job.urls()
    if urls is not None and urls.base != issue.base_url:
        raise SettingsError(
            f"the mail of {week} was begun with the base URL {issue.base_url}",
            hint=f"--base-url {issue.base_url}",
        )
    return issue


def _new(job: SendJob) -> Issue | None:
    urls = job.urls()
    if urls is None:
        raise SettingsError(
            "the mail needs to know where the pages are, for its link to unsubscribe",
            hint="--base-url https://panel.example.org",
        )
    edition = job.edition()
    if edition.empty and job.skip_empty:
        say(f"{job.week}: nothing was reviewed, so nothing is sent")
        return None
    return Issue.of(edition, urls)


def _watch(week: str) -> Callable[[SendProgress], None]:
    """Return what prints progress on a terminal; nothing elsewhere."""

    def watch(progress: SendProgress) -> None:
        if sys.stderr.isatty():
            say(_summary(week, progress))

    return watch


def _summary(week: str, progress: SendProgress) -> str:
    """Return one line of counts."""
    return (
        f"{week}: {progress.sent} sent, {progress.failed} failed, "
        f"{progress.uncertain} uncertain, {progress.left} left"
    )


def _report(database: Database, sending: Sending, job: SendJob) -> int:
    """Print how far it has come and what to type next; return the exit code."""
    sends, week, command = Sends(database), sending.week, job.command
    progress = sends.progress(week)
    click.echo(_summary(week, progress))
    if progress.failed:
        say("refused permanently by the mail server:")
        mails = sends.refused(week)
        _list([_failed(mail) for mail in mails], mails, job.addresses)
        say(f"to try them again: {command} --resend failed")
    if progress.uncertain:
        say("uncertain: the connection or panel itself ended while they were sent")
        mails = sends.uncertain(week)
        _list([_uncertain(mail, sending) for mail in mails], mails, job.addresses)
        number = mails[0].subscriber
        say("the mail server's log knows by the Message-ID whether it took them. Then type:")
        say(f"  if it did: {command} --as-sent {number}")
        say(f"  if not: {command} --resend {number}")
    if progress.left:
        if sending.trouble:
            warn(sending.trouble)
        say(f"to go on: {command}")
        return 3
    return 1 if progress.failed or progress.uncertain else 0


def _settle(sends: Sends, job: SendJob) -> None:
    """Free mails to be sent again, or count them as sent, as a person decided.

    Raises `InputError` where one is neither uncertain nor failed.
    """
    week = str(job.week)
    uncertain = {mail.subscriber for mail in sends.uncertain(week)}
    failed = {mail.subscriber for mail in sends.refused(week)}
    delivered = _numbers(job.as_sent, week, uncertain, set())
    released = _numbers(job.resend, week, uncertain, failed)
    for number in delivered:
        sends.done(week, number)
    for number in released:
        if number in failed:
            sends.forgive(week, number)
        else:
            sends.release(week, number)


def _numbers(text: str | None, week: str, uncertain: set[int], failed: set[int]) -> list[int]:
    if text is None:
        return []
    if text == "uncertain":
        return sorted(uncertain)
    if text == "failed":
        return sorted(failed)
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise InputError(f"{text!r} are no numbers", hint="for instance: --resend 17,20")
    numbers = [int(part) for part in parts]
    if unknown := [n for n in numbers if n not in uncertain | failed]:
        raise InputError(
            f"the mail of {week} to subscriber {unknown[0]} has nothing to settle",
            hint=f"panel digest send --week {week} lists those that have",
        )
    return numbers


def _failed(mail: Send) -> str:
    return f"subscriber {mail.subscriber}: {mail.message}"


def _uncertain(mail: Send, sending: Sending) -> str:
    ident = sending.message_id(mail.subscriber)
    return f"subscriber {mail.subscriber}, {moment(mail.claimed)}, Message-ID {ident}"


def _list(lines: Sequence[str], mails: Sequence[Send], addresses: bool) -> None:
    for line, mail in list(zip(lines, mails, strict=True))[:SHOWN]:
        say(f"  {line}" + (f", {mail.address or 'has left'}" if addresses else ""))
    if len(lines) > SHOWN:
        say(f"  and {len(lines) - SHOWN} more")
