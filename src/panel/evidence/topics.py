"""Topics of facts that a page of its own may hold: a price, a licence, a changelog.

Read from the words of a wish or a question, and from the address and words of a link. Pure.
"""

import re
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

Topic = Literal["price", "licence", "release", "security", "limits", "status", "data", "roadmap"]


class _Words(NamedTuple):
    fact: re.Pattern[str]
    """In what is missing."""
    link: re.Pattern[str]
    """The whole text of a link, or the last segment of its path."""


def _words(fact: str, link: str) -> _Words:
    return _Words(
        re.compile(rf"\b(?:{fact})", re.IGNORECASE),
        re.compile(rf"(?:(?:see|view|our|the|full) )*(?:{link})", re.IGNORECASE),
    )


_TOPICS: Final[dict[Topic, _Words]] = {
    "status": _words(
        r"status page|uptime|outage|incident|SLAs?\b|availability",
        r"status(?:[ -]page)?|uptime|system status",
    ),
    "security": _words(
        r"secur|vulnerab|CVEs?\b|audit|SOC ?2", r"security(?:[ -](?:policy|advisories))?|trust"
    ),
    "data": _words(
        r"privacy|GDPR|customer data|data (?:retention|handling|processing|that customers)",
        r"privacy(?:[ -](?:policy|notice))?|data[ -](?:protection|processing|retention)|dpa",
    ),
    "limits": _words(r"quota|(?:rate|usage|request) limit", r"(?:rate[ -])?limits|quotas?"),
    "price": _words(
        r"pric(?:e|ing)|costs?\b|fees?\b|paid plan|per (?:seat|month|token)",
        r"pricing|prices|plans(?:[ -](?:and|&)[ -]pricing)?",
    ),
    "licence": _words(r"licen[cs]", r"licen[cs]e|copying"),
    "roadmap": _words(r"roadmap|going next|planned", r"(?:public )?roadmap"),
    "release": _words(
        r"releas|(?:last|latest) (?:version|commit)|changelog|maintain(?:ed|s)\b|cadence",
        r"change[ -]?log|changes|releases?(?:[ -]notes)?|what[’']?s[ -]new",
    ),
}
"""In the order in which they are looked for: a word of the later ones stands in many sentences."""


def topic_of(text: str) -> Topic | None:
    """Return what a wish or a question is about; None where it is none of the topics."""
    return next((name for name, words in _TOPICS.items() if words.fact.search(text)), None)


def link_topic(url: str, text: str) -> Topic | None:
    """Return what the page behind a link is about, by its words or the end of its address."""
    try:
        last = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    except ValueError:
        return None
    labels = (text.strip(), last.partition(".")[0])
    return next(
        (
            name
            for name, words in _TOPICS.items()
            if any(words.link.fullmatch(label) for label in labels)
        ),
        None,
    )
