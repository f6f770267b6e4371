"""`panel site`: the verdicts as web pages."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from panel.cli import options
from panel.cli.console import say, warn
from panel.foundation.errors import InputError
from panel.foundation.text import one_line
from panel.foundation.urls import web_address


@click.group("site")
def command() -> None:
    """Build web pages from the stored verdicts."""


def _address(ctx: click.Context, param: click.Parameter, url: str | None) -> str | None:
    """Check an option that is an address."""
    if url is None:
        return None
    option = param.opts[0]
    parts = web_address(url)
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \"'<>?#")
    if parts is None or "@" in parts.netloc or not plain:
        raise InputError(f"{option} {url!r} is no web address", hint=f"{option} https://host/path")
    return url


def _title(ctx: click.Context, param: click.Parameter, text: str) -> str:
    title = one_line(text)
    if not 0 < len(title) <= 80:
        raise InputError("--title must have 1 to 80 characters")
    return title


@command.command("build")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder to write the pages to.",
)
@options.runs
@click.option(
    "--base-url",
    callback=_address,
    metavar="URL",
    help="Public address of the site: for link previews and sitemap.",
)
@click.option(
    "--live-url",
    callback=_address,
    metavar="URL",
    help="Address of `panel serve`: pages link to it for votes.",
)
@click.option("--title", default="Panel", callback=_title, help="The site's name.")
def build_command(
    out: Path, runs: Path | None, base_url: str | None, live_url: str | None, title: str
) -> None:
    """Write a static site: pages, comparisons, feeds, search.

    Opens from disk and works behind any host. Building again writes only what changed.
    """
    from panel.engine.open_panel import persona_folders
    from panel.publish.site.build import build
    from panel.publish.site.site import Site
    from panel.reviews.personas import load_personas
    from panel.runs.forecasts.made import made_forecasts
    from panel.runs.forecasts.resolutions import ResolutionFile, unmet
    from panel.runs.history.archive import Archive
    from panel.runs.history.card_cache import CardCache

    settings = options.settings(runs)
    resolutions = ResolutionFile(settings.runs)
    archive = Archive.open(settings.runs)
    for note in (*archive.notes, *unmet(resolutions.read(), made_forecasts(archive.histories()))):
        warn(note)
    if not archive.histories():
        warn(f"there are no verdicts in {settings.runs}: the pages say so")
    with CardCache(archive) as cache:
        site = Site(
            archive,
            base_url=base_url,
            live_url=live_url,
            title=title,
            personas=load_personas(folders=persona_folders()),
            resolutions=resolutions.read,
            read=cache.card,
        )
        result = build(site, out, watch=_progress())
    for line in result.failed:
        warn(line)
    counts = f"{result.files} files, {result.written} written, {result.removed} removed"
    failed = f", {len(result.failed)} failed" if result.failed else ""
    note = "" if base_url else "; without --base-url there are no link previews and no sitemap"
    say(f"{out}: {counts}{failed}{note}")
    if result.failed:
        raise click.exceptions.Exit(1)


def _progress() -> Callable[[int, int], None]:
    """Return what draws a counter on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda done, total: None

    def draw(done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            end = "\r\x1b[K" if done == total else ""
            click.echo(f"\r{done} of {total} files{end}", nl=False, err=True)

    return draw
