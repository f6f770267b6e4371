"""The written part of a stepwise review: labelled lines, read tolerantly, made fit to print.

Plain lines read better than JSON from small models: no cut strings, no stray braces. Knows what
was asked for; nothing of calls or scores.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from panel.errors import BadReply
from panel.personas import Persona
from panel.prompts import label
from panel.providers.message import Reply
from panel.reviews.citing import keep_known
from panel.reviews.review import Finding, Vote
from panel.reviews.wording import finished, tidy

FIELD_LIMIT: Final = 240
SUMMARY_LIMIT: Final = 700
CLAIM_LIMIT: Final = 240

_PERCENT: Final = re.compile(r"(?<![\d.,-])(\d{1,3})(?![\d.,]*\d)\s*%?")


class Written(NamedTuple):
    """A persona's own words."""

    fields: dict[str, str]
    claim: str
    probability: float | None
    summary: str
    unknown_cites: int


def read_written(reply: Reply, persona: Persona, shown: Collection[str]) -> Written:
    """Read the labelled lines; raise `BadReply` without a summary or with most fields missing."""
    text = finished(reply.text) if reply.finish_reason == "length" else reply.text
    labels = {f.id: label(f.id) for f in persona.fields}
    names = {**labels, "forecast": "Forecast", "probability": "Probability", "summary": "Summary"}
    parts = _labelled(text, names)
    dropped = 0
    fields: dict[str, str] = {}
    taken: set[str] = set()
    for ident in [*labels, "forecast", "summary"]:
        limit = SUMMARY_LIMIT if ident == "summary" else FIELD_LIMIT
        said, unknown = keep_known(parts.get(ident, ""), shown)
        dropped += unknown
        said = tidy(said, limit=limit)
        if said and said.lower() not in taken:
            taken.add(said.lower())
            fields[ident] = said
    summary, claim = fields.pop("summary", ""), fields.pop("forecast", "")
    lost = [names[i] for i in labels if i not in fields]
    if len(lost) * 2 > len(labels):
        raise BadReply(f"these lines are missing: {', '.join(lost)}")
    if not summary:
        raise BadReply("the line Summary is missing")
    return Written(fields, claim, _probability(parts.get("probability", "")), summary, dropped)


def without_words(findings: Sequence[Finding], vote: Vote) -> Written:
    """Return what stands in when no text could be had: a count, and no claim to be the model's."""
    count = {a: sum(f.answer == a for f in findings) for a in ("yes", "no", "unclear")}
    summary = (
        f"No written review could be had. Of {len(findings)} questions {count['yes']} were "
        f"answered yes, {count['no']} no and {count['unclear']} unclear; the vote is {vote}."
    )
    return Written({}, "", None, summary, 0)


def _labelled(text: str, names: dict[str, str]) -> dict[str, str]:
    """Cut a text at its labels; a label may carry markdown, and the last of two alike is kept."""
    by_name = {name.lower(): ident for ident, name in names.items()}
    any_name = "|".join(re.escape(name).replace(r"\ ", r"[ _]") for name in by_name)
    mark = re.compile(
        rf"^[ \t>*#_\-•\d.)]*({any_name})[*_]*\s*[::][*_]*", re.IGNORECASE | re.MULTILINE
    )
    found = list(mark.finditer(text))
    ends = [*(m.start() for m in found[1:]), len(text)][: len(found)]
    return {
        by_name[m.group(1).lower().replace("_", " ")]: text[m.end() : end].strip()
        for m, end in zip(found, ends, strict=True)
    }


def _probability(text: str) -> float | None:
    """Return a whole percentage as 0–1; anything else is no probability."""
    found = _PERCENT.search(text)
    if not found or int(found.group(1)) > 100:
        return None
    return int(found.group(1)) / 100
