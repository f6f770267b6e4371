"""The pages that list: categories, the tools of one, reviewers. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from panel.publish import page_urls
from panel.publish.site.catalog import Catalog, Category, outcomes
from panel.publish.site.listed_tools import ListedTools, category_tools
from panel.publish.site.pair_page import PairSummary, pair_summaries
from panel.publish.site.tool_summary import tool_summary
from panel.publish.site.track_record import stands_alone
from panel.report.citations import line
from panel.report.reviewers import Hue


@dataclass(frozen=True)
class CategorySummary:
    """A category in short."""

    name: str
    path: str
    tools: int
    outcomes: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class CategoryPage:
    """What a category's page shows."""

    name: str
    listed: ListedTools
    outcomes: tuple[tuple[str, int], ...]
    matches: tuple[PairSummary, ...]


@dataclass(frozen=True)
class ReviewerSummary:
    """A reviewer in short; counts are of the newest verdict on each tool."""

    title: str
    sign: str
    hue: Hue
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


def category_summaries(catalogue: Catalog) -> tuple[CategorySummary, ...]:
    """Return the categories in short."""
    return tuple(
        CategorySummary(
            category.name,
            page_urls.category(category.slug),
            len(category.histories),
            outcomes(category.histories),
        )
        for category in catalogue.categories.values()
    )


def category_page(catalogue: Catalog, category: Category) -> CategoryPage:
    """Return the page of one category."""
    return CategoryPage(
        name=category.name,
        listed=category_tools(map(tool_summary, category.histories), category.slug),
        outcomes=outcomes(category.histories),
        matches=pair_summaries(catalogue, catalogue.pairs_in(category)),
    )


def reviewer_summaries(catalogue: Catalog) -> tuple[ReviewerSummary, ...]:
    """Return the reviewers in short."""
    votes: dict[str, Counter[str]] = {}
    alone: Counter[str] = Counter()
    for history in catalogue.newest:
        for opinion in history.latest.opinions:
            votes.setdefault(opinion.persona, Counter())[opinion.vote] += 1
            alone[opinion.persona] += stands_alone(opinion, history.latest)
    return tuple(
        ReviewerSummary(
            title=reviewer.title,
            sign=reviewer.sign,
            hue=reviewer.hue,
            path=page_urls.reviewer(reviewer.slug),
            lens=line(reviewer.persona.lens) if reviewer.persona else "",
            votes=_counts(votes.get(reviewer.name, Counter()), ("ship", "abstain", "skip")),
            alone=alone[reviewer.name],
        )
        for reviewer in catalogue.reviewers.values()
    )


def _counts(counts: Counter[str], order: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple((name, counts[name]) for name in order if counts[name])
