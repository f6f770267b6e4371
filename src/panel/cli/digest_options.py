"""What the commands of the weekly edition share: which week, of which runs, with which pages."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from panel.cli import options
from panel.cli.console import warn
from panel.publish.newsletter.edition import Edition, edition
from panel.publish.newsletter.week import Week
from panel.publish.page_urls import PageURLs
from panel.runs.history.archive import Archive

F = TypeVar("F", bound=Callable[..., Any])


def of_a_week(function: F) -> F:
    """Add --week, --runs and --base-url."""
    function = click.option(
        "--base-url",
        metavar="URL",
        envvar="PANEL_BASE_URL",
        help="Where the pages are, for links; else $PANEL_BASE_URL.",
    )(function)
    function = options.reading(function)
    return click.option(
        "--week", metavar="WEEK", help="ISO week in UTC, like 2026-W47; else the last whole one."
    )(function)


def in_data(function: F) -> F:
    """Add --data."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Folder of votes and subscribers; else community beside the runs.",
    )(function)


def week_of(text: str | None) -> Week:
    """Return the week asked for, or the newest that is over."""
    return Week.parse(text) if text else Week.last_complete(datetime.now(UTC))


def places_of(url: str | None) -> PageURLs | None:
    """Return where the pages are, None where that is not known."""
    return PageURLs.parse(url) if url else None


def read(runs: Path | None, week: Week) -> Edition:
    """Find a week's edition in the runs folder; warn of runs that cannot be read."""
    archive = Archive.open(options.settings(runs).runs)
    for note in archive.notes:
        warn(f"left out: {note}")
    return edition(archive, week)


def data_folder(given: Path | None, runs: Path | None) -> Path:
    """Return where the community's data is."""
    return given or options.settings(runs).runs.absolute().parent / "community"
