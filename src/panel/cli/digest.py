"""`panel digest`: the weekly edition, written to standard output or files, and mailed."""

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from panel.cli import options
from panel.cli.console import say, warn
from panel.cli.destination import SUFFIXES, Destination, written
from panel.foundation.atomic_files import write_atomic
from panel.foundation.errors import InputError
from panel.publish.newsletter.week import Week
from panel.publish.page_urls import PageURLs

if TYPE_CHECKING:
    from panel.publish.newsletter.edition import Edition
    from panel.publish.newsletter.week import Week
    from panel.publish.page_urls import PageURLs

FORMS: Final = ("text", "html", "markdown", "json")


@dataclass(frozen=True)
class EditionOptions:
    """Which week, of which runs, with links to which pages."""

    week: str | None = options.option(
        "--week",
        metavar="WEEK",
        help="ISO week in UTC, like 2026-W47; by default the last whole one.",
    )
    runs: Path | None = options.runs_option()
    base_url: str | None = options.option(
        "--base-url",
        metavar="URL",
        envvar="PANEL_BASE_URL",
        help="Address of the published pages, for links; by default $PANEL_BASE_URL.",
    )

    def parsed_week(self) -> "Week":
        """Return the week, by default the newest that is over."""
        return Week.parse(self.week) if self.week else Week.last_complete(datetime.now(UTC))

    def urls(self) -> "PageURLs | None":
        """Return where the pages are, None where that is not known."""
        return PageURLs.parse(self.base_url) if self.base_url else None

    def edition(self, week: "Week") -> "Edition":
        """Return a week's edition; warn of runs that cannot be read."""
        from panel.publish.newsletter.answers import answered
        from panel.publish.newsletter.edition import edition
        from panel.runs.history.archive import Archive
        from panel.runs.history.card_cache import CardCache

        archive = Archive.open(options.settings(self.runs).runs)
        for note in archive.notes:
            warn(f"left out: {note}")
        with CardCache(archive) as cards:
            return answered(edition(archive, week), cards.card)


edition_options = options.group("edition", EditionOptions)

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of votes and subscribers; by default community beside the runs.",
)


@click.group("digest", invoke_without_command=True)
@edition_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for one file a format, or only for --format.",
)
@written(*FORMS, default="", help="By default that of the suffix of --output, else text.")
@click.pass_context
def command(
    ctx: click.Context, edition: EditionOptions, out: Path | None, destination: Destination
) -> None:
    """Write the weekly edition, or mail it to its subscribers."""
    form, output = destination.form, destination.path
    if ctx.invoked_subcommand is not None:
        misplaced = (edition.week, edition.runs, out, output)
        if form or any(value is not None for value in misplaced):
            raise click.UsageError(f"options go behind it: panel digest {ctx.invoked_subcommand} …")
        return
    if out is not None and output is not None:
        raise InputError("--out and --output were both given", hint="leave one of them out")
    from panel.cli.output import emit_text
    from panel.publish.newsletter import render

    writers: dict[str, Callable[..., str]] = {
        "text": render.text,
        "html": render.html,
        "markdown": render.markdown,
        "json": render.as_json,
    }
    week, urls = edition.parsed_week(), edition.urls()
    if week.end > datetime.now(UTC):
        say(f"note: {week} is not over; this is what it has so far")
    if urls is None:
        say("note: nothing is linked: --base-url URL says where the published pages are")
    contents = edition.edition(week)
    if out is None:
        emit_text(writers[form or "text"](contents, places=urls), output)
        return
    for name in [form] if form else FORMS:
        text = writers[name](contents, places=urls)
        say(f"written: {write_atomic(out, f'{week}{SUFFIXES[name]}', [text])}")


@command.command("send")
@edition_options
@data_option
@click.option("--dry-run", is_flag=True, help="Print the mail and send nothing.")
@click.option(
    "--skip-empty", is_flag=True, help="Send nothing if no tool was reviewed in that week."
)
@click.option(
    "--per-minute",
    type=click.IntRange(1, 60_000),
    metavar="N",
    default=300,
    show_default=True,
    help="Most mails a minute.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 3),
    metavar="N",
    default=3,
    show_default=True,
    help="Attempts for a mail that the server puts off.",
)
@click.option(
    "--resend", metavar="WHICH", help="Send these again: subscriber numbers, failed or uncertain."
)
@click.option(
    "--as-sent", metavar="WHICH", help="Count these as sent: subscriber numbers, or uncertain."
)
@click.option("--addresses", is_flag=True, help="Show mail addresses in lists.")
@click.pass_context
def send(
    ctx: click.Context,
    edition: EditionOptions,
    data: Path | None,
    dry_run: bool,
    skip_empty: bool,
    per_minute: int,
    rounds: int,
    resend: str | None,
    as_sent: str | None,
    addresses: bool,
) -> None:
    """Mail a week's edition to every confirmed subscriber, once.

    Continues where it stopped. Needs PANEL_SMTP_URL and PANEL_MAIL_FROM.
    """
    from panel.cli.digest_send import SendJob, open_database, rehearse, send_issue, sole_sender
    from panel.publish.newsletter.settings import MailSettings

    week = edition.parsed_week()
    if week.end > datetime.now(UTC):
        raise InputError(
            f"{week} is not over before {week.end:%d %B %Y}, 00:00 UTC",
            hint=f"panel digest --week {week} shows what it has so far",
        )
    job = SendJob(
        week=week,
        urls=edition.urls,
        edition=lambda: edition.edition(week),
        command=_command(week, {"data": data, "runs": edition.runs, "base-url": edition.base_url}),
        skip_empty=skip_empty,
        per_minute=per_minute,
        rounds=rounds,
        resend=resend,
        as_sent=as_sent,
        addresses=addresses,
    )
    folder = _data_folder(data, edition.runs)
    if dry_run:
        with open_database(folder) as database:
            rehearse(database, job)
        return
    mail = MailSettings.read(os.environ)
    with open_database(folder) as database, sole_sender(folder):
        ctx.exit(send_issue(database, mail, job))


@command.command("subscribers")
@data_option
@options.runs
@click.option("--addresses", is_flag=True, help="List their addresses instead.")
def subscribers(data: Path | None, runs: Path | None, addresses: bool) -> None:
    """Count the confirmed subscribers."""
    from panel.cli.digest_send import open_database
    from panel.cli.output import emit_text
    from panel.publish.community.subscribers import Subscribers

    with open_database(_data_folder(data, runs)) as database:
        confirmed = Subscribers(database).confirmed()
        if addresses:
            emit_text("".join(f"{subscriber.address}\n" for subscriber in confirmed), None)
        else:
            click.echo(f"{sum(1 for _ in confirmed)} confirmed")


def _data_folder(data: Path | None, runs: Path | None) -> Path:
    """Return where votes and subscribers are stored."""
    return data or options.settings(runs).runs.absolute().parent / "community"


def _command(week: "Week", values: Mapping[str, object]) -> str:
    """Return the command that goes on with a week's mail."""
    words = ["panel", "digest", "send", "--week", str(week)]
    for name, value in values.items():
        if value is not None:
            words += [f"--{name}", str(value)]
    return shlex.join(words)
