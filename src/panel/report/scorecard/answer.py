"""A card's answer in one sentence, made by code from verdict, votes and statements. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from panel.report import figures
from panel.report.citations import Cite, Part
from panel.report.scorecard.findings import FindingView
from panel.reviews.compose import NOTICED, is_guess, vote_without_guesses
from panel.reviews.review import Answer, Review, Vote
from panel.reviews.score import Rule, score_findings
from panel.reviews.verdict.decide import quorum_of
from panel.reviews.verdict.scorecard import Outcome, Verdict, VoteTotals

_REASONS: Final = 2
"""Statements named at most."""

_LOWERED: Final = frozenset(
    {
        "A", "An", "Companies", "It", "Its", "No", "Nobody", "Nothing", "Now", "One", "Only",
        "Others", "Several", "Some", "The", "There",
    }
)  # fmt: skip
"""First words of a statement that are written small inside a sentence; names are not."""

_SIDE: Final[dict[str, Answer]] = {"ship": "yes", "skip": "no"}
"""Answers that can be a reason for a vote: what is unclear weighs nothing."""

_NOT_ENOUGH: Final = "what passages show for it is not enough"


class Voter(NamedTuple):
    """A reviewer as an answer names it."""

    title: str
    vote: str
    findings: Sequence[FindingView]
    alone: Vote | None = None
    """The vote that it would give without its answers that are the model's guesses; None where
    that is the same."""

    @property
    def guesses_decide(self) -> bool:
        """Whether its vote would be another, or none, without guesses."""
        return self.alone is not None


Rank = tuple[bool, float, bool, float]
"""Where a statement stands among those for a vote; the lowest comes first."""


def answer(
    outcome: Outcome, votes: VoteTotals, voters: Sequence[Voter], *, by_findings: bool = False
) -> tuple[Part, ...]:
    """Return the verdict with the statements that weigh most, as one sentence with citations.

    Cards before 0.2 have no statements: their sentence names the votes alone. `by_findings` where
    the reviewers wrote nothing, and code made their votes of their findings.
    """
    asked = votes.ship + votes.skip + votes.abstain + votes.missing
    if outcome == "hold":
        return (
            "On hold: the evidence is suspicious, so a person must look before any vote counts.",
        )
    if outcome == "incomplete":
        count = votes.ship + votes.skip
        return (f"No verdict yet: {count} of {reviewers(asked)} voted, too few to count.",)
    if outcome == "split":
        return _split(votes, voters, asked, by_findings=by_findings)
    count = votes.ship if outcome == "ship" else votes.skip
    who = f"all {reviewers(asked)}" if count == asked else f"{count} of {reviewers(asked)}"
    who = who if asked > 1 else "its one reviewer"
    come = "comes" if asked == 1 else "come"
    would = f"{who} {come} to that" if by_findings else f"{who} would"
    guessing = [v for v in voters if v.vote == outcome and v.guesses_decide]
    if guessing and len(guessing) == count:
        guesses = f"by answers that are the model's guesses; {_from_passages(votes, voters)}."
        return (f"{outcome.capitalize()} it: {would}, {guesses}",)
    because = _because(voters, outcome, _REASONS)
    if not because and by_findings and outcome == "skip":
        because = (f", because {_NOT_ENOUGH}",)
    tail = ""
    if guessing:
        tail = f"; without the model's guesses {names(v.title for v in guessing)} would not"
        tail += ", which leaves too few votes for a verdict" if too_few(votes, voters) else ""
    return (f"{outcome.capitalize()} it: {would}", *because, f"{tail}.")


def votes_alone(voters: Sequence[Voter]) -> Counter[str]:
    """Count the votes that reviewers would give without the model's guesses."""
    return Counter(voter.alone or voter.vote for voter in voters)


def too_few(votes: VoteTotals, voters: Sequence[Voter]) -> bool:
    """Tell whether passages alone come to fewer votes than a verdict needs.

    A card does not say which share its run asked for: what was enough for it is enough.
    """
    alone, counted = votes_alone(voters), votes.ship + votes.skip
    asked = counted + votes.abstain + votes.missing
    return alone["ship"] + alone["skip"] < min(quorum_of(asked, Rule()), counted)


def _from_passages(votes: VoteTotals, voters: Sequence[Voter]) -> str:
    """Return what passages alone come to where guesses make every vote for the verdict."""
    alone = votes_alone(voters)
    told = [f"{alone[vote]} would {vote} it" for vote in ("ship", "skip") if alone[vote]]
    if not told:
        return "no passage decides it"
    few = ", too few for a verdict" if too_few(votes, voters) else ""
    return f"from passages alone {' and '.join(told)}{few}"


def share_told(verdict: Verdict) -> str:
    """Return who ships, of whom: a share that the counts beside it do not give is weighted."""
    votes = verdict.votes
    whose = " of those who voted" if votes.abstain or votes.missing else ""
    counted = votes.ship + votes.skip
    plain = figures.percent(100 * votes.ship / counted if counted else None)
    share = figures.percent(verdict.ship_percent)
    return f"{share} ship{whose}{' (weighted)' if share != plain else ''}"


def voter(
    review: Review, title: str, findings: Sequence[FindingView], ship_at: float | None
) -> Voter:
    """Return a reviewer as an answer names it.

    Args:
        review: Its stored review.
        title: Its title as shown.
        findings: Its findings that can be reasons.
        ship_at: The score from which its panel ships; None: the default.
    """
    forced = any(finding.dealbreaker for finding in findings)
    return Voter(title, review.vote, findings, None if forced else _alone(review, ship_at))


def _alone(review: Review, ship_at: float | None) -> Vote | None:
    """Return the vote without answers that are guesses, where it is another one or none.

    None where the stored findings do not come to the stored vote by the rule that the card states:
    of several samples the vote is that of most, and a run may have had a rule of its own.
    """
    if not any(map(is_guess, review.findings)):
        return None
    rule = Rule() if ship_at is None else Rule(ship_at=ship_at)
    criteria = tuple(_Criterion(f.criterion, f.weight or 1.0) for f in review.findings)
    reviewer = _Reviewer(review.persona, criteria)
    if score_findings(reviewer, review.findings, rule).vote != review.vote:
        return None
    alone = vote_without_guesses(reviewer, review.findings, rule)
    return alone if alone != review.vote else None


class _Criterion(NamedTuple):
    """What a card knows of a criterion."""

    id: str
    weight: float
    dealbreaker: bool = False


class _Reviewer(NamedTuple):
    """What a card knows of a reviewer."""

    name: str
    criteria: tuple[_Criterion, ...]


def _split(
    votes: VoteTotals, voters: Sequence[Voter], asked: int, *, by_findings: bool
) -> tuple[Part, ...]:
    pro, contra = _because(voters, "ship", 1), _because(voters, "skip", 1)
    first, second = f"{votes.ship} of {reviewers(asked)} would ship it", f"{votes.skip} would not"
    if by_findings:
        first = f"{votes.ship} of {reviewers(asked)} come to ship"
        second = f"{votes.skip} to skip"
    guessing = [voter for voter in voters if voter.guesses_decide]
    tail = (
        f"; without the model's guesses {names(v.title for v in guessing)} would not vote so"
        if guessing
        else ""
    )
    return (f"Split: {first}", *pro, f"{',' if pro else ''} and {second}", *contra, f"{tail}.")


def reviewers(count: int) -> str:
    """Return a count of reviewers: `4 reviewers`."""
    return f"{count} reviewer{'' if count == 1 else 's'}"


def names(titles: Iterable[str]) -> str:
    """Return reviewers as they are named inside a sentence; at least one."""
    *others, last = map(inside, titles)
    return f"{', '.join(others)} and {last}" if others else last


def voted(votes: VoteTotals, vote: Literal["ship", "skip"], what: str) -> str:
    """Return how many of all reviewers vote so: `3 of 4 reviewers ship HTTPX (1 abstains)`.

    Args:
        votes: The votes of a card.
        vote: The vote that is counted.
        what: The tool, as the sentence names it.
    """
    asked = votes.ship + votes.skip + votes.abstain + votes.missing
    count = votes.ship if vote == "ship" else votes.skip
    away = [
        f"{votes.abstain} abstain{'s' if votes.abstain == 1 else ''}" if votes.abstain else "",
        f"{votes.missing} {'is' if votes.missing == 1 else 'are'} missing" if votes.missing else "",
    ]
    note = ", ".join(filter(None, away))
    verb = f"{vote}s" if count == 1 else vote
    return f"{count} of {reviewers(asked)} {verb} {what}{f' ({note})' if note else ''}"


def weights_told(weights: Mapping[str, float]) -> str:
    """Return what the votes of reviewers count, from their weights by title; at least one.

    The weight that most have comes last: `the Skeptic counts 2, the others 1`.
    """
    usual = max(Counter(weights.values()).items(), key=lambda item: item[1])[0]
    others = [f"{inside(t)} counts {w:g}" for t, w in weights.items() if w != usual]
    return ", ".join([*others, f"the others {usual:g}"]) if others else f"each counts {usual:g}"


def _because(voters: Sequence[Voter], vote: str, most: int) -> tuple[Part, ...]:
    """Return the reasons, each as what one reviewer was asked."""
    pieces: list[Part] = []
    before: Voter | None = None
    reasons = strongest(voters, vote, most)
    for place, (voter, reason) in enumerate(reasons):
        lead = "and" if voter is before else f"{inside(voter.title)} because"
        words = inside(reason.statement)
        if any(NOTICED in later.statement for _, later in reasons[place + 1 :]):
            words = words.replace(NOTICED, "")  # it is said once, behind the last
        pieces += [f", {lead} {words}", *map(Cite, reason.cites[:1])]
        before = voter
    return tuple(pieces)


def strongest(voters: Sequence[Voter], vote: str, most: int) -> list[tuple[Voter, FindingView]]:
    """Return the statements that weigh most for a vote, of different reviewers where they can be.

    What forced a vote comes first, then the heaviest criterion: how sure a light one is makes it no
    better reason. Among equals comes first what another reviewer says, then what a passage shows,
    then what is surest. A vote that guesses decide has no statement as its reason.
    """
    left = list(_candidates(voters, vote))
    chosen: list[tuple[Voter, FindingView]] = []
    seated: set[int] = set()
    while left and len(chosen) < most:
        best = min(left, key=lambda item: (item[0][:2], item[1] in seated, item[0][2:]))
        chosen.append((voters[best[1]], best[2]))
        seated.add(best[1])
        left = [item for item in left if item[2].statement != best[2].statement]
    return chosen


def _candidates(voters: Sequence[Voter], vote: str) -> Iterator[tuple[Rank, int, FindingView]]:
    for seat, voter in enumerate(voters):
        for finding in voter.findings if voter.vote == vote and not voter.guesses_decide else ():
            if finding.answer == _SIDE[vote] and finding.statement and not finding.guess:
                order = (-finding.weight, not finding.cites, -finding.strength)
                yield (not finding.dealbreaker, *order), seat, finding


def inside(statement: str) -> str:
    """Return a statement as it stands inside a sentence."""
    text = statement.rstrip(". ")
    first, blank, rest = text.partition(" ")
    return f"{first.lower() if first in _LOWERED else first}{blank}{rest}"
