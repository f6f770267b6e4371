"""An edition in each of its forms: mail HTML, mail text, Markdown, feed entry, JSON. Pure."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from panel.publish.newsletter import markdown as md
from panel.publish.newsletter import templates
from panel.publish.newsletter import text as mailtext
from panel.publish.newsletter.as_json import edition_json
from panel.publish.newsletter.edition import Edition
from panel.publish.newsletter.mime import MailMessage
from panel.publish.newsletter.view import view
from panel.publish.newsletter.wrap import wrapped
from panel.publish.page_urls import PageURLs

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
    """Return the edition as the HTML of a mail: whole in itself, for light and dark."""
    shown = view(found, places)
    return templates.render(
        "edition",
        title=shown.subject,
        preview=shown.preview,
        view=shown,
        about=_ABOUT,
        why=_why(places),
        unsubscribe=unsubscribe,
    )


def text(found: Edition, *, places: PageURLs | None = None, unsubscribe: str | None = None) -> str:
    """Return the edition as the text of a mail, in lines of at most 72 characters but links."""
    shown = view(found, places)
    blocks = [mailtext.body(shown), "-" * 40, wrapped(f"{_ABOUT} {shown.sure}".strip())]
    if shown.method:
        blocks.append(f"How it is done:\n{shown.method}")
    if unsubscribe:
        blocks.append(f"{wrapped(_why(places))}\nUnsubscribe:\n{unsubscribe}")
    return "\n\n".join(blocks) + "\n"


def markdown(found: Edition, *, places: PageURLs | None = None) -> str:
    """Return the edition as Markdown."""
    shown = view(found, places)
    how = f" [How it is done](<{shown.method}>)." if shown.method else ""
    foot = f"{_ABOUT}{how} {shown.sure}".strip()
    return "\n\n".join([md.body(shown), "---", foot]) + "\n"


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
        html=templates.render("entry", view=shown).strip(),
    )


def as_json(found: Edition, *, places: PageURLs | None = None) -> str:
    """Return the edition and its feed entry as one JSON object, `panel.digest/1`."""
    entry = feed_entry(found, places=places)
    feed = asdict(entry) | {"updated": entry.updated.isoformat().replace("+00:00", "Z")}
    whole = edition_json(found, places) | {"feed": feed}
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _why(places: PageURLs | None) -> str:
    where = f" on {places.host}" if places else ""
    return f"You get this mail because you confirmed a subscription{where}."
