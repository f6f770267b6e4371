"""The subjects of all pages: tools, categories, reviewers, comparisons. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from panel.evidence.tools.identity import folded
from panel.foundation.slug import slug
from panel.publish import page_urls
from panel.publish.site.pairs import Pair, pairs
from panel.report.citations import line
from panel.report.reviewers import Hue, hue, signs
from panel.reviews.personas import Persona
from panel.reviews.verdict.scorecard import Outcome
from panel.runs.history.entry import History, newest

OUTCOMES: Final[tuple[Outcome, ...]] = ("ship", "split", "hold", "incomplete", "skip")
"""In the order they are counted and listed in."""

NO_CATEGORY: Final = "Other tools"


@dataclass(frozen=True)
class Category:
    """Tools of one kind, newest verdict first."""

    slug: str
    name: str
    histories: tuple[History, ...]


@dataclass(frozen=True)
class Reviewer:
    """A persona as the archive and the persona files know it."""

    slug: str
    name: str
    title: str
    sign: str
    hue: Hue
    persona: Persona | None
    """None where its file is not among those given."""


class Catalog:
    """The subjects of all pages, with lookups between them."""

    def __init__(self, histories: Iterable[History], personas: Sequence[Persona]) -> None:
        """Group and sort the tools of an archive."""
        self.histories = {history.key: history for history in histories}
        self.newest = tuple(newest(tuple(self.histories.values())))
        self.categories = _categories(self.newest)
        self.reviewers = _reviewers(self.newest, personas)
        named = (category for category in self.categories.values() if category.name != NO_CATEGORY)
        self.pairs = pairs(category.histories for category in named)
        self._category_of = {
            history.key: category
            for category in self.categories.values()
            for history in category.histories
        }
        self._pair_of = {page_urls.pair(*pair): pair for pair in self.pairs}
        self._partners: dict[str, list[str]] = {}
        self._pairs_in: dict[str, list[Pair]] = {}
        for pair in self.pairs:
            self._partners.setdefault(pair.one, []).append(pair.two)
            self._partners.setdefault(pair.two, []).append(pair.one)
            self._pairs_in.setdefault(self._category_of[pair.one].slug, []).append(pair)

    @property
    def day(self) -> date | None:
        """The day of the newest verdict, None without any."""
        return self.newest[0].latest.created.date() if self.newest else None

    def category_of(self, key: str) -> Category:
        """Return the category that a tool of the archive stands in."""
        return self._category_of[key]

    def partners(self, key: str) -> tuple[History, ...]:
        """Return the tools that a tool is compared with, those people want most first."""
        return tuple(self.histories[partner] for partner in self._partners.get(key, ()))

    def pairs_in(self, category: Category) -> tuple[Pair, ...]:
        """Return the comparisons within a category, those people want most first."""
        return tuple(self._pairs_in.get(category.slug, ()))

    def pair(self, name: str) -> Pair | None:
        """Return the two tools of a comparison's name, listed or not; None for no such tools."""
        if pair := self._pair_of.get(page_urls.PAIR.replace("*", name)):
            return pair
        pieces = name.split("-vs-")
        for cut in range(1, len(pieces)):
            first, second = sorted(("-vs-".join(pieces[:cut]), "-vs-".join(pieces[cut:])))
            if first != second and first in self.histories and second in self.histories:
                return Pair(first, second)
        return None


def outcomes(histories: Iterable[History]) -> tuple[tuple[str, int], ...]:
    """Return outcome and how many tools have it now, in one order; zero counts left out."""
    counts = Counter(str(history.latest.verdict.outcome) for history in histories)
    return tuple((name, counts[name]) for name in OUTCOMES if counts[name])


def _categories(histories: Sequence[History]) -> dict[str, Category]:
    grouped: dict[str, list[History]] = {}
    names: dict[str, str] = {}
    for history in histories:
        name = line(history.latest.tool.category) or NO_CATEGORY
        grouped.setdefault(folded(name), []).append(history)
        names.setdefault(folded(name), name)
    slugs: dict[str, str] = {}
    for ident in sorted(grouped):
        slugs[slug(names[ident], taken=slugs)] = ident
    categories = [
        Category(category_slug, names[ident], tuple(grouped[ident]))
        for category_slug, ident in slugs.items()
    ]
    return {category.slug: category for category in sorted(categories, key=_named)}


def _named(category: Category) -> tuple[bool, str]:
    return (category.name == NO_CATEGORY, category.name.casefold())


def _reviewers(histories: Sequence[History], personas: Sequence[Persona]) -> dict[str, Reviewer]:
    known = {persona.name: persona for persona in personas}
    titles = {persona.name: persona.title for persona in personas}
    for history in histories:
        for opinion in history.latest.opinions:
            titles.setdefault(opinion.persona, opinion.title)
    sign_of = signs(titles)
    reviewers: dict[str, Reviewer] = {}
    for name, title in titles.items():
        reviewer_slug = slug(name, taken=reviewers)
        reviewers[reviewer_slug] = Reviewer(
            reviewer_slug,
            name,
            line(title) or line(name),
            sign_of[name],
            hue(name),
            known.get(name),
        )
    return reviewers
