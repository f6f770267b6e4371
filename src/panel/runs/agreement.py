"""How far runs of the same tools agree: shares, Krippendorff's alpha, and what differs most.

Alpha is 1 where runs agree wholly and 0 where they agree as chance would. The numbers come from
the `krippendorff` package; intervals are bootstrapped over tools with a fixed seed.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, combinations
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from panel.reviews.review import Answer, Vote
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


def agreement(runs: Sequence[tuple[str, Iterable[Scorecard]]]) -> RunsAgreement:
    """Return how far runs agree; `runs` are names, each with its scorecards.

    Scorecards are read one at a time, and their evidence is not needed.
    """
    criteria: dict[tuple[str, str], str] = {}
    read = {name: _read(cards, criteria) for name, cards in runs}
    judges = tuple("; ".join(run.judges) or "none yet" for run in read.values())
    tools = {name: run.tools for name, run in read.items()}
    votes = _votes(tools)
    outcomes = _codes(tools, lambda tool: tool.outcome)
    return RunsAgreement(
        runs=tuple(tools),
        judges=judges,
        tools=len(outcomes),
        outcomes=_alpha("outcomes", "nominal", [outcomes]),
        score=_alpha("score", "interval", [_codes(tools, lambda tool: tool.score)]),
        votes=_alpha("votes of all reviewers", "nominal", list(votes.values())),
        personas=tuple(
            _alpha(f"votes of {name}", "nominal", [codes]) for name, codes in votes.items()
        ),
        disputed=_disputed(list(tools.values()), criteria),
        resamples=RESAMPLES,
        seed=SEED,
    )


def nominal_alpha(units: Sequence[Sequence[float]]) -> float | None:
    """Return Krippendorff's alpha of values without order; None where it is undefined.

    A unit is what several raters said of one thing, in any order.
    """
    counts = _Counts([[unit] for unit in units], "nominal")
    return counts.alpha(range(len(counts.tools)))


@dataclass(frozen=True, slots=True)
class _Tool:
    """What one run says of one tool, in numbers: thousands fit in memory."""

    outcome: float
    score: float | None
    votes: Mapping[str, float]
    """By persona."""
    answers: bytes
    """By the number of the criterion: 0 where there is none, else one more than the code."""


@dataclass
class _Run:
    """What one run says."""

    judges: dict[str, None] = field(default_factory=dict)
    tools: dict[str, _Tool] = field(default_factory=dict)


def _read(cards: Iterable[Scorecard], criteria: dict[tuple[str, str], str]) -> _Run:
    """Read a run; `criteria` are questions in the order of their numbers, and grow."""
    run = _Run()
    numbers = {key: number for number, key in enumerate(criteria)}
    for card in cards:
        run.judges[f"{card.provider}, {card.model}, {card.asked}"] = None
        answers: dict[int, int] = {}
        for review in card.reviews:
            for finding in review.findings:
                key = (review.persona, finding.criterion)
                number = numbers.setdefault(key, len(numbers))
                criteria[key] = finding.question
                answers[number] = 1 + get_args(Answer).index(finding.answer)
        run.tools[card.tool.slug] = _Tool(
            float(get_args(Outcome).index(card.verdict.outcome)),
            card.verdict.score,
            {review.persona: float(get_args(Vote).index(review.vote)) for review in card.reviews},
            bytes(answers.get(number, 0) for number in range(len(numbers))),
        )
    return run


def _codes(
    runs: Mapping[str, Mapping[str, _Tool]], value: Callable[[_Tool], float | None]
) -> dict[str, dict[str, float]]:
    """Return values by tool and run, of tools that two runs say something about."""
    slugs = dict.fromkeys(slug for tools in runs.values() for slug in tools)
    rows = {
        slug: {
            name: coded
            for name, tools in runs.items()
            if slug in tools and (coded := value(tools[slug])) is not None
        }
        for slug in slugs
    }
    return {slug: row for slug, row in rows.items() if len(row) > 1}


def _votes(runs: Mapping[str, Mapping[str, _Tool]]) -> dict[str, Codes]:
    """Return each persona's votes."""
    personas = dict.fromkeys(
        persona for tools in runs.values() for tool in tools.values() for persona in tool.votes
    )

    def vote_of(persona: str) -> Callable[[_Tool], float | None]:
        return lambda tool: tool.votes.get(persona)

    return {name: _codes(runs, vote_of(name)) for name in personas}


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


def _disputed(
    runs: Sequence[Mapping[str, _Tool]], criteria: Mapping[tuple[str, str], str]
) -> tuple[Disputed, ...]:
    pairs, differ = [0] * len(criteria), [0] * len(criteria)
    for slug in dict.fromkeys(slug for tools in runs for slug in tools):
        given = [tools[slug].answers for tools in runs if slug in tools]
        for one, other in combinations(given, 2):
            for number, (a, b) in enumerate(zip(one, other, strict=False)):
                if a and b:
                    pairs[number] += 1
                    differ[number] += a != b
    disputed = [
        Disputed(
            persona=persona, criterion=criterion, question=question,
            differ=differ[number] / pairs[number], pairs=pairs[number],
        )
        for number, ((persona, criterion), question) in enumerate(criteria.items())
        if differ[number]
    ]  # fmt: skip
    return tuple(sorted(disputed, key=lambda d: (-d.differ, d.persona, d.criterion))[:MOST])
