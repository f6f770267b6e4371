"""How far runs of the same tools agree: shares, Krippendorff's alpha, and what differs most.

Alpha is 1 where runs agree wholly and 0 where they agree as chance would. The numbers come from
the `krippendorff` package; intervals are bootstrapped over tools with a fixed seed.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, combinations
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from panel.reviews.review import Vote
from panel.reviews.verdict.scorecard import Outcome, Scorecard

RESAMPLES: Final = 1_000
SEED: Final = 20_251
MOST: Final = 10
"""Findings listed."""

NEAR: Final = 5.0
"""Scores that differ by no more points count as the same."""

_CELLS: Final = 500_000
"""Tools times squared values that one alpha may take: the library holds them all at once."""

Level = Literal["nominal", "interval"]
Codes = Mapping[str, Mapping[str, float]]
"""By tool, a value for each run that has one."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Alpha(_Frozen):
    """Krippendorff's alpha of one thing the runs say about the same tools."""

    what: str
    level: Level
    tools: int
    """Tools that at least two runs have a value for."""
    equal: float | None
    """Share of pairs of runs with the same value, 0–1; of scores, within five points."""
    alpha: float | None
    """None where it is undefined: fewer than two tools, or no value ever varies."""
    low: float | None
    high: float | None
    """The middle 95 % of the resamples; None where most of them leave alpha undefined."""


class Disputed(_Frozen):
    """A criterion on which runs differ."""

    persona: str
    criterion: str
    question: str
    differ: float
    """Share of pairs of answers that are not the same, 0–1."""
    pairs: int


class RunsAgreement(_Frozen):
    """What several runs have in common."""

    runs: tuple[str, ...]
    judges: tuple[str, ...]
    """Provider, model and way of asking of each run, in the same order."""
    tools: int
    """Tools that at least two of the runs decided."""
    outcomes: Alpha
    score: Alpha
    votes: Alpha
    personas: tuple[Alpha, ...]
    """Votes, persona by persona."""
    disputed: tuple[Disputed, ...]
    """The criteria that differ most, the worst first."""
    resamples: int
    seed: int


def agreement(runs: Sequence[tuple[str, Sequence[Scorecard]]]) -> RunsAgreement:
    """Return how far runs agree; `runs` are names, each with its scorecards."""
    cards = {name: {card.tool.slug: card for card in cards} for name, cards in runs}
    votes = _votes(cards)
    outcomes = _codes(cards, lambda card: float(get_args(Outcome).index(card.verdict.outcome)))
    return RunsAgreement(
        runs=tuple(cards),
        judges=tuple(_judge(scorecards) for _, scorecards in runs),
        tools=len(outcomes),
        outcomes=_alpha("outcomes", "nominal", [outcomes]),
        score=_alpha("score", "interval", [_codes(cards, lambda card: card.verdict.score)]),
        votes=_alpha("votes of all reviewers", "nominal", list(votes.values())),
        personas=tuple(
            _alpha(f"votes of {name}", "nominal", [codes]) for name, codes in votes.items()
        ),
        disputed=_disputed(cards.values()),
        resamples=RESAMPLES,
        seed=SEED,
    )


def _judge(cards: Sequence[Scorecard]) -> str:
    judges = dict.fromkeys(f"{c.provider}, {c.model}, {c.asked}" for c in cards)
    return "; ".join(judges) or "none yet"


def _codes(
    cards: Mapping[str, Mapping[str, Scorecard]], value: Callable[[Scorecard], float | None]
) -> dict[str, dict[str, float]]:
    """Return values by tool and run, of tools that two runs say something about."""
    slugs = dict.fromkeys(slug for by_slug in cards.values() for slug in by_slug)
    rows = {
        slug: {
            name: coded
            for name, by_slug in cards.items()
            if slug in by_slug and (coded := value(by_slug[slug])) is not None
        }
        for slug in slugs
    }
    return {slug: row for slug, row in rows.items() if len(row) > 1}


def _votes(cards: Mapping[str, Mapping[str, Scorecard]]) -> dict[str, Codes]:
    """Return each persona's votes."""
    personas = dict.fromkeys(
        review.persona
        for by_slug in cards.values()
        for card in by_slug.values()
        for review in card.reviews
    )

    def vote_of(persona: str) -> Callable[[Scorecard], float | None]:
        def value(card: Scorecard) -> float | None:
            votes = (r.vote for r in card.reviews if r.persona == persona)
            return next((float(get_args(Vote).index(vote)) for vote in votes), None)

        return value

    return {name: _codes(cards, vote_of(name)) for name in personas}


def _alpha(what: str, level: Level, parts: Sequence[Codes]) -> Alpha:
    """Compute one alpha; every part adds its own units, resampled together tool by tool."""
    by_tool: dict[str, list[list[float]]] = {}
    for part in parts:
        for slug, row in part.items():
            by_tool.setdefault(slug, []).append(list(row.values()))
    tools = list(by_tool.values())
    pairs = [pair for units in tools for unit in units for pair in combinations(unit, 2)]
    near = NEAR if level == "interval" else 0.0
    equal = sum(abs(a - b) <= near for a, b in pairs) / len(pairs) if pairs else None
    counts = _Counts(tools, level)
    low, high = _interval(counts)
    return Alpha(
        what=what, level=level, tools=len(tools), equal=equal,
        alpha=counts.alpha(range(len(tools))) if len(tools) > 1 else None, low=low, high=high,
    )  # fmt: skip


def _interval(counts: "_Counts") -> tuple[float | None, float | None]:
    """Return the middle 95 % of alpha over resampled tools."""
    size = len(counts.tools)
    if size < 2:
        return None, None
    rng = random.Random(SEED)
    samples = (rng.choices(range(size), k=size) for _ in range(RESAMPLES))
    alphas = sorted(a for sample in samples if (a := counts.alpha(sample)) is not None)
    if len(alphas) * 2 < RESAMPLES:
        return None, None
    return alphas[int(0.025 * len(alphas))], alphas[min(int(0.975 * len(alphas)), len(alphas) - 1)]


class _Counts:
    """How often each value was given to each unit: what alpha is computed from."""

    def __init__(self, tools: Sequence[Sequence[Sequence[float]]], level: Level) -> None:
        # Imported here: numpy takes a third of a second that no other command should pay.
        import numpy

        self._level = level
        units = [unit for tool in tools for unit in tool]
        step = _step(len(units)) if level == "interval" else 1.0
        rounded = [[round(value / step) * step for value in unit] for unit in units]
        self._values = sorted({value for unit in rounded for value in unit})
        self._counts = numpy.zeros((len(units), len(self._values)), dtype=int)
        for row, unit in zip(self._counts, rounded, strict=True):
            for value in unit:
                row[self._values.index(value)] += 1
        ends = list(accumulate(len(tool) for tool in tools))
        self.tools = [range(end - len(tool), end) for end, tool in zip(ends, tools, strict=True)]
        """Rows of each tool."""

    def alpha(self, tools: Iterable[int]) -> float | None:
        """Return alpha of these tools; None where it is undefined."""
        import krippendorff

        counts = self._counts[[unit for n in tools for unit in self.tools[n]]]
        if len(counts) < 2 or (counts.sum(axis=0) > 0).sum() < 2:
            return None
        value: Any = krippendorff.alpha(
            value_counts=counts, value_domain=self._values, level_of_measurement=self._level
        )
        return max(-1.0, min(1.0, float(value)))


def _step(units: int) -> float:
    """Return to how many points scores are rounded, so that a long list stays computable."""
    return next((s for s in (1.0, 2.0, 5.0) if units * (100 / s) ** 2 <= _CELLS), 10.0)


def _disputed(runs: Iterable[Mapping[str, Scorecard]]) -> tuple[Disputed, ...]:
    answers: dict[tuple[str, str], dict[str, list[str]]] = {}
    questions: dict[tuple[str, str], str] = {}
    for cards in runs:
        for slug, card in cards.items():
            for review in card.reviews:
                for finding in review.findings:
                    key = (review.persona, finding.criterion)
                    questions[key] = finding.question
                    answers.setdefault(key, {}).setdefault(slug, []).append(finding.answer)
    disputed = []
    for (persona, criterion), by_tool in answers.items():
        pairs = [pair for row in by_tool.values() for pair in combinations(row, 2)]
        differ = sum(a != b for a, b in pairs)
        if differ:
            disputed.append(
                Disputed(
                    persona=persona, criterion=criterion, question=questions[persona, criterion],
                    differ=differ / len(pairs), pairs=len(pairs),
                )
            )  # fmt: skip
    return tuple(sorted(disputed, key=lambda d: (-d.differ, d.persona, d.criterion))[:MOST])
