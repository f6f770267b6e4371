"""The answers of an edition: why its verdicts are what they are, from the whole scorecards."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

from panel.foundation.errors import RunError
from panel.publish.newsletter.edition import UNDECIDED, Edition
from panel.publish.newsletter.view import AT_MOST
from panel.report.scorecard.view import view
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.history.entry import Entry


def answered(edition: Edition, read: Callable[[Entry], Scorecard]) -> Edition:
    """Return the edition with the answers of those verdicts that its formats show.

    Args:
        edition: A week's edition.
        read: Returns a verdict's whole scorecard: a statement counts by the passages it cites.
            Where it raises `RunError`, that verdict stands without an answer.
    """
    answers = {}
    for entry in _shown(edition):
        with suppress(RunError):
            answers[entry.key] = view(read(entry)).answer_text
    return replace(edition, answers=answers)


def _shown(edition: Edition) -> Iterator[Entry]:
    changed = (change.now for change in edition.changed[:AT_MOST])
    for entry in (*edition.new[:AT_MOST], *changed):
        if entry.verdict.outcome not in UNDECIDED:
            yield entry
