"""A card's answer in one sentence, made by code from verdict, votes and statements. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from panel.report.citations import Cite, Part
from panel.report.scorecard.findings import FindingView
from panel.reviews.review import Answer
from panel.reviews.verdict.scorecard import Outcome, VoteTotals

_REASONS: Final = 2
"""Statements named at most."""

_LOWERED: Final = frozenset(
    {
        "A", "An", "Companies", "It", "Its", "No", "Nobody", "Nothing", "Now", "One", "Only",
        "Others", "Several", "Some", "The", "There",
    }
)  # fmt: skip
"""First words of a statement that are written small inside a sentence; names are not."""

_FOR: Final[tuple[Answer, ...]] = ("yes",)
_AGAINST: Final[tuple[Answer, ...]] = ("no", "unclear")

Voter = tuple[str, Sequence[FindingView]]
"""A reviewer's vote, and its findings."""

Rank = tuple[bool, int, float, bool, float]
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
        return (f"No verdict yet: {count} of {_reviewers(asked)} voted, too few to count.",)
    if outcome == "split":
        pro, contra = _because(voters, "ship", 1), _because(voters, "skip", 1)
        first, second = (
            f"{votes.ship} of {_reviewers(asked)} would ship it",
            f"{votes.skip} would not",
        )
        if by_findings:
            first = f"the findings of {votes.ship} of {_reviewers(asked)} come to ship"
            second = f"those of {votes.skip} to skip"
        return (f"Split: {first}", *pro, f"{',' if pro else ''} and {second}", *contra, ".")
    count = votes.ship if outcome == "ship" else votes.skip
    who = f"all {_reviewers(asked)}" if count == asked else f"{count} of {_reviewers(asked)}"
    who = who if asked > 1 else "its one reviewer"
    would = f"the findings of {who} come to that" if by_findings else f"{who} would"
    return (f"{outcome.capitalize()} it: {would}", *_because(voters, outcome, _REASONS), ".")


def _reviewers(count: int) -> str:
    return f"{count} reviewer{'' if count == 1 else 's'}"


def _because(voters: Sequence[Voter], vote: str, most: int) -> tuple[Part, ...]:
    if not (reasons := strongest(voters, vote, most)):
        return ()
    pieces: list[Part] = [", because "]
    for number, reason in enumerate(reasons):
        pieces += [", and "] if number else []
        pieces += [inside(reason.statement), *(Cite(cite) for cite in reason.cites[:1])]
    return tuple(pieces)


def strongest(voters: Sequence[Voter], vote: str, most: int) -> list[FindingView]:
    """Return the statements that weigh most for a vote, of different reviewers where they can be.

    What forced a vote comes first, then the heaviest criterion: how sure a light one is makes it no
    better reason. Among equals comes first what another reviewer says, then what a passage shows,
    then what is surest.
    """
    left = list(_candidates(voters, vote, _FOR if vote == "ship" else _AGAINST))
    chosen: list[FindingView] = []
    seated: set[int] = set()
    while left and len(chosen) < most:
        best = min(left, key=lambda item: (item[0][:3], item[1] in seated, item[0][3:]))
        chosen.append(best[2])
        seated.add(best[1])
        left = [item for item in left if item[2].statement != best[2].statement]
    return chosen


def _candidates(
    voters: Sequence[Voter], vote: str, towards: Sequence[Answer]
) -> Iterator[tuple[Rank, int, FindingView]]:
    for seat, (cast, findings) in enumerate(voters):
        for finding in findings if cast == vote else ():
            if finding.answer in towards and finding.statement and not finding.guess:
                place = towards.index(finding.answer)
                order = (place, -finding.weight, not finding.cites, -finding.strength)
                yield (not finding.dealbreaker, *order), seat, finding


def inside(statement: str) -> str:
    """Return a statement as it stands inside a sentence."""
    text = statement.rstrip(". ")
    first, blank, rest = text.partition(" ")
    return f"{first.lower() if first in _LOWERED else first}{blank}{rest}"
