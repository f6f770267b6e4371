"""The newest tag of a GitHub repository that publishes no releases, and the day of its commit.

Two requests: the tags, which carry no dates, then the commit of the newest one.
"""

import re
from functools import partial
from typing import Any, Final

from panel.evidence.adapters.adapter import FetchSpec, HostRecord
from panel.evidence.adapters.records import day, fields, rows, sentences_of, words
from panel.evidence.fetch.page import FetchedPage
from panel.foundation.errors import Unparseable

HEADING: Final = "GitHub metadata"

_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NUMBERS: Final = re.compile(r"\d{1,9}")
_PRE: Final = re.compile(
    r"(?<=\d)[._-]?(a|b|c|rc|alpha|beta|dev|pre|preview|canary|nightly)(?![a-z])", re.IGNORECASE
)


def newest_tag(repository: str, accept: str) -> FetchSpec:
    """Return what to ask for the newest tag; `repository` is the address of the API's record."""
    return FetchSpec(
        what="latest release or tag",
        urls=(f"{repository}/tags?per_page=100",),
        role="record",
        accept=accept,
        read=partial(_tags, repository=repository, accept=accept),
        absent="none published",
    )


def _tags(page: FetchedPage, *, repository: str, accept: str) -> HostRecord:
    """Choose the tag: of the 100 that are listed first, the one of the highest version.

    A pre-release counts only where there is nothing else; without numbers the list's first counts.
    """
    tags = [(name, row) for row in rows(page) if (name := words(row.get("name")))]
    if not tags:
        return HostRecord(HEADING, sentences_of(Releases="none published", Tags="none"))
    name, row = max(tags, key=lambda pair: _version_rank(pair[0]))
    bare = HostRecord(HEADING, _tag_sentences(name, ""))
    if (sha := _commit(row)) is None:
        return bare
    commit = FetchSpec(
        what="commit of the newest tag",
        urls=(f"{repository}/commits/{sha}",),
        role="record",
        accept=accept,
        read=partial(_dated, name=name),
    )
    return HostRecord(HEADING, bare.sentences, then=commit)


def _dated(page: FetchedPage, *, name: str) -> HostRecord:
    commit = fields(page).get("commit")
    committer = commit.get("committer") if isinstance(commit, dict) else None
    committed = day(committer.get("date")) if isinstance(committer, dict) else ""
    if not committed:
        raise Unparseable("answered with a commit without a day")
    return HostRecord(HEADING, _tag_sentences(name, committed))


def _tag_sentences(name: str, committed: str) -> tuple[str, ...]:
    tag = f"{name}, committed {committed}" if committed else name
    return sentences_of(Releases="none published", Newest_tag=tag)


def _version_rank(name: str) -> tuple[bool, bool, list[int], str, list[int]]:
    """Return what tells a newer tag from an older one: releases first, then their numbers."""
    match = _PRE.search(name)
    if match is None:
        numbers = _numbers(name)
        return bool(numbers), True, numbers, "", []
    before, behind = name[: match.start()], name[match.end() :]
    return True, False, _numbers(before), match[1].lower(), _numbers(behind)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in _NUMBERS.findall(text)]


def _commit(row: dict[str, Any]) -> str | None:
    commit = row.get("commit")
    sha = commit.get("sha") if isinstance(commit, dict) else None
    return sha if isinstance(sha, str) and _SHA.fullmatch(sha) else None
