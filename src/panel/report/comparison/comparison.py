"""Two scorecards side by side: where the reviewers differ on them, and who is ahead. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from panel.report.comparison.cautions import UNLIKE, Caution, cautions
from panel.report.comparison.preference import Preference, Side, prefer
from panel.report.comparison.statement import Advice
from panel.report.comparison.votes import CommunityVotes
from panel.report.comparison.weights import Weights
from panel.review.personas import ORDER
from panel.review.review import Answer, Finding, Review, Vote
from panel.review.verdict.scorecard import Scorecard

_RANK: Final[dict[Answer, int]] = {"no": 0, "unclear": 1, "yes": 2}
_CERTAIN: Final[dict[Answer, float]] = {"no": 0.0, "unclear": 0.5, "yes": 1.0}


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, ser_json_inf_nan="null"
    )


class ComparedAnswer(_Frozen):
    """One tool's answer to a criterion; `cites` are passages of that tool."""

    answer: Answer
    p: float | None
    cites: tuple[str, ...]


class Difference(_Frozen):
    """A criterion that was answered otherwise for the two tools."""

    persona: str
    title: str
    criterion: str
    question: str
    kind: Literal["fact", "judgement"]
    a: ComparedAnswer
    b: ComparedAnswer
    favours: Side
    decides: bool
    """Yes for one and not for the other."""
    dealbreaker: bool
    """Its `no` forced a reviewer's skip."""
    weight: float | None
    """Criterion weight times persona weight; None where not known."""
    pull: float
    """Weight times the difference of p: by this the differences are ordered."""


class Standing(_Frozen):
    """How one persona came out on both; None where it was not asked about that tool."""

    persona: str
    title: str
    a: Vote | Literal["missing"] | None
    b: Vote | Literal["missing"] | None
    score_a: float | None
    score_b: float | None


class Comparison(_Frozen):
    """Two tools' verdicts side by side: the JSON contract `panel.comparison/1`."""

    schema_: Literal["panel.comparison/1"] = Field(default="panel.comparison/1", alias="schema")
    preference: Preference
    advice: Advice | None = None
    """Which one to ship with in words; filled in by `advice.advised`."""
    cautions: tuple[Caution, ...]
    differences: tuple[Difference, ...]
    """Those that decide first, then by their pull."""
    standings: tuple[Standing, ...]
    asked: int
    """Questions that both were asked in the same words."""
    same: int
    """Of these, answered alike."""
    community_a: CommunityVotes | None = None
    community_b: CommunityVotes | None = None
    a: Scorecard
    b: Scorecard

    def card(self, side: Side) -> Scorecard:
        """Return one side's scorecard."""
        return self.a if side == "a" else self.b


class _Asked(NamedTuple):
    """One question put to both."""

    review: Review
    a: Finding
    b: Finding


def compare(
    a: Scorecard,
    b: Scorecard,
    *,
    weights: Weights | None = None,
    community_a: CommunityVotes | None = None,
    community_b: CommunityVotes | None = None,
) -> Comparison:
    """Return two scorecards side by side.

    Args:
        a: One tool's scorecard.
        b: The other's.
        weights: What the criteria weigh, where it is known (see `weights`).
        community_a: The community's votes on the first tool, where there are any.
        community_b: The same on the second.
    """
    pairs = list(_pairs(a, b))
    every = sum(len(r.findings) for card in (a, b) for r in card.reviews if _both(r.persona, a, b))
    found = cautions(a, b, unpaired=every - 2 * len(pairs))
    differing = [
        _difference(each, weights or {}, (a, b)) for each in pairs if each.a.answer != each.b.answer
    ]
    return Comparison(
        preference=prefer(a.verdict, b.verdict, alike=not {c.kind for c in found} & UNLIKE),
        cautions=found,
        differences=tuple(sorted(differing, key=_place)),
        standings=tuple(_standings(a, b)),
        asked=len(pairs),
        same=len(pairs) - len(differing),
        community_a=community_a,
        community_b=community_b,
        a=a,
        b=b,
    )


def _both(persona: str, a: Scorecard, b: Scorecard) -> bool:
    return all(any(r.persona == persona for r in card.reviews) for card in (a, b))


def _pairs(a: Scorecard, b: Scorecard) -> Iterator[_Asked]:
    """Yield the questions that both were asked in the same words."""
    others = {r.persona: r for r in b.reviews}
    for review in a.reviews:
        other = others.get(review.persona)
        answers = {(f.criterion, f.question): f for f in other.findings} if other else {}
        # One finding a question, should a card hold two.
        first = {(f.criterion, f.question): f for f in reversed(review.findings)}
        for finding in review.findings:
            key = (finding.criterion, finding.question)
            if key in answers and first[key] is finding:
                yield _Asked(review, finding, answers.pop(key))


def _difference(asked: _Asked, weights: Weights, cards: Sequence[Scorecard]) -> Difference:
    a, b = asked.a, asked.b
    persona = asked.review.persona
    weight = weights.get((persona, a.criterion))
    told = f"{asked.review.title} skips: {a.criterion} is a dealbreaker"
    return Difference(
        persona=persona,
        title=asked.review.title,
        criterion=a.criterion,
        question=a.question,
        kind=a.kind,
        a=ComparedAnswer(answer=a.answer, p=a.p, cites=a.cites),
        b=ComparedAnswer(answer=b.answer, p=b.p, cites=b.cites),
        favours="a" if _RANK[a.answer] > _RANK[b.answer] else "b",
        decides="yes" in (a.answer, b.answer),
        dealbreaker=any(told in card.verdict.notes for card in cards),
        weight=weight,
        pull=(1.0 if weight is None else weight) * abs(_probability(a) - _probability(b)),
    )


def _probability(finding: Finding) -> float:
    """Return how probable yes is; an unclear answer counts as undecided, as in the scores."""
    if finding.p is None or finding.answer == "unclear":
        return _CERTAIN[finding.answer]
    return finding.p


def _place(found: Difference) -> tuple[bool, bool, float, int, str, str, str]:
    return (
        not found.decides,
        not found.dealbreaker,
        -found.pull,
        _turn(found.persona),
        found.persona,
        found.criterion,
        found.question,
    )


def _turn(persona: str) -> int:
    return ORDER.index(persona) if persona in ORDER else len(ORDER)


def _standings(a: Scorecard, b: Scorecard) -> Iterator[Standing]:
    one, two = _votes(a), _votes(b)
    titles = {r.persona: r.title for card in (b, a) for r in card.reviews}
    for name in sorted({*one, *two}, key=lambda name: (_turn(name), name)):
        (vote_a, score_a), (vote_b, score_b) = (side.get(name, (None, None)) for side in (one, two))
        yield Standing(
            persona=name,
            title=titles.get(name, name.capitalize()),
            a=vote_a,
            b=vote_b,
            score_a=score_a,
            score_b=score_b,
        )


def _votes(card: Scorecard) -> dict[str, tuple[Vote | Literal["missing"], float | None]]:
    votes: dict[str, tuple[Vote | Literal["missing"], float | None]] = {
        missing.persona: ("missing", None) for missing in card.missing
    }
    return votes | {r.persona: (r.vote, r.score) for r in card.reviews}
