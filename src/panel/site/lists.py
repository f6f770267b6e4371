"""The pages that list: tools by letter, categories, reviewers, comparisons. Pure."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from panel.archive.entry import History
from panel.render.citations import line
from panel.site import addresses
from panel.site.catalogue import Catalogue, Category, outcomes
from panel.site.match import Match, matches
from panel.site.record import stands_alone
from panel.site.tile import Tile, tile

OTHER: Final = "#"
"""The heading of names that start with no Latin letter."""


@dataclass(frozen=True)
class Letter:
    """The tools whose names start with one letter."""

    letter: str
    anchor: str
    tools: tuple[Tile, ...]


@dataclass(frozen=True)
class Shown:
    """A category in short."""

    name: str
    path: str
    tools: int
    outcomes: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Column:
    """A reviewer as the head of a column."""

    persona: str
    title: str
    path: str


@dataclass(frozen=True)
class CategoryPage:
    """What a category's page shows."""

    name: str
    tools: tuple[Tile, ...]
    """By score, the highest first; what has no verdict that counts last."""
    outcomes: tuple[tuple[str, int], ...]
    columns: tuple[Column, ...]
    matches: tuple[Match, ...]


@dataclass(frozen=True)
class Seat:
    """A reviewer in short; counts are of the newest verdict on each tool."""

    title: str
    path: str
    lens: str
    votes: tuple[tuple[str, int], ...]
    alone: int

    @property
    def share(self) -> float | None:
        """Percent of its votes that ship, None without votes."""
        counts = dict(self.votes)
        voted = counts.get("ship", 0) + counts.get("skip", 0)
        return 100 * counts.get("ship", 0) / voted if voted else None


def letters(found: Iterable[History]) -> tuple[Letter, ...]:
    """Return all tools by their first letter, names in alphabetical order."""
    grouped: dict[str, list[Tile]] = {}
    for each in found:
        shown = tile(each)
        grouped.setdefault(_letter(shown.name), []).append(shown)
    return tuple(
        Letter(each, "other" if each == OTHER else each, tuple(sorted(grouped[each], key=_by_name)))
        for each in sorted(grouped, key=lambda each: (each == OTHER, each))
    )


def categories(catalogue: Catalogue) -> tuple[Shown, ...]:
    """Return the categories in short."""
    return tuple(
        Shown(
            each.name,
            addresses.category(each.slug),
            len(each.histories),
            outcomes(each.histories),
        )
        for each in catalogue.categories.values()
    )


def category_page(catalogue: Catalogue, category: Category) -> CategoryPage:
    """Return the page of one category."""
    voted = {o.persona for each in category.histories for o in each.latest.opinions}
    return CategoryPage(
        name=category.name,
        tools=tuple(sorted(map(tile, category.histories), key=_by_score)),
        outcomes=outcomes(category.histories),
        columns=tuple(
            Column(each.name, each.title.removeprefix("The "), addresses.reviewer(each.slug))
            for each in catalogue.reviewers.values()
            if each.name in voted
        ),
        matches=matches(catalogue, catalogue.pairs_in(category)),
    )


def seats(catalogue: Catalogue) -> tuple[Seat, ...]:
    """Return the reviewers in short."""
    votes: dict[str, Counter[str]] = {}
    alone: Counter[str] = Counter()
    for history in catalogue.newest:
        for opinion in history.latest.opinions:
            votes.setdefault(opinion.persona, Counter())[opinion.vote] += 1
            alone[opinion.persona] += stands_alone(opinion, history.latest)
    return tuple(
        Seat(
            title=each.title,
            path=addresses.reviewer(each.slug),
            lens=line(each.persona.lens) if each.persona else "",
            votes=_counts(votes.get(each.name, Counter()), ("ship", "abstain", "skip")),
            alone=alone[each.name],
        )
        for each in catalogue.reviewers.values()
    )


def _counts(counts: Counter[str], order: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple((name, counts[name]) for name in order if counts[name])


def _letter(name: str) -> str:
    first = unicodedata.normalize("NFKD", name)[:1].upper()
    return first if first.isascii() and first.isalpha() else OTHER


def _by_name(shown: Tile) -> tuple[str, str]:
    return (shown.name.casefold(), shown.key)


def _by_score(shown: Tile) -> tuple[bool, float, str]:
    # Scores of a verdict on hold and of an incomplete one do not count: they come last.
    counts = shown.score is not None and shown.outcome in ("ship", "skip", "split")
    return (not counts, -(shown.score or 0), shown.key)
