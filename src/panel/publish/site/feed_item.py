"""An entry of the feeds, and how verdicts become entries. Pure; knows no feed format."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from panel.publish.site import urls
from panel.publish.site.tool_summary import name_of
from panel.report import figures
from panel.report.citations import line
from panel.report.scorecard.view import headline
from panel.runs.history.entry import Entry, History

NEWEST: Final = 50

_SPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:panel-verdict:site")


@dataclass(frozen=True)
class FeedItem:
    """One entry; all texts are plain."""

    id: str
    """A URN that stays the same wherever the site moves."""
    title: str
    path: str
    when: datetime
    text: str
    tags: tuple[str, ...] = ()


def feed_id(*parts: str) -> str:
    """Return the URN that stands for these parts together."""
    return uuid.uuid5(_SPACE, "\0".join(parts)).urn


def feed_items(newest: Iterable[History], others: Iterable[FeedItem] = ()) -> tuple[FeedItem, ...]:
    """Return the newest entries: a verdict each, and the others among them by time."""
    verdicts = [_item(each, history) for history in newest for each in history.entries[-NEWEST:]]
    found = [*verdicts, *others]
    return tuple(sorted(found, key=lambda each: (each.when, each.id), reverse=True)[:NEWEST])


def _item(entry: Entry, history: History) -> FeedItem:
    verdict, name = entry.verdict, name_of(entry)
    place = history.entries.index(entry)
    before = history.entries[place - 1].verdict if place else None
    changed = before is not None and before.outcome != verdict.outcome
    was = f" It was {before.outcome}." if before and changed else ""
    tagline = line(entry.tool.tagline)
    return FeedItem(
        id=feed_id(entry.run, entry.tool.slug),
        title=f"{name}: {verdict.outcome}",
        path=urls.tool(history.key),
        when=entry.created,
        text=f"{headline(verdict)}: {figures.percent(verdict.ship_percent)} ship, score "
        f"{figures.score(verdict.score)} of 100.{was}" + (f" {tagline}" if tagline else ""),
        tags=tuple(tag for tag in (verdict.outcome, line(entry.tool.category)) if tag),
    )
