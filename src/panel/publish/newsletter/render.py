"""An edition in each of its forms: mail HTML, mail text, Markdown, feed entry, JSON. Pure."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from panel.publish.newsletter import templates
from panel.publish.newsletter.edition import Boldest, Change, Closest, Edition
from panel.publish.newsletter.mime import MailMessage
from panel.publish.newsletter.view import view
from panel.publish.page_urls import PageURLs
from panel.runs.history.entry import Entry

SCHEMA: Final = "panel.digest/1"
_ABOUT: Final = (
    "Verdicts are made by language models that answer fixed questions from evidence; "
    "code counts their answers."
)


@dataclass(frozen=True)
class FeedEntry:
    """An edition as an entry of a feed; whoever publishes the feed writes it in its language."""

    id: str
    """A URI that stays the same for this edition, whatever is changed about it."""
    title: str
    updated: datetime
    """The end of the week."""
    link: str | None
    summary: str
    """One line of text."""
    html: str
    """A fragment: paragraphs, headings and lists, escaped, with nothing that is loaded."""


def letter(found: Edition, *, places: PageURLs | None, unsubscribe: str | None) -> MailMessage:
    """Return the edition as a mail; `unsubscribe` is the address its visible links lead to."""
    return MailMessage(
        subject=view(found, places).subject,
        text=text(found, places=places, unsubscribe=unsubscribe),
        html=html(found, places=places, unsubscribe=unsubscribe),
    )


def html(found: Edition, *, places: PageURLs | None = None, unsubscribe: str | None = None) -> str:
    """Return the edition as the HTML of a mail: one self-contained document, light and dark."""
    return _rendered("edition.html", found, places, unsubscribe)


def text(found: Edition, *, places: PageURLs | None = None, unsubscribe: str | None = None) -> str:
    """Return the edition as the text of a mail, in lines of at most 72 characters but links."""
    return _rendered("edition.txt", found, places, unsubscribe)


def markdown(found: Edition, *, places: PageURLs | None = None) -> str:
    """Return the edition as Markdown."""
    return _rendered("edition.md", found, places, None)


def feed_entry(found: Edition, *, places: PageURLs | None = None) -> FeedEntry:
    """Return the edition as an entry of a feed."""
    shown = view(found, places)
    base = places.base if places else "panel"
    return FeedEntry(
        id=uuid5(NAMESPACE_URL, f"{base}/weekly/{shown.week}").urn,
        title=f"{shown.title}: {shown.headline.lower()}",
        updated=found.week.end,
        link=shown.home,
        summary=" ".join(part for part in (shown.preview, shown.remark) if part),
        html=templates.render("entry.html", view=shown).strip(),
    )


def as_json(found: Edition, *, places: PageURLs | None = None) -> str:
    """Return the edition and its feed entry as one JSON object, `panel.digest/1`."""
    entry = feed_entry(found, places=places)
    feed = asdict(entry) | {"updated": entry.updated.isoformat().replace("+00:00", "Z")}
    whole = _edition_json(found, places) | {"feed": feed}
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _rendered(
    template: str, found: Edition, places: PageURLs | None, unsubscribe: str | None
) -> str:
    shown = view(found, places)
    where = f" on {places.host}" if places else ""
    return templates.render(
        template,
        title=shown.subject,
        preview=shown.preview,
        view=shown,
        about=_ABOUT,
        why=f"You get this mail because you confirmed a subscription{where}.",
        unsubscribe=unsubscribe,
    )


def _edition_json(found: Edition, places: PageURLs | None) -> dict[str, Any]:
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
