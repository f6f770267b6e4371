"""Resolvers: whether a proposition came true, by the evidence of the forecast and a later reading.

Yes as soon as a passage shows it; no only where what would show it was read after the day is over.
What a passage only hints at is asked of a person; what could not be read stays open. A reading
after the day that shows a change does not show when it happened: a person is asked. Pure.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final, Literal
from urllib.parse import urlsplit

from panel.evidence import activity
from panel.evidence.facts import Fact, Facts, amounts, licence_family, named_licence, read_facts
from panel.evidence.source import Evidence, Passage, Source
from panel.reviews.propositions import PropositionId

Ruled = Literal["yes", "no", "void", "ask", "open"]
"""`ask`: a person has to say; `open`: nothing shows it, or what would show it was not read."""

_PAGES: Final = frozenset({"page", "readme", "card", "record"})
"""Roles of sources in which a project speaks of itself."""
_FETCHED: Final = _PAGES | {"pricing"}


@dataclass(frozen=True)
class Ruling:
    """What a reading says of a proposition."""

    outcome: Ruled
    why: str
    passage: str = ""
    """The words that decided, or that a person is to look at."""
    source: str = ""
    read: date | None = None


@dataclass(frozen=True)
class Readings:
    """The evidence that a forecast rests on, and a later reading of the same tool."""

    before: Evidence
    after: Evidence
    by: date
    """The day by which the proposition is true or false."""
    since: date
    """The day on which the evidence before was read."""
    name: str
    """The tool's name."""

    @cached_property
    def old(self) -> Facts:
        """The facts of the evidence before."""
        return read_facts(self.before)

    @cached_property
    def new(self) -> Facts:
        """The facts of the later reading."""
        return read_facts(self.after)

    @cached_property
    def said_before(self) -> str:
        """All that the evidence before says, on one line."""
        return _plain(" ".join(passage.text for passage in self.before.passages.values()))

    def shown(self, evidence: Evidence, ident: str | None) -> tuple[Source, Passage] | None:
        """Return a passage with its source."""
        pairs = ((s, p) for s in evidence.sources for p in s.passages)
        return next(((s, p) for s, p in pairs if p.id == ident), None)

    def ruling(
        self, outcome: Ruled, why: str, at: tuple[Source, Passage] | None, *, label: str = ""
    ) -> Ruling:
        """Return a ruling with the passage it rests on, of a record the sentence with this label.

        A yes that was read after the day becomes a question, a no before its end stays open.
        """
        if at is None:
            return Ruling(outcome, why)
        source, passage = at
        day = _day(source)
        if outcome == "yes" and day > self.by:
            outcome, why = (
                "ask",
                f"{why}; it was read on {day}, after the day, and does not say since when",
            )
        elif outcome == "no" and day <= self.by:
            outcome, why = "open", f"{why}; the day is not over"
        lines = (line for line in passage.text.split("\n") if line.startswith(f"{label}: "))
        words = next(lines, "") or passage.text
        return Ruling(outcome, why, words, source.source, day)

    def of_fact(self, outcome: Ruled, why: str, fact: Fact) -> Ruling:
        """Return a ruling that rests on a fact of the later reading."""
        return self.ruling(outcome, why, self.shown(self.after, fact.passage))

    def unread(self, *roles: str) -> str:
        """Return why sources of these roles are missing from the later reading; "" for none."""
        read = {source.role for source in self.after.sources}
        missing = {s.role for s in self.before.gathered.sources if s.role in roles} - read
        if not missing:
            return ""
        failed = [note for note in self.after.notes if "not read" in note]
        return "; ".join(failed) or f"not read this time: {', '.join(sorted(missing))}"


def resolve(ident: PropositionId, readings: Readings) -> Ruling:
    """Return what a later reading says of a proposition."""
    return _RESOLVERS[ident](readings)


def _release(readings: Readings) -> Ruling:
    new, old, since, by = readings.new, readings.old, readings.since, readings.by
    version, fact = new.last_release.value, new.released
    other = old.last_release.value not in (None, version)
    if day := activity.parsed_day(str(fact.value)):
        if day > by:
            why = f"the latest release is of {day}; whether there was one before it cannot be seen"
            return readings.of_fact("ask", why, fact)
        # Of a release on the day of the forecast only another version is a later one.
        if day > since or (day == since and other):
            shown = readings.shown(readings.after, fact.passage)
            return _certain("yes", f"{version} was released on {day}", shown)
        return readings.of_fact("no", f"the latest release is {version} of {day}", fact)
    if version is not None:
        if other:
            why = f"{old.last_release.value} was the latest release, now it is {version}"
            return readings.of_fact("yes", why, new.last_release)
        if old.last_release.value is None:
            return readings.of_fact("ask", f"{version} has no day", new.last_release)
        return readings.of_fact("no", f"the latest release is still {version}", new.last_release)
    if none := _record_line(readings.after, "Tags", "none"):
        return readings.ruling("no", "no release and no tag is published", none[:2])
    failed = [note for note in readings.after.notes if "release" in note or "tag" in note]
    return Ruling("open", "; ".join(failed) or "no source says which release is the latest")


def _archived(readings: Readings) -> Ruling:
    was, now = readings.old.archived, readings.new.archived
    if was.value is True:
        shown = readings.shown(readings.before, was.passage)
        return _certain("void", "it was archived when the forecast was made", shown)
    if now.value is True:
        shown = readings.shown(readings.after, now.passage)
        return readings.ruling("yes", "its host calls it archived", shown, label="Archived")
    if was.value is not None and now.value is None:
        return Ruling("open", readings.unread("record") or "the host's record was not read")
    quiet = "it is not archived" if now.value is False else "nothing says so"
    return _said(readings, _over(readings.name), _OVER_HINT, now, quiet)


def _successor(readings: Readings) -> Ruling:
    return _said(readings, _succeeded(readings.name), _SUCCESSOR_HINT, Fact(), "no page names one")


def _said(
    readings: Readings, plain: re.Pattern[str], hint: re.Pattern[str], fact: Fact, quiet: str
) -> Ruling:
    """Rule by what pages say: plainly, by a hint that was not there before, or not at all."""
    for source, passage in _pages(readings.before):
        if plain.search(_plain(passage.text)):
            return _certain("void", "it said so when the forecast was made", (source, passage))
    for source, passage in _pages(readings.after):
        if plain.search(_plain(passage.text)):
            return readings.ruling("yes", "a passage says so", (source, passage))
    for source, passage in _pages(readings.after):
        for sentence in _SENTENCE.split(passage.text):
            if hint.search(sentence) and _plain(sentence) not in readings.said_before:
                why = "a passage may say so: code cannot judge it"
                return readings.ruling("ask", why, (source, passage))
    if unread := readings.unread(*_PAGES):
        return Ruling("open", unread)
    at = readings.shown(readings.after, fact.passage) or next(_pages(readings.after), None)
    if at is None:
        return Ruling("open", "no page of the project itself was read, only files")
    return readings.ruling("no", quiet, at, label="Archived")


def _licence(readings: Readings) -> Ruling:
    was, now = readings.old.licence, readings.new.licence
    before = _record_line(readings.before, "Licence")
    after = _record_line(readings.after, "Licence", host=_host(before[0]) if before else "")
    if before and after and before[2] != after[2]:
        why = f"the host's record says {after[2]}, it said {before[2]}"
        named = [named_licence(line[2]) for line in (before, after)]
        differ = all(named) and licence_family(str(named[0])) != licence_family(str(named[1]))
        return readings.ruling("yes" if differ else "ask", why, after[:2], label="Licence")
    if was.value is None:
        why = "no licence was stated when the forecast was made"
        return readings.of_fact("ask" if now.value else "open", why, now)
    if now.value is None:
        why = readings.unread(*_FETCHED, "file") or f"no licence is stated; it was {was.value}"
        return Ruling("open", why)
    if licence_family(str(was.value)) == licence_family(str(now.value)):
        if before and not after:
            return Ruling("open", readings.unread("record") or "the host's record was not read")
        return _of_a_page(readings, f"the licence is still {now.value}", now)
    why = f"the licence is {now.value}, it was {was.value}"
    same = was.source == now.source
    return readings.of_fact("yes" if same else "ask", why, now)


def _of_a_page(readings: Readings, why: str, fact: Fact) -> Ruling:
    """Return a no, but for what a file alone says: it may be an old copy."""
    shown = readings.shown(readings.after, fact.passage)
    if shown and shown[0].role not in _FETCHED and not activity.is_activity(shown[0]):
        return Ruling("open", f"{why}, by a file that may be an old copy")
    return readings.ruling("no", why, shown, label="Licence")


def _price(readings: Readings) -> Ruling:
    before, after = (_pricing(e) for e in (readings.before, readings.after))
    if not before:
        why = "no price page was read when the forecast was made"
        return readings.ruling("ask", why, after[0]) if after else Ruling("open", why)
    if not after:
        return Ruling("open", readings.unread("pricing") or "the price page was not read this time")
    hosts = {_host(source) for source, _ in before}
    if not any(_host(source) in hosts for source, _ in after):
        return readings.ruling("ask", "the price page is at another address now", after[0])
    old = {amount for _, passage in before for amount in amounts(passage.text)}
    new = {amount for _, passage in after for amount in amounts(passage.text)}
    for source, passage in after:
        if {*amounts(passage.text)} - old:
            return readings.ruling("yes", "a price on the page is another", (source, passage))
    was, is_ = (_plain(" ".join(passage.text for _, passage in pairs)) for pairs in (before, after))
    changed = next((pair for pair in after if _plain(pair[1].text) not in was), after[0])
    if old - new:
        gone = ", ".join(f"{amount:g}" for amount in sorted(old - new))
        return readings.ruling("ask", f"prices are gone from the page: {gone}", changed)
    if was != is_:
        return readings.ruling("ask", "the page's words changed and no price did", changed)
    return readings.ruling("no", "the price page is the same", after[0])


_RESOLVERS: Final[Mapping[PropositionId, Callable[[Readings], Ruling]]] = {
    "release": _release,
    "archived": _archived,
    "licence": _licence,
    "price": _price,
    "successor": _successor,
}


def _certain(outcome: Ruled, why: str, at: tuple[Source, Passage] | None) -> Ruling:
    """Return a ruling whose passage says itself when it was."""
    if at is None:
        return Ruling(outcome, why)
    return Ruling(outcome, why, at[1].text, at[0].source, _day(at[0]))


def _day(source: Source) -> date:
    """Return the day that a source speaks of."""
    return activity.day_of(source) if activity.is_activity(source) else source.retrieved.date()


def _host(source: Source) -> str:
    return urlsplit(source.source).netloc.removeprefix("www.")


def _pages(evidence: Evidence) -> Iterator[tuple[Source, Passage]]:
    for source in evidence.sources:
        if source.role in _PAGES:
            yield from ((source, passage) for passage in source.passages)


def _pricing(evidence: Evidence) -> list[tuple[Source, Passage]]:
    return [(s, p) for s in evidence.sources if s.role == "pricing" for p in s.passages]


def _record_line(
    evidence: Evidence, label: str, value: str = "", *, host: str = ""
) -> tuple[Source, Passage, str] | None:
    """Return the passage of a record with this label, and what stands behind it.

    `host` is that of the record, "" any.
    """
    for source in evidence.sources:
        is_asked = source.role == "record" and host in ("", _host(source))
        for passage in source.passages if is_asked else ():
            for line in passage.text.split("\n"):
                name, _, rest = line.partition(": ")
                if name == label and (said := rest.rstrip(".")) and value in ("", said):
                    return source, passage, said
    return None


def _plain(text: str) -> str:
    return " ".join(_MARKS.sub(" ", text).split()).casefold()


_MARKS: Final = re.compile(r"[*_`]+")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n")
_THINGS: Final = (
    r"project|repository|repo|package|library|tool|module|app|application|plugin|extension|sdk"
    r"|client|server|model|service|software|product"
)
_GIVEN_UP: Final = (
    r"no longer (?:being )?(?:actively )?(?:maintained|developed|supported)|unmaintained"
    r"|not (?:being )?(?:actively )?maintained(?: any ?more| any longer)?|archived|abandoned"
    r"|discontinued|retired|deprecated|end[- ]of[- ]life"
)
_OVER_HINT: Final = re.compile(
    rf"\b(?:{_GIVEN_UP}|sunset\w*|maintenance mode|looking for (?:a )?(?:new )?maintainers?)\b",
    re.IGNORECASE,
)
_SUCCESSOR_HINT: Final = re.compile(
    r"\b(?:successors?|supersed\w+|succeeded by|replaced by|(?:has|have) moved to|in favou?r of"
    r"|(?:we recommend|please) (?:us|migrat|switch)\w+)\b",
    re.IGNORECASE,
)


def _subject(name: str) -> str:
    own = rf"this (?:{_THINGS})|the (?:project|repository|repo)|{re.escape(_plain(name))}"
    return rf"(?<!if )\b(?:{own}),?"


def _over(name: str) -> re.Pattern[str]:
    """Return what says plainly that the tool is given up, in plain text."""
    # Not "was": what was retired or deprecated once may have come back.
    return re.compile(rf"{_subject(name)} (?:is|has been) (?:now |officially )?(?:{_GIVEN_UP})\b")


def _succeeded(name: str) -> re.Pattern[str]:
    """Return what names a successor plainly, in plain text."""
    return re.compile(
        rf"{_subject(name)} (?:is|has been|was) (?:now )?(?:(?:succeeded|superseded|replaced) by"
        rf"|deprecated in favou?r of) (?!an?\b|the\b|its\b|your\b)\[?\w"
        r"|\bthe official successor(?: is|:) (?!an?\b|not\b|in\b)\[?\w"
    )
