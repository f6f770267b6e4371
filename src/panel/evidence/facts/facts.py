"""Facts: what the evidence states about price, licence and upkeep, each with its passage.

Read by code from the stored passages, never asked of a model, and never guessed: what is not
stated in a form known here is None. Pure, so a stored run gives the same facts again.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from panel.evidence.facts.licences import named_licence
from panel.evidence.facts.prices import amounts, entry_price, mentions_free
from panel.evidence.source import Evidence, Passage, Source
from panel.evidence.tools.tool import Tool

Value = str | int | bool


class Fact(BaseModel):
    """One thing read from the evidence; without a value it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Value | None = None
    passage: str | None = None
    """The id of the passage it stands in; None exactly where there is no value."""
    source: str | None = None
    """Name or address of that passage's source."""
    retrieved: datetime | None = None
    """When that source was read."""


class Facts(BaseModel):
    """What was read about one tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entry_price: Fact = Fact()
    """As the page words it: `Free plan`, `$20 per user / month`."""
    licence: Fact = Fact()
    """Its SPDX name."""
    last_release: Fact = Fact()
    """Its version; `v1.2 (tag)` where the project has tags and no releases."""
    released: Fact = Fact()
    """The day of the last release, ISO; of a tag, the day of its commit."""
    open_issues: Fact = Fact()
    """Open issues; where the host counts them in, open pull requests too."""
    stars: Fact = Fact()
    archived: Fact = Fact()


_RELEASE: Final = re.compile(r"(.+?)(?:, (?:published|committed) (\d{4}-\d{2}-\d{2}))?")
_RELEASES: Final = {"Latest release": "", "Newest tag": " (tag)"}
"""A record's labels for a version, and what a version under each is called by."""
_SENTENCE: Final = re.compile(r"([A-Z][\w ]{1,60}): (.+)\.")
_REPOSITORY: Final = re.compile(r"Repository: (.+)\.$", re.MULTILINE)
_PRICED: Final = re.compile(r"pric(?:e|es|ing)|plans?|cost", re.IGNORECASE)
_LICENSED: Final = re.compile(r"licen[cs]e", re.IGNORECASE)
_UNDER: Final = (
    r"(?:licen[cs]ed|released|available|distributed|published|free|open[- ]source)"
    r" under (?:the )?(?:terms of the )?"
)
_ITSELF: Final = (
    r"\b(?:it|projects?|tool|code|library|software|package|repository|framework|model|app)\b"
    r"[^.!?\n]{0,60}?\b"
)
_LICENCE_LINE: Final = re.compile(
    rf"(?:\blicen[cs]e\s*:\s*|(?:^|[.!?]\s+|{_ITSELF}){_UNDER})([\w.+\- ]{{2,60}})",
    re.IGNORECASE | re.MULTILINE,
)
"""What else in a document is under some licence (data, a logo) does not count."""
_SENTENCE_END: Final = re.compile(r"[.!?]\s+|\n")


def read_facts(evidence: Evidence) -> Facts:
    """Return the facts that the passages state."""
    found: dict[str, Fact] = {}
    for source, passage in _passages(evidence):
        if source.role == "record":
            for name, value in _recorded(passage.text):
                found.setdefault(name, _fact(value, source, passage))
    for name, stated in (("licence", _licence(evidence)), ("entry_price", _price(evidence))):
        if stated is not None:
            found.setdefault(name, stated)
    return Facts(**found)


def is_stated(name: str, fact: Fact, evidence: Evidence) -> bool:
    """Tell whether the fact of that name stands in the passage, source and reading it names."""
    for source, passage in _passages(evidence):
        if passage.id == fact.passage:
            alone = source.model_copy(update={"passages": (passage,)})
            read: Fact = getattr(read_facts(Evidence(sources=(alone,))), name)
            if name == "entry_price" and str(fact.value) in " ".join(passage.text.split()):
                # Of several currencies, the first of all passages decides which is compared.
                read = _fact(str(fact.value), source, passage)
            return fact.value is not None and fact == read
    return False


def contradictions(tool: Tool, facts: Facts, evidence: Evidence) -> tuple[str, ...]:
    """Return what the tool's own entry says otherwise than its sources, one line each."""
    return (
        *_other_price(tool, facts, evidence),
        *_other_licence(tool, facts),
        *_other_address(tool, evidence),
    )


def _passages(evidence: Evidence) -> Iterator[tuple[Source, Passage]]:
    for source in evidence.sources:
        for passage in source.passages:
            yield source, passage


def _fact(value: Value, source: Source, passage: Passage) -> Fact:
    return Fact(value=value, passage=passage.id, source=source.source, retrieved=source.retrieved)


def _recorded(text: str) -> Iterator[tuple[str, Value]]:
    """Yield the facts of a record's sentences, which adapters wrote, one a line."""
    for line in text.split("\n"):
        sentence = _SENTENCE.fullmatch(line)
        label, said = sentence.groups() if sentence else ("", "")
        if label == "Licence" and (licence := named_licence(said)):
            yield "licence", licence
        elif label in _RELEASES and (release := _RELEASE.fullmatch(said)):
            yield "last_release", release[1] + _RELEASES[label]
            if release[2]:
                yield "released", release[2]
        elif label in {"Open issues", "Open issues and pull requests"} and said.isdecimal():
            yield "open_issues", int(said)
        elif label == "Stars" and said.isdecimal():
            yield "stars", int(said)
        elif label == "Archived":
            yield "archived", said.startswith("yes")


def _licence(evidence: Evidence) -> Fact | None:
    """Return the one licence that the documents name as the tool's own; None where two differ."""
    found = [
        (licence, source, passage)
        for source, passage in _passages(evidence)
        if source.role not in {"record", "pricing"}
        for licence in _licences(passage)
    ]
    names = {_family(licence) for licence, _, _ in found}
    return _fact(*found[0]) if len(names) == 1 else None


def _family(licence: str) -> str:
    """Return a licence without how its later versions count: hosts leave that out."""
    return licence.removesuffix("-only").removesuffix("-or-later")


def _licences(passage: Passage) -> Iterator[str]:
    texts = [match[1] for match in _LICENCE_LINE.finditer(passage.text)]
    if _LICENSED.search(passage.heading.rpartition(" › ")[2]):
        texts += _SENTENCE_END.split(passage.text)
    yield from filter(None, map(named_licence, texts))


def _price(evidence: Evidence) -> Fact | None:
    """Return the entry price of the pricing page, else of a section about prices."""
    pricing = [pair for pair in _passages(evidence) if pair[0].role == "pricing"]
    sections = [
        (source, passage)
        for source, passage in _passages(evidence)
        if source.role != "record" and _PRICED.search(passage.heading.rpartition(" › ")[2])
    ]
    for pairs in (pricing, sections):
        if (found := entry_price([one.text for _, one in pairs])) is not None:
            price, at = found
            return _fact(price, *pairs[at])
    return None


def _other_price(tool: Tool, facts: Facts, evidence: Evidence) -> Iterator[str]:
    fact = facts.entry_price
    if not tool.price or fact.value is None:
        return
    whole = "\n".join(
        f"{passage.heading}\n{passage.text}"
        for source, passage in _passages(evidence)
        if source.source == fact.source
    )
    stated = amounts(tool.price)
    unknown = [amount for amount in stated if amount not in amounts(whole)]
    free = not stated and mentions_free(tool.price) and not mentions_free(whole)
    if unknown or free:
        yield _differs("price", tool.price, fact)


def _other_licence(tool: Tool, facts: Facts) -> Iterator[str]:
    fact = facts.licence
    for text in (tool.description, tool.tagline):
        for match in _LICENCE_LINE.finditer(text or ""):
            said = named_licence(match[1])
            if said and fact.value is not None and _family(said) != _family(str(fact.value)):
                yield _differs("licence", said, fact)
                return


def _other_address(tool: Tool, evidence: Evidence) -> Iterator[str]:
    """Point out a repository that goes by another name than the one in the tool's address."""
    address = (tool.url or "").lower()
    for source, passage in _passages(evidence):
        named = _REPOSITORY.match(passage.text) if source.role == "record" else None
        same_host = f"//{urlsplit(source.source).netloc.removeprefix('api.')}/" in address
        if named and same_host and named[1].lower() not in address:
            said = f"the tool's own entry says {tool.url}, its source says {named[1]}"
            yield f"url: {said} ({passage.id}, {source.source})"


def _differs(what: str, said: str, fact: Fact) -> str:
    return (
        f"{what}: the tool's own entry says “{said[:80]}”, its source says “{fact.value}”"
        f" ({fact.passage}, {fact.source})"
    )
