"""Two scorecards side by side: where the reviewers differ on them, and who is ahead. Pure.

The types first, which are the JSON contract `panel.comparison/1`, then the rules that fill them.
Passages of both tools start at E1.1, so a pointer names its side.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from panel.foundation.proportion import wilson
from panel.report.comparison.cautions import UNLIKE, Caution, cautions
from panel.report.comparison.preference import Preference, Side, prefer
from panel.reviews.personas import ORDER, Persona
from panel.reviews.review import Answer, Finding, Review, Vote
from panel.reviews.verdict.scorecard import Scorecard

Weights = Mapping[tuple[str, str], float]
"""By persona and criterion; by persona and `OWN`, how much its vote counts."""

OWN: Final = ""
"""In place of a criterion: the weight of the persona itself."""

_RANK: Final[dict[Answer, int]] = {"no": 0, "unclear": 1, "yes": 2}
_CERTAIN: Final[dict[Answer, float]] = {"no": 0.0, "unclear": 0.5, "yes": 1.0}


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, ser_json_inf_nan="null"
    )


class Pointer(_Frozen):
    """A stored passage of one of the two tools."""

    side: Side
    passage: str


Piece = str | Pointer
"""A piece of a statement: words, or a pointer behind the words that it backs."""


class Statement(_Frozen):
    """A sentence."""

    about: Literal["answer", "verdict", "a", "b", "price", "written"]
    """What it is: the answer in one sentence, how the verdicts stand, what speaks for one tool, the
    prices, or a model's own words."""
    pieces: tuple[Piece, ...]

    @property
    def cites(self) -> tuple[Pointer, ...]:
        """The passages it points at."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Pointer))


class ModelReply(_Frozen):
    """A model's reply, kept as it came: what is published can be checked against it."""

    provider: str
    model: str
    asked: datetime
    key: str
    """Digest of what was asked."""
    text: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    used: bool
    """False where it broke a rule and the paragraph by rule replaces it."""


class Advice(_Frozen):
    """Which one to ship with, and when the other."""

    preference: Preference
    """The rule's; whoever wrote the words."""
    by: Literal["rule", "model"]
    statements: tuple[Statement, ...]
    own_claims: tuple[str, ...] = ()
    """Figures and names in a model's words that are in no passage it was shown."""
    unknown_cites: int = 0
    """Citations of passages that do not exist: dropped."""
    written: ModelReply | None = None
    note: str = ""
    """Why a model's paragraph was not used."""


class CommunityCount(_Frozen):
    """How many people would ship, and how many would skip."""

    ship: int = Field(default=0, ge=0)
    skip: int = Field(default=0, ge=0)

    @property
    def total(self) -> int:
        """All votes."""
        return self.ship + self.skip

    @property
    def share(self) -> float | None:
        """Share of ship in percent; None without votes."""
        return 100 * self.ship / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the share in percent; None without votes."""
        if not self.total:
            return None
        low, high = wilson(self.ship, self.total)
        return 100 * low, 100 * high


class CommunityVotes(_Frozen):
    """The community's votes on one tool; never part of the panel's numbers."""

    verified: CommunityCount = CommunityCount()
    anonymous: CommunityCount = CommunityCount()


class ComparedAnswer(_Frozen):
    """One tool's answer to a criterion; `cites` are passages of that tool."""

    answer: Answer
    p: float | None
    cites: tuple[str, ...]
    says: str = Field(default="", exclude_if=lambda says: not says)
    """The answer as a statement about the tool; empty in cards before 0.2."""


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
    """Yes for one and not for the other, or a no that forced a skip; beside a yes, what a small
    model could not tell decides nothing."""
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
    weight: float | None = Field(default=None, exclude_if=lambda weight: weight is None)
    """How much its vote counts; None where it is not known."""


class NearestTool(_Frozen):
    """The tool of the same category that the panel ships with the highest score."""

    name: str
    score: float


class Comparison(_Frozen):
    """Two tools' verdicts side by side: the JSON contract `panel.comparison/1`."""

    schema_: Literal["panel.comparison/1"] = Field(default="panel.comparison/1", alias="schema")
    preference: Preference
    advice: Advice | None = None
    """Which one to ship with in words; filled in by `advice.with_advice`."""
    cautions: tuple[Caution, ...]
    differences: tuple[Difference, ...]
    """Those that decide first, then by their pull."""
    standings: tuple[Standing, ...]
    asked: int
    """Questions that both were asked in the same words."""
    same: int
    """Of these, answered alike."""
    left_open: int = Field(default=0, exclude_if=lambda count: not count)
    """Of those answered alike, unclear for both."""
    community_a: CommunityVotes | None = None
    community_b: CommunityVotes | None = None
    nearest: NearestTool | None = Field(default=None, exclude_if=lambda tool: tool is None)
    """What ships in their category where neither of the two does; None where it is not known."""
    a: Scorecard
    b: Scorecard

    def card(self, side: Side) -> Scorecard:
        """Return one side's scorecard."""
        return self.a if side == "a" else self.b


def weights_of(personas: Iterable[Persona]) -> dict[tuple[str, str], float]:
    """Return how much each answer counts, as criterion times persona, and each persona's vote."""
    weights = {}
    for persona in personas:
        weights[persona.name, OWN] = persona.weight
        weights |= {(persona.name, c.id): persona.weight * c.weight for c in persona.criteria}
    return weights


def between(a: Weights, b: Weights) -> dict[tuple[str, str], float]:
    """Return the weights of two panels: the mean where both know one, else whichever knows it."""
    return {
        key: (a.get(key, b.get(key, 0.0)) + b.get(key, a.get(key, 0.0))) / 2
        for key in [*a, *(key for key in b if key not in a)]
    }


class _PairedFinding(NamedTuple):
    """One question put to both tools in the same words."""

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
    nearest: NearestTool | None = None,
) -> Comparison:
    """Return two scorecards side by side.

    Args:
        a: One tool's scorecard.
        b: The other's.
        weights: What criteria and personas weigh, where it is known (see `weights_of`).
        community_a: The community's votes on the first tool, where there are any.
        community_b: The same on the second.
        nearest: What ships in their category (see `lookup.nearest`); used where neither does.
    """
    pairs = list(_pairs(a, b))
    total = sum(len(r.findings) for card in (a, b) for r in card.reviews if _both(r.persona, a, b))
    weights = weights or {}
    own = {persona: weight for (persona, of), weight in weights.items() if of == OWN}
    warned = cautions(a, b, unpaired=total - 2 * len(pairs), weights=own)
    differing = [
        _difference(pair, weights, (a, b)) for pair in pairs if pair.a.answer != pair.b.answer
    ]
    left_open = [pair for pair in pairs if pair.a.answer == pair.b.answer == "unclear"]
    preference = prefer(a.verdict, b.verdict, alike=not {c.kind for c in warned} & UNLIKE)
    return Comparison(
        preference=preference,
        cautions=warned,
        differences=tuple(sorted(differing, key=_rank)),
        standings=tuple(_standings(a, b, own)),
        asked=len(pairs),
        same=len(pairs) - len(differing),
        left_open=len(left_open),
        community_a=community_a,
        community_b=community_b,
        nearest=nearest if preference.reason == "neither" else None,
        a=a,
        b=b,
    )


def _both(persona: str, a: Scorecard, b: Scorecard) -> bool:
    return all(any(r.persona == persona for r in card.reviews) for card in (a, b))


def _pairs(a: Scorecard, b: Scorecard) -> Iterator[_PairedFinding]:
    """Yield the questions that both were asked in the same words."""
    findings_b = {r.persona: r.findings for r in b.reviews}
    for review in a.reviews:
        answers = {(f.criterion, f.question): f for f in findings_b.get(review.persona, ())}
        # One finding a question, should a card hold two.
        first = {(f.criterion, f.question): f for f in reversed(review.findings)}
        for finding in review.findings:
            key = (finding.criterion, finding.question)
            if key in answers and first[key] is finding:
                yield _PairedFinding(review, finding, answers.pop(key))


def _is_left_open(finding: Finding, card: Scorecard, persona: str) -> bool:
    """Tell whether a model that answers yes or no left it open: a passage may show it all the same.

    A model that writes has read all passages: what it finds in none of them is not there.
    """
    composed = any(review.composed for review in card.reviews if review.persona == persona)
    return composed and finding.answer == "unclear"


def _decides(pair: _PairedFinding, cards: Sequence[Scorecard]) -> bool:
    """Tell whether it is yes for one and not for the other, and neither was only left open."""
    both = zip((pair.a, pair.b), cards, strict=True)
    persona = pair.review.persona
    return "yes" in (pair.a.answer, pair.b.answer) and not any(
        _is_left_open(finding, card, persona) for finding, card in both
    )


def _difference(pair: _PairedFinding, weights: Weights, cards: Sequence[Scorecard]) -> Difference:
    a, b = pair.a, pair.b
    persona = pair.review.persona
    weight = weights.get((persona, a.criterion))
    note = f"{pair.review.title} skips: {a.criterion} is a dealbreaker"
    forced = any(note in card.verdict.notes for card in cards)
    return Difference(
        persona=persona,
        title=pair.review.title,
        criterion=a.criterion,
        question=a.question,
        kind=a.kind,
        a=ComparedAnswer(answer=a.answer, p=a.p, cites=a.cites, says=a.says),
        b=ComparedAnswer(answer=b.answer, p=b.p, cites=b.cites, says=b.says),
        favours="a" if _RANK[a.answer] > _RANK[b.answer] else "b",
        decides=forced or _decides(pair, cards),
        dealbreaker=forced,
        weight=weight,
        pull=(1.0 if weight is None else weight) * abs(_probability(a) - _probability(b)),
    )


def _probability(finding: Finding) -> float:
    """Return how probable yes is; an unclear answer counts as undecided, as in the scores."""
    if finding.p is None or finding.answer == "unclear":
        return _CERTAIN[finding.answer]
    return finding.p


def _rank(difference: Difference) -> tuple[bool, bool, float, int, str, str, str]:
    return (
        not difference.decides,
        not difference.dealbreaker,
        -difference.pull,
        _persona_order(difference.persona),
        difference.persona,
        difference.criterion,
        difference.question,
    )


def _persona_order(persona: str) -> int:
    return ORDER.index(persona) if persona in ORDER else len(ORDER)


def _standings(a: Scorecard, b: Scorecard, own: Mapping[str, float]) -> Iterator[Standing]:
    votes = _votes(a), _votes(b)
    titles = {r.persona: r.title for card in (b, a) for r in card.reviews}
    for name in sorted({*votes[0], *votes[1]}, key=lambda name: (_persona_order(name), name)):
        (vote_a, score_a), (vote_b, score_b) = (side.get(name, (None, None)) for side in votes)
        yield Standing(
            persona=name,
            title=titles.get(name, name.capitalize()),
            a=vote_a,
            b=vote_b,
            score_a=score_a,
            score_b=score_b,
            weight=own.get(name),
        )


def _votes(card: Scorecard) -> dict[str, tuple[Vote | Literal["missing"], float | None]]:
    votes: dict[str, tuple[Vote | Literal["missing"], float | None]] = {
        missing.persona: ("missing", None) for missing in card.missing
    }
    return votes | {r.persona: (r.vote, r.score) for r in card.reviews}
