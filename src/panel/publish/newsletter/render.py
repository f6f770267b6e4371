"""An edition in each of its forms: mail HTML, mail text, Markdown, feed entry, JSON. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from types import MappingProxyType
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
    "Language models answer fixed questions about each tool, some from evidence and some by "
    "guess; code counts their answers."
)


@dataclass(frozen=True)
class FeedEntry:
    """An edition as an entry of a feed; the publisher of the feed encodes it."""

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


def mail(edition: Edition, *, places: PageURLs | None, unsubscribe: str | None) -> MailMessage:
    """Return the edition as a mail; `unsubscribe` is the address its visible links lead to."""
    return MailMessage(
        subject=view(edition, places).subject,
        text=text(edition, places=places, unsubscribe=unsubscribe),
        html=html(edition, places=places, unsubscribe=unsubscribe),
    )


def html(
    edition: Edition, *, places: PageURLs | None = None, unsubscribe: str | None = None
) -> str:
    """Return the edition as the HTML of a mail: one self-contained document, light and dark."""
    return _rendered("edition.html", edition, places, unsubscribe)


def text(
    edition: Edition, *, places: PageURLs | None = None, unsubscribe: str | None = None
) -> str:
    """Return the edition as the text of a mail, in lines of at most 72 characters but links."""
    return _rendered("edition.txt", edition, places, unsubscribe)


def markdown(edition: Edition, *, places: PageURLs | None = None) -> str:
    """Return the edition as Markdown."""
    return _rendered("edition.md", edition, places, None)


def feed_entry(edition: Edition, *, places: PageURLs | None = None) -> FeedEntry:
    """Return the edition as an entry of a feed."""
    shown = view(edition, places)
    base = places.base if places else "panel"
    return FeedEntry(
        id=uuid5(NAMESPACE_URL, f"{base}/weekly/{shown.week}").urn,
        title=f"{shown.title}: {shown.headline.lower()}",
        updated=edition.week.end,
        link=shown.home,
        summary=" ".join(part for part in (shown.preview, shown.remark) if part),
        html=templates.render("entry.html", view=shown).strip(),
    )


def as_json(edition: Edition, *, places: PageURLs | None = None) -> str:
    """Return the edition and its feed entry as one JSON object, `panel.digest/1`."""
    entry = feed_entry(edition, places=places)
    feed = asdict(entry) | {"updated": entry.updated.isoformat().replace("+00:00", "Z")}
    whole = _edition_json(edition, places) | {"feed": feed}
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _rendered(
    template: str, edition: Edition, places: PageURLs | None, unsubscribe: str | None
) -> str:
    shown = view(edition, places)
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


def _edition_json(edition: Edition, places: PageURLs | None) -> dict[str, Any]:
    """Return the whole edition, however long; addresses are null where no base URL is known."""
    return {
        "schema": SCHEMA,
        "week": str(edition.week),
        "from": _moment(edition.week.start),
        "until": _moment(edition.week.end),
        "new": [_entry(entry, places, edition.answers) for entry in edition.new],
        "changed": [_change(change, places, edition.answers) for change in edition.changed],
        "confirmed": edition.confirmed,
        "closest": _closest(edition.closest, places) if edition.closest else None,
        "boldest": _boldest(edition.boldest, places) if edition.boldest else None,
    }


def _entry(
    entry: Entry, places: PageURLs | None, answers: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    answer = answers.get(entry.key)
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
        **({"answer": answer} if answer else {}),
    }


def _change(change: Change, places: PageURLs | None, answers: Mapping[str, str]) -> dict[str, Any]:
    turns = [
        {"persona": t.persona, "title": t.title, "before": t.before, "now": t.now}
        for t in change.turns
    ]
    reasons = [reason.model_dump() for reason in change.now.reasons]
    return {
        "now": _entry(change.now, places, answers),
        "before": _entry(change.before, places),
        "turns": turns,
        **({"reasons": reasons} if reasons else {}),
    }


def _closest(closest: Closest, places: PageURLs | None) -> dict[str, Any]:
    return {
        "category": closest.category,
        "tools": [closest.first.key, closest.second.key],
        "page": places.pair(closest.first.key, closest.second.key) if places else None,
        "difference": closest.tenths / 10,
        "tie": closest.tie,
        "others": closest.others,
    }


def _boldest(boldest: Boldest, places: PageURLs | None) -> dict[str, Any]:
    return {
        "key": boldest.entry.key,
        "page": places.tool(boldest.entry.key) if places else None,
        "persona": boldest.opinion.persona,
        "claim": boldest.forecast.claim,
        "probability": boldest.probability,
        "resolve_by": boldest.forecast.resolve_by.isoformat(),
    }


def _moment(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")
