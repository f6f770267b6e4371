"""What became of a week's mails: counted, listed, and settled where a person has to decide."""

from collections.abc import Sequence
from typing import Final

import click

from panel.cli.console import say, warn
from panel.foundation.errors import InputError
from panel.publish.community.database import Database
from panel.publish.community.deliveries import Send, SendProgress, Sends
from panel.publish.newsletter.sending import Sending
from panel.report.figures import moment

SHOWN: Final = 20
"""Mails that are listed one by one."""


def summary(week: str, found: SendProgress) -> str:
    """Return one line of counts."""
    return (
        f"{week}: {found.sent} sent, {found.failed} failed, "
        f"{found.uncertain} uncertain, {found.left} left"
    )


def report(database: Database, sending: Sending, *, again: str, addresses: bool) -> int:
    """Print how far it has come and what to type next; return the exit code."""
    sends, week = Sends(database), sending.week
    found = sends.progress(week)
    click.echo(summary(week, found))
    if found.failed:
        say("turned down for good by the mail server:")
        _list([_failed(each) for each in sends.refused(week)], sends.refused(week), addresses)
        say(f"to try them again: {again} --resend failed")
    if found.uncertain:
        say("uncertain: handed over when the connection or panel itself broke off")
        rows = sends.uncertain(week)
        _list([_uncertain(each, sending) for each in rows], rows, addresses)
        number = rows[0].subscriber
        say("the mail server's log knows by the Message-ID whether it took them. Then type:")
        say(f"  if it did: {again} --as-sent {number}")
        say(f"  if not: {again} --resend {number}")
    if found.left:
        if sending.trouble:
            warn(sending.trouble)
        say(f"to go on: {again}")
        return 3
    return 1 if found.failed or found.uncertain else 0


def settle(sends: Sends, week: str, *, resend: str | None, as_sent: str | None) -> None:
    """Free mails to be sent again, or count them as sent, as a person decided.

    Raises `InputError` where one is neither uncertain nor failed.
    """
    uncertain = {each.subscriber for each in sends.uncertain(week)}
    failed = {each.subscriber for each in sends.refused(week)}
    taken = _chosen(as_sent, week, uncertain, set())
    freed = _chosen(resend, week, uncertain, failed)
    for number in taken:
        sends.done(week, number)
    for number in freed:
        if number in failed:
            sends.forgive(week, number)
        else:
            sends.release(week, number)


def _chosen(text: str | None, week: str, uncertain: set[int], failed: set[int]) -> list[int]:
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
