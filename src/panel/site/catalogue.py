"""What there is to show, found once from the archive: tools, categories, pairs, reviewers. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from panel.archive.archive import identity
from panel.archive.entry import History, newest
from panel.personas import Persona
from panel.render.citations import line
from panel.site import addresses
from panel.site.pairing import Pair, pairs
from panel.tools.slug import slug

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
    persona: Persona | None
    """None where its file is not among those given."""


class Catalogue:
    """Every page's subject."""

    def __init__(self, histories: Iterable[History], personas: Sequence[Persona]) -> None:
        """Sort the tools; `histories` come from the archive."""
        found = tuple(histories)
        self.histories = {each.key: each for each in found}
        self.newest = tuple(newest(found))
        self.categories = _categories(self.newest)
        self.reviewers = _reviewers(self.newest, personas)
        self.pairs = pairs(each.histories for each in self.categories.values())
        self._category_of = {
            history.key: each for each in self.categories.values() for history in each.histories
        }
        self._pair_names = {addresses.pair(*each): each for each in self.pairs}
        self._partners: dict[str, list[str]] = {}
        for one, two in self.pairs:
            self._partners.setdefault(one, []).append(two)
            self._partners.setdefault(two, []).append(one)

    @property
    def day(self) -> date | None:
        """The day of the newest verdict, None without any."""
        return self.newest[0].latest.created.date() if self.newest else None

    def category_of(self, key: str) -> Category:
        """Return the category that a tool of the archive stands in."""
        return self._category_of[key]

    def partners(self, key: str) -> tuple[History, ...]:
        """Return the tools that a tool is compared with, the newest comparison first."""
        return tuple(self.histories[other] for other in self._partners.get(key, ()))

    def pair(self, path: str) -> Pair | None:
        """Return the two tools of a comparison's address, listed or not; None for no such tools."""
        if listed := self._pair_names.get(path):
            return listed
        name = path.removeprefix("compare/").removesuffix(".html")
        pieces = name.split("-vs-")
        for cut in range(1, len(pieces)):
            one, two = sorted(("-vs-".join(pieces[:cut]), "-vs-".join(pieces[cut:])))
            if one != two and one in self.histories and two in self.histories:
                return Pair(one, two)
        return None


def _categories(histories: Sequence[History]) -> dict[str, Category]:
    grouped: dict[str, list[History]] = {}
    names: dict[str, str] = {}
    for history in histories:
        name = line(history.latest.tool.category) or NO_CATEGORY
        grouped.setdefault(identity(name), []).append(history)
        names.setdefault(identity(name), name)
    slugs: dict[str, str] = {}
    for ident in sorted(grouped):
        slugs[slug(names[ident], taken=slugs)] = ident
    found = [Category(each, names[ident], tuple(grouped[ident])) for each, ident in slugs.items()]
    return {each.slug: each for each in sorted(found, key=_named)}


def _named(category: Category) -> tuple[bool, str]:
    return (category.name == NO_CATEGORY, category.name.casefold())


def _reviewers(histories: Sequence[History], personas: Sequence[Persona]) -> dict[str, Reviewer]:
    known = {each.name: each for each in personas}
    titles = {each.name: each.title for each in personas}
    for history in histories:
        for opinion in history.latest.opinions:
            titles.setdefault(opinion.persona, opinion.title)
    found: dict[str, Reviewer] = {}
    for name, title in titles.items():
        address = slug(name, taken=found)
        found[address] = Reviewer(address, name, line(title) or line(name), known.get(name))
    return found
