"""Activity files: what a repository's history says of its upkeep, in lines of a known form.

A file of this name is written by whoever gathers the evidence, for instance from `git log`. Pure.
"""

import re
from datetime import date
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from panel.evidence.source import Passage, Source

_START: Final = r"^(?:[-*•] )?"
_DAY: Final = r"(\d{4}-\d{2}-\d{2})\b"
_AS_OF: Final = re.compile(rf"^As of {_DAY}")
_BEFORE: Final = r"(?: \((\d{1,6}) days? before\))?"
_LAST_COMMIT: Final = re.compile(rf"{_START}Last commit: {_DAY}{_BEFORE}", re.MULTILINE)
_LATEST_TAG: Final = re.compile(
    rf"{_START}Latest tag: (?P<tag>\S{{1,80}}) of {_DAY}{_BEFORE}", re.MULTILINE
)
_YEAR: Final = re.compile(
    rf"{_START}In the 365 days before: (?:(?P<all>\d{{1,9}}) commits? by (?P<authors>\d{{1,9}})"
    r" authors?|\d{1,9} commits?, of which \d{1,9} by bots and (?P<human>\d{1,9}) by"
    r" (?P<humans>\d{1,9}) authors?|\d{1,9} commits?, all by bots|no commits?)",
    re.MULTILINE,
)
_LICENCE: Final = re.compile(
    rf"{_START}Licen[cs]e: (?:file|folder) \S{{1,80}}; .{{1,80}} under (.{{2,60}}?)\.?$",
    re.MULTILINE,
)


def is_activity(source: Source) -> bool:
    """Tell an activity file: one that was given as a file and is called `activity`."""
    return source.role == "file" and PurePosixPath(source.source).stem.lower() == "activity"


def is_read(line: str) -> bool:
    """Tell a line that becomes facts, or that says as of which day the file speaks."""
    return any(form.search(line) for form in (_AS_OF, _LAST_COMMIT, _LATEST_TAG, _YEAR, _LICENCE))


def names_its_day(passage: Passage) -> bool:
    """Tell the passage that says as of which day the file speaks."""
    return _AS_OF.match(passage.text) is not None


def day_of(source: Source) -> date:
    """Return the day that ages are counted to: the file's own, else the day it was read."""
    for passage in source.passages:
        if (match := _AS_OF.match(passage.text)) and (day := parsed_day(match[1])):
            return day
    return source.retrieved.date()


def parsed_day(text: str) -> date | None:
    """Return an ISO day; None where the calendar has none of that name."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def age(text: str, until: date) -> int | None:
    """Return the days from an ISO day until another; None for no day, or one that is yet to come.

    A day ahead is today: clocks and time zones differ.
    """
    day = parsed_day(text)
    days = (until - day).days if day else -2
    return max(0, days) if days >= -1 else None


def last_commit_age(text: str, until: date) -> int | None:
    """Return the days since the last commit: as stated, else counted to the file's day."""
    match = _LAST_COMMIT.search(text)
    return _stated_age(match[1], match[2], until) if match else None


class Tag(NamedTuple):
    """The latest tag."""

    name: str
    day: str
    """ISO; "" where the calendar has no such day."""
    age: int | None
    """In days."""


def latest_tag(text: str, until: date) -> Tag | None:
    """Return the latest tag, with its age as stated, else counted to the file's day."""
    match = _LATEST_TAG.search(text)
    if match is None:
        return None
    day = match[2] if parsed_day(match[2]) else ""
    return Tag(match["tag"], day, _stated_age(match[2], match[3], until))


def _stated_age(day: str, stated: str | None, until: date) -> int | None:
    return int(stated) if stated else age(day, until)


def year(text: str) -> tuple[int, int] | None:
    """Return the commits and the authors of the 365 days before, without bots."""
    match = _YEAR.search(text)
    if match is None:
        return None
    return int(match["all"] or match["human"] or 0), int(match["authors"] or match["humans"] or 0)


def licence_words(text: str) -> str | None:
    """Return what a directory calls the licence whose file the repository has."""
    match = _LICENCE.search(text)
    return match[1] if match else None
