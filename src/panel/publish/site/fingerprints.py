"""What a page depends on, as one short text: the same text, the same page.

Told only of pages that whole cards or pictures are needed for; the others are quickly made.
"""

import hashlib
from functools import cache
from pathlib import Path

from panel.publish.site.context import SiteContext
from panel.publish.site.tool_summary import tool_summary
from panel.runs.history.archive import Archive
from panel.runs.history.entry import History


def fingerprint(subject: SiteContext, archive: Archive, path: str, frame: str) -> str | None:
    """Return the stamp of a page or picture, None where it is not told.

    Args:
        subject: what the site is made from.
        archive: where the cards are.
        path: the page's path.
        frame: what all pages depend on besides.
    """
    pictured = path.startswith("pictures/")
    page = path.removeprefix("pictures/").replace(".png", ".html") if pictured else path
    found = _histories(subject, page)
    if not found:
        return None
    parts: list[object] = [_code(), frame, path, subject.title, subject.base_url]
    if pictured:
        parts += [tool_summary(each) for each in found]
    else:
        parts += [each for history in found for each in _depends(subject, archive, history)]
        # What a question weighs decides between two tools.
        weighed = subject.catalogue.reviewers.values() if len(found) > 1 else ()
        parts += [each.persona for each in weighed]
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _histories(subject: SiteContext, page: str) -> list[History]:
    folder, _, name = page.partition("/")
    known = subject.catalogue.histories
    key = name.removesuffix(".html")
    if folder == "tools" and key in known:
        return [known[key]]
    pair = subject.catalogue.pair(page) if folder == "compare" else None
    return [known[each] for each in pair] if pair else []


def _depends(subject: SiteContext, archive: Archive, history: History) -> list[object]:
    catalogue = subject.catalogue
    category = catalogue.category_of(history.key)
    return [
        history,
        [archive.stamp(each.run) for each in history.entries],
        (category.slug, category.name),
        [tool_summary(each) for each in catalogue.partners(history.key)],
        subject.tallies.get(history.key),
    ]


@cache
def _code() -> str:
    """Return a digest of the program: a page made by another one is made again."""
    found = hashlib.sha256()
    package = Path(__file__).parents[2]
    for path in sorted(package.rglob("*")):
        if path.suffix in {".py", ".html", ".css", ".js", ".svg"}:
            found.update(path.read_bytes())
    return found.hexdigest()
