"""The subjects of all pages: tools, categories, reviewers, and which tools are compared. Pure.

A tool is compared with the tools of its category whose scores are nearest to its own, at most three
of them. Comparisons of the newest verdicts come first, until there is one for every four tools (100
where that is more). Verdicts on hold and incomplete ones are not compared.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from panel.evidence.tools.identity import folded
from panel.foundation.slug import slug
from panel.publish import page_urls
from panel.report.citations import line
from panel.report.reviewers import Hue, hue, signs
from panel.reviews.personas import Persona
from panel.reviews.verdict.scorecard import Outcome
from panel.runs.history.entry import History, newest

PER_TOOL: Final = 3
AT_LEAST: Final = 100
TOOLS_A_PAIR: Final = 4

OUTCOMES: Final[tuple[Outcome, ...]] = ("ship", "split", "hold", "incomplete", "skip")
"""In the order they are counted and listed in."""

_VERDICTS: Final = frozenset({"ship", "skip", "split"})


class Pair(NamedTuple):
    """Two tools by their keys, in alphabetical order."""

    one: str
    two: str


def pairs(categories: Iterable[Sequence[History]]) -> tuple[Pair, ...]:
    """Return the comparisons, those of the newest verdicts first."""
    groups = [list(histories) for histories in categories]
    limit = max(AT_LEAST, sum(map(len, groups)) // TOOLS_A_PAIR)
    degree: Counter[str] = Counter()
    chosen: list[Pair] = []
    for _, _, pair in sorted(candidate for group in groups for candidate in _candidates(group)):
        if len(chosen) == limit:
            break
        if max(degree[pair.one], degree[pair.two]) < PER_TOOL:
            degree.update(pair)
            chosen.append(pair)
    return tuple(chosen)


Candidate = tuple[float, float, Pair]
"""Age of the newer verdict, distance of the scores, the pair: small is good."""


def _candidates(group: Iterable[History]) -> Iterator[Candidate]:
    scored = sorted(
        (verdict.score, history.key, history.latest.created.timestamp())
        for history in group
        if (verdict := history.latest.verdict).score is not None and verdict.outcome in _VERDICTS
    )
    for place, (score, key, when) in enumerate(scored):
        for other_score, other_key, other_when in scored[place + 1 : place + 1 + PER_TOOL]:
            near = Pair(*sorted((key, other_key)))
            yield -max(when, other_when), other_score - score, near


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
        """Return the tools that a tool is compared with, the newest comparison first."""
        return tuple(self.histories[partner] for partner in self._partners.get(key, ()))

    def pairs_in(self, category: Category) -> tuple[Pair, ...]:
        """Return the comparisons within a category, the newest first."""
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
