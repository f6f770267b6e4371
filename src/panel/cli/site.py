"""`panel site`: the verdicts as web pages."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from panel.cli import options
from panel.cli.console import say, warn
from panel.foundation.errors import InputError
from panel.foundation.text import printable


@click.group("site")
def command() -> None:
    """Make web pages of the stored verdicts."""


@command.command("build")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder to write the pages to.",
)
@options.reading
@click.option("--base-url", metavar="URL", help="Where the site will be: for previews, sitemap.")
@click.option("--live-url", metavar="URL", help="Where `panel serve` runs: pages link to it.")
@click.option("--title", default="Panel", help="The site's name.")
def build_command(**given: Any) -> None:  # fmt: skip
    """Write a static site: pages, comparisons, feeds, search.

    Opens from disk and works behind any host. Building again writes only what changed.
    """
    from panel.engine.open_panel import persona_folders
    from panel.publish.site.build import build
    from panel.publish.site.forecasts import read_forecasts, unmet
    from panel.publish.site.site import Site
    from panel.review.personas import load_personas
    from panel.runs.history.archive import Archive
    from panel.runs.history.card_cache import CardCache

    settings = options.settings(given["runs"])
    title = _title(given["title"])
    base_url, live_url = (_address(name, given[name]) for name in ("base_url", "live_url"))
    resolutions = read_forecasts(settings.runs)
    archive = Archive.open(settings.runs)
    for note in (*archive.notes, *unmet(resolutions, archive.histories())):
        warn(note)
    if not archive.histories():
        warn(f"there are no verdicts in {settings.runs}: the pages say so")
    with CardCache(archive) as reading:
        site = Site(
            archive, base_url=base_url, live_url=live_url, title=title,
            personas=load_personas(folders=persona_folders()), resolutions=resolutions,
            read=reading.card,
        )  # fmt: skip
        built = build(site, given["out"], watch=_progress())
    for line in built.failed:
        warn(line)
    told = "" if base_url else "; without --base-url there are no link previews and no sitemap"
    say(
        f"{given['out']}: {built.files} files, {built.written} written, {built.removed} removed"
        + (f", {len(built.failed)} failed" if built.failed else "") + told
    )  # fmt: skip
    if built.failed:
        raise click.exceptions.Exit(1)


def _address(name: str, url: str | None) -> str | None:
    if url is None:
        return None
    option = f"--{name.replace('_', '-')}"
    try:
        found = urlsplit(url)
        sound = found.scheme in ("http", "https") and found.hostname and "@" not in found.netloc
    except ValueError:
        sound = False
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \"'<>?#")
    if not sound or not plain:
        raise InputError(f"{option} {url!r} is no web address", hint=f"{option} https://host/path")
    return url


def _title(text: str) -> str:
    found = " ".join(printable(text).split())
    if not 0 < len(found) <= 80:
        raise InputError("--title must have 1 to 80 characters")
    return found


def _progress() -> Callable[[int, int], None]:
    """Return what draws a counter on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda done, total: None

    def draw(done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            end = "\r\x1b[K" if done == total else ""
            click.echo(f"\r{done} of {total} files{end}", nl=False, err=True)

    return draw
