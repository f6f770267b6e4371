"""Facts: what the evidence states about price, licence and upkeep, each with its passage.

Read by code from the stored passages, never asked of a model, and never guessed: what is not
stated in a form known here is None. Pure, so a stored run gives the same facts again.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from panel.evidence import activity
from panel.evidence.source import Evidence, Passage, Source
from panel.evidence.tools.tool import Tool

_SPDX: Final = (
    "0BSD", "AGPL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "Artistic-2.0",
    "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "BUSL-1.1", "CC-BY-4.0", "CC-BY-NC-4.0",
    "CC-BY-SA-4.0", "CC0-1.0", "ECL-2.0", "EPL-2.0", "EUPL-1.2", "Elastic-2.0", "GPL-2.0",
    "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0", "GPL-3.0-only", "GPL-3.0-or-later", "ISC",
    "LGPL-2.1", "LGPL-3.0", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0",
    "MS-PL", "MulanPSL-2.0", "NCSA", "OFL-1.1", "PostgreSQL", "PSF-2.0", "SSPL-1.0",
    "Unlicense", "UPL-1.0", "WTFPL", "Zlib", "ZPL-2.1", "OpenRAIL", "OpenRAIL++",
    "BigScience-OpenRAIL-M", "CreativeML-OpenRAIL-M", "Gemma", "Llama2", "Llama3", "Llama3.1",
    "Llama3.2", "Llama3.3", "Llama4",
)  # fmt: skip
_ALIASES: Final = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache v2": "Apache-2.0",
    "apache version 2.0": "Apache-2.0",
    "bsd 2 clause": "BSD-2-Clause",
    "bsd 3 clause": "BSD-3-Clause",
    "2 clause bsd": "BSD-2-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "gplv2": "GPL-2.0",
    "gplv3": "GPL-3.0",
    "agplv3": "AGPL-3.0",
    "lgplv3": "LGPL-3.0",
    "gnu agplv3": "AGPL-3.0",
    "gnu gplv3": "GPL-3.0",
    "mozilla public 2.0": "MPL-2.0",
    "expat": "MIT",
    "the unlicense": "Unlicense",
    "business source 1.1": "BUSL-1.1",
    "elastic 2.0": "Elastic-2.0",
}
_NOISE: Final = re.compile(r"\b(?:the|licen[cs]e[ds]?|version(?= \d))\b|[,()]", re.IGNORECASE)


def _key(text: str) -> str:
    return " ".join(_NOISE.sub(" ", text).replace("-", " ").lower().split())


_NAMES: Final = {_key(name): name for name in _SPDX} | {_key(k): v for k, v in _ALIASES.items()}


def named_licence(text: str) -> str | None:
    """Return the SPDX name of the licence a few words name, None where they name none known here.

    The words may go on behind the name (`MIT license and is free`), not stand before it.
    """
    key_words = _key(text.split("\n")[0]).rstrip(".").split()
    for length in range(min(5, len(key_words)), 0, -1):
        if name := _NAMES.get(" ".join(key_words[:length]).rstrip(".")):
            rest = key_words[length : length + 1]
            return None if rest in (["or"], ["and"]) and _starts(key_words[length + 1 :]) else name
    return None


def _starts(words: list[str]) -> bool:
    """Tell whether a second licence follows: which of two holds is not for code to say."""
    return any(" ".join(words[:length]).rstrip(".") in _NAMES for length in range(1, 6))


_MONEY: Final = r"(?:US|CA|AU)?[$€£]\s?\d[\d.,]*|\d[\d.,]*\s?(?:€|EUR|USD|GBP)\b"
_UNIT: Final = r"(?:user|seat|member|developer|editor|month|mo|year|yr)"
_RARE_UNIT: Final = r"(?:week|hour|hr|day|million|1M|1K|1,?000)"
_PER: Final = (
    rf"(?:\s*(?:USD|EUR|GBP))?\s*(?:/|per|a|an|each|every)\s*(?:active\s+)?"
    rf"(?:{_UNIT}|{_RARE_UNIT})s?\b"
    rf"(?:\s+(?:tokens|requests)\b)?(?:\s*(?:/|per|a|,)\s*{_UNIT}\b)?"
    rf"(?:,?\s*billed (?:monthly|yearly|annually))?"
)
_PRICE: Final = re.compile(rf"(?:{_MONEY}){_PER}", re.IGNORECASE)
_AMOUNT: Final = re.compile(rf"(?:{_MONEY})", re.IGNORECASE)
_FREE: Final = re.compile(
    r"\bfree (?:plan|tier|forever|for (?:personal|individual|open[- ]source|non-?commercial|"
    r"up to|everyone|one|small))\b|\bfree and open[- ]source\b|^free(?:\.(?=\s)|\.?$)"
    r"|[$€£]0(?:[.,]00)?(?![.,]?\d)(?:\s*/\s*mo\w*)?",
    re.IGNORECASE | re.MULTILINE,
)
_CALLED_FREE: Final = re.compile(r"\bfree\b(?! trial)|[$€£]0(?![.,]?\d)", re.IGNORECASE)
_RARE_PRICE: Final = re.compile(rf"\b{_RARE_UNIT}s?\b|tokens|requests", re.IGNORECASE)


def entry_price(texts: Sequence[str]) -> tuple[str, int] | None:
    """Return how the cheapest way in is worded, and in which of the texts it stands.

    A free plan goes before any price; prices of one currency are compared, those per hour or per
    token only among themselves.
    """
    for place, text in enumerate(texts):
        if match := _FREE.search(text):
            return _line(match[0]), place
    priced = [
        (match[0], place) for place, text in enumerate(texts) for match in _PRICE.finditer(text)
    ]
    if not priced:
        return None
    common = [price for price in priced if not _RARE_PRICE.search(price[0])] or priced
    comparable = [price for price in common if _currency(price[0]) == _currency(common[0][0])]
    text, place = min(comparable, key=lambda price: min(amounts(price[0]), default=0.0))
    return _line(text), place


def amounts(text: str) -> tuple[float, ...]:
    """Return the amounts of money in a text."""
    return tuple(_numbers(text))


def mentions_free(text: str) -> bool:
    """Tell whether a text calls anything but a trial free."""
    return bool(_CALLED_FREE.search(text))


def _numbers(text: str) -> Iterator[float]:
    for match in _AMOUNT.finditer(text):
        digits = re.sub(r"[^\d.,]", "", match[0]).strip(".,")
        # 4,800 and 4.800 are thousands; 9,99 and 9.99 are not.
        plain = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", digits).replace(",", ".")
        if plain.count(".") <= 1:
            yield float(plain)


def _currency(text: str) -> str:
    match = re.search(r"[$€£]|EUR|USD|GBP", text, re.IGNORECASE)
    return {"EUR": "€", "USD": "$", "GBP": "£"}.get(match[0].upper(), match[0]) if match else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:80].rstrip(" ,.")


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


def _is_unknown(fact: Fact) -> bool:
    """Tell what is not written: facts of cards before they were read stay what they were."""
    return fact.value is None


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
    last_commit_age: Fact = Field(default=Fact(), exclude_if=_is_unknown)
    """Days from the last commit to the day that its source speaks of; on GitHub, from the last push
    to any branch."""
    latest_tag_age: Fact = Field(default=Fact(), exclude_if=_is_unknown)
    """Days from the latest release or tag to that day."""
    commits_year: Fact = Field(default=Fact(), exclude_if=_is_unknown)
    """Commits of the 365 days before, without those of bots."""
    authors_year: Fact = Field(default=Fact(), exclude_if=_is_unknown)
    """Their authors."""


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
    facts: dict[str, Fact] = {}
    for source, passage in _passages(evidence):
        for name, value in _upkeep(source, passage):
            facts.setdefault(name, _fact(value, source, passage))
    for name, stated in (("licence", _licence(evidence)), ("entry_price", _price(evidence))):
        if stated is not None:
            facts.setdefault(name, stated)
    return Facts(**facts)


def is_stated(name: str, fact: Fact, evidence: Evidence) -> bool:
    """Tell whether the fact of that name stands in the passage, source and reading it names."""
    for source, passage in _passages(evidence):
        if passage.id == fact.passage:
            kept = (p for p in source.passages if p is passage or activity.names_its_day(p))
            alone = source.model_copy(update={"passages": tuple(kept)})
            expected: Fact = getattr(read_facts(Evidence(sources=(alone,))), name)
            if name == "entry_price" and str(fact.value) in " ".join(passage.text.split()):
                # Of several currencies, the first of all passages decides which is compared.
                expected = _fact(str(fact.value), source, passage)
            return fact.value is not None and fact == expected
    return False


def contradictions(tool: Tool, facts: Facts, evidence: Evidence) -> tuple[str, ...]:
    """Return what the tool's own entry says otherwise than its sources, one line each."""
    return (
        *_price_conflict(tool, facts, evidence),
        *_licence_conflict(tool, facts),
        *_address_conflict(tool, evidence),
    )


def _passages(evidence: Evidence) -> Iterator[tuple[Source, Passage]]:
    for source in evidence.sources:
        for passage in source.passages:
            yield source, passage


def _fact(value: Value, source: Source, passage: Passage) -> Fact:
    return Fact(value=value, passage=passage.id, source=source.source, retrieved=source.retrieved)


def _upkeep(source: Source, passage: Passage) -> Iterator[tuple[str, Value]]:
    """Yield what an API or the repository's history says; a page cannot write itself a record."""
    if source.role == "record":
        yield from _recorded(passage.text, source.retrieved.date())
    elif activity.is_activity(source):
        yield from _active(passage.text, activity.day_of(source))


def _active(text: str, day: date) -> Iterator[tuple[str, Value]]:
    """Yield the facts of an activity file, with ages counted to a day."""
    if (days := activity.last_commit_age(text, day)) is not None:
        yield "last_commit_age", days
    if tag := activity.latest_tag(text, day):
        yield from _released(f"{tag.name} (tag)", tag.day, tag.age)
    if counts := activity.year(text):
        yield "commits_year", counts[0]
        yield "authors_year", counts[1]
    words = activity.licence_words(text)
    if words and (licence := named_licence(words)):
        yield "licence", licence


def _released(version: str, day: str | None, days: int | None) -> Iterator[tuple[str, Value]]:
    yield "last_release", version
    if day:
        yield "released", day
    if days is not None:
        yield "latest_tag_age", days


def _recorded(text: str, day: date) -> Iterator[tuple[str, Value]]:
    """Yield the facts of a record's sentences, which adapters wrote, one a line."""
    for line in text.split("\n"):
        sentence = _SENTENCE.fullmatch(line)
        label, value = sentence.groups() if sentence else ("", "")
        if label == "Licence" and (licence := named_licence(value)):
            yield "licence", licence
        elif label in _RELEASES and (release := _RELEASE.fullmatch(value)):
            days = activity.age(release[2], day) if release[2] else None
            yield from _released(release[1] + _RELEASES[label], release[2], days)
        elif label == "Last push" and (days := activity.age(value, day)) is not None:
            yield "last_commit_age", days
        elif label in {"Open issues", "Open issues and pull requests"} and value.isdecimal():
            yield "open_issues", int(value)
        elif label == "Stars" and value.isdecimal():
            yield "stars", int(value)
        elif label == "Archived":
            yield "archived", value.startswith("yes")


def _licence(evidence: Evidence) -> Fact | None:
    """Return the one licence that the documents name as the tool's own; None where two differ."""
    stated = [
        (licence, source, passage)
        for source, passage in _passages(evidence)
        if source.role not in {"record", "pricing"}
        for licence in _licences(passage)
    ]
    names = {licence_family(licence) for licence, _, _ in stated}
    return _fact(*stated[0]) if len(names) == 1 else None


def licence_family(licence: str) -> str:
    """Return a licence without how its later versions count: hosts leave that out."""
    return licence.removesuffix("-only").removesuffix("-or-later")


def _licences(passage: Passage) -> Iterator[str]:
    texts = []
    lowered = passage.text.lower()
    if "cen" in lowered or "under" in lowered:  # in what every line of a licence holds
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
        if (priced := entry_price([paired.text for _, paired in pairs])) is not None:
            price, at = priced
            return _fact(price, *pairs[at])
    return None


def _price_conflict(tool: Tool, facts: Facts, evidence: Evidence) -> Iterator[str]:
    fact = facts.entry_price
    if not tool.price or fact.value is None:
        return
    source_text = "\n".join(
        f"{passage.heading}\n{passage.text}"
        for source, passage in _passages(evidence)
        if source.source == fact.source
    )
    stated = amounts(tool.price)
    unknown = [amount for amount in stated if amount not in amounts(source_text)]
    free = not stated and mentions_free(tool.price) and not mentions_free(source_text)
    if unknown or free:
        yield _differs("price", tool.price, fact)


def _licence_conflict(tool: Tool, facts: Facts) -> Iterator[str]:
    fact = facts.licence
    for text in (tool.description, tool.tagline):
        for match in _LICENCE_LINE.finditer(text or ""):
            licence = named_licence(match[1])
            if (
                licence
                and fact.value is not None
                and licence_family(licence) != licence_family(str(fact.value))
            ):
                yield _differs("licence", licence, fact)
                return


def _address_conflict(tool: Tool, evidence: Evidence) -> Iterator[str]:
    """Point out a repository that goes by another name than the one in the tool's address."""
    address = (tool.url or "").lower()
    for source, passage in _passages(evidence):
        repository = _REPOSITORY.match(passage.text) if source.role == "record" else None
        same_host = f"//{urlsplit(source.source).netloc.removeprefix('api.')}/" in address
        if repository and same_host and repository[1].lower() not in address:
            difference = f"the tool's own entry says {tool.url}, its source says {repository[1]}"
            yield f"url: {difference} ({passage.id}, {source.source})"


def _differs(field: str, value: str, fact: Fact) -> str:
    return (
        f"{field}: the tool's own entry says “{value[:80]}”, its source says “{fact.value}”"
        f" ({fact.passage}, {fact.source})"
    )
