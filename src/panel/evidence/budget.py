"""The token budget: which passages go to the model when not all of them fit.

Every source has its own share: what a small one leaves over, larger ones get, so that a long
README cannot crowd out a price or a release date. Within the shares, breadth first: every section's
first passage before any section's third. Headings and sizes only; tokens are estimated as
bytes / 3.6, which is len / 3.6 for plain English.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from panel.evidence.fence import rendered
from panel.evidence.source import Evidence, Passage, Source

_PER_TOKEN: Final = 3.6
_FRAME: Final = 2
"""Tokens that digits, brackets and line ends cost beyond their length."""

_SECONDARY_KINDS: Final = frozenset({"code", "links", "badges"})

_RELEVANT_HEADING: Final = re.compile(
    r"licen[cs]|status|maint|deprecat|archiv|sunset|end[- ]of[- ]life|pric(?:e|ing)|plans?\b|cost"
    r"|limit|caveat|known issue|security|support|requirement|compatib|privacy|telemetry|stability"
    r"|warning|important|notice|metadata|production|guarantee|not for|alternatives?|comparison"
    r"|\bwhy\b|features?\b|highlights|overview|\babout\b",
    re.IGNORECASE,
)
_IRRELEVANT_HEADING: Final = re.compile(
    r"contribut|acknowledg|thanks|sponsor|backers|table of contents|^contents$"
    r"|citation|citing|^cite|bibtex|star history|code of conduct|community|integrations|related"
    r"|changelog|release notes|what's new|news|authors|credits|follow us|friends",
    re.IGNORECASE,
)
_NOTICE: Final = re.compile(
    r"no longer (?:\w+ )?(?:maintained|developed|supported|recommended)|unmaintained"
    r"|(?:is|are|was|has been|have been|been|now) (?:\w+ )?"
    r"(?:deprecated|archived|superseded|replaced by|discontinued|retired|sunset|read-only)"
    r"|maintenance mode|end[- ]of[- ]life|not (?:\w+ )?(?:for|in) production"
    r"|actively (?:maintained|developed)|production[- ]ready|(?:still|highly) experimental"
    r"|breaking changes|we recommend (?:migrating|using)",
    re.IGNORECASE,
)
_INSTALL: Final = re.compile(r"install|quick ?start|getting started|set ?up", re.IGNORECASE)
_FAVOURED: Final = 10
"""Passages of a favoured section that go before the second ones of other sections."""


@dataclass(frozen=True)
class BudgetedPassages:
    """The passages that fit, in reading order."""

    passages: tuple[Passage, ...]
    notes: tuple[str, ...] = ()
    """One line on what was left out, if anything was."""


def choose(evidence: Evidence, tokens: int) -> BudgetedPassages:
    """Return the passages that tell most about the tool within an estimated number of tokens."""
    passages = tuple(evidence.passages.values())
    if sum(map(_size, evidence.sources)) <= tokens - 1:
        return BudgetedPassages(passages)  # all of them fit, so that no order is needed
    ranked = [entry for _, entry in sorted(_ranked(evidence), key=lambda entry: entry[0])]
    shares = source_shares(evidence, tokens)
    chosen_ids: set[str] = set()
    headings: set[str] = set()
    remaining = float(tokens)
    # Once within the shares, then what still fits: passages do not fill a share to the last token.
    for shared in (True, False):
        for passage in ranked:
            source = _source(passage)
            cost = _cost(passage, new_heading=f"{source} {passage.heading}" not in headings)
            room = min(remaining, shares[source]) if shared else remaining
            if cost <= room and passage.id not in chosen_ids:
                remaining -= cost
                shares[source] -= cost
                chosen_ids.add(passage.id)
                headings.add(f"{source} {passage.heading}")
    chosen = tuple(entry for entry in passages if entry.id in chosen_ids)
    return BudgetedPassages(chosen, _omission_note(passages, chosen_ids, tokens))


def source_shares(evidence: Evidence, tokens: int) -> dict[str, float]:
    """Return how many tokens each source may take: all it has, or an equal part of what is left."""
    sizes = {source.id: _size(source) for source in evidence.sources}
    shares: dict[str, float] = {}
    remaining = float(tokens)
    for index, source in enumerate(sorted(sizes, key=lambda ident: sizes[ident])):
        shares[source] = min(sizes[source], remaining / (len(sizes) - index))
        remaining -= shares[source]
    return shares


def estimated_tokens(text: str) -> float:
    """Return about how many tokens a text costs."""
    return len(text.encode("utf-8", "replace")) / _PER_TOKEN


def _ranked(evidence: Evidence) -> Iterator[tuple[tuple[float, int], Passage]]:
    """Yield each passage with its place in the queue: the smaller, the sooner."""
    place = 0
    for number, source in enumerate(evidence.sources):
        groups = groupby(source.passages, key=lambda item: item.heading)
        for section, (heading, passages) in enumerate(groups):
            opening = number == 0 and section == 0
            for priority, passage in _in_section(heading, list(passages), opening=opening):
                place += 1
                yield (priority, place), passage


def _in_section(
    heading: str, passages: Sequence[Passage], *, opening: bool
) -> Iterator[tuple[float, Passage]]:
    last = heading.rpartition(" › ")[2]
    favoured = opening or bool(_RELEVANT_HEADING.search(last))
    later = 0.1 * max(0, heading.count(" › ") - 1) + 3 * bool(_IRRELEVANT_HEADING.search(last))
    prose = [item for item in passages if item.kind not in _SECONDARY_KINDS]
    for index, passage in enumerate(prose):
        if _NOTICE.search(passage.text):
            yield -1.0, passage
        elif favoured and index < _FAVOURED:
            yield (-0.5 if index < 2 else 0.95), passage
        else:
            yield (1 + 0.2 * (index - 1) if index else 0.0) + later, passage
    first = 0.5 if not prose or _INSTALL.search(last) else 1.5
    for index, passage in enumerate(item for item in passages if item.kind in _SECONDARY_KINDS):
        yield index + first + (0.0 if favoured else later), passage


def _size(source: Source) -> float:
    headings: set[str] = set()
    size = 0.0
    for passage in source.passages:
        size += _cost(passage, new_heading=passage.heading not in headings)
        headings.add(passage.heading)
    return size


def _source(passage: Passage) -> str:
    return passage.id.partition(".")[0]


def _cost(passage: Passage, *, new_heading: bool) -> float:
    heading = passage.heading.rpartition(" › ")[2] if new_heading else ""
    return (
        estimated_tokens(rendered(passage)) + _FRAME + (2 + estimated_tokens(heading)) * new_heading
    )


def _omission_note(
    passages: Sequence[Passage], chosen_ids: set[str], tokens: int
) -> tuple[str, ...]:
    missing = [passage for passage in passages if passage.id not in chosen_ids]
    if not missing:
        return ()
    sections = Counter(passage.heading.rpartition(" › ")[2] or "the opening" for passage in missing)
    largest = ", ".join(f"{name} ({count})" for name, count in sections.most_common(3))
    sources = Counter(_source(passage) for passage in missing)
    by_source = ", ".join(f"{count} of {name}" for name, count in sorted(sources.items()))
    several = len({_source(passage) for passage in passages}) > 1
    return (
        f"{len(missing)} of {len(passages)} passages left out to fit {tokens} tokens"
        + (f" ({by_source})" if several else "")
        + f", most of them under {largest}",
    )
