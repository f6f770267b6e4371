"""The pages that list: tools by letter, categories, reviewers, comparisons. Pure."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from panel.publish import page_urls
from panel.publish.site.catalog import Catalog, Category, outcomes
from panel.publish.site.pair_page import PairSummary, pair_summaries
from panel.publish.site.tool_summary import ToolSummary, tool_summary
from panel.publish.site.track_record import stands_alone
from panel.report.citations import line
from panel.runs.history.entry import History

OTHER: Final = "#"
"""The heading of names that start with no Latin letter."""


@dataclass(frozen=True)
class LetterGroup:
    """The tools whose names start with one letter."""

    letter: str
    anchor: str
    tools: tuple[ToolSummary, ...]


@dataclass(frozen=True)
class CategorySummary:
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
    tools: tuple[ToolSummary, ...]
    """By score, the highest first; what has no verdict that counts last."""
    outcomes: tuple[tuple[str, int], ...]
    columns: tuple[Column, ...]
    matches: tuple[PairSummary, ...]


@dataclass(frozen=True)
class ReviewerSummary:
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


def letter_groups(histories: Iterable[History]) -> tuple[LetterGroup, ...]:
    """Return all tools by their first letter, names in alphabetical order."""
    grouped: dict[str, list[ToolSummary]] = {}
    for history in histories:
        shown = tool_summary(history)
        grouped.setdefault(_letter(shown.name), []).append(shown)
    return tuple(
        LetterGroup(
            letter,
            "other" if letter == OTHER else letter,
            tuple(sorted(grouped[letter], key=_by_name)),
        )
        for letter in sorted(grouped, key=lambda letter: (letter == OTHER, letter))
    )


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
    voted = {
        opinion.persona for history in category.histories for opinion in history.latest.opinions
    }
    return CategoryPage(
        name=category.name,
        tools=tuple(sorted(map(tool_summary, category.histories), key=_by_score)),
        outcomes=outcomes(category.histories),
        columns=tuple(
            Column(
                reviewer.name,
                reviewer.title.removeprefix("The "),
                page_urls.reviewer(reviewer.slug),
            )
            for reviewer in catalogue.reviewers.values()
            if reviewer.name in voted
        ),
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
            path=page_urls.reviewer(reviewer.slug),
            lens=line(reviewer.persona.lens) if reviewer.persona else "",
            votes=_counts(votes.get(reviewer.name, Counter()), ("ship", "abstain", "skip")),
            alone=alone[reviewer.name],
        )
        for reviewer in catalogue.reviewers.values()
    )


def _counts(counts: Counter[str], order: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple((name, counts[name]) for name in order if counts[name])


def _letter(name: str) -> str:
    first = unicodedata.normalize("NFKD", name)[:1].upper()
    return first if first.isascii() and first.isalpha() else OTHER


def _by_name(shown: ToolSummary) -> tuple[str, str]:
    return (shown.name.casefold(), shown.key)


def _by_score(shown: ToolSummary) -> tuple[bool, float, str]:
    # Scores of a verdict on hold and of an incomplete one do not count: they come last.
    counts = shown.score is not None and shown.outcome in ("ship", "skip", "split")
    return (not counts, -(shown.score or 0), shown.key)
