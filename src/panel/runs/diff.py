"""Two runs side by side: what changed between their scorecards. Pure."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from panel.reviews.review import Answer, Review, Vote
from panel.reviews.verdict.scorecard import Outcome, Scorecard, total_usage


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class VoteChange(_Frozen):
    """A persona that voted otherwise; None is a missing review."""

    persona: str
    before: Vote | None
    after: Vote | None


class FindingChange(_Frozen):
    """A criterion that got another answer; None where it was not asked or not answered."""

    persona: str
    criterion: str
    question: str
    before: Answer | None
    after: Answer | None


class ToolDiff(_Frozen):
    """What changed about one tool."""

    slug: str
    name: str
    outcome_before: Outcome
    outcome_after: Outcome
    score_before: float | None
    score_after: float | None
    score_change: float | None
    """After minus before, None where either is unknown."""
    votes: tuple[VoteChange, ...]
    findings: tuple[FindingChange, ...]

    @property
    def changed(self) -> bool:
        """Tell whether outcome, votes or findings differ."""
        return self.outcome_before != self.outcome_after or bool(self.votes or self.findings)


class DiffAgreement(_Frozen):
    """Share of what is equal, 0–1, and of how many; None where there is nothing to compare."""

    outcomes: float | None
    outcomes_of: int
    votes: float | None
    votes_of: int
    """Reviews that neither run misses."""
    findings: float | None
    findings_of: int
    """Criteria that both runs asked."""


class RunSide(_Frozen):
    """One of the two runs in figures. A cost that is not known is None."""

    runs: tuple[str, ...]
    providers: tuple[str, ...]
    models: tuple[str, ...]
    asked: tuple[str, ...]
    tools: int
    calls: int
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    uncounted_calls: int = 0
    cost_usd: float | None
    seconds: float


class RunDiff(_Frozen):
    """What changed from run `before` to run `after`, tool by tool in the first run's order."""

    before: RunSide
    after: RunSide
    tools: tuple[ToolDiff, ...]
    only_before: tuple[str, ...]
    """Slugs of tools that only the first run has."""
    only_after: tuple[str, ...]
    agreement: DiffAgreement


def compare(a: Sequence[Scorecard], b: Sequence[Scorecard]) -> RunDiff:
    """Return what changed from the scorecards of one run to those of another."""
    first, second = {c.tool.slug: c for c in a}, {c.tool.slug: c for c in b}
    pairs = [(card, second[slug]) for slug, card in first.items() if slug in second]
    return RunDiff(
        before=_side(a),
        after=_side(b),
        tools=tuple(_tool(*pair) for pair in pairs),
        only_before=tuple(slug for slug in first if slug not in second),
        only_after=tuple(slug for slug in second if slug not in first),
        agreement=_agreement(pairs),
    )


def _tool(a: Scorecard, b: Scorecard) -> ToolDiff:
    before, after = a.verdict, b.verdict
    known = before.score is not None and after.score is not None
    return ToolDiff(
        slug=a.tool.slug,
        name=a.tool.name,
        outcome_before=before.outcome,
        outcome_after=after.outcome,
        score_before=before.score,
        score_after=after.score,
        score_change=round((after.score or 0) - (before.score or 0), 4) if known else None,
        votes=_votes(a, b),
        findings=_findings(a, b),
    )


def _votes(a: Scorecard, b: Scorecard) -> tuple[VoteChange, ...]:
    before = {review.persona: review.vote for review in a.reviews}
    after = {review.persona: review.vote for review in b.reviews}
    return tuple(
        VoteChange(persona=name, before=before.get(name), after=after.get(name))
        for name in before | after
        if before.get(name) != after.get(name)
    )


def _findings(a: Scorecard, b: Scorecard) -> tuple[FindingChange, ...]:
    before, after = _answers(a.reviews), _answers(b.reviews)
    nothing = (None, "")
    changes = []
    for key in before | after:
        (old, question), (new, reworded) = before.get(key, nothing), after.get(key, nothing)
        # Of a review that one run misses only the vote is reported.
        reviewed_twice = _reviewed(a, key[0]) and _reviewed(b, key[0])
        if old != new and reviewed_twice:
            changes.append(
                FindingChange(
                    persona=key[0], criterion=key[1], question=reworded or question,
                    before=old, after=new,
                )
            )  # fmt: skip
    return tuple(changes)


def _answers(reviews: Iterable[Review]) -> dict[tuple[str, str], tuple[Answer | None, str]]:
    return {
        (review.persona, finding.criterion): (finding.answer, finding.question)
        for review in reviews
        for finding in review.findings
    }


def _reviewed(card: Scorecard, persona: str) -> bool:
    return any(review.persona == persona for review in card.reviews)


def _agreement(pairs: Sequence[tuple[Scorecard, Scorecard]]) -> DiffAgreement:
    outcomes = [a.verdict.outcome == b.verdict.outcome for a, b in pairs]
    votes, findings = [], []
    for a, b in pairs:
        vote = {review.persona: review.vote for review in b.reviews}
        votes += [r.vote == vote[r.persona] for r in a.reviews if r.persona in vote]
        before, after = _answers(a.reviews), _answers(b.reviews)
        findings += [before[key][0] == after[key][0] for key in before if key in after]
    return DiffAgreement(
        outcomes=_share(outcomes), outcomes_of=len(outcomes),
        votes=_share(votes), votes_of=len(votes),
        findings=_share(findings), findings_of=len(findings),
    )  # fmt: skip


def _share(equal: Sequence[bool]) -> float | None:
    return sum(equal) / len(equal) if equal else None


def _side(cards: Sequence[Scorecard]) -> RunSide:
    usage = total_usage(card.usage for card in cards)
    return RunSide(
        runs=_unique(card.run for card in cards),
        providers=_unique(card.provider for card in cards),
        models=_unique(card.model for card in cards),
        asked=_unique(card.asked for card in cards),
        tools=len(cards),
        calls=usage.calls,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        uncounted_calls=usage.uncounted_calls,
        cost_usd=usage.cost_usd,
        seconds=usage.seconds,
    )


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
