"""The site's templates: its own first, then those of the scorecard; and its files as they are."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from panel.publish import page_urls
from panel.publish.community.email_address import LONGEST
from panel.publish.community.requests import DESCRIPTION, NAME, URL
from panel.report import figures
from panel.report.citations import cut
from panel.report.comparison.html import pair_styles
from panel.report.scorecard.html import stylesheet
from panel.report.templating import html_environment

FOLDER: Final = Path(__file__).with_name("templates")
_MOST: Final = {"mail": LONGEST, "name": NAME, "url": URL, "description": DESCRIPTION}
"""Characters that a form's fields may have."""


class Templates:
    """Pages by the name of their template; `folders` are looked in before the site's own."""

    def __init__(self, *folders: Path) -> None:
        """Templates are read when they are first used."""
        self._env = html_environment(*folders, FOLDER)
        self._env.filters.update(cut=cut, day=figures.day, moment=figures.moment)
        self._env.globals.update(paths=page_urls, most=_MOST)

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Return a page; every value is escaped."""
        return self._env.get_template(name).render(values)


@cache
def templates(*folders: Path) -> Templates:
    """Return the site's templates: one set a process, each compiled once."""
    return Templates(*folders)


@cache
def style() -> str:
    """Return the site's one style sheet: the scorecard's, the comparison's, and the site's own."""
    return stylesheet() + pair_styles() + text("site.css")


@cache
def text(name: str) -> str:
    """Return one of the site's files that is served as it is."""
    return (FOLDER / name).read_text(encoding="utf-8")
