"""What makes a comparison of two scorecards weaker, in sentences. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from panel.evidence.tools.identity import folded
from panel.report import figures
from panel.report.scorecard.answer import names
from panel.report.scorecard.remarks import KINDS
from panel.reviews.review import Review
from panel.reviews.verdict.scorecard import Scorecard

Kind = Literal[
    "categories", "managers", "model", "provider", "asked", "reviewers", "votes", "questions",
    "dates", "samples",
]  # fmt: skip

UNLIKE: Final[frozenset[Kind]] = frozenset({"model", "asked", "reviewers"})
"""Kinds that make scores hard to compare: a lead must be larger then."""

_LANGUAGES: Final = {
    "pip": "Python", "pipx": "Python", "uv": "Python", "poetry": "Python",
    "npm": "JavaScript", "yarn": "JavaScript", "pnpm": "JavaScript", "bun": "JavaScript",
    "cargo": "Rust", "gem": "Ruby", "composer": "PHP",
}  # fmt: skip
"""Whose packages a package manager installs."""

_INSTALLS: Final = re.compile(
    rf"^\s*(?:\$ )?({'|'.join(_LANGUAGES)})3? (?:pip )?(?:install|add|i|require)\b", re.MULTILINE
)

SAME_DAY: Final = timedelta(hours=24)

_SEVERAL: Final = ("abstain", "their", "them")

_SAME: Final = 0.05
"""Points by which a mean may differ from the stored score and be that score all the same."""


class Caution(BaseModel):
    """One thing to know before the two are compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    text: str
    """One sentence without its full stop. Names in it are untrusted."""


def cautions(
    a: Scorecard, b: Scorecard, *, unpaired: int, weights: Mapping[str, float]
) -> tuple[Caution, ...]:
    """Return what differs in what the two are and how they were judged, what weighs most first.

    Args:
        a: One scorecard.
        b: The other.
        unpaired: Questions that only one of the two was asked, or that were worded otherwise.
        weights: How much each persona's vote counts, where it is known.
    """
    texts = [
        *([("categories", text)] if (text := _categories(a, b)) else []),
        *([("managers", text)] if (text := _managers(a, b)) else []),
        *_judged(a, b),
        *([("votes", text)] if (text := _votes(a, b, weights)) else []),
        *([("questions", _unpaired(a, b, unpaired))] if unpaired else []),
        *_when(a, b),
    ]
    return tuple(Caution(kind=kind, text=text) for kind, text in texts)


def differ_in_category(a: Scorecard, b: Scorecard) -> bool:
    """Tell whether both have a category and it is not the same: neither may replace the other."""
    first, second = (folded(card.tool.category or "") for card in (a, b))
    return bool(first and second) and first != second


def _categories(a: Scorecard, b: Scorecard) -> str:
    if not differ_in_category(a, b):
        return ""
    which = f"{a.tool.category} and {b.tool.category}"
    return f"They are of different categories, {which}: neither may replace the other"


def _managers(a: Scorecard, b: Scorecard) -> str:
    """Say that the two are installed from registries of different languages, as far as shown."""
    first, second = _installed_with(a), _installed_with(b)
    if not first or not second or {*first.values()} & {*second.values()}:
        return ""
    managers = f"one with {next(iter(first))} and the other with {next(iter(second))}"
    return f"They are installed for different languages, {managers}: neither may replace the other"


def _installed_with(card: Scorecard) -> dict[str, str]:
    """Return the package managers of the commands that install a tool, with their languages."""
    texts = {passage.id: passage.text for source in card.evidence for passage in source.passages}
    cited = {
        ident
        for review in card.reviews
        for finding in review.findings
        if finding.criterion == "install" and finding.answer == "yes"
        for ident in finding.cites
    }
    names = [match[1] for i in sorted(cited) for match in _INSTALLS.finditer(texts.get(i, ""))]
    return {name: _LANGUAGES[name] for name in names}


def _judged(a: Scorecard, b: Scorecard) -> Iterator[tuple[Kind, str]]:
    name_a, name_b = a.tool.name, b.tool.name
    if _models(a) != _models(b):
        yield "model", f"Different models judged them: {name_a} by {a.model}, {name_b} by {b.model}"
    elif a.provider != b.provider:
        yield (
            "provider",
            f"The model was called at different providers: for {name_a} at {a.provider}, for"
            f" {name_b} at {b.provider}",
        )
    if a.asked != b.asked:
        yield "asked", f"They were asked in different ways: {name_a} {a.asked}, {name_b} {b.asked}"
    if _reviewers(a) != _reviewers(b):
        yield "reviewers", "Different reviewers judged them"


def _votes(a: Scorecard, b: Scorecard, weights: Mapping[str, float]) -> str:
    """Say whose score is in one mean and not in the other; empty where both are of the same."""
    clauses = [*_uncounted(a, b, weights), *_uncounted(b, a, weights)]
    text = "; ".join(clauses)
    return (
        f"{text[:1].upper()}{text[1:]}: the two scores are not of the same reviewers"
        if clauses
        else ""
    )


def _uncounted(card: Scorecard, other: Scorecard, weights: Mapping[str, float]) -> Iterator[str]:
    """Yield who votes on the other tool and not on this one."""
    voting = {r.persona: r.title for r in other.reviews if r.vote != "abstain"}
    name = card.tool.name
    abstaining = [r for r in card.reviews if r.vote == "abstain" and r.persona in voting]
    if abstaining:
        scores = [figures.score(r.score) for r in abstaining if r.score is not None]
        verb, own, them = ("abstains", "its", "it") if len(abstaining) == 1 else _SEVERAL
        text = f"{names(r.title for r in abstaining)} {verb} on {name}"
        if scores:
            text += f", whose score leaves {own} {' and '.join(scores)} out"
        if (mean := _mean(card, abstaining, weights)) is not None:
            text += f" and would be {figures.score(mean)} with {them}"
        yield text
    if absent := [voting[m.persona] for m in card.missing if m.persona in voting]:
        yield f"there is no review of {name} by {names(absent)}"


def _mean(
    card: Scorecard, abstaining: Sequence[Review], weights: Mapping[str, float]
) -> float | None:
    """Return the score that counts those who abstain too; None where it cannot be known."""
    scored = [review for review in card.reviews if review.score is not None]
    voting = [review for review in scored if review.vote != "abstain"]
    if not voting or any(r.persona not in weights for r in scored) or voting == scored:
        return None
    if not gives_score(card, weights):
        return None
    return _weighted([r for r in scored if r in voting or r in abstaining], weights)


def gives_score(card: Scorecard, weights: Mapping[str, float]) -> bool:
    """Tell whether these weights give the card's score.

    They may not be those of its run, and a score of several samples is no mean of its reviews.
    """
    scored = [r for r in card.reviews if r.vote != "abstain" and r.score is not None]
    if not scored or any(review.persona not in weights for review in scored):
        return False
    return abs(_weighted(scored, weights) - (card.verdict.score or 0.0)) <= _SAME


def _weighted(reviews: Sequence[Review], weights: Mapping[str, float]) -> float:
    total = sum(weights[review.persona] for review in reviews)
    return sum(weights[review.persona] * (review.score or 0.0) for review in reviews) / total


def _unpaired(a: Scorecard, b: Scorecard, count: int) -> str:
    what = "question was" if count == 1 else "questions were"
    kinds = [KINDS[card.tool.kind] for card in (a, b) if card.tool.kind]
    since = ""
    if len(kinds) == 2 and kinds[0] != kinds[1]:
        since = f", since one is {kinds[0]} and the other {kinds[1]}"
    return f"{count} {what} put to one of them only{since}"


def _when(a: Scorecard, b: Scorecard) -> Iterator[tuple[Kind, str]]:
    if abs(a.created - b.created) > SAME_DAY:
        yield (
            "dates",
            f"They were judged on different days: {a.tool.name} on {a.created:%Y-%m-%d},"
            f" {b.tool.name} on {b.created:%Y-%m-%d}",
        )
    if once := [card.tool.name for card in (a, b) if card.verdict.interval is None]:
        whose = (
            "Each reviewer was asked once" if len(once) > 1 else f"On {once[0]} each was asked once"
        )
        yield "samples", f"{whose}, so how far a score may move by chance is not known"


def _models(card: Scorecard) -> frozenset[str]:
    return frozenset(review.model for review in card.reviews) | {card.model}


def _reviewers(card: Scorecard) -> frozenset[str]:
    return frozenset([*(r.persona for r in card.reviews), *(m.persona for m in card.missing)])
