"""`panel digest send` and `panel digest subscribers`: the weekly mail and who gets it."""

import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click

from panel.cli import digest_options
from panel.cli.console import say, warn
from panel.cli.digest_report import report, settle, summary
from panel.cli.output import emit_text
from panel.foundation.errors import InputError, MailRefused, RunStopped, SettingsError
from panel.foundation.file_lock import LockHeld
from panel.publish.community.database import Database, open_lock
from panel.publish.community.deliveries import SendProgress, Sends
from panel.publish.community.subscribers import Subscribers
from panel.publish.newsletter.issue import Issue
from panel.publish.newsletter.sending import Pace, Sending
from panel.publish.newsletter.settings import MailSettings
from panel.publish.newsletter.week import Week


@click.command("send")
@digest_options.of_a_week
@digest_options.in_data
@click.option("--dry-run", is_flag=True, help="Print what would be sent; send nothing.")
@click.option("--skip-empty", is_flag=True, help="Send nothing where nothing was reviewed.")
@click.option(
    "--per-minute", type=click.IntRange(1, 60_000), default=300, help="Mails a minute at most."
)
@click.option("--rounds", type=click.IntRange(1, 3), default=3, help="Tries for a mail put off.")
@click.option(
    "--resend", metavar="WHICH", help="First free these to be sent again: numbers, or failed."
)
@click.option("--as-sent", metavar="WHICH", help="First count these uncertain ones as sent.")
@click.option("--addresses", is_flag=True, help="Name addresses in what is listed.")
@click.pass_context
def send(ctx: click.Context, /, **given: Any) -> None:
    """Mail a week's edition to every confirmed subscriber, once.

    Goes on where it stopped. Needs PANEL_SMTP_URL and PANEL_MAIL_FROM.
    """
    week = digest_options.week_of(given["week"])
    if week.end > datetime.now(UTC):
        raise InputError(
            f"{week} is not over before {week.end:%d %B %Y}, 00:00 UTC",
            hint=f"panel digest --week {week} shows what it has so far",
        )
    folder = digest_options.data_folder(given["data"], given["runs"])
    if given["dry_run"]:
        with _database(folder) as database:
            _rehearse(Sends(database), week, given)
        return
    mailing = MailSettings.read(os.environ)
    with _database(folder) as database, _alone(folder):
        ctx.exit(_send(database, mailing, week, given))


@click.command("subscribers")
@digest_options.in_data
@click.option("--runs", type=click.Path(path_type=Path), metavar="DIR", help="Runs folder.")
@click.option("--addresses", is_flag=True, help="List the addresses instead.")
def subscribers(**given: Any) -> None:
    """Count the confirmed subscribers."""
    with _database(digest_options.data_folder(given["data"], given["runs"])) as database:
        readers = Subscribers(database).confirmed()
        if given["addresses"]:
            emit_text("".join(f"{reader.address}\n" for reader in readers), None)
        else:
            click.echo(f"{sum(1 for _ in readers)} confirmed")


def _send(database: Database, mailing: MailSettings, week: Week, given: dict[str, Any]) -> int:
    sends, again = Sends(database), _again(week, given)
    issue = _kept(sends, week, given)
    if issue is None:
        issue = _new(week, given)
        if issue is None:
            return 0
        sends.open(str(week), issue.write())
    settle(sends, str(week), resend=given["resend"], as_sent=given["as_sent"])
    pace = Pace(per_minute=given["per_minute"], pauses=Pace.pauses[: given["rounds"] - 1])
    sending = Sending(database, mailing, issue, pace=pace, watch=_tell(str(week)))
    try:
        with _stopped_by_signals(sending) as received:
            sending.run()
    except MailRefused:
        report(database, sending, again=again, addresses=given["addresses"])
        raise
    code = report(database, sending, again=again, addresses=given["addresses"])
    return 128 + received[0] if received and code == 3 else code


def _rehearse(sends: Sends, week: Week, given: dict[str, Any]) -> None:
    issue = _kept(sends, week, given) or _new(week, given)
    if issue is None:
        return
    found = sends.progress(str(week))
    say(f"subject: {issue.subject}")
    say(f"{summary(str(week), found)}; nothing was sent now")
    emit_text(issue.letter("(each reader's own link)").text, None)


def _kept(sends: Sends, week: Week, given: dict[str, Any]) -> Issue | None:
    """Return the issue whose sending has begun, None where it has not."""
    if str(week) not in sends.weeks():
        return None
    issue = Issue.read(sends.open(str(week), ""), str(week))
    places = digest_options.places_of(given["base_url"])
    if places is not None and places.base != issue.base_url:
        raise SettingsError(
            f"the mail of {week} was begun with the base URL {issue.base_url}",
            hint=f"--base-url {issue.base_url}",
        )
    return issue


def _new(week: Week, given: dict[str, Any]) -> Issue | None:
    places = digest_options.places_of(given["base_url"])
    if places is None:
        raise SettingsError(
            "the mail needs to know where the pages are, for its link to unsubscribe",
            hint="--base-url https://panel.example.org",
        )
    edition = digest_options.read(given["runs"], week)
    if edition.empty and given["skip_empty"]:
        say(f"{week}: nothing was reviewed, so nothing is sent")
        return None
    return Issue.of(edition, places)


def _again(week: Week, given: dict[str, Any]) -> str:
    words = ["panel", "digest", "send", "--week", str(week)]
    for name in ("data", "runs", "base_url"):
        if given[name] is not None:
            words += [f"--{name.replace('_', '-')}", str(given[name])]
    return shlex.join(words)


def _tell(week: str) -> Callable[[SendProgress], None]:
    """Return what tells how far it has come: nothing where nobody looks."""

    def tell(progress: SendProgress) -> None:
        if sys.stderr.isatty():
            say(summary(week, progress))

    return tell


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[Database]:
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
def _alone(folder: Path) -> Iterator[None]:
    """Let one process send at a time: what another has under way would look uncertain."""
    lock = open_lock(folder / "digest.lock")
    try:
        try:
            lock.acquire()
        except LockHeld:
            raise RunStopped(
                f"another panel digest send is at work in {folder}", hint="wait until it has ended"
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

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
