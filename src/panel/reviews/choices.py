"""The choices of a user that make a review what it is and that its run stores."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ReviewChoices:
    """What a user decides about a review, so that a resume asks the same.

    A field here is a field of the options and of the plan; the manifest has one of the same name.
    """

    samples: int = 1
    """Times that each persona is asked."""
    context: str | None = None
    """For whom the reviewers judge, in the user's words."""
    write: bool = True
    """Reviewers asked `whole` write their reviews after the vote; False: votes alone count."""
    second_look: bool = False
    """Reviewers that contradict each other on a fact see each other's passage and answer again."""
    propositions: tuple[str, ...] = ()
    """Ids of the propositions that those who write give a probability for."""
    backtest: str | None = None
    """How the tools of a backtest are shown: `as listed`, or what is masked and left out; None: the
    run is no backtest."""


def choices(source: object) -> dict[str, Any]:
    """Return the review choices of options, of a plan or of a manifest, by field name."""
    return {field.name: getattr(source, field.name) for field in fields(ReviewChoices)}


def inherited_choices(options: ReviewChoices, stored: object) -> dict[str, Any]:
    """Return the choices of a rerun: the options' own, the stored one where it is the default."""
    own, defaults = choices(options), ReviewChoices()
    return choices(stored) | {k: v for k, v in own.items() if v != getattr(defaults, k)}
