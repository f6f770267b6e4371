"""An edition as JSON data, `panel.digest/1`: what the scorecards say, before any wording."""

from datetime import datetime
from typing import Any, Final

from panel.publish.newsletter.edition import Boldest, Change, Closest, Edition
from panel.publish.page_urls import PageURLs
from panel.runs.history.entry import Entry

SCHEMA: Final = "panel.digest/1"


def edition_json(found: Edition, places: PageURLs | None) -> dict[str, Any]:
    """Return the whole edition, however long; addresses are null where no base URL is known."""
    return {
        "schema": SCHEMA,
        "week": str(found.week),
        "from": _moment(found.week.start),
        "until": _moment(found.week.end),
        "new": [_entry(each, places) for each in found.new],
        "changed": [_change(each, places) for each in found.changed],
        "confirmed": found.confirmed,
        "closest": _closest(found.closest, places) if found.closest else None,
        "boldest": _boldest(found.boldest, places) if found.boldest else None,
    }


def _entry(entry: Entry, places: PageURLs | None) -> dict[str, Any]:
    return {
        "key": entry.key,
        "page": places.tool(entry.key) if places else None,
        "run": entry.run,
        "created": _moment(entry.created),
        "provider": entry.provider,
        "model": entry.model,
        "asked": entry.asked,
        "tool": entry.tool.model_dump(mode="json"),
        "verdict": entry.verdict.model_dump(mode="json"),
    }


def _change(change: Change, places: PageURLs | None) -> dict[str, Any]:
    turns = [
        {"persona": t.persona, "title": t.title, "before": t.before, "now": t.now}
        for t in change.turns
    ]
    return {
        "now": _entry(change.now, places),
        "before": _entry(change.before, places),
        "turns": turns,
    }


def _closest(found: Closest, places: PageURLs | None) -> dict[str, Any]:
    return {
        "category": found.category,
        "tools": [found.first.key, found.second.key],
        "page": places.pair(found.first.key, found.second.key) if places else None,
        "difference": found.tenths / 10,
        "tie": found.tie,
        "others": found.others,
    }


def _boldest(found: Boldest, places: PageURLs | None) -> dict[str, Any]:
    return {
        "key": found.entry.key,
        "page": places.tool(found.entry.key) if places else None,
        "persona": found.opinion.persona,
        "claim": found.forecast.claim,
        "probability": found.probability,
        "resolve_by": found.forecast.resolve_by.isoformat(),
    }


def _moment(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")
