"""The site: every page of an archive by its path, the same for disk and for a live server."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from panel.publish import page_urls
from panel.publish.community.tally import Tally
from panel.publish.newsletter.edition import editions
from panel.publish.site.catalog import Catalog
from panel.publish.site.context import SiteContext
from panel.publish.site.page import PageMeta, SitePage, VisitorState, policy
from panel.publish.site.routes import paths, site_page, tools_on
from panel.publish.site.templates import templates
from panel.publish.site.tool_page import rest
from panel.publish.site.tool_summary import tool_summary
from panel.reviews.personas import Persona
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.forecasts.resolutions import Resolution
from panel.runs.history.archive import Archive
from panel.runs.history.entry import Entry, History

TITLE: Final = "Panel"


class Site:
    """Pages by path. Pages are not cached: `render` makes one at each call."""

    def __init__(
        self,
        archive: Archive,
        *,
        base_url: str | None = None,
        live_url: str | None = None,
        title: str = TITLE,
        personas: Sequence[Persona] = (),
        tallies: Mapping[str, Tally] | None = None,
        resolutions: Callable[[], Sequence[Resolution]] = tuple,
        today: date | None = None,
        read: Callable[[Entry], Scorecard] | None = None,
        folders: Sequence[Path] = (),
    ) -> None:
        """Load what the archive holds now.

        Args:
            archive: where the verdicts are; `refresh` loads what was added to it.
            base_url: the site's public address; without it there are no pictures and no sitemap.
            live_url: where votes are cast, for a site that is files.
            title: the site's name.
            personas: the reviewers' files.
            tallies: community votes by the tool's key.
            resolutions: what became of forecasts, asked at each `refresh`: `ResolutionFile.read`.
            today: the day by which forecasts are due; else the day of asking.
            read: how a whole card is read; else `archive.card`.
            folders: more templates, for `page`.
        """
        self.archive = archive
        self._personas = tuple(personas)
        self._resolutions = resolutions
        self._live_url = live_url.rstrip("/") if live_url else None
        self._templates = templates(*folders)
        self.context = SiteContext(
            catalogue=Catalog((), ()),
            title=title,
            base_url=base_url.rstrip("/") if base_url else None,
            read=read or archive.card,
            tallies=tallies or {},
            day=today,
        )
        self._load()

    def refresh(self) -> bool:
        """Load what was added to the archive, became due or was decided; tell if anything was."""
        # A week is over, and forecasts are due or decided, without a new verdict too.
        same = self._day == self.context.today and self._decided() == self.context.resolutions
        if not self.archive.refresh() and same:
            return False
        self._load()
        return True

    def paths(self) -> Iterator[str]:
        """Yield the paths of all pages and files, in a stable order."""
        return paths(self.context)

    def render(self, path: str, *, live: VisitorState | None = None) -> bytes | None:
        """Return a page or file, None where there is none of that path.

        Raises `RunError` where a scorecard that the page shows cannot be read.
        """
        page = site_page(self.context, path, live.tallies if live else {})
        if page is None or isinstance(page, bytes):
            return page
        return self._render(page, path, live)

    def tools_on(self, path: str) -> tuple[str, ...]:
        """Return the keys of the tools that the page at a path is about."""
        return tuple(history.key for history in tools_on(self.context.catalogue, path))

    def stamp(self, path: str) -> str | None:
        """Return a hash of all that a page depends on; None for a page that is quick to render."""
        return fingerprint(self.context, self.archive, path, repr(self._live_url))

    def page(
        self,
        template: str,
        *,
        path: str,
        title: str,
        live: VisitorState | None = None,
        **values: Any,
    ) -> bytes:
        """Return a page of another's template in the site's frame; search engines stay away."""
        page = SitePage(template, title, title, values=values, index=False)
        return self._render(page, path, live)

    def not_found(self, path: str, *, live: VisitorState | None = None) -> bytes:
        """Return the page for a path that leads nowhere, with links that work from there."""
        page = site_page(self.context, page_urls.NOT_FOUND, {})
        assert isinstance(page, SitePage)
        return self._render(page, path, live)

    def _load(self) -> None:
        self._day = self.context.today
        self.context = replace(
            self.context,
            catalogue=Catalog(self.archive.histories(), self._personas),
            resolutions=self._decided(),
            editions=editions(self.archive, self._day),
        )

    def _decided(self) -> tuple[Resolution, ...]:
        return tuple(self._resolutions())

    def _render(self, page: SitePage, path: str, live: VisitorState | None) -> bytes:
        own = page.path or path
        meta = PageMeta(
            path=own,
            title=page.title,
            description=page.description,
            site=self.context.title,
            policy=policy(live=live is not None),
            root=self._root(path),
            base_url=self.context.base_url,
            live_url=self._live_url,
            section=page.section,
            picture=page_urls.picture(own) if page.index else None,
            index=page.index,
        )
        values = {**page.values, "head": meta, "live": live}
        return self._templates.render(page.template, values).encode("utf-8", "replace")

    def _root(self, path: str) -> str:
        # A host shows this page for any address, so that only whole links lead anywhere.
        if path == page_urls.NOT_FOUND and self.context.base_url:
            return f"{self.context.base_url}/"
        return page_urls.root(path)


def fingerprint(context: SiteContext, archive: Archive, path: str, frame: str) -> str | None:
    """Return the stamp of a page or picture, None for a page that is quick to render.

    Args:
        context: what the site is made from.
        archive: where the cards are.
        path: the page's path.
        frame: what all pages depend on in addition.
    """
    pictured = page_urls.name(page_urls.PICTURE, path)
    page = path if pictured is None else f"{pictured}.html"
    histories = tools_on(context.catalogue, page)
    if not histories:
        return None
    parts: list[object] = [_code(), frame, path, context.title, context.base_url]
    if pictured is not None and len(histories) == 1:
        parts += map(tool_summary, histories)
    else:
        for history in histories:
            parts += _depends(context, archive, history)
        if len(histories) > 1:  # the weights of questions decide between two tools
            parts += [reviewer.persona for reviewer in context.catalogue.reviewers.values()]
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _depends(context: SiteContext, archive: Archive, history: History) -> list[object]:
    catalogue = context.catalogue
    category = catalogue.category_of(history.key)
    return [
        history,
        [archive.stamp(entry.run) for entry in history.entries],
        (category.slug, category.name),
        [tool_summary(partner) for partner in catalogue.partners(history.key)],
        (rest(history, catalogue), len(category.histories)),
        context.tallies.get(history.key),
    ]


@cache
def _code() -> str:
    """Return a digest of the program: a page made by another one is made again."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[2]
    for path in sorted(package.rglob("*")):
        if path.suffix in {".py", ".html", ".css", ".js", ".svg"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()
