"""The site: every page of an archive by its path, the same for disk and for a live server."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from panel.publish.site import urls
from panel.publish.site.catalog import Catalog
from panel.publish.site.context import SiteContext
from panel.publish.site.csp import policy
from panel.publish.site.feed_editions import editions
from panel.publish.site.fingerprints import fingerprint
from panel.publish.site.forecasts import Resolution
from panel.publish.site.page import SitePage
from panel.publish.site.page_meta import PageMeta
from panel.publish.site.routes import paths, site_page
from panel.publish.site.templates import Templates
from panel.publish.site.visitor_state import Tallied, VisitorState
from panel.review.personas import Persona
from panel.review.verdict.scorecard import Scorecard
from panel.runs.history.archive import Archive
from panel.runs.history.entry import Entry

TITLE: Final = "Panel"


class Site:
    """Pages by path. Holds no page: each is made when it is asked for."""

    def __init__(
        self,
        archive: Archive,
        *,
        base_url: str | None = None,
        live_url: str | None = None,
        title: str = TITLE,
        personas: Sequence[Persona] = (),
        tallies: Mapping[str, Tallied] | None = None,
        resolutions: Sequence[Resolution] = (),
        today: date | None = None,
        read: Callable[[Entry], Scorecard] | None = None,
        folders: Sequence[Path] = (),
    ) -> None:
        """Take in what the archive holds now.

        Args:
            archive: where the verdicts are; `refresh` takes in what was added to it.
            base_url: the site's public address; without it there are no pictures and no sitemap.
            live_url: where votes are cast, for a site that is files.
            title: the site's name.
            personas: the reviewers' files.
            tallies: community votes by the tool's key.
            resolutions: which forecasts came true: `read_forecasts`.
            today: the day by which forecasts are due; else the day of asking.
            read: how a whole card is read; else `archive.card`.
            folders: more templates, of pages that `page` is asked for.
        """
        self.archive = archive
        self._personas = tuple(personas)
        self._live_url = live_url.rstrip("/") if live_url else None
        self._templates = Templates(*folders)
        self.subject = SiteContext(
            catalogue=Catalog((), ()),
            title=title,
            base_url=base_url.rstrip("/") if base_url else None,
            read=read or archive.card,
            tallies=tallies or {},
            resolutions=tuple(resolutions),
            day=today,
        )
        self._take_in()

    def refresh(self) -> bool:
        """Take in what was added to the archive; tell whether anything was."""
        if not self.archive.refresh():
            return False
        self._take_in()
        return True

    def paths(self) -> Iterator[str]:
        """Yield the paths of all pages and files, in a stable order."""
        return paths(self.subject)

    def render(self, path: str, *, live: VisitorState | None = None) -> bytes | None:
        """Return a page or file, None where there is none of that path.

        Raises `RunError` where a scorecard that the page shows cannot be read.
        """
        found = site_page(self.subject, path, live.tallies if live else {})
        if found is None or isinstance(found, bytes):
            return found
        return self._draw(found, path, live)

    def stamp(self, path: str) -> str | None:
        """Return what stands for all that a page depends on; None where that is not told."""
        return fingerprint(self.subject, self.archive, path, repr(self._live_url))

    def page(
        self, template: str, *, path: str, title: str, live: VisitorState | None = None, **told: Any
    ) -> bytes:
        """Return a page of another's template in the site's frame; search engines stay away."""
        found = SitePage(template, title, title, told=told, index=False)
        return self._draw(found, path, live)

    def not_found(self, path: str, *, live: VisitorState | None = None) -> bytes:
        """Return the page for a path that leads nowhere, with links that work from there."""
        found = site_page(self.subject, urls.NOT_FOUND, {})
        assert isinstance(found, SitePage)
        return self._draw(found, path, live)

    def _take_in(self) -> None:
        self.subject = replace(
            self.subject,
            catalogue=Catalog(self.archive.histories(), self._personas),
            items=editions(self.archive, self.subject.today),
        )

    def _draw(self, found: SitePage, path: str, live: VisitorState | None) -> bytes:
        own = found.path or path
        head = PageMeta(
            path=own,
            title=found.title,
            description=found.description,
            site=self.subject.title,
            policy=policy(live=live is not None),
            root=self._root(path),
            base_url=self.subject.base_url,
            live_url=self._live_url,
            section=found.section,
            picture=urls.picture(own) if found.picture else None,
            index=found.index,
        )
        told = {**found.told, "head": head, "live": live}
        return self._templates.render(found.template, told).encode("utf-8", "replace")

    def _root(self, path: str) -> str:
        # A host shows this page for any address, so that only whole links lead anywhere.
        if path == urls.NOT_FOUND and self.subject.base_url:
            return f"{self.subject.base_url}/"
        return urls.root(path)
