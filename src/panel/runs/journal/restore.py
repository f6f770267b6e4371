"""Tools and evidence that a damaged journal has lost, taken from the scorecards that still hold them.

A scorecard says what its tool is and carries its evidence; a fingerprint tells whether that is
what was asked about.
"""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from panel.evidence.source import Evidence
from panel.runs.folders import VERDICTS
from panel.runs.compatibility import evidence_fingerprint
from panel.runs.journal.schema import sound, summed
from panel.evidence.tools.tool import Tool
from panel.review.verdict.scorecard import Scorecard


def restore(journal: sqlite3.Connection, folder: Path) -> Counter[str]:
    """Give back what scorecards of the run in `folder` still hold, within an open transaction.

    Returns how many rows of which table came back.
    """
    given: Counter[str] = Counter()
    cards = list(_cards(journal, folder))
    known = dict(journal.execute("SELECT slug, fingerprint FROM tools"))
    read = {slug for (slug,) in journal.execute("SELECT slug FROM evidence")}
    places = {rowid for (rowid,) in journal.execute("SELECT rowid FROM tools")}
    for place, card in cards:
        slug = card.tool.slug
        if slug not in read and (found := _evidence(card, known.get(slug))) is not None:
            journal.execute("INSERT INTO evidence VALUES (?, ?, ?)",
                            summed(slug, found.model_dump_json()))  # fmt: skip
            read.add(slug)
            given["evidence"] += 1
        if slug not in known and slug in read:
            at = place if place is not None and place not in places else None
            fingerprint = evidence_fingerprint(_stored(journal, slug))
            body = Tool(**card.tool.model_dump()).model_dump_json()
            journal.execute(
                "INSERT INTO tools (rowid, slug, body, fingerprint, sum) VALUES (?, ?, ?, ?, ?)",
                (at, *summed(slug, body, fingerprint)),
            )
            known[slug] = fingerprint
            given["tools"] += 1
            places |= {at} if at is not None else set()
    return given


def _stored(journal: sqlite3.Connection, slug: str) -> Evidence:
    (body,) = journal.execute("SELECT body FROM evidence WHERE slug = ?", (slug,)).fetchone()
    return Evidence.model_validate_json(body)


def _evidence(card: Scorecard, told: str | None) -> Evidence | None:
    """Return a card's evidence where it has the fingerprint told, or none is known any more."""
    if not card.evidence:
        return None
    # What was noted while it was read stands among the card's warnings, in one piece.
    said = card.warnings
    cuts = [(a, b) for a in range(len(said)) for b in range(a + 1, len(said) + 1)]
    for notes in ((), *(said[a:b] for a, b in cuts)):
        found = Evidence(sources=card.evidence, notes=notes)
        if told is None or evidence_fingerprint(found) == told:
            return found
    return None


def _cards(journal: sqlite3.Connection, folder: Path) -> Iterator[tuple[int | None, Scorecard]]:
    """Yield scorecards with their place among the run's tools, from 1, where it is known."""
    with contextlib.suppress(OSError), (folder / VERDICTS).open("rb") as file:
        for place, line in enumerate(file, 1):
            with contextlib.suppress(ValidationError):
                yield place, Scorecard.model_validate_json(line)
    for row in journal.execute("SELECT tool, body, sum FROM verdicts").fetchall():
        if sound(row):
            with contextlib.suppress(ValidationError):
                yield None, Scorecard.model_validate_json(row[1])
