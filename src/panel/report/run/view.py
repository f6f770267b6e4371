"""What a run's page shows, computed in one pass over its verdicts: pure; knows no format.

Text is on one line and free of what a screen would obey or hide; a format escapes it.
"""

import statistics
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from panel.report.citations import line
from panel.report.scorecard.remarks import label
from panel.report.scorecard.summary import Summary, SummaryRow, row, seats
from panel.report.scorecard.view import REASONS, ranked
from panel.reviews.review import Answer, Finding
from panel.reviews.score import Rule
from panel.reviews.verdict.samples import design_effect
from panel.reviews.verdict.scorecard import Outcome, Scorecard
from panel.runs.agreement import nominal_alpha

CONTESTED: Final = 25
"""Contested tools that are named."""
DETAILS: Final = 12
"""Different reasons of missing reviews that are shown in words."""
STEP: Final = 5
"""Points of score to a bar of the distribution."""


@dataclass(frozen=True)
class CriterionCounts:
    """How one reviewer answered one question over all tools."""

    persona: str
    criterion: str
    label: str
    question: str
    answers: Mapping[Answer, int]
    not_asked: int
    """Tools whose kind it does not concern."""

    @property
    def total(self) -> int:
        """Tools about which it was answered."""
        return sum(self.answers.values())


@dataclass(frozen=True)
class PairAgreement:
    """Two reviewers that voted on the same tools."""

    first: str
    second: str
    same: int
    tools: int
    correlation: float | None
    """Of their scores over tools; None where one of them never varies."""


@dataclass(frozen=True)
class Agreement:
    """How far the reviewers of a run agree."""

    pairs: tuple[PairAgreement, ...]
    alpha: float | None
    """Krippendorff's alpha of the votes; None where it is undefined."""
    effective_votes: float | None
    """Mean over the tools for which samples tell it; None where none do."""
    measured: int
    """Those tools."""
    pessimistic: float | None
    """Votes they are worth if all that their scores have in common over tools is one opinion."""


@dataclass(frozen=True)
class MissingCount:
    """Reviews that are missing, by reviewer and reason."""

    title: str
    reason: str
    words: str
    count: int


@dataclass(frozen=True)
class RunView:
    """A run in figures."""

    summary: Summary
    outcomes: tuple[tuple[Outcome, int], ...]
    """In the order of lists; zero counts left out."""
    bins: tuple[tuple[Outcome, tuple[int, ...]], ...]
    """By outcome, how many scores stand in each step of 5 points, from 0 to 100."""
    scored: int
    ship_at: float
    criteria: tuple[CriterionCounts, ...]
    """By reviewer, in the order they were asked."""
    agreement: Agreement
    contested: tuple[tuple[SummaryRow, float], ...]
    """Tools with votes for and against, the widest spread of scores first, cut at `CONTESTED`."""
    contested_total: int
    missing: tuple[MissingCount, ...]
    details: tuple[tuple[str, int], ...]
    """What servers said of missing reviews, most frequent first, cut at `DETAILS`."""
    categories: tuple[tuple[str, int], ...]
    """By name; empty where fewer than two are named."""

    def title(self, persona: str) -> str:
        """Return a reviewer's title."""
        return next(seat.title for seat in self.summary.seats if seat.name == persona)


def run_view(verdicts: Iterable[Scorecard]) -> RunView:
    """Return what is shown of a run; its scorecards are read one at a time, without evidence."""
    counts = _Counts()
    for card in verdicts:
        counts.add(card)
    return counts.view()


class _Counts:
    """Sums over scorecards."""

    def __init__(self) -> None:
        self.rows: list[SummaryRow] = []
        self.titles: dict[str, str] = {}
        self.absent: dict[str, str] = {}
        self.questions: dict[tuple[str, str], str] = {}
        self.answers: dict[tuple[str, str], Counter[Answer]] = {}
        self.not_asked: Counter[tuple[str, str]] = Counter()
        self.missing: Counter[tuple[str, str]] = Counter()
        self.details: Counter[str] = Counter()
        self.effective = array("d")
        self.ship_at: Counter[float] = Counter()

    def add(self, card: Scorecard) -> None:
        self.rows.append(row(card))
        for review in card.reviews:
            name = line(review.persona)
            self.titles.setdefault(name, line(review.title) or label(name))
            for finding in review.findings:
                self._answer(name, finding)
            self.not_asked.update((name, ident) for ident in review.not_applicable)
        for missing in card.missing:
            name = line(missing.persona)
            self.absent.setdefault(name, label(missing.persona))
            self.missing[name, missing.reason] += 1
            self.details[line(missing.detail)] += 1
        if card.verdict.effective_votes is not None:
            self.effective.append(card.verdict.effective_votes)
        self.ship_at[Rule().ship_at if card.ship_at is None else card.ship_at] += 1

    def _answer(self, persona: str, finding: Finding) -> None:
        key = (persona, finding.criterion)
        if key not in self.answers:
            self.answers[key] = Counter()
            self.questions[key] = finding.question
        self.answers[key][finding.answer] += 1

    def view(self) -> RunView:
        titles = self.titles | {n: t for n, t in self.absent.items() if n not in self.titles}
        rows = ranked(self.rows)
        contested = _contested(rows)
        outcomes = Counter(r.outcome for r in rows)
        order: tuple[Outcome, ...] = ("ship", "split", "skip", "hold", "incomplete")
        return RunView(
            summary=Summary(tuple(rows), seats(titles)),
            outcomes=tuple((outcome, outcomes[outcome]) for outcome in order if outcomes[outcome]),
            bins=tuple((o, _bins(rows, o)) for o in order if outcomes[o]),
            scored=sum(r.score is not None for r in rows),
            ship_at=max(self.ship_at, key=lambda at: self.ship_at[at], default=Rule().ship_at),
            criteria=tuple(self._criteria(titles)),
            agreement=_agreement(rows, [*titles], self.effective),
            contested=tuple(contested[:CONTESTED]),
            contested_total=len(contested),
            missing=tuple(
                MissingCount(titles[name], reason, REASONS[reason], count)
                for (name, reason), count in sorted(self.missing.items(), key=_most)
            ),
            details=tuple(self.details.most_common(DETAILS)),
            categories=_categories(rows),
        )

    def _criteria(self, titles: Mapping[str, str]) -> Iterable[CriterionCounts]:
        for name in titles:
            for (persona, ident), answers in self.answers.items():
                if persona == name:
                    question = line(self.questions[persona, ident])
                    yield CriterionCounts(
                        name, line(ident), label(ident), question, answers,
                        self.not_asked[persona, ident],
                    )  # fmt: skip


def _most(item: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    return -item[1], item[0]


def _bins(rows: Iterable[SummaryRow], outcome: Outcome) -> tuple[int, ...]:
    bins = [0] * (100 // STEP)
    for r in rows:
        if r.outcome == outcome and r.score is not None:
            bins[min(int(r.score // STEP), len(bins) - 1)] += 1
    return tuple(bins)


def _contested(rows: Sequence[SummaryRow]) -> list[tuple[SummaryRow, float]]:
    contested = []
    for r in rows:
        voted = {vote for vote, _ in r.votes.values()}
        scores = [score for _, score in r.votes.values() if score is not None]
        if {"ship", "skip"} <= voted and scores:
            contested.append((r, max(scores) - min(scores)))
    return sorted(contested, key=lambda pair: (-pair[1], pair[0].slug))


def _categories(rows: Iterable[SummaryRow]) -> tuple[tuple[str, int], ...]:
    counts = Counter(r.category for r in rows if r.category)
    return tuple(sorted(counts.items())) if len(counts) > 1 else ()


def _agreement(
    rows: Sequence[SummaryRow], names: Sequence[str], effective: Sequence[float]
) -> Agreement:
    pairs = tuple(_pair(rows, a, b) for a, b in combinations(names, 2))
    known = [pair.correlation for pair in pairs if pair.correlation is not None]
    codes = {"ship": 0, "abstain": 1, "skip": 2}
    units = [[codes[v] for v, _ in r.votes.values() if v in codes] for r in rows]
    return Agreement(
        pairs=pairs,
        alpha=nominal_alpha([unit for unit in units if len(unit) > 1]),
        effective_votes=statistics.fmean(effective) if effective else None,
        measured=len(effective),
        pessimistic=design_effect(len(names), statistics.fmean(known)) if known else None,
    )


def _pair(rows: Sequence[SummaryRow], first: str, second: str) -> PairAgreement:
    both = [(r.votes[first], r.votes[second]) for r in rows if {first, second} <= r.votes.keys()]
    voted = [(a[0], b[0]) for a, b in both if "missing" not in (a[0], b[0])]
    scores = [(a[1], b[1]) for a, b in both if a[1] is not None and b[1] is not None]
    xs, ys = [x for x, _ in scores], [y for _, y in scores]
    varies = len(set(xs)) > 1 and len(set(ys)) > 1
    return PairAgreement(
        first, second, sum(a == b for a, b in voted), len(voted),
        statistics.correlation(xs, ys) if varies else None,
    )  # fmt: skip
